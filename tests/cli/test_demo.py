import json

import pytest

from autoreg import demo as tour
from autoreg.training.config import Config

CONFIG = {
    "model": {"residual": 4, "skip": 6, "hidden": 6, "dilations": [1, 2], "features": True},
    "training": {"steps": 2, "columns": 800},
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Where the demo of a model that has hardly learnt anything lies, and what it found."""
    out = tmp_path_factory.mktemp("demo")
    return out, tour.demo(out, config=Config.from_dict(CONFIG), device="cpu")


@pytest.fixture
def demo(run, found, monkeypatch):
    """A function that runs the verb and hands it what was found."""
    asked = []
    monkeypatch.setattr(
        tour, "demo", lambda out, **options: asked.append((out, options)) or found[1]
    )

    def invoke(*options):
        result = run("demo", "--out", found[0], "--device", "cpu", *options)
        (out, passed), quiet = asked[-1], "--json" in options or "--quiet" in options
        assert (out, passed["device"]) == (found[0], "cpu")
        assert (passed["console"] is None) == quiet
        return result

    return invoke


def test_people_see_numbers_guesses_and_where_the_pictures_are(demo):
    for options in ([], ["--quiet"]):
        result = demo(*options)
        assert result.exit_code == 0
        for told in ("accuracy of digit", "bits per symbol", "least sure of", "progressive.png"):
            assert told in result.stdout


def test_machines_see_what_evaluate_tells_and_more(demo, found, lines):
    told = json.loads(demo("--json").stdout)
    (judged,) = lines("evaluate", found[0])
    assert told.keys() - judged.keys() == {"pictures"}
    for name in ("n", "accuracy", "bits_per_symbol", "ece", "std_error"):
        assert told[name] == judged[name]
    assert set(told["seconds"]) == {"training", "all"}
