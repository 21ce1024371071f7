"""How fast sequences are scored."""

import copy
from collections.abc import Iterator

import torch

from autoreg import scoring
from autoreg.models.wavenet import WaveNet
from autoreg.speed.ceilings import gemm
from autoreg.speed.effects import Effects
from autoreg.speed.rows import ALONE, PLAIN, Row, compared, plainly
from autoreg.speed.subjects import multiplications, sequences
from autoreg.speed.textbook import Textbook
from autoreg.speed.trial import Entry, Job, Trial, race, threads

KINDS = {"float32": "float32", "bfloat16": "bfloat16", "autocast": "bfloat16"}
"""How is scored, and whose products bound it."""


def scored(
    name: str,
    model: WaveNet,
    rows: int,
    length: int,
    *,
    plain: Textbook | None = None,
    effects: Effects | None = None,
    count: int = 1,
    device: str = "cpu",
    trial: Trial | None = None,
) -> Iterator[Row]:
    """Yield a row for each kind of numbers: positions per second.

    Args:
        name: Of the model.
        model: In float32.
        rows: Sequences at a time.
        length: Symbols of each.
        plain: The same function, plainly.
        effects: What each kind of numbers does to log p, to be told beside it.
        count: Threads.
        device: Where.
        trial: How long, and how often.
    """
    entries = {kind: scoring_entry(model, rows, length, kind, device=device) for kind in KINDS}
    if plain is not None:
        entries |= plainly(_plain_entry(plain, model, rows, length, device), count)
    for dtype in ("float32", "bfloat16"):
        entries[f"gemm, {dtype}"] = product_bound(model, getattr(torch, dtype), device=device)
    with threads(count), torch.no_grad():
        rates = race(entries, trial)
    for kind, dtype in KINDS.items():
        yield Row(
            job="scoring",
            model=name,
            unit="positions/s",
            dtype=kind,
            threads=count,
            batch=rows,
            device=device,
            effect=None if effects is None else effects.get(kind),
            facts={"length": length},
            **compared(rates, kind, others=(PLAIN, ALONE), bounds=(f"gemm, {dtype}",)),
        )


def scoring_entry(
    model: WaveNet, rows: int, length: int, kind: str, *, device: str = "cpu"
) -> Entry:
    """Return the scoring of a batch, in positions."""
    model = copy.deepcopy(model).to(device, torch.bfloat16 if kind == "bfloat16" else None)
    symbols, condition = sequences(model, rows, length)

    def score(times: int) -> None:
        with torch.autocast(device, torch.bfloat16, enabled=kind == "autocast"):
            for _ in range(times):
                scoring.log_factors(model, symbols, condition)

    return Entry(score, rows * length)


def product_bound(
    model: WaveNet, dtype: torch.dtype, *, passes: int = 1, device: str = "cpu"
) -> Entry:
    """Return what bounds so many passes through a model, in positions."""
    job, operations = gemm(dtype, device=device)
    return Entry(job, operations / (2 * multiplications(model) * passes))


def _plain_entry(plain: Textbook, model: WaveNet, rows: int, length: int, device: str) -> Entry:
    plain = copy.deepcopy(plain).to(device)
    symbols, condition = (part.to(device) for part in sequences(model, rows, length))

    def score(times: int) -> None:
        for _ in range(times):
            plain.log_factors(symbols, condition)

    job: Job = score
    return Entry(job, rows * length)
