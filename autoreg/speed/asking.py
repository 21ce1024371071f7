"""How fast questions are answered."""

import copy
from typing import Any

import torch
from torch import Generator

from autoreg import scoring
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.models.wavenet import WaveNet
from autoreg.queries.infill import infill
from autoreg.queries.posterior import posterior
from autoreg.speed.generation import REFERENCE, drawing, runtime
from autoreg.speed.rows import Row, compared
from autoreg.speed.scored import product_bound
from autoreg.speed.subjects import sequences
from autoreg.speed.trial import Entry, Trial, race, threads

SIDE = 28
"""Pixels of a row, and rows of an image."""
SEEN = 4
"""Every so many rows of the half that is filled in is seen: else there would be nothing to weigh,
and a filter of draws from the past alone would never resample."""


def every_posterior(
    name: str,
    model: WaveNet,
    length: int = SIDE * SIDE,
    *,
    count: int = 1,
    device: str = "cpu",
    trial: Trial | None = None,
) -> Row:
    """Return how many posteriors of one sequence, at every prefix, are worked out in a second.

    Beside it: scoring the sequence by itself as many times as there are conditions.

    Args:
        name: Of the model.
        model: In float32.
        length: Symbols of the sequence.
        count: Threads.
        device: Where.
        trial: How long, and how often.
    """
    model = copy.deepcopy(model).to(device)
    symbols, condition = sequences(model, 1, length)

    def ask(times: int) -> None:
        for _ in range(times):
            posterior(model, symbols, every_prefix=True)

    def score(times: int) -> None:
        for _ in range(times):
            scoring.log_factors(model, symbols, condition)

    one = "one score for each condition"
    entries = {"ours": Entry(ask), one: Entry(score, 1 / model.num_conditions)}
    with threads(count), torch.no_grad():
        rates = race(entries, trial)
    return Row(
        job="posterior",
        model=name,
        unit="posteriors/s",
        threads=count,
        device=device,
        facts={"length": length, "conditions": model.num_conditions},
        **compared(rates, "ours", others=(one,)),
    )


def filling(
    name: str,
    model: WaveNet,
    particles: int = 256,
    *,
    count: int = 1,
    device: str = "cpu",
    trial: Trial | None = None,
) -> Row:
    """Return how many positions a second particles walk that fill in the lower half of an image.

    All of the answer takes time: reading what is seen, resampling, drawing an image from the
    paths. Positions are those that paths step through and those that are read with them. Of the
    lower half every fourth row is seen. Beside it: the reference walk alone, with as many paths,
    of which nothing is resampled.

    Args:
        name: Of the model.
        model: In float32.
        particles: Paths, in two islands.
        count: Threads.
        device: Where.
        trial: How long, and how often.
    """
    model = copy.deepcopy(model).to(device)
    evidence = _lower_half(model)
    effort = particles_alone(particles)
    generator = Generator().manual_seed(0)

    def fill(times: int) -> Any:  # noqa: ANN401 - the last answer
        for _ in range(times):
            draws = infill(model, evidence, 1, effort=effort, generator=generator)
        return draws

    with threads(count), torch.no_grad():
        cost = fill(1).cost
        walked = cost.stepped + cost.scored
        entries = {
            "ours": Entry(fill, walked),
            REFERENCE: Entry(drawing(model, particles, by_reference=True), particles),
            "gemm, float32": product_bound(model, torch.float32, device=device),
        }
        rates = race(entries, trial or Trial(turn=1.0, least=3, most=5, seconds=20.0))
    return Row(
        job="infilling",
        model=name,
        unit="positions/s",
        threads=count,
        batch=particles,
        device=device,
        facts={"runtime": runtime(model, particles), "positions": walked},
        **compared(rates, "ours", others=(REFERENCE,), bounds=("gemm, float32",)),
    )


def particles_alone(count: int) -> Effort:
    """Return the effort of a filter of so many particles, in two islands, and of nothing else."""
    return Effort(method="particles", islands=2, particles=count // 2, growth=1, beams=0, sweeps=0)


def _lower_half(model: WaveNet) -> Evidence:
    """Return what is known of an image by chance of which a part of the lower half is hidden."""
    symbols, _ = sequences(model, 1, SIDE * SIDE)
    row = torch.arange(SIDE * SIDE) // SIDE
    hidden = (row >= SIDE // 2) & (row % SEEN != SEEN - 1)
    condition = torch.full((model.num_conditions,), -torch.inf, dtype=torch.float64)
    condition[0] = 0.0
    known = Evidence.observe(
        symbols[0].cpu(), model.num_symbols, num_conditions=model.num_conditions
    )
    return known.relax(hidden).given(condition)
