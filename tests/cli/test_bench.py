import json

import pytest

from autoreg.speed import ceilings, suite
from autoreg.speed.trial import Trial


@pytest.fixture
def quick(monkeypatch):
    """Short turns, and small matrices."""
    brief = Trial(turn=1e-3, least=2, most=2, seconds=0.1)
    for module, name in ((ceilings, "SHORT"), (suite, "QUICK")):
        monkeypatch.setattr(module, name, brief)
    monkeypatch.setattr(ceilings, "LARGE", 16)
    monkeypatch.setattr(ceilings, "_reader", lambda: ceilings._read_by_torch)


@pytest.mark.usefixtures("quick")
def test_speed_is_told_to_machines(lines, digits_model):
    (told,) = lines("bench", digits_model)
    assert told["format"] == 1
    assert told["machine"]["versions"]["torch"]
    assert {row["job"] for row in told["rows"]} == {"generation", "scoring"}
    assert all(row["ours"]["median"] > 0 for row in told["rows"])


@pytest.mark.usefixtures("quick")
def test_speed_is_told_to_people(run, digits_model):
    result = run("bench", digits_model)
    assert result.exit_code == 0, result.output
    assert "gemm, float32" in result.stdout
    assert "generation" in result.stdout
    json.loads(run("bench", digits_model, "--json").stdout)


def test_what_is_no_model_is_refused(refused):
    assert "is not a model" in refused("bench", "nowhere")
