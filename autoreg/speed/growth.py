"""How cost grows."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Generator

from autoreg import scoring
from autoreg.evidence import Evidence
from autoreg.models.dilations import doubling
from autoreg.models.wavenet import WaveNet
from autoreg.queries.infill import infill
from autoreg.queries.posterior import posterior
from autoreg.speed.asking import particles_alone
from autoreg.speed.generation import drawing
from autoreg.speed.subjects import multiplications, perturbed, sequences
from autoreg.speed.trial import Entry, Trial, race, spread

SHORT = Trial(turn=0.25, least=3, most=5, seconds=3.0)
AXES: dict[str, tuple[int, ...]] = {
    "layers": (5, 10, 20, 40),
    "width": (16, 32, 64, 128),
    "batch": (1, 4, 16, 64, 256),
    "length": (256, 1024, 4096, 16_384),
    "conditions": (1, 4, 16, 64),
    "particles": (64, 256, 1024),
}
"""What grows, and through which numbers."""
BASE: dict[str, Any] = {
    "residual": 32,
    "skip": 256,
    "hidden": 256,
    "dilations": doubling(2, 10),
}
"""What all else is: model B."""
LENGTH = 1024
"""Symbols of a sequence, where that is not what grows."""


def growth(axes: dict[str, tuple[int, ...]] = AXES) -> dict[str, list[dict[str, float]]]:
    """Return what a piece of each job costs, in seconds, as one thing grows and all else stays.

    Layers, width and batch: ``generation`` is one symbol of every sequence, ``scoring`` one batch
    of 1024 symbols each. Length: scoring and drawing one sequence of it. Conditions: the posterior
    of one sequence of 1024. Particles: filling in 48 of 64 symbols. Float32, on the threads there
    are.

    Args:
        axes: What grows, and through which numbers.
    """
    return {axis: [_point(axis, size) for size in sizes] for axis, sizes in axes.items()}


def _point(axis: str, size: int) -> dict[str, float]:
    model = _model(axis, size)
    batch = size if axis == "batch" else 1
    length = size if axis == "length" else LENGTH
    entries = {"generation": Entry(drawing(model, batch))}
    if axis == "length":
        draw = drawing(model, 1)
        entries["generation"] = Entry(lambda times: [draw(length) for _ in range(times)])
    if axis == "conditions":
        entries = {"posterior": Entry(_asking(model, length))}
    elif axis == "particles":
        entries = {"infilling": Entry(_filling(model, size))}
    else:
        entries["scoring"] = Entry(_scoring(model, batch, length))
    with torch.no_grad():
        rates = race(entries, SHORT)
    point = {axis: float(size), "multiplications": float(multiplications(model))}
    return point | {name: 1 / spread(found).median for name, found in rates.items()}


def _model(axis: str, size: int) -> WaveNet:
    shape = dict(BASE)
    if axis == "layers":
        shape["dilations"] = tuple(2 ** (number % 10) for number in range(size))
    if axis == "width":
        shape["residual"] = size
    return perturbed(256, conditions=(size if axis == "conditions" else 6,), **shape)


def _scoring(model: WaveNet, rows: int, length: int) -> Callable[[int], None]:
    symbols, condition = sequences(model, rows, length)

    def score(times: int) -> None:
        for _ in range(times):
            scoring.log_factors(model, symbols, condition)

    return score


def _asking(model: WaveNet, length: int) -> Callable[[int], None]:
    symbols, _ = sequences(model, 1, length)

    def ask(times: int) -> None:
        for _ in range(times):
            posterior(model, symbols, every_prefix=True)

    return ask


def _filling(model: WaveNet, particles: int) -> Callable[[int], None]:
    """Return the filling in of what is hidden, of which every fourth symbol is seen."""
    symbols, _ = sequences(model, 1, 64)
    prior = torch.zeros(model.num_conditions, dtype=torch.float64).log()
    prior[0] = 0.0
    seen = torch.arange(64) % 4 == 3
    evidence = Evidence.observe(
        symbols[0], model.num_symbols, where=seen, num_conditions=model.num_conditions
    ).given(prior)
    effort = particles_alone(particles)
    generator = Generator().manual_seed(0)

    def fill(times: int) -> None:
        for _ in range(times):
            infill(model, evidence, 1, effort=effort, generator=generator)

    return fill
