"""What other systems get wrong in training and on the command line, and this one does not."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import typer
from typer.testing import CliRunner

from autoreg.cli.app import VERBS, app
from autoreg.data.audio import audio_folder
from autoreg.data.labels import unlabelled
from autoreg.data.split import Split
from autoreg.models.wavenet import WaveNet

ROOT = Path(__file__).parents[2]


def network():
    with torch.random.fork_rng(devices=[]):
        return WaveNet(4, conditions=(2,), residual=4, skip=5, hidden=6, dilations=(1, 2))


def commands(command, path=()):
    """Yield every verb of the program, with the words that lead to it."""
    inner = getattr(command, "commands", None)
    if not inner:
        yield path, command
        return
    for name, one in inner.items():
        yield from commands(one, (*path, name))


def test_every_weight_has_a_name_of_its_own_that_tells_what_it_is():
    names = [name for name, _ in network().named_parameters()]
    assert len(set(names)) == len(names)
    assert not [name for name in names if re.search(r"variable|slip", name, re.IGNORECASE)]


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in ("demo", "bench")])
def test_a_switch_is_on_or_off_and_takes_no_word_for_false(verb):
    told = CliRunner().invoke(app, [verb, "--help"])
    assert told.exit_code == 0
    for path, command in commands(typer.main.get_command(app).commands[verb]._real(), (verb,)):
        for option in command.params:
            if getattr(option, "is_flag", False):
                wrong = CliRunner().invoke(app, [*path, f"{option.opts[0]}=False"])
                assert wrong.exit_code == 2, (path, option.opts)


def test_a_file_that_goes_bad_while_it_is_read_is_an_error_here_and_names_it(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(50), 8000)
    soundfile.write(tmp_path / "b.flac", np.random.default_rng(0).uniform(-1, 1, 9000), 8000)
    whole = (tmp_path / "b.flac").read_bytes()
    (tmp_path / "b.flac").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"b\.flac"):
        audio_folder(tmp_path, labels=unlabelled(), split=Split(0.0, 0.0))


def test_no_library_is_needed_that_has_gone():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {re.split(r"[^\w-]", entry)[0].lower() for entry in project["dependencies"]}
    assert not named & {"librosa", "tensorflow", "pytorch-lightning", "lightning", "ray"}
