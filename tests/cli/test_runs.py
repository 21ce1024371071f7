import json

import pytest
import typer
from typer.testing import CliRunner

from autoreg import modeldir
from autoreg.cli.runs import Plan, trains
from autoreg.training.checkpoint import Standing
from autoreg.training.config import preset
from autoreg.training.loop import Fit

TINY = [
    *("--set", "model.residual=4", "--set", "model.skip=6", "--set", "model.hidden=6"),
    *("--set", "model.dilations=[1,2]", "--set", "model.condition_width=3"),
    *("--set", "training.steps=2", "--set", "training.columns=800", "--device", "cpu"),
]


def test_run_is_resumed_by_the_same_command(run, refused, tmp_path):
    command = ["train", "digits", "--out", tmp_path / "run", *TINY]
    first = run(*command, "--quiet")
    assert (first.exit_code, first.stderr) == (0, "")
    assert ": 2 steps in " in first.stdout
    assert "holds a run already (model.json): resume it" in refused(*command, "--quiet")
    assert run(*command, "--resume", "--quiet").exit_code == 0


def test_interrupted_run_ends_with_130(run, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "autoreg.training.run.train", lambda *_, **__: Fit(Standing(step=1), "interrupted")
    )
    result = run("train", "digits", "--out", tmp_path / "run", "--json")
    assert result.exit_code == 130
    assert json.loads(result.stdout)["ended"] == "interrupted"
    people = run("train", "digits", "--out", tmp_path / "run", "--quiet")
    assert people.stdout.endswith("1 steps in 0 s; interrupted, --resume goes on\n")


def test_settings_come_from_a_file(lines, tmp_path):
    settings = tmp_path / "config.toml"
    settings.write_text("[model]\nresidual = 3\nskip = 4\nhidden = 4\n[training]\nwarmup = 7\n")
    out = tmp_path / "run"
    small = ["--set", "model.dilations=[1]", *TINY[-6:]]
    lines("train", "digits", "--out", out, "--config", settings, *small)
    config = modeldir.load(out).card["training"]["config"]
    assert (config["model"]["residual"], config["training"]["warmup"]) == (3, 7)


def test_verb_has_the_options_of_its_plan_and_of_a_run(monkeypatch, tmp_path):
    app, seen = typer.Typer(), []

    @trains(app)
    def small(*, scan: str = "column") -> Plan:
        """Plan it."""
        return Plan({"kind": "digits", "scan": scan}, lambda corpus: preset("digits"))

    def train(corpus, config, directory, **options):
        seen.append((corpus.signal.scan.kind, config.training.steps, options["source"]))
        return Fit(Standing(step=config.training.steps), "steps")

    monkeypatch.setattr("autoreg.training.run.train", train)
    for options in (["--scan", "raster"], ["--set", "training.steps=5"]):
        result = CliRunner().invoke(app, [*options, "--out", str(tmp_path), "--quiet"])
        assert result.exit_code == 0
    assert seen == [
        ("raster", preset("digits").training.steps, {"kind": "digits", "scan": "raster"}),
        ("column", 5, {"kind": "digits", "scan": "column"}),
    ]
    assert "Plan it." in CliRunner().invoke(app, ["--help"]).stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--preset", "digit"], "no preset is called 'digit'; there are digits"),
        (["--set", "training.step=3"], "the nearest is training.steps"),
        (["--set", "training.steps=many"], "training.steps needs int; got 'many'"),
        (["--seed", -1], "training.seed needs to be 0 or more; got -1"),
        (["--config", "none.toml"], "none.toml: No such file or directory"),
        (["--config", "bad.toml"], "bad.toml: model.skip needs int; got 'wide'"),
        (["--config", "bad.toml", "--preset", "digits"], "--preset and --config both say"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_data_are_read(
    refused, tmp_path, monkeypatch, options, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_text('[model]\nskip = "wide"\n')
    monkeypatch.setattr("autoreg.cli.runs.read_corpus", None)
    assert message in refused("train", "digits", "--out", "run", *options)
    assert not (tmp_path / "run").exists()
