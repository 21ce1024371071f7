"""The verb that draws what may follow after a beginning."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from autoreg.cli import streaming, values
from autoreg.cli.files import check_drawing
from autoreg.cli.local import LocalFeatures, accompanied
from autoreg.cli.options import (
    AsJson,
    CountOrOne,
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
    Trim,
    active,
    fixed,
    open_density,
    reading,
    seeded,
    trim_db,
)
from autoreg.cli.output import print_draws, waiting
from autoreg.cli.streaming import Streamed

Keep = Annotated[
    str,
    typer.Option(
        metavar="392|0.2s",
        help="How much of the file is kept: symbols, in the order of the scan, or seconds.",
        rich_help_panel="Question",
    ),
]
OnlyNew = Annotated[
    bool,
    typer.Option(
        "--only-new",
        help="Write what follows without the beginning; not of pictures.",
        rich_help_panel="Output",
    ),
]


def complete(
    model: Model,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What begins.")],
    *,
    keep: Keep,
    count: CountOrOne = None,
    out: Drawing,
    only_new: OnlyNew = False,
    stream: Streamed = False,
    given: GivenLabels = None,
    prior: PriorOption = None,
    length: Length = None,
    temperature: Temperature = 1.0,
    top_p: TopP = 1.0,
    start: Start = None,
    stop: Stop = None,
    mono: Mono = False,
    resample: Resample = False,
    trim: Trim = False,
    local: LocalFeatures = None,
    seed: Seed = None,
    device: Device = "auto",
    dtype: Dtype = None,
    threads: Threads = None,
    memory: Memory = "256MB",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Exact draws: labels that are not given come from their posterior after the beginning.

    The beginning counts into --length; without that, draws are as long as the file. There are 8
    unless -n says otherwise.

    Example::

        autoreg complete digits image.png --keep 32 -n 8 --out completed.png
        autoreg complete runs/speakers clip.wav --keep 0.2s --out completed.wav --given speaker=ann
        autoreg complete runs/speakers clip.wav --keep 0.5s --length 60s --out rest.wav --resample
            --only-new --stream
    """
    streaming.refuse_json(out, as_json=as_json)
    density = open_density(model, device=device, dtype=dtype, threads=threads, memory=memory)
    if not stream and str(out) != "-":
        check_drawing(out, density.signal)
    density, known = fixed(density, given or ())
    kept, size, generator = values.extent(keep), values.extent(length), seeded(seed)
    below = trim_db(density, trim=trim, quiet=quiet)
    how = reading(start=start, stop=stop, mono=mono, resample=resample, trim=below)
    if only_new and density.signal.length is not None:
        raise ValueError(f"--only-new is not for a {density.signal.kind}: it is drawn as a whole")
    how = active(density, file, how)
    density = accompanied(density, file, local, start=how.get("start"))
    if stream or str(out) == "-":
        streaming.refuse_several(count)
        heard = streaming.sound(density)
        symbols = density.encode(file, **how)[0][0]
        first = kept.symbols if kept.seconds is None else round(kept.seconds * heard.sample_rate)
        whole = len(symbols) if length is None else size.count(heard)
        if whole < (first or 0):
            raise ValueError(f"length counts the beginning in: at least {first}; got {whole}")
        drawn = density.stream(
            file,
            keep=first,
            length=whole - (first or 0),
            given=known,
            prior=values.prior(prior or ()),
            temperature=temperature,
            top_p=top_p,
            generator=generator,
            **how,
        )
        streaming.write(
            density,
            drawn,
            out,
            length=whole - (first or 0),
            generator=generator,
            lead=None if only_new else heard.decode(symbols[:first]),
            as_json=as_json,
            quiet=quiet,
        )
        return
    count = 8 if count is None else count
    with waiting(f"drawing {count}", quiet=quiet or as_json):
        draws = density.complete(
            file,
            count,
            keep=kept.symbols,
            keep_seconds=kept.seconds,
            length=size.symbols,
            seconds=size.seconds,
            given=known,
            prior=values.prior(prior or ()),
            temperature=temperature,
            top_p=top_p,
            generator=generator,
            **how,
        )
    if only_new and draws.log_evidence is not None:
        first = int(draws.log_evidence.num_symbols or 0)
        draws = replace(draws, symbols=draws.symbols[:, first:])
    draws.save(out)
    print_draws(draws, out, seed=generator.initial_seed(), as_json=as_json)
