"""The verb that draws what may follow after a beginning."""

from pathlib import Path
from typing import Annotated

import typer

from autoreg.cli import values
from autoreg.cli.options import (
    AsJson,
    Count,
    Device,
    Drawing,
    Dtype,
    GivenLabels,
    Length,
    Memory,
    Model,
    Mono,
    PriorOption,
    Quiet,
    Resample,
    Seed,
    Start,
    Stop,
    Temperature,
    Threads,
    TopP,
    open_density,
    reading,
    seeded,
)
from autoreg.cli.output import print_draws, waiting

Keep = Annotated[
    str,
    typer.Option(
        metavar="392|0.2s",
        help="How much of the file is kept: symbols, in the order of the scan, or seconds.",
        rich_help_panel="Question",
    ),
]


def complete(
    model: Model,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What begins.")],
    *,
    keep: Keep,
    count: Count = 8,
    out: Drawing,
    given: GivenLabels = None,
    prior: PriorOption = None,
    length: Length = None,
    temperature: Temperature = 1.0,
    top_p: TopP = 1.0,
    start: Start = None,
    stop: Stop = None,
    mono: Mono = False,
    resample: Resample = False,
    seed: Seed = None,
    device: Device = "auto",
    dtype: Dtype = None,
    threads: Threads = None,
    memory: Memory = "256MB",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Exact draws: labels that are not given come from their posterior after the beginning.

    The beginning counts into --length; without that, draws are as long as the file.

    Example::

        autoreg complete digits image.png --keep 32 -n 8 --out completed.png
        autoreg complete runs/speakers clip.wav --keep 0.2s --out completed.wav --given speaker=ann
    """
    density = open_density(model, device=device, dtype=dtype, threads=threads, memory=memory)
    kept, size, generator = values.extent(keep), values.extent(length), seeded(seed)
    with waiting(f"drawing {count}", quiet=quiet or as_json):
        draws = density.complete(
            file,
            count,
            keep=kept.symbols,
            keep_seconds=kept.seconds,
            length=size.symbols,
            seconds=size.seconds,
            given=values.given(given or ()),
            prior=values.prior(prior or ()),
            temperature=temperature,
            top_p=top_p,
            generator=generator,
            **reading(start=start, stop=stop, mono=mono, resample=resample),
        )
    draws.save(out)
    print_draws(draws, out, seed=generator.initial_seed(), as_json=as_json)
