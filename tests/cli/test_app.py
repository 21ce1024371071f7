import subprocess
import sys

import pytest

import autoreg
from autoreg.cli.app import VERBS


def test_help_names_every_verb_and_exit_code(run):
    result = run("--help")
    assert result.exit_code == 0
    for verb in VERBS:
        assert verb in result.output
    assert "130 interrupted" in result.output


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from autoreg.cli.app import app; app(['--help'], standalone_mode=False); "
        "print(sorted({'torch', 'numpy', 'soundfile', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_says_what_it_does_with_an_example(run, verb):
    result = run(verb, "--help")
    assert result.exit_code == 0
    assert VERBS[verb].split(".")[0] in " ".join(result.output.split())
    assert verb == "train" or f"autoreg {verb}" in result.output


def test_version_is_printed(run):
    assert run("--version").stdout == f"{autoreg.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clasify"], "classify"),
        (["sample", "digits"], "Missing option '--out'"),
        (["sample", "digits", "--out", "x.png", "-n", "0"], "greater than or equal to"),
        (["classify", "digits"], "Missing argument"),
        (["evaluate", "digits", "--split", "all"], "'all' is not"),
    ],
)
def test_command_that_is_not_understood_ends_with_2(run, arguments, message):
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_interrupt_ends_with_130(run, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("autoreg.modeldir.load", interrupted)
    assert run("info", "digits").exit_code == 130


def test_defect_of_the_program_is_not_hidden(run, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr("autoreg.modeldir.load", broken)
    assert isinstance(run("info", "digits").exception, KeyError)
