"""What README prints is run: its Python as doctests, its commands as far as their options."""

import doctest
import re
import shlex
from pathlib import Path

import pytest
import torch
import typer

from autoreg.cli.app import app

README = Path(__file__).parent.parent / "README.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README.read_text("utf-8"), re.DOTALL | re.MULTILINE)
COMMANDS = [
    line.split("#")[0].strip()
    for language, block in BLOCKS
    if language == "sh"
    for line in block.splitlines()
    if line.startswith("autoreg ")
]


def test_the_python_of_the_readme_prints_what_it_says() -> None:
    text = "\n".join(block for language, block in BLOCKS if language == "python")
    examples = doctest.DocTestParser().get_doctest(text, {}, "README.md", str(README), 0)
    assert len(examples.examples) > 5
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    with torch.random.fork_rng(devices=[]):  # a first session passes no generator
        assert runner.run(examples).failed == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_readme_parse(command: str) -> None:
    arguments = shlex.split(command)[1:]
    group = typer.main.get_command(app)
    while hasattr(group, "commands") and arguments:
        name, *arguments = arguments
        group = group.commands[name]
    group.make_context("autoreg", arguments)
