"""How fast symbols are drawn."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Generator

from autoreg.events import Rules
from autoreg.models.wavenet import WaveNet
from autoreg.speed.ceilings import gemm, streaming
from autoreg.speed.rows import ALONE, PLAIN, Row, compared, plainly
from autoreg.speed.subjects import multiplications, weight_bytes
from autoreg.speed.textbook import Textbook
from autoreg.speed.trial import Entry, Job, Trial, race, threads
from autoreg.walks import reference
from autoreg.walks.request import request
from autoreg.walks.walking import walk

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
REFERENCE = "the reference walk in float32"
PIECE = 4096
"""The most positions of one walk."""
_REST: dict[str, Any] = {
    "rule_state": None,
    "path": None,
    "groups": 1,
    "log_weights": None,
    "min_ess": 0.0,
    "temperature": 1.0,
    "top_p": 1.0,
}


def generation(
    name: str,
    model: WaveNet,
    batch: int,
    *,
    plain: Textbook | None = None,
    beside_reference: bool = False,
    count: int = 1,
    device: str = "cpu",
    trial: Trial | None = None,
) -> Iterator[Row]:
    """Yield a row for each type of weights: samples per second, over all sequences.

    One sequence is bounded by the reading of all weights for each of its samples, from the cache
    that holds them; many by the rate of products of matrices. What bounds one on a GPU, how fast
    its parts agree, is not measured.

    Args:
        name: Of the model.
        model: In float32.
        batch: Sequences that are drawn at a time.
        plain: The same function, plainly.
        beside_reference: Whether the reference walk competes too, with rows of its own.
        count: Threads.
        device: Where.
        trial: How long, and how often.
    """
    model = copy.deepcopy(model).to(device)
    models = {dtype: copy.deepcopy(model).to(kind) for dtype, kind in DTYPES.items()}
    entries = {dtype: Entry(drawing(one, batch), batch) for dtype, one in models.items()}
    if plain is not None:
        job = drawing_plainly(copy.deepcopy(plain).to(device), batch)
        entries |= plainly(Entry(job, batch), count)
    if beside_reference:
        entries[REFERENCE] = Entry(drawing(model, batch, by_reference=True), batch)
    what = "reading all weights" if batch == 1 and device == "cpu" else "gemm"
    if batch > 1 or device == "cpu":
        for dtype, one in models.items():
            entries[f"{what}, {dtype}"] = bound(one, batch, count=count, device=device)
    with threads(count), torch.no_grad():
        rates = race(entries, trial)
    for dtype, one in models.items():
        row = Row(
            job="generation",
            model=name,
            unit="samples/s",
            dtype=dtype,
            threads=count,
            batch=batch,
            device=device,
            facts={"runtime": runtime(one, batch)},
            **compared(rates, dtype, others=(PLAIN, ALONE), bounds=(f"{what}, {dtype}",)),
        )
        yield row
        if beside_reference:
            beside = replace(row, job="walk", ceiling="", fraction=None)
            yield replace(beside, **compared(rates, dtype, others=(REFERENCE,)))


def drawing(model: WaveNet, batch: int, *, by_reference: bool = False) -> Job:
    """Return the drawing of one more symbol of each of a batch of sequences."""
    device = model.embedding.weight.device
    generator = Generator(device).manual_seed(0)
    with torch.no_grad():
        state = model.start(torch.arange(batch, device=device) % model.num_conditions)
    longest = min(PIECE, model.length or PIECE)

    def draw(times: int) -> None:
        for begin in range(0, times, longest):
            length = min(longest, times - begin)
            rules = Rules.free(model.num_symbols, length)
            uniforms = torch.rand(
                batch, length, dtype=torch.float64, device=device, generator=generator
            )
            if by_reference:
                reference.walk(model, request(model.num_symbols, state, rules, uniforms, **_REST))
            else:
                walk(model, state, rules, uniforms)

    return draw


def drawing_plainly(plain: Textbook, batch: int) -> Job:
    """Return the same, done plainly."""
    device = plain.causal.weight.device
    generator = Generator(device).manual_seed(0)
    condition = torch.arange(batch, device=device) % plain.num_conditions
    return lambda times: plain.generate(condition, times, generator=generator)


def bound(model: WaveNet, batch: int, *, count: int, device: str) -> Entry:
    """Return what bounds drawing, in samples."""
    if batch == 1 and device == "cpu":
        job, size = streaming(weight_bytes(model), count=count)
        return Entry(job, size / weight_bytes(model))
    job, size = gemm(model.embedding.weight.dtype, device=device)
    return Entry(job, size / (2 * multiplications(model)))


def runtime(model: WaveNet, batch: int) -> str:
    """Return by what a model is walked: "compiled" or "reference"."""
    device = model.embedding.weight.device
    uniforms = torch.zeros(batch, 1, dtype=torch.float64)
    rules = Rules.free(model.num_symbols, 1)
    with torch.no_grad():
        state = model.start(torch.zeros(batch, dtype=torch.int64, device=device))
        asked = request(model.num_symbols, state, rules, uniforms, **_REST)
        return "reference" if model.fast_walk(asked) is None else "compiled"
