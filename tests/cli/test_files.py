import io
import os
import re
from pathlib import Path

import pytest

from autoreg.cli.files import check_drawing, expand
from autoreg.codecs.mulaw import MuLaw
from autoreg.codecs.pixels import Threshold
from autoreg.codecs.scan import Scan
from autoreg.data.picture import Picture
from autoreg.data.plain import Plain
from autoreg.data.sound import Sound

SOUND = Sound(8000, MuLaw())


@pytest.fixture
def folder(tmp_path):
    for name in ("b.wav", "deep/er/a.FLAC", "deep/notes.txt", "deep-2/z.wav", "c.png", "B.mp3"):
        (tmp_path / "all" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "all" / name).touch()
    (tmp_path / "all" / "folder.wav").mkdir()
    return tmp_path / "all"


@pytest.mark.parametrize(
    ("signal", "good", "bad"),
    [
        (SOUND, ("a.wav", "a.FLAC", "a.aiff"), "a.png"),
        (Picture(Threshold(), Scan("raster", 2, 2)), ("a.png", "a.gif"), "a.psd"),
        (Plain(2), ("a.npy", "a.csv"), "a"),
    ],
)
def test_draws_are_written_where_they_can_be(tmp_path, signal, good, bad):
    for name in good:
        check_drawing(tmp_path / name, signal)
    told = f"{bad}: a {signal.kind} is written to a file "
    with pytest.raises(ValueError, match=re.escape(told)):
        check_drawing(tmp_path / bad, signal)
    with pytest.raises(FileNotFoundError, match="needs a folder that exists"):
        check_drawing(tmp_path / "none" / good[0], signal)


def test_folder_stands_for_its_files_of_the_kind_at_any_depth(folder):
    sounds = list(expand([folder, Path("given.xyz")], SOUND))
    inside = ["B.mp3", "b.wav", "deep/er/a.FLAC", "deep-2/z.wav"]
    assert sounds == [*(folder / name for name in inside), Path("given.xyz")]
    assert list(expand([folder], Plain(2))) == [folder / "deep/notes.txt"]


def test_files_of_a_folder_come_in_the_order_of_their_paths(folder):
    (folder / "link.wav").symlink_to(folder / "b.wav")
    (folder / "again").symlink_to(folder)
    suffixes = (".wav", ".flac", ".ogg", ".mp3")
    found = [file for file in folder.rglob("*") if file.suffix.lower() in suffixes]
    assert list(expand([folder], SOUND)) == sorted(file for file in found if file.is_file())


def test_folder_without_such_files_is_refused_before_any_is_given(folder):
    with pytest.raises(FileNotFoundError, match=r"needs a folder with \.wav, .*; it has none"):
        expand([folder, folder / "folder.wav"], SOUND)


def test_list_stands_for_the_files_and_folders_on_its_lines(folder, tmp_path, monkeypatch):
    odd = os.fsdecode(b"\xff.wav")
    content = f"one.wav\n\n{folder}/deep\r\n{folder}/folder.wav\n{odd}\nlast one.wav"
    expected = [Path("one.wav"), folder / "deep/er/a.FLAC", folder / "folder.wav"]
    expected += [Path(odd), Path("last one.wav")]
    (tmp_path / "list.txt").write_bytes(os.fsencode(content))
    assert list(expand([Path(f"@{tmp_path}/list.txt")], SOUND)) == expected
    monkeypatch.setattr("sys.stdin", io.StringIO(content))
    assert list(expand([Path("first.wav"), Path("-")], SOUND)) == [Path("first.wav"), *expected]


def test_list_is_read_as_it_is_needed(tmp_path, monkeypatch):
    class Endless:
        def __iter__(self):
            while True:
                yield "again.wav\n"

    monkeypatch.setattr("sys.stdin", Endless())
    assert next(expand([Path("-")], SOUND)) == Path("again.wav")


def test_list_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"clips\.txt: no such list of files"):
        expand([Path("@clips.txt")], SOUND)
    (tmp_path / "@clips.txt").touch()
    assert list(expand([Path("@clips.txt"), Path("@")], SOUND)) == [Path("@clips.txt"), Path("@")]
