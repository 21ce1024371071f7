"""Training on sequences that features accompany: what is learned, and that it can go on."""

import math
import signal
from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator

from autoreg import modeldir, plaindata, scoring
from autoreg.conditions import ConditionSpace
from autoreg.data.corpus import Corpus
from autoreg.data.frames import Frames
from autoreg.data.plain import Plain
from autoreg.data.sequences import Sequences
from autoreg.training.batches import training_batches
from autoreg.training.config import Config
from autoreg.training.learner import Learner
from autoreg.training.loop import fit
from autoreg.training.report import read_history
from autoreg.training.run import build, train

HOP, WRONG = 2, 0.1


def told(count: int, seed: int, length: int = 60) -> Sequences:
    """Coins that show what their frame says, but for one in ten; both samples of a frame alike."""
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randint(2, (count, length // HOP), generator=generator)
    wrong = (torch.rand(count, length, generator=generator) < WRONG).long()
    symbols = (frames.repeat_interleave(HOP, 1) ^ wrong).to(torch.uint8)
    features = Frames.from_list(list((2.0 * frames[..., None] - 1).unbind()), hop=HOP)
    return Sequences.from_list(list(symbols), [0] * count, None, features)


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    parts = {"train": told(40, 0), "valid": told(40, 1), "test": told(2, 2)}
    return Corpus(parts, Plain(2), ConditionSpace({}), None, "coins that are told")


CONFIG = Config.from_dict(
    {
        "model": {
            "residual": 4,
            "skip": 6,
            "hidden": 6,
            "dilations": [1, 2],
            "condition_width": 3,
            "features": True,
        },
        "training": {
            "steps": 80,
            "columns": 600,
            "crop": 17,
            "learning_rate": 0.03,
            "warmup": 5,
            "average": 0.9,
            "weight_decay": 0.0,
            "validate_every": 80,
            "checkpoint_every": 80,
            "log_every": 40,
        },
    }
)


def entropy(chance: float) -> float:
    return -chance * math.log(chance) - (1 - chance) * math.log(1 - chance)


def best(corpus, config, directory):
    return train(corpus, config, directory, device="cpu").standing.best


def test_what_features_tell_is_learned_and_nothing_like_it_without_them(corpus, tmp_path):
    """With them nats are the entropy of the noise; without, the first coin of a frame is fair,
    and the second one is known as well as the first has shown it: noise twice."""
    # log p of a coin is log 0.9 or log 0.1: its standard deviation is 0.3 * log 9.
    error = math.sqrt(WRONG * (1 - WRONG)) * math.log(9) / math.sqrt(40 * 60)
    noise = entropy(WRONG)
    known = best(corpus, CONFIG, tmp_path / "known")
    assert noise - 4 * error < known < noise + 4 * error + 0.02
    alone = (math.log(2) + entropy(2 * WRONG * (1 - WRONG))) / 2
    deaf = CONFIG.replace_from(["model.features=false", "training.steps=20"])
    assert best(corpus, deaf, tmp_path / "deaf") > alone - 4 * 0.02
    loaded = modeldir.load(tmp_path / "known").model
    assert loaded.features is None
    assert (loaded.config()["hop"], loaded.config()["num_features"]) == (HOP, 1)


def test_learned_upsampling_is_trained_saved_and_loaded(corpus, tmp_path):
    config = CONFIG.replace_from(["model.upsampling=learned", "training.steps=40"])
    fitted = train(corpus, config, tmp_path, device="cpu")
    loaded = modeldir.load(tmp_path).model
    assert loaded.upsampling.change.abs().max() > 0.01
    valid = corpus.parts["valid"]
    nats = 0.0
    for i in range(len(valid)):
        known = loaded.with_features(valid.frames[i][None])
        symbols = valid[i][None].long()
        nats -= float(scoring.log_factors(known, symbols, valid.condition[:1]).sum().detach())
    assert nats / len(valid.symbols) == pytest.approx(fitted.standing.best, rel=1e-6)


def test_interrupted_and_resumed_is_the_uninterrupted_run_bit_for_bit(
    corpus, tmp_path, monkeypatch
):
    config = CONFIG.replace_from(["training.steps=8", "model.upsampling=learned"])
    config = config.replace_from(["training.validate_every=4", "training.checkpoint_every=4"])
    train(corpus, config, tmp_path / "whole", device="cpu")
    update = Learner.update

    def disturbed(self, batch, step, **how):
        if step == 5:
            signal.raise_signal(signal.SIGINT)
        return update(self, batch, step, **how)

    with monkeypatch.context() as patch:
        patch.setattr(Learner, "update", disturbed)
        assert train(corpus, config, tmp_path / "parts", device="cpu").ended == "interrupted"
    train(corpus, config, tmp_path / "parts", device="cpu", resume=True)
    one, other = (
        plaindata.load_tensors(tmp_path / name / "state.safetensors")[0]
        for name in ("whole", "parts")
    )
    assert [name for name in one if not torch.equal(one[name], other[name])] == []
    assert any("upsampling.change" in name for name in one)
    history = [read_history(tmp_path / name / "history.jsonl") for name in ("whole", "parts")]
    assert [row["valid"] for row in history[0]] == [row["valid"] for row in history[1]]


def test_a_run_is_not_resumed_under_other_features(corpus, tmp_path):
    config = CONFIG.replace_from(["training.steps=2"])
    train(corpus, config, tmp_path, device="cpu")
    part = corpus.parts["train"]
    other = replace(part, frames=replace(part.frames, values=-part.frames.values))
    changed = replace(corpus, parts={**corpus.parts, "train": other})
    with pytest.raises(ValueError, match=r"data\.train"):
        train(changed, config, tmp_path, resume=True, device="cpu")


def test_processes_that_share_a_batch_add_up_to_one(corpus):
    """The gradient of a batch is the sum of those of its shards, features and all."""
    model = build(corpus, CONFIG.model, seed=0).double()
    learner = Learner(model, CONFIG.training, Accelerator(cpu=True))
    batch = next(
        training_batches(corpus.parts["train"], order=model.order, crop=17, columns=200, seed=0)
    )
    torch.nn.init.normal_(model.stack.output.weight, generator=torch.Generator().manual_seed(0))

    def gradient(part):
        loss = learner._objective(*part).loss
        return torch.autograd.grad(loss, list(model.parameters()))

    whole = gradient(batch)
    shards = [gradient(batch.shard(rank, 3)) for rank in range(3)]
    for name, *parts in zip(whole, *shards, strict=True):
        assert torch.allclose(sum(parts), name, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["training.unroll=3"], r"training\.unroll knows no .*features"),
        (["training.discriminative=0.5"], r"training\.discriminative knows no features"),
    ],
)
def test_objectives_that_know_no_features_say_so(corpus, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        train(corpus, CONFIG.replace_from(changes), tmp_path, device="cpu")


def test_upsampling_of_nothing_is_refused(corpus):
    shape = replace(CONFIG.model, features=False, upsampling="linear")
    with pytest.raises(ValueError, match="'linear' needs a corpus with features at a hop"):
        build(corpus, shape, seed=0)
    bare = {name: replace(part, frames=None) for name, part in corpus.parts.items()}
    with pytest.raises(ValueError, match=r"model\.features needs a corpus with features"):
        build(replace(corpus, parts=bare), CONFIG.model, seed=0)


def test_a_model_of_features_is_not_trained_on_sequences_without(corpus, tmp_path):
    part = replace(corpus.parts["train"], frames=None)
    with pytest.raises(
        ValueError, match="takes features at a hop; the sequences to train on have none"
    ):
        fit(
            build(corpus, CONFIG.model, seed=0),
            part,
            part,
            CONFIG.training,
            directory=tmp_path,
            keep=lambda average, standing: None,
            settings={},
            accelerator=Accelerator(cpu=True),
        )
