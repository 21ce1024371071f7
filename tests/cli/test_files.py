from pathlib import Path

import pytest
import typer

from autoreg.cli.files import answers, expand
from autoreg.codecs.mulaw import MuLaw
from autoreg.data.plain import Plain
from autoreg.data.sound import Sound


def test_folder_stands_for_its_files_of_the_kind_at_any_depth(tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name in ("b.wav", "deep/er/a.FLAC", "deep/notes.txt", "c.png"):
        (tmp_path / name).touch()
    sounds = expand([tmp_path, Path("given.xyz")], Sound(8000, MuLaw()))
    assert sounds == [tmp_path / "b.wav", tmp_path / "deep/er/a.FLAC", Path("given.xyz")]
    assert expand([tmp_path], Plain(2)) == [tmp_path / "deep/notes.txt"]


def test_folder_without_such_files_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"needs a folder with \.wav, .*; it has none"):
        expand([tmp_path], Sound(8000, MuLaw()))


def test_bad_file_is_named_and_the_others_are_answered(capsys):
    def ask(path: Path) -> int:
        if path.name == "bad":
            raise ValueError("bad: no such thing")
        return len(path.name)

    answered = []
    with pytest.raises(typer.Exit) as ended:
        answered += answers([Path("one"), Path("bad"), Path("three")], ask, quiet=True)
    assert ended.value.exit_code == 1
    assert capsys.readouterr().err == "error: bad: no such thing\n"

    good = answers([Path("one"), Path("three")], ask, quiet=True)
    assert list(good) == [(Path("one"), 3), (Path("three"), 5)]
