import signal
from dataclasses import replace

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from autoreg import plaindata
from autoreg.data.sequences import Sequences
from autoreg.models.wavenet import WaveNet
from autoreg.training.learner import Learner
from autoreg.training.loop import fit
from autoreg.training.report import read_history


@pytest.fixture
def start(corpus, config, fresh, accelerator):
    """A function that fits a fresh model: the same run at each call, but for what is changed."""

    def run(
        directory, *, resume=False, keep=lambda average, standing: None, parts=None, **changes
    ):
        parts = {**corpus.parts, **(parts or {})}
        return fit(
            fresh(),
            parts["train"],
            parts["valid"],
            replace(config.training, **changes),
            directory=directory,
            keep=keep,
            settings={},
            accelerator=accelerator,
            resume=resume,
        )

    return run


def state(directory):
    return plaindata.load_tensors(directory / "state.safetensors")


def history(directory):
    rows = read_history(directory / "history.jsonl")
    return [{name: row[name] for name in row if name != "seconds"} for row in rows]


def assert_same_run(one, other):
    (tensors, note), (others, other_note) = state(one), state(other)
    assert tensors.keys() == others.keys()
    assert [name for name in tensors if not torch.equal(tensors[name], others[name])] == []
    for standing in (note["standing"], other_note["standing"]):
        standing.pop("seconds")
    assert note == other_note
    assert history(one) == history(other)


def at_step(monkeypatch, when, act):
    """Do something at the beginning of an update."""
    update = Learner.update

    def disturbed(self, batch, step, **how):
        if step == when:
            act()
        return update(self, batch, step, **how)

    monkeypatch.setattr(Learner, "update", disturbed)


@pytest.mark.parametrize("when", [0, 3, 6, 9])
def test_interrupted_and_resumed_is_the_uninterrupted_fit_bit_for_bit(
    start, tmp_path, monkeypatch, when
):
    assert start(tmp_path / "whole").ended == "steps"
    with monkeypatch.context() as patch:
        at_step(patch, when, lambda: signal.raise_signal(signal.SIGINT))
        interrupted = start(tmp_path / "parts")
    assert interrupted.ended == "interrupted"
    assert when < interrupted.standing.step < 12
    assert start(tmp_path / "parts", resume=True).ended == "steps"
    assert_same_run(tmp_path / "whole", tmp_path / "parts")


def test_killed_fit_resumes_from_its_last_checkpoint_bit_for_bit(start, tmp_path, monkeypatch):
    def kill():
        raise RuntimeError("killed")

    start(tmp_path / "whole")
    with monkeypatch.context() as patch:
        at_step(patch, 7, kill)
        with pytest.raises(RuntimeError, match="killed"):
            start(tmp_path / "parts")
    assert state(tmp_path / "parts")[1]["standing"]["step"] == 4
    assert history(tmp_path / "parts")[-1]["step"] == 6
    start(tmp_path / "parts", resume=True)
    assert_same_run(tmp_path / "whole", tmp_path / "parts")


def test_other_seed_is_another_run(start, tmp_path):
    start(tmp_path / "zero")
    start(tmp_path / "one", seed=1)
    assert history(tmp_path / "zero") != history(tmp_path / "one")


def test_fit_learns_and_keeps_the_average_of_its_best_validation(start, tmp_path):
    kept = []

    def keep(average, standing):
        weights = {name: tensor.clone() for name, tensor in average.state_dict().items()}
        kept.append((standing.step, standing.best, weights))

    fitted = start(tmp_path, keep=keep, steps=40, checkpoint_every=40)
    step, best, weights = kept[-1]
    assert (step, best) == (fitted.standing.best_step, fitted.standing.best)
    assert best < 0.9 * kept[0][1]
    assert [entry[1] for entry in kept] == sorted((entry[1] for entry in kept), reverse=True)
    assert kept[0][0] == 0
    if step == 40:
        tensors, _ = state(tmp_path)
        assert all(torch.equal(tensors[f"average.{name}"], weights[name]) for name in weights)


def test_history_has_a_line_when_it_is_due_and_at_every_validation(start, tmp_path):
    start(tmp_path, steps=10)
    rows = history(tmp_path)
    assert [row["step"] for row in rows] == [0, 3, 4, 6, 8, 9, 10]
    assert [row["step"] for row in rows if row["valid"] is not None] == [0, 4, 8, 10]
    assert rows[0]["nats_per_symbol"] is None
    assert rows[-1]["symbols"] == state(tmp_path)[1]["standing"]["symbols"]


def test_fit_without_improvement_stops_for_good(start, tmp_path):
    # So small a learning rate leaves the loss where it is, to the last bit.
    still = {"learning_rate": 1e-30, "patience": 2}
    ended = start(tmp_path, **still)
    assert (ended.ended, ended.standing.step) == ("patience", 8)
    again = start(tmp_path, resume=True, **still)
    assert (again.ended, again.standing.step) == ("patience", 8)


def test_fit_without_validation_keeps_every_checkpoint(start, tmp_path):
    kept = []
    parts = {"valid": Sequences.from_list([], [])}
    fitted = start(tmp_path, parts=parts, patience=1, keep=lambda _, at: kept.append(at.step))
    assert (fitted.ended, fitted.standing.best) == ("steps", None)
    assert kept == [0, 4, 8, 12]


def test_validation_of_some_files_takes_them_from_all_over(corpus, start, tmp_path):
    valid = corpus.parts["valid"]
    ends = valid.take([0, len(valid) - 1])
    start(tmp_path / "limited", validate_limit=2)
    start(tmp_path / "ends", parts={"valid": ends})
    assert history(tmp_path / "limited") == history(tmp_path / "ends")


def test_loss_that_is_not_finite_is_one_error_and_the_checkpoint_stays(start, tmp_path):
    with pytest.raises(FloatingPointError, match=r"loss at step \d+ is (nan|inf): lower") as error:
        start(tmp_path, learning_rate=1e30, average=1.0)
    assert str(error.value).endswith("state.safetensors keeps the last checkpoint")
    tensors, _ = state(tmp_path)
    assert all(tensor.isfinite().all() for tensor in tensors.values())


def test_fit_of_nothing_is_refused_before_a_file_is_written(start, tmp_path):
    with pytest.raises(ValueError, match="training needs symbols; got 0 sequences without any"):
        start(tmp_path / "new", parts={"train": Sequences.from_list([], [])})
    assert not (tmp_path / "new").exists()


def test_crops_of_a_model_that_knows_positions_are_refused(fresh, start, tmp_path, monkeypatch):
    monkeypatch.setattr(WaveNet, "stationary", False)
    with pytest.raises(ValueError, match=r"training\.crop needs .* leave crop out"):
        start(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_bfloat16_learns_as_float32_does(start, tmp_path):
    plain = start(tmp_path / "float32", steps=40)
    rough = start(tmp_path / "bfloat16", steps=40, precision="bfloat16")
    assert rough.standing.best == pytest.approx(plain.standing.best, rel=0.05)
    assert rough.standing.best != plain.standing.best


def test_auto_is_the_precision_of_the_device(start, tmp_path, monkeypatch):
    for has, same in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda has=has: has)
        start(tmp_path / f"auto-{same}", precision="auto", steps=4)
        start(tmp_path / same, precision=same, steps=4)
        assert_same_run(tmp_path / f"auto-{same}", tmp_path / same)


def test_histograms_of_weights_and_gradients_come_when_asked_for_and_change_nothing(
    start, tmp_path
):
    start(tmp_path / "plain")
    start(tmp_path / "told", histograms_every=5)
    assert_same_run(tmp_path / "plain", tmp_path / "told")
    found = {
        name: EventAccumulator(str(tmp_path / name / "tensorboard"), {"histograms": 0}).Reload()
        for name in ("plain", "told")
    }
    assert found["plain"].Tags()["histograms"] == []
    names = set(found["told"].Tags()["histograms"])
    for kind in ("weights", "gradients"):
        assert f"{kind}/stack.output.weight" in names
        events = found["told"].Histograms(f"{kind}/stack.output.weight")
        assert [event.step for event in events] == [5, 10]
        assert events[0].histogram_value.max > events[0].histogram_value.min
