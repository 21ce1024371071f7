import io
import math

import pytest
import torch
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from autoreg.training.checkpoint import Standing
from autoreg.training.report import Report, read_history


def report(directory, standing, *, active=True, console=None):
    return Report(
        directory, steps=10, num_symbols=16, standing=standing, active=active, console=console
    )


def write(directory, steps, standing=None):
    standing = standing or Standing()
    with report(directory, standing) as lines:
        for step in steps:
            standing.step, standing.recent_nats, standing.recent_symbols = step, 2.0 * step, step
            lines.line(valid=1.5 if step % 2 == 0 else None, learning_rate=0.1)


def scalars(directory):
    events = EventAccumulator(str(directory / "tensorboard")).Reload()
    return {tag: [e.step for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_line_of_history_has_the_mean_since_the_last_one(tmp_path):
    standing = Standing(step=4, symbols=100, seconds=2.0, recent_nats=30.0, recent_symbols=20)
    with report(tmp_path, standing) as lines:
        lines.line(valid=None, learning_rate=0.5)
    assert read_history(tmp_path / "history.jsonl") == [
        {
            "step": 4,
            "nats_per_symbol": 1.5,
            "bits_per_symbol": 1.5 / math.log(2),
            "valid": None,
            "learning_rate": 0.5,
            "symbols": 100,
            "seconds": 2.0,
        }
    ]


def test_tensorboard_shows_loss_validation_and_learning_rate(tmp_path):
    write(tmp_path, [1, 2, 3])
    steps = scalars(tmp_path)
    assert steps["nats_per_symbol"] == steps["learning_rate"] == [1, 2, 3]
    assert steps["valid"] == [2]


def test_resumed_report_drops_what_lies_after_the_checkpoint(tmp_path):
    write(tmp_path, [1, 2, 3, 4])
    write(tmp_path, [3], Standing(step=2))
    assert [row["step"] for row in read_history(tmp_path / "history.jsonl")] == [1, 2, 3]
    assert scalars(tmp_path)["nats_per_symbol"] == [1, 2, 3]


def test_line_that_was_cut_off_is_no_line(tmp_path):
    write(tmp_path, [1, 2])
    with (tmp_path / "history.jsonl").open("a") as file:
        file.write('{"step": 3, "na')
    write(tmp_path, [3], Standing(step=2))
    assert [row["step"] for row in read_history(tmp_path / "history.jsonl")] == [1, 2, 3]


@pytest.mark.parametrize("console", [None, Console(file=io.StringIO())])
def test_process_that_is_not_active_writes_nothing(tmp_path, console):
    with report(tmp_path, Standing(), active=False, console=console) as lines:
        lines.line(valid=1.0, learning_rate=0.1)
    assert list(tmp_path.iterdir()) == []
    assert console is None or console.file.getvalue() == ""


def test_person_sees_bits_beside_those_of_a_uniform_guess(tmp_path):
    text = io.StringIO()
    standing = Standing(step=4, recent_nats=math.log(2), recent_symbols=1)
    console = Console(file=text, width=120, force_terminal=True, color_system=None)
    with report(tmp_path, standing, console=console) as lines:
        lines.line(valid=0.5, learning_rate=0.1)
    assert "1.000 bits a symbol, uniform guess 4.000" in text.getvalue()
    assert "step 4, 0 s: train 0.6931, valid 0.5000 nats a symbol, best" in text.getvalue()


def test_loss_before_training_stands_beside_that_of_a_uniform_guess(tmp_path):
    text = io.StringIO()
    with report(tmp_path, Standing(), console=Console(file=text, width=120)) as lines:
        lines.line(valid=2.77, learning_rate=0.1)
    assert "step 0, 0 s: uniform guess 2.7726, valid 2.7700 nats a symbol" in text.getvalue()


def spread(directory, name):
    events = EventAccumulator(str(directory / "tensorboard"), {"histograms": 0}).Reload()
    return {event.step: event.histogram_value for event in events.Histograms(name)}


def test_a_histogram_has_every_finite_number_once(tmp_path):
    weights = torch.randn(300, 5, generator=torch.Generator().manual_seed(0))
    weights[7, 2] = torch.nan
    standing = Standing(step=3)
    with report(tmp_path, standing) as lines:
        lines.histograms({"weights/x": weights, "weights/empty": weights[:0]})
        standing.step = 6
        lines.histograms({"weights/x": 0 * weights})
    found = spread(tmp_path, "weights/x")
    assert sorted(found) == [3, 6]
    known = weights[weights.isfinite()]
    assert sum(found[3].bucket) == found[3].num == len(known) == 1499
    assert (found[3].min, found[3].max) == (float(known.min()), float(known.max()))
    assert found[3].sum == pytest.approx(float(known.sum()), rel=1e-5)
    below = sum(
        count
        for count, limit in zip(found[3].bucket, found[3].bucket_limit, strict=True)
        if limit <= 0
    )
    assert below == int((known < 0).sum())


def test_process_that_is_not_active_writes_no_histogram(tmp_path):
    with report(tmp_path, Standing(), active=False) as lines:
        lines.histograms({"weights/x": torch.zeros(3)})
    assert list(tmp_path.iterdir()) == []
