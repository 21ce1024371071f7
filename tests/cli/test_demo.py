import json
from pathlib import Path

import pytest

from autoreg import demo as tour
from autoreg.demo import Demo, Guess
from autoreg.evaluation import Estimate, Evaluation

ESTIMATES = ("accuracy", "nats_per_sequence", "nats_given_label", "bits_per_symbol")
FOUND = Demo(
    evaluation=Evaluation(
        n=360,
        of=("digit",),
        protocol="the digits that were held out",
        **{name: Estimate(0.5, 0.25) for name in (*ESTIMATES, "log_score", "ece")},
    ),
    unsure=[
        Guess("1790", "8", ("1", 0.51), ("8", 0.44)),
        Guess("275", "9", ("9", 0.62), ("7", 0.31)),
    ],
    pictures={name: Path(f"{name}.png") for name in ("generated", "completed", "progressive")},
    seconds={"training": 100.0, "all": 110.0},
)


@pytest.fixture
def demo(run, monkeypatch, tmp_path):
    """A function that runs the verb and returns its result and what the tour was asked."""

    def invoke(*options):
        asked = {}
        monkeypatch.setattr(
            tour, "demo", lambda out, **others: asked.update(out=out, **others) or FOUND
        )
        return run("demo", "--out", tmp_path, *options), asked

    return invoke


def test_people_see_numbers_guesses_and_where_the_pictures_are(demo, tmp_path):
    result, asked = demo("--device", "cpu")
    assert result.exit_code == 0
    assert (asked["out"], asked["device"]) == (tmp_path, "cpu")
    assert asked["console"].stderr
    for told in ("accuracy of digit", "0.2500", "held out", "51.00%", "progressive.png"):
        assert told in result.stdout


def test_machines_see_what_evaluate_tells_and_more(demo, lines, digits_model):
    result, asked = demo("--json")
    told = json.loads(result.stdout)
    (judged,) = lines("evaluate", digits_model, "--limit", 1)
    assert told.keys() - judged.keys() == {"pictures"}
    assert judged.keys() <= told.keys()
    assert told["accuracy"] == 0.5
    assert told["std_error"]["ece"] == 0.25
    assert asked["console"] is None


def test_quiet_tour_shows_no_progress(demo):
    assert demo("--quiet")[1]["console"] is None
