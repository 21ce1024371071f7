import json

import pytest
import torch

from autoreg.models.wavenet import WaveNet
from autoreg.speed import ceilings, suite
from autoreg.speed.pages import page
from autoreg.speed.trial import Trial


@pytest.fixture
def quick(brief, monkeypatch):
    monkeypatch.setattr(ceilings, "SHORT", brief)
    monkeypatch.setattr(suite, "QUICK", brief)


def test_a_model_of_ones_own_is_measured_alone(tiny, quick):
    told = []
    report = suite.bench(own=("mine", tiny), tell=told.append)
    assert report.rows == told
    assert {row.job for row in told} == {"generation", "scoring"}
    assert {(row.model, row.against) for row in told} == {("mine", "")}
    assert report.subjects["mine"]["order"] == tiny.order
    assert len(report.ceilings) == len(suite.counts())


def test_a_model_with_features_of_few_positions_is_measured(quick):
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(2, dilations=(1, 2), num_features=3, residual=4, skip=4, hidden=4)
    report = suite.bench(own=("mine", model.with_features(torch.ones(1, 20, 3))))
    assert {row.job for row in report.rows} == {"generation", "scoring"}


@pytest.mark.bench
def test_a_quick_run_says_what_it_found(tmp_path):
    report = suite.bench()
    report.save(tmp_path / "speed.json")
    assert json.loads((tmp_path / "speed.json").read_text("utf-8"))["rows"]
    assert page(report)


@pytest.mark.bench
@pytest.mark.gpu
def test_a_gpu_is_measured(monkeypatch):
    short = Trial(turn=0.05, least=2, most=2, seconds=1.0)
    monkeypatch.setattr(suite, "QUICK", short)
    rows = list(suite._on_gpu({"B": suite.subject("B"), "A": suite.subject("A")}))
    assert {row.device for row in rows} == {"cuda"}
