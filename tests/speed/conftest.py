"""A small model, short turns, and ceilings that are quick to measure."""

import pytest

from autoreg.models.wavenet import WaveNet
from autoreg.speed import ceilings
from autoreg.speed.report import Report
from autoreg.speed.rows import ALONE, PLAIN, Row
from autoreg.speed.subjects import perturbed
from autoreg.speed.trial import Spread, Trial


@pytest.fixture
def tiny() -> WaveNet:
    """A WaveNet of which nothing is zero."""
    return perturbed(4, conditions=(2,), residual=4, skip=6, hidden=5, dilations=(1, 2, 4), seed=1)


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> Trial:
    """Two short turns, and small matrices."""
    monkeypatch.setattr(ceilings, "LARGE", 16)
    monkeypatch.setattr(ceilings, "_reader", lambda: ceilings._read_by_torch)
    return Trial(turn=1e-3, least=2, most=2, seconds=0.1)


@pytest.fixture
def report() -> Report:
    """A run with a row of most kinds."""
    half = Spread(0.5, 0.4, 0.6, 5)
    common = {"model": "B", "unit": "samples/s", "ours": Spread(40_000.0, 39_000.0, 41_000.0, 5)}
    compared = {"against": ALONE, "other": Spread(200.0, 190.0, 210.0, 5)}
    compared["ratio"] = Spread(200.0, 190.0, 210.0, 5)
    bounded = {"ceiling": "gemm, float32", "fraction": half}
    effect = {"mean": 1e-3, "max": 1e-2, "shift": -1e-5}
    rows = [
        Row(job="generation", **common, **compared, **bounded),
        Row(job="scoring", dtype="bfloat16", effect=effect, **common, **compared),
        Row(job="training", **common, **{**compared, "against": PLAIN}),
        Row(job="import", model="", unit="s", ours=half, facts={"of": "import autoreg"}),
    ]
    return Report(
        machine={
            "cpu": {"model": "a processor", "cores": 2, "flags": [], "caches": {}, "load": [0.0]},
            "gpu": None,
            "versions": {"torch": "2.11", "triton": None},
            "commit": None,
            "date": "2026-01-01T00:00:00+00:00",
        },
        ceilings={"cpu, 1 threads": {"gemm, float32": Spread(1e11, 9e10, 2e11, 5)}},
        subjects={"B": {"multiplications": 400_000, "bytes": 1_600_000, "order": 2048}},
        rows=rows,
        growth={"layers": [{"layers": 5, "generation": 1e-5}, {"layers": 10, "generation": 2e-5}]},
    )
