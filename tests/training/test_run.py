import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from autoreg import modeldir, plaindata, scoring
from autoreg.data.source import read_corpus
from autoreg.training.config import Config, ModelConfig, TrainingConfig
from autoreg.training.report import read_history
from autoreg.training.run import build, train


def test_trained_model_is_loaded_as_it_was_validated(corpus, config, tmp_path):
    fitted = train(corpus, config, tmp_path, device="cpu")
    loaded = modeldir.load(tmp_path)
    symbols, condition, lengths = corpus.parts["valid"].pad(range(6))
    nats = -scoring.log_factors(loaded.model, symbols, condition, lengths).sum()
    assert float(nats.detach() / lengths.sum()) == pytest.approx(fitted.standing.best, rel=1e-6)
    assert (loaded.space, loaded.target) == (corpus.space, "direction")
    assert loaded.signal == corpus.signal


def test_card_tells_how_the_model_came_about(corpus, config, tmp_path):
    fitted = train(corpus, config, tmp_path, source={"kind": "counting"}, device="cpu")
    card = modeldir.load(tmp_path).card
    assert card["protocol"] == corpus.protocol
    assert card["training"]["data"] == {"kind": "counting"}
    assert Config.from_dict(card["training"]["config"]) == config
    assert card["training"]["valid_nats_per_symbol"] == fitted.standing.best
    assert card["training"]["step"] == fitted.standing.best_step
    assert card["split"]["train"]["sequences"] == 20
    assert card["split"]["test"]["symbols"] == len(corpus.parts["test"].symbols)


def test_first_line_of_history_is_the_entropy_of_a_uniform_guess(corpus, config, tmp_path):
    train(corpus, config, tmp_path, device="cpu")
    assert read_history(tmp_path / "history.jsonl")[0]["valid"] == pytest.approx(math.log(3))


def test_same_seed_is_the_same_model(corpus, config, tmp_path):
    for name in ("one", "two"):
        train(corpus, config, tmp_path / name, device="cpu")
    one, two = (plaindata.load_tensors(tmp_path / n / "state.safetensors") for n in ("one", "two"))
    assert all(torch.equal(one[0][name], two[0][name]) for name in one[0])


@pytest.mark.parametrize("file", ["model.json", "state.safetensors"])
def test_directory_that_holds_a_run_is_refused(corpus, config, tmp_path, file):
    (tmp_path / file).write_text("")
    with pytest.raises(FileExistsError, match=f"holds a run already \\({file}\\): resume it"):
        train(corpus, config, tmp_path, device="cpu")
    assert [path.name for path in tmp_path.iterdir()] == [file]


def test_nothing_to_resume_is_an_error_that_writes_nothing(corpus, config, tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist: there is nothing to resume"):
        train(corpus, config, tmp_path / "new", resume=True, device="cpu")
    assert not (tmp_path / "new").exists()


def test_resume_with_another_config_is_refused_with_the_difference(corpus, config, tmp_path):
    train(corpus, config, tmp_path, device="cpu")
    changed = config.replace_from(["training.steps=99", "model.skip=7"])
    with pytest.raises(ValueError, match="a run is resumed as it was started; changed") as error:
        train(corpus, changed, tmp_path, resume=True, device="cpu")
    assert "model.skip: 6 -> 7" in str(error.value)
    assert "training.steps: 12 -> 99" in str(error.value)


def test_resume_with_other_data_is_refused(corpus, config, tmp_path):
    train(corpus, config, tmp_path, device="cpu")
    parts = {**corpus.parts, "train": corpus.parts["train"].take(range(19))}
    with pytest.raises(ValueError, match=r"data\.train: .*'sequences': 20.* -> .*'sequences': 19"):
        train(replace(corpus, parts=parts), config, tmp_path, resume=True, device="cpu")


def test_finished_run_is_resumed_to_no_effect(corpus, config, tmp_path):
    fitted = train(corpus, config, tmp_path, device="cpu")
    again = train(corpus, config, tmp_path, resume=True, device="cpu")
    assert again == fitted


def test_features_reach_the_model(corpus, config):
    features = torch.eye(30)[None]
    shape = replace(config.model, features=True)
    model = build(replace(corpus, features=features), shape, seed=0)
    assert torch.equal(model.features, features)
    assert build(replace(corpus, features=features), config.model, seed=0).features is None
    with pytest.raises(ValueError, match=r"model\.features needs a corpus with features"):
        build(corpus, shape, seed=0)


SCRIPT = """
import sys
import torch
from accelerate import PartialState
from autoreg.conditions import ConditionSpace
from autoreg.data.corpus import Corpus
from autoreg.data.plain import Plain
from autoreg.data.sequences import Sequences
from autoreg.training.config import Config, ModelConfig, TrainingConfig
from autoreg.training.run import train

# In float32 Adam makes much of the rounding that comes with another order of summation.
torch.set_default_dtype(torch.float64)
rows = [(torch.arange(3 + n) * (1 + n % 2) % 3).to(torch.uint8) for n in range(11)]
part = Sequences.from_list(rows, [n % 2 for n in range(11)])
parts = {"train": part, "valid": part.take(range(5)), "test": part.take([])}
corpus = Corpus(parts, Plain(3), ConditionSpace({"way": ("up", "down")}), None, "counting")
config = Config().replace_from(
    ["model.residual=4", "model.skip=6", "model.hidden=6", "model.dilations=[1,2]"]
    + ["training.steps=30", "training.columns=18", "training.crop=5", "training.warmup=3"]
    + ["training.average=0.9", "training.validate_every=10", "training.log_every=1"]
)
train(corpus, config, sys.argv[1], device="cpu")
state = PartialState()
print(f"process {state.process_index} of {state.num_processes}", flush=True)
"""


def launch(processes: int, directory: Path):
    """Run the script as a person would, in a shell of its own."""
    script = directory / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "accelerate.commands.launch", "--num_machines", "1"]
    # With --cpu, accelerate starts one process whatever --num_processes says, unless there is MPI.
    command += ["--multi_gpu"] if processes > 1 else ["--cpu"]
    command += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    command += ["--num_processes", str(processes), str(script), str(directory / str(processes))]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
    for rank in range(processes):
        assert f"process {rank} of {processes}" in done.stdout


@pytest.mark.slow
def test_two_processes_match_one(tmp_path):
    for processes in (1, 2):
        launch(processes, tmp_path)
    one, two = (read_history(tmp_path / name / "history.jsonl") for name in ("1", "2"))
    for row, other in zip(one, two, strict=True):
        row.pop("seconds"), other.pop("seconds")
        assert other == pytest.approx(row, abs=1e-9)
    states = [plaindata.load_tensors(tmp_path / n / "state.safetensors")[0] for n in ("1", "2")]
    for name, tensor in states[0].items():
        torch.testing.assert_close(states[1][name], tensor, atol=1e-9, rtol=0)


def test_run_starts_from_the_weights_of_a_trained_model(corpus, config, tmp_path):
    first = train(corpus, config, tmp_path / "first", device="cpu")
    start = modeldir.load(tmp_path / "first", device="cpu")
    train(corpus, config, tmp_path / "second", start=start, device="cpu")
    history = read_history(tmp_path / "second" / "history.jsonl")
    assert history[0]["valid"] == pytest.approx(first.standing.best, rel=1e-6)
    card = modeldir.load(tmp_path / "second").card
    assert card["training"]["start"]["weights"] == start.card["weights"]


def test_model_to_start_from_may_be_narrower_and_not_wider(corpus, config, tmp_path):
    first = train(corpus, config, tmp_path / "first", device="cpu")
    start = modeldir.load(tmp_path / "first", device="cpu")
    wide, narrow = (
        replace(config, model=replace(config.model, skip=config.model.skip + more))
        for more in (2, -1)
    )
    train(corpus, wide, tmp_path / "wide", start=start, device="cpu")
    history = read_history(tmp_path / "wide" / "history.jsonl")
    assert history[0]["valid"] == pytest.approx(first.standing.best, rel=1e-6)
    with pytest.raises(ValueError, match=r"a narrower one\n  skip: \d+ there, \d+ here"):
        train(corpus, narrow, tmp_path / "narrow", start=start, device="cpu")
    assert not (tmp_path / "narrow").exists()


def test_discriminative_share_tells_conditions_better_at_the_price_of_nats(
    corpus, config, tmp_path
):
    config = replace(config, training=replace(config.training, crop=None))
    symbols, condition, lengths = corpus.parts["train"].pad(range(20))
    told = {}
    for share in (0.0, 0.9):
        setting = replace(config.training, discriminative=share, steps=40)
        out = tmp_path / str(share)
        train(corpus, replace(config, training=setting), out, device="cpu")
        model = modeldir.load(out, device="cpu").model
        with torch.no_grad():
            joint = torch.stack(
                [
                    scoring.log_factors(model, symbols, torch.full((20,), k), lengths).sum(1)
                    for k in range(model.num_conditions)
                ],
                dim=1,
            )
        own = joint.gather(1, condition[:, None])
        told[share] = float(own.sum()), float((own - joint.logsumexp(1, keepdim=True)).sum())
    assert told[0.9][1] > told[0.0][1]
    assert told[0.9][0] < told[0.0][0]


def test_only_pictures_of_one_scan_can_be_moved(corpus, config, tmp_path):
    moved = replace(config, training=replace(config.training, shift=1, crop=None))
    with pytest.raises(ValueError, match="these are a plain"):
        train(corpus, moved, tmp_path, device="cpu")


def test_pieces_of_pictures_are_not_moved(corpus, config, tmp_path):
    cut = replace(config, training=replace(config.training, shift=1, crop=5))
    with pytest.raises(
        ValueError, match=r"training\.shift .* and training\.crop .*: leave one out"
    ):
        train(corpus, cut, tmp_path / "none", device="cpu")
    assert not (tmp_path / "none").exists()


def test_positions_are_those_of_the_new_corpus_and_not_of_the_model_to_start_from(tmp_path):
    shape = ModelConfig(residual=4, skip=4, hidden=4, dilations=(1, 2), features=True)
    config = Config(shape, TrainingConfig(steps=1, columns=512, validate_limit=4))
    one, other = (read_corpus({"kind": "digits", "scan": scan}) for scan in ("raster", "column"))
    train(one, config, tmp_path / "one", device="cpu")
    start = modeldir.load(tmp_path / "one", device="cpu")
    train(other, config, tmp_path / "other", start=start, device="cpu")
    assert modeldir.load(tmp_path / "other", device="cpu").model.features.equal(other.features)


def test_where_a_run_started_from_is_known_after_an_interruption(corpus, config, tmp_path):
    train(corpus, config, tmp_path / "first", device="cpu")
    start = modeldir.load(tmp_path / "first", device="cpu")
    longer = replace(config, training=replace(config.training, steps=config.training.steps + 4))
    train(corpus, longer, tmp_path / "second", start=start, device="cpu")
    train(corpus, longer, tmp_path / "second", resume=True, device="cpu")
    card = modeldir.load(tmp_path / "second").card
    assert card["training"]["start"]["weights"] == start.card["weights"]
