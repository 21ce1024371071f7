"""A corpus and a config small enough to train in a second."""

import pytest
import torch
from accelerate import Accelerator

from autoreg.conditions import ConditionSpace
from autoreg.data.corpus import Corpus
from autoreg.data.plain import Plain
from autoreg.data.sequences import Sequences
from autoreg.training.config import Config
from autoreg.training.run import build


def sequences(count: int, seed: int) -> Sequences:
    """Noisy counting, upwards under condition 0 and downwards under condition 1."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(4, 25, (count,), generator=generator).tolist()
    rows = []
    for index, length in enumerate(lengths):
        noise = (torch.rand(length, generator=generator) < 0.1).long()
        rows.append(((-1) ** index * (torch.arange(length) + noise) % 3).to(torch.uint8))
    return Sequences.from_list(rows, torch.arange(count) % 2)


@pytest.fixture
def corpus() -> Corpus:
    return Corpus(
        parts={"train": sequences(20, 0), "valid": sequences(6, 1), "test": sequences(2, 2)},
        signal=Plain(3),
        space=ConditionSpace({"direction": ("up", "down")}, [10, 10]),
        target="direction",
        protocol="noisy counting modulo 3",
    )


@pytest.fixture
def config() -> Config:
    return Config.from_dict(
        {
            "model": {
                "residual": 4,
                "skip": 6,
                "hidden": 6,
                "dilations": [1, 2],
                "condition_width": 3,
                "dropout": 0.2,
            },
            "training": {
                "steps": 12,
                "columns": 64,
                "crop": 7,
                "learning_rate": 0.02,
                "warmup": 2,
                "average": 0.9,
                "validate_every": 4,
                "checkpoint_every": 4,
                "log_every": 3,
            },
        }
    )


@pytest.fixture
def accelerator() -> Accelerator:
    return Accelerator(cpu=True)


@pytest.fixture
def fresh(corpus, config):
    """A function that makes the same untrained model each time."""

    def make(seed: int = 0):
        return build(corpus, config.model, seed=seed)

    return make
