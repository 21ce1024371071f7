"""The models that come with the package."""

import json
import re
from importlib import import_module
from itertools import pairwise
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import autoreg
from autoreg import modeldir
from autoreg.cli import runs
from autoreg.cli.app import app
from autoreg.evaluation import evaluate, held_out
from autoreg.training import run
from autoreg.training.config import Config
from tests.docs.pages import commands, parse

NAMES = sorted(path.parent.name for path in modeldir.BUNDLED.glob("*/model.json"))
LICENCE = re.compile(r"\bCC0\b|\bCC BY\b|\bpublic domain\b|\bdrawn by the program\b")
FIGURE = re.compile(r"(-?[\d,]+(?:\.(\d+))?)(?: (%))? ± ([\d,]+(?:\.\d+)?)")


def card(name):
    """Return the card of a bundled model."""
    return (modeldir.BUNDLED / name / "README.md").read_text("utf-8")


def training_of(name):
    """Return what a bundled model knows of its training."""
    return json.loads((modeldir.BUNDLED / name / "model.json").read_text("utf-8"))["training"]


def told(name, verb):
    """Return the arguments of each command with a verb that stands on a card's line of its own."""
    lines = re.sub(r"\\\n\s*", " ", card(name)).splitlines()
    started = re.compile(rf"\s*(\$ )?(\w+=\S+ )*(accelerate launch .*-m )?autoreg {verb} ")
    return [commands(line)[0] for line in lines if started.match(line)]


@pytest.fixture
def planned(monkeypatch, tmp_path):
    """A function from the arguments of `autoreg train` to the data and settings it would take."""
    made = []

    def caught(corpus, config, directory, *, source, **others):
        made.append((json.loads(json.dumps(source)), config))
        return SimpleNamespace(
            ended="steps", standing=SimpleNamespace(step=0, seconds=0.0, best=0)
        )

    def plan(arguments):
        result = CliRunner().invoke(app, [*arguments, "--quiet"])
        assert result.exit_code == 0, result.output
        return made[-1]

    def nothing(*_, **__):
        return None

    monkeypatch.setenv("AUTOREG_DATA", str(tmp_path))
    for module in (runs, import_module("autoreg.cli.train")):
        monkeypatch.setattr(module, "read_corpus", nothing)
    monkeypatch.setattr(runs, "use_threads", nothing)
    monkeypatch.setattr(runs.modeldir, "load", nothing)
    monkeypatch.setattr(run, "train", caught)
    return plan


def test_there_are_bundled_models():
    assert {"digits", "fourier"} <= {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_last_training_on_a_card_is_the_one_that_the_model_had(name, planned):
    trainings, had = told(name, "train"), training_of(name)
    plans = [planned(arguments) for arguments in trainings]
    assert plans, f"the card of {name} needs a line `autoreg train ...`"
    for former, later in pairwise(trainings):
        assert later[later.index("--from") + 1] == former[former.index("--out") + 1]
    source, config = plans[-1]
    assert config.differences(Config.from_dict(had["config"])) == []
    # What is left open becomes known as the data are read.
    assert {key: source[key] for key in had["data"] if source[key] is not None} == {
        key: value for key, value in had["data"].items() if source[key] is not None
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_card_says_how_to_judge_its_model_and_whose_the_data_are(name):
    judged = told(name, "evaluate")
    assert name in [arguments[1] for arguments in judged]
    for arguments in judged:
        parse(arguments)
    text = " ".join(card(name).split())
    seed = training_of(name)["config"]["training"]["seed"]
    assert f"seed {seed}" in re.findall(r"\bseed \d+", text)
    assert LICENCE.search(text)
    assert "The weights are under the project's licence, MIT." in text


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "fourier"])
def test_figures_on_a_card_are_those_that_evaluating_tells(name):
    density = autoreg.load(name, device="cpu")
    corpus = held_out(density)
    assert corpus.protocol.endswith("as put aside in training")
    found = evaluate(density, corpus).estimates()
    table = "\n".join(line for line in card(name).splitlines() if line.startswith("|"))
    shown = FIGURE.findall(table)
    met = set()
    for value, decimals, percent, error in shown:
        scale, unit = (100 if percent else 1), 10.0 ** -len(decimals)
        value, error = (float(number.replace(",", "")) for number in (value, error))
        # Half a unit of the last place is rounding; the rest is float32 on another processor.
        same = {
            key
            for key, estimate in found.items()
            if abs(scale * estimate.value - value) < unit
            and abs(scale * estimate.std_error - error) < unit
        }
        assert same, f"{value} ± {error} is nothing that was found: {found}"
        met |= same
    assert met >= {"accuracy", "bits_per_symbol", "nats_per_sequence", "nats_given_label"}
