"""The verb that says how likely files are."""

from pathlib import Path
from typing import Annotated

import typer

from autoreg.answers import Answer
from autoreg.cli import values
from autoreg.cli.files import answers, expand
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
    open_density,
    reading,
)
from autoreg.cli.output import print_json

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
    device: Device = "auto",
    dtype: Dtype = None,
    threads: Threads = None,
    memory: Memory = "256MB",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """One row a file: log p in nats, bits a symbol, symbols. All symbols count, the first too.

    A file is read and scored piece by piece: an hour of sound takes the memory of a minute. With
    --json, one object a line.

    Example::

        autoreg score runs/speakers clips/ --json
        autoreg score runs/speakers clip.wav --given speaker=ann --per-symbol surprise.npy
    """
    density = open_density(model, device=device, dtype=dtype, threads=threads, memory=memory)
    known, believed = values.given(given or ()), values.prior(prior or ())
    density.space.log_prior(believed, known)  # what is wrong here is wrong for every file
    paths = expand(files, density.signal)
    if per_symbol is not None and len(paths) != 1:
        raise ValueError(f"--per-symbol needs one file; got {len(paths)}")
    how = reading(start=start, stop=stop, mono=mono, resample=resample)

    def ask(path: Path) -> Answer:
        return density.log_prob(path, given=known, prior=believed, per_symbol=per_symbol, **how)

    if not as_json:
        print(f"{'nats':>14}  {'bits/symbol':>11}  {'symbols':>9}  file")
    for path, answer in answers(paths, ask, quiet=quiet or as_json):
        symbols = 0 if answer.num_symbols is None else int(answer.num_symbols)
        if as_json:
            print_json({"file": str(path), **answer.to_dict(), "symbols": symbols})
            continue
        nats, bits = float(answer), float(answer.bits_per_symbol)
        print(f"{nats:14.3f}  {bits:11.4f}  {symbols:9d}  {path}")
