"""What is measured, in order."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

import torch

from autoreg.models.wavenet import WaveNet
from autoreg.speed.asking import every_posterior, filling
from autoreg.speed.ceilings import ceilings
from autoreg.speed.effects import effects
from autoreg.speed.generation import generation
from autoreg.speed.growth import growth
from autoreg.speed.learning import learning
from autoreg.speed.machine import cores, machine
from autoreg.speed.report import Report
from autoreg.speed.resident import clips, hour
from autoreg.speed.rows import Row
from autoreg.speed.scored import scored
from autoreg.speed.starting import starting
from autoreg.speed.subjects import SUBJECTS, multiplications, subject, weight_bytes
from autoreg.speed.textbook import Textbook, textbook_of
from autoreg.speed.trial import Spread, Trial

Tell = Callable[[Row], None]
QUICK = Trial(turn=0.2, least=3, most=5, seconds=3.0)
MANY = Trial(turn=1.0, least=5, most=5)
"""A walk begins and ends with a copy of all states: of many sequences, that is not nothing."""
STREAMS = 4096
"""Sequences that a GPU draws at a time."""


def bench(
    *,
    everything: bool = False,
    grown: bool = False,
    corpus: bool = False,
    own: tuple[str, WaveNet] | None = None,
    tell: Tell | None = None,
) -> Report:
    """Measure, and return all that was found.

    Args:
        everything: All jobs on all three models, a quarter of an hour; else a minute's worth.
        grown: How cost grows, too.
        corpus: The memory that 100,000 files take, too.
        own: A model of one's own, with its name, instead of the three; nothing plain beside it.
        tell: Called with each row as it is found.
    """
    models = _models(everything=everything) if own is None else dict([own])
    report = Report(machine=machine(), ceilings=_ceilings(models))
    for name, model in models.items():
        report.subjects[name] = {
            "multiplications": multiplications(model),
            "bytes": weight_bytes(model),
            "order": model.order,
        }
    jobs: list[Iterable[Row]] = [
        (_much if everything else _little)(name, model, textbook_of(model) if not own else None)
        for name, model in models.items()
    ]
    if everything and own is None:
        jobs.append(_once(models))
    if corpus:
        jobs.append(clips(count=cores()) for _ in range(1))
    for row in itertools.chain.from_iterable(jobs):
        report.rows.append(row)
        if tell is not None:
            tell(row)
    if grown:
        report.growth.update(growth())
    return report


def counts() -> list[int]:
    """Return the numbers of threads to measure with: one, and all."""
    return sorted({1, cores()})


def _little(name: str, model: WaveNet, plain: Textbook | None) -> Iterator[Row]:
    count = cores()
    for batch in (1, 16):
        yield from generation(name, model, batch, plain=plain, count=count, trial=QUICK)
    rows, length = _batch(name, model)
    length, found = min(length, 1024), effects(model, length=200)
    yield from scored(
        name, model, rows, length, plain=plain, effects=found, count=count, trial=QUICK
    )


def _much(name: str, model: WaveNet, plain: Textbook | None) -> Iterator[Row]:
    rows, length = _batch(name, model)
    found = effects(model)
    for count in counts():
        for batch in (1, 16, 256):
            for row in generation(
                name,
                model,
                batch,
                plain=plain,
                beside_reference=batch != 16,
                count=count,
                trial=MANY if batch == 256 else None,
            ):
                narrow = row.dtype == "bfloat16"
                yield replace(row, effect=found["bfloat16 walk"]) if narrow else row
        yield from scored(name, model, rows, length, plain=plain, effects=found, count=count)
        yield from learning(name, model, rows, length, plain=plain, effects=found, count=count)


def _once(models: Mapping[str, WaveNet]) -> Iterator[Row]:
    """Yield what is measured of one model, or of none."""
    for count in counts():
        yield every_posterior("A", models["A"], count=count)
        yield filling("A", models["A"], count=count)
    yield from starting()
    yield hour(count=cores())
    if torch.cuda.is_available():
        yield from _on_gpu(models)


def _on_gpu(models: Mapping[str, WaveNet]) -> Iterator[Row]:
    for name, model in models.items():
        shape, plain = SUBJECTS[name], textbook_of(model)
        for batch in (1, 256, STREAMS):
            yield from generation(
                name, model, batch, plain=plain, beside_reference=True, device="cuda"
            )
        # A GPU is idle with the batches of two cores.
        rows = 16 * shape.rows
        for job in (scored, learning):
            yield from job(name, model, rows, shape.length, plain=plain, device="cuda")
    yield every_posterior("A", models["A"], device="cuda")
    for particles in (256, STREAMS):
        yield filling("A", models["A"], particles, device="cuda")


def _models(*, everything: bool) -> dict[str, WaveNet]:
    return {name: subject(name) for name in (SUBJECTS if everything else "B")}


def _ceilings(models: Mapping[str, WaveNet]) -> dict[str, dict[str, Spread]]:
    found = {f"cpu, {count} threads": ceilings(models, count=count) for count in counts()}
    if torch.cuda.is_available():
        found["cuda"] = ceilings(models, device="cuda")
    return found


def _batch(name: str, model: WaveNet) -> tuple[int, int]:
    """Return rows and length of the batch that is scored and learnt from."""
    if name in SUBJECTS:
        return SUBJECTS[name].rows, SUBJECTS[name].length
    length = model.length or 2048
    return max(1, 8192 // length), length
