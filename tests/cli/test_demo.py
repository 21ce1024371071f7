import json
from functools import partial

import pytest

from autoreg import demo as tour
from autoreg.training.config import Config


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A demo of a model that has hardly learnt anything, to be gone on with."""
    config = Config().replace_from(
        [
            "model.residual=4",
            "model.skip=6",
            "model.hidden=6",
            "model.dilations=[1,2]",
            "model.features=true",
            "training.steps=2",
            "training.columns=800",
        ]
    )
    job = partial(tour.demo, config=config)
    out = tmp_path_factory.mktemp("demo")
    job(out, device="cpu")
    return out, job


@pytest.fixture
def demo(run, small, monkeypatch):
    """A function that runs the verb on the small settings."""
    out, job = small
    monkeypatch.setattr(tour, "demo", job)
    return lambda *options: run("demo", "--out", out, "--device", "cpu", *options)


def test_people_see_numbers_guesses_and_where_the_pictures_are(demo):
    result = demo()
    assert result.exit_code == 0
    for told in ("accuracy of digit", "bits per symbol", "least sure of", "progressive.png"):
        assert told in result.stdout


def test_machines_see_what_evaluate_tells_and_more(demo, small, lines):
    told = json.loads(demo("--json").stdout)
    (judged,) = lines("evaluate", small[0])
    assert told.keys() - judged.keys() == {"pictures"}
    for name in ("n", "accuracy", "bits_per_symbol", "ece", "std_error"):
        assert told[name] == judged[name]
    assert set(told["seconds"]) == {"training", "all"}
