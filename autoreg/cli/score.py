"""The verb that says how likely files are."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import torch
import typer

from autoreg import bulk
from autoreg.answers import Answer
from autoreg.bulk import Parcel
from autoreg.cli import values
from autoreg.cli.files import expand
from autoreg.cli.local import LocalFeatures, accompanied, named, takes_local
from autoreg.cli.options import (
    AsJson,
    Device,
    Dtype,
    Files,
    GivenLabels,
    Memory,
    Model,
    Mono,
    PriorOption,
    Quiet,
    Resample,
    Start,
    Stop,
    Threads,
    Trim,
    active,
    fixed,
    open_density,
    reading,
    trim_db,
)
from autoreg.cli.rows import Fields, Out, Resume, Told, asked, local, one_by_one, tell, told_of

PerSymbol = Annotated[
    Path | None,
    typer.Option(
        metavar="OUT.npy",
        help="Write log p of every symbol of the one file, given all before it, float64.",
        rich_help_panel="Output",
    ),
]


def score(
    model: Model,
    files: Files,
    *,
    given: GivenLabels = None,
    prior: PriorOption = None,
    per_symbol: PerSymbol = None,
    start: Start = None,
    stop: Stop = None,
    mono: Mono = False,
    resample: Resample = False,
    trim: Trim = False,
    local_features: LocalFeatures = None,
    out: Out = None,
    resume: Resume = False,
    device: Device = "auto",
    dtype: Dtype = None,
    threads: Threads = None,
    memory: Memory = "256MB",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """One row a file: log p in nats, bits a symbol, symbols. All symbols count, the first too.

    Clips of similar length are scored together, long files piece by piece: many clips take the
    memory of a few, an hour of sound that of a minute. With --json, one object a line.

    Example::

        autoreg score runs/speakers clips/ --json
        autoreg score runs/speakers @clips.txt --out rows.jsonl --resume
        autoreg score runs/speakers clip.wav --given speaker=ann --per-symbol surprise.npy
    """
    density = open_density(
        model, device=local(device), dtype=dtype, threads=threads, memory=memory
    )
    density, known = fixed(density, given or ())
    believed = values.prior(prior or ())
    density.space.log_prior(believed, known)  # what is wrong here is wrong for every file
    below = trim_db(density, trim=trim, quiet=quiet)
    how = reading(start=start, stop=stop, mono=mono, resample=resample, trim=below)
    if per_symbol is not None:
        count = 0 if Path("-") in files else sum(1 for _ in expand(files, density.signal))
        if count != 1:
            raise ValueError(f"--per-symbol needs one file; got {count or 'a list'}")

    def ask(path: Path) -> Fields:
        own = active(density, path, how)
        heard = accompanied(density, path, local_features, start=own.get("start"))
        return _fields(
            heard.log_prob(path, given=known, prior=believed, per_symbol=per_symbol, **own)
        )[0]

    def answer(parcels: Iterable[Parcel]) -> Iterator[list[Told]]:
        if per_symbol is not None or takes_local(density):
            yield from one_by_one(parcels, ask)
            return
        for some in bulk.log_probs(density, parcels, given=known, prior=believed, **how):
            yield told_of(some, _fields(some.answer))

    tell(
        density,
        files,
        answer,
        terms=asked(
            density,
            "score",
            given=known,
            prior=believed,
            dtype=dtype,
            **named(local_features),
            **how,
        ),
        show=None if as_json else _show,
        head=f"{'nats':>14}  {'bits/symbol':>11}  {'symbols':>9}  file",
        out=out,
        resume=resume,
        quiet=quiet or as_json,
    )


def _fields(answer: Answer) -> list[Fields]:
    """Return each value as plain data."""
    bits = answer.bits_per_symbol.reshape(-1).tolist()
    counts = torch.as_tensor(answer.num_symbols).reshape(-1)
    conditions = answer.cost.scored // max(1, int(counts.sum()))
    return [
        {
            "value": value,
            "kind": answer.kind,
            "method": answer.method,
            "std_error": None,
            "reliable": answer.reliable,
            "cost": {"stepped": 0, "scored": count * conditions},
            "bits_per_symbol": own,
            "symbols": count,
        }
        for value, own, count in zip(
            answer.value.reshape(-1).tolist(), bits, counts.tolist(), strict=True
        )
    ]


def _show(fields: Fields) -> str:
    told = f"{fields['value']:14.3f}  {fields['bits_per_symbol']:11.4f}  {fields['symbols']:9d}"
    return f"{told}  {fields['file']}"
