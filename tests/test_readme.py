"""What README prints is run: Python as doctests, commands to their options, questions."""

import doctest
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from sklearn.datasets import load_digits

import autoreg as ar
from autoreg.cli.app import app
from autoreg.language.errors import Source
from autoreg.language.evaluate import ask_script, explain
from autoreg.language.parser import parse_line

README = Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
COMMANDS = [
    line.split("#")[0].strip()
    for language, block in BLOCKS
    if language == "sh"
    for line in block.splitlines()
    if line.startswith("autoreg ")
]
SCRIPT = "".join(block for language, block in BLOCKS if language == "aq")
TABLE = re.findall(r"^\| .* \|$", README.read_text("utf-8"), re.MULTILINE)
PHRASES = [
    phrase.replace("\\|", "|")
    for row in TABLE
    if len(cells := re.split(r"(?<!\\)\|", row)) == 6
    for phrase in re.findall(r"`([^`]+)`", cells[3])
    if "(" in phrase
]


def test_the_python_of_the_readme_prints_what_it_says() -> None:
    text = "\n".join(block for language, block in BLOCKS if language == "python")
    examples = doctest.DocTestParser().get_doctest(text, {}, "README.md", str(README), 0)
    assert len(examples.examples) > 5
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    with torch.random.fork_rng(devices=[]):  # a first session passes no generator
        assert runner.run(examples).failed == 0


@pytest.fixture(scope="module")
def seen() -> dict[str, object]:
    """What the names x and hole stand for in the questions of the README."""
    image, hole = load_digits().images[0].astype("uint8"), np.zeros((8, 8), dtype=bool)
    hole[2:6, 2:6] = True
    return {"x": image, "hole": hole}


@pytest.mark.parametrize("phrase", PHRASES)
def test_the_phrases_of_the_readme_can_be_answered(phrase: str, seen: dict[str, object]) -> None:
    assert explain(ar.load("digits"), phrase, **seen)


def test_the_script_of_the_readme_can_be_read() -> None:
    read = [parse_line(Source(line)) for line in SCRIPT.splitlines()]
    assert sum(line is not None for line in read) > 20


@pytest.mark.slow
def test_the_script_of_the_readme_is_answered(tmp_path: Path, seen: dict[str, object]) -> None:
    density = ar.load("digits")
    density.signal.write(tmp_path / "image.png", density.encode(seen["x"])[0][0])
    chance = torch.Generator().manual_seed(0)
    answers = ask_script(
        density, SCRIPT.splitlines(), folder=tmp_path, generator=chance, hole=seen["hole"]
    )
    lines = {answered.line for answered in answers}
    assert len(lines) == sum(" = " not in line for line in SCRIPT.splitlines() if line)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_readme_parse(command: str) -> None:
    arguments = shlex.split(command)[1:]
    group = typer.main.get_command(app)
    while hasattr(group, "commands") and arguments:
        name, *arguments = arguments
        group = group.commands[name]
    group.make_context("autoreg", arguments)
