"""The randomness that torch takes from its global generator."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(*numbers: int, device: torch.device) -> Iterator[None]:
    """Make chance inside a function of `numbers`, and leave the global generators as they were.

    Initialisation and dropout have no generator argument. Seeding every step by seed, step and
    process makes its dropout a function of these, so that no generator state needs to be stored.
    """
    seed = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)  # noqa: TID251 - torch offers no argument for these
        yield
