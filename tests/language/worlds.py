"""Small densities, every sequence of theirs, and what each is worth."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from torch import Generator

from autoreg.conditions import ConditionSpace
from autoreg.density import Density
from autoreg.language.evaluate import ask
from autoreg.models.markov import MarkovTable
from tests.oracles import chain_probs, every

SPACE = ConditionSpace({"speaker": ("ann", "bob"), "digit": ("0", "1")}, [1, 2, 3, 4])


@dataclass(frozen=True)
class World:
    """A density with its signal ``x``, and the answers by adding up all there is.

    Attributes:
        density: Whom tests ask.
        x: A signal.
        symbols: Its symbols, in the order of the scan.
    """

    density: Density
    x: Any
    symbols: list[int]

    def sum(self, holds: Callable[..., bool], prior: list[float] | None = None) -> float:
        """Return the probability that ``holds(x, speaker, digit)``, x a list of symbols."""
        weights = [0.25] * 4 if prior is None else prior
        return sum(
            p * weights[index]
            for sequence, index, labels, p in _everything(len(self.symbols))
            if holds(sequence, *labels)
        )

    def share(
        self,
        asked: Callable[..., bool],
        given: Callable[..., bool],
        prior: list[float] | None = None,
    ) -> float:
        """Return P(asked | given)."""
        both = self.sum(lambda x, s, d: asked(x, s, d) and given(x, s, d), prior)
        return both / self.sum(given, prior)


MODEL = MarkovTable.random(3, 2, 4, generator=Generator().manual_seed(3))


def density_of(signal):
    return Density(model=MODEL, signal=signal, space=SPACE, target="digit", card={})


@cache
def _everything(length):
    """Return each sequence with each condition's index, labels and p(sequence | condition)."""
    sequences = every(3, length)
    joint = chain_probs(MODEL, sequences).tolist()
    return [
        (sequence, index, tuple(SPACE.describe(index).values()), row[index])
        for sequence, row in zip(sequences.tolist(), joint, strict=True)
        for index in range(4)
    ]


def near(value):
    return pytest.approx(value, rel=1e-9)


def p(world, question, **bindings):
    """Return the probability that is the answer; ``x=None`` binds no signal."""
    bound = {name: one for name, one in {"x": world.x, **bindings}.items() if one is not None}
    answer = ask(world.density, question, **bound)
    assert answer.kind == "exact"
    return float(answer.value.exp())


def yes(x, s, d):
    return True


def alike(*positions):
    """A sequence agrees with the signal at these positions."""
    return lambda x, s, d: all(x[at] == [2, 0, 1, 2][at] for at in positions)


def hits(x, among, start=0, stop=4):
    return any(symbol in among for symbol in x[start:stop])


def law(world, value, given):
    """Return the conditional law of what ``value`` makes of a sequence and its labels."""
    found = {}

    def note(x, s, d):
        if given(x, s, d):
            found.setdefault(value(x, s, d), 0)
        return False

    world.sum(note)
    return {
        key: world.share(lambda x, s, d, key=key: value(x, s, d) == key, given) for key in found
    }


def entropy(weights):
    return -sum(p * math.log(p) for p in weights if p > 0)
