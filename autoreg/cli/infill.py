"""The verb that fills what is hidden."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from autoreg.cli import values
from autoreg.cli.answered import told_of_draws, told_of_trust
from autoreg.cli.files import check_drawing
from autoreg.cli.local import LocalFeatures, accompanied
from autoreg.cli.options import (
    AsJson,
    Count,
    Device,
    Drawing,
    Dtype,
    GivenLabels,
    Memory,
    Model,
    Mono,
    PriorOption,
    Quiet,
    Resample,
    Seed,
    Start,
    Stop,
    Threads,
    fixed,
    open_density,
    reading,
    seeded,
)
from autoreg.cli.output import print_json, waiting
from autoreg.density import Density
from autoreg.language.answered import draws_to_dict
from autoreg.language.errors import Source, pointing
from autoreg.language.masks import read_mask
from autoreg.language.parser import parse_region
from autoreg.language.regions import find
from autoreg.language.scope import Scope

Hidden = Annotated[
    list[str] | None,
    typer.Option(
        metavar="REGION",
        help="What is hidden, as in x[REGION]: 20:40 along the scan, '2:6, 2:6' of pixels, "
        "0.1s:0.15s of sound; again for more.",
        rich_help_panel="Question",
    ),
]
Mask = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="What is hidden too: where an image is white, or a .npy file is true.",
        rich_help_panel="Question",
    ),
]
Method = Annotated[
    str | None,
    typer.Option(
        help="Use this one: enumeration, dynamic programming, beam, importance, particles, "
        "twisted; the first that applies if not given.",
        rich_help_panel="Question",
    ),
]


def infill(
    model: Model,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What is seen, with a gap.")],
    *,
    hidden: Hidden = None,
    mask: Mask = None,
    count: Count = 8,
    out: Drawing,
    given: GivenLabels = None,
    prior: PriorOption = None,
    method: Method = None,
    start: Start = None,
    stop: Stop = None,
    mono: Mono = False,
    resample: Resample = False,
    local: LocalFeatures = None,
    seed: Seed = None,
    device: Device = "auto",
    dtype: Dtype = None,
    threads: Threads = None,
    memory: Memory = "256MB",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Labels that are not given are drawn along, from what is seen.

    Exact draws where the gap is small or ends the file, else draws from weighted paths; the
    program says which, how likely what is seen is, and whether there were paths enough.

    Example::

        autoreg infill digits image.png --hidden '2:6, 2:6' -n 8 --out filled.png
        autoreg infill digits image.png --mask scratch.png --out filled.png --given digit=4
        autoreg infill runs/speakers clip.wav --hidden 0.1s:0.15s -n 3 --out filled.wav
    """
    density = open_density(model, device=device, dtype=dtype, threads=threads, memory=memory)
    check_drawing(out, density.signal)
    density, known = fixed(density, given or ())
    density = accompanied(density, file, local, start=start)
    how, generator = reading(start=start, stop=stop, mono=mono, resample=resample), seeded(seed)
    symbols, _, _ = density.encode(file, **how)
    regions = _regions(density, hidden or (), mask, symbols.shape[1])
    with waiting(f"drawing {count}", quiet=quiet or as_json):
        draws = density.infill(
            file,
            hidden=regions,
            draws=count,
            given=known,
            prior=values.prior(prior or ()),
            method=method,
            generator=generator,
            **how,
        )
    draws.save(out)
    if as_json:
        told = {name: value for name, value in draws_to_dict(draws).items() if name != "symbols"}
        print_json({"out": str(out), "seed": generator.initial_seed(), **told})
        return
    print(f"{out}, seed {generator.initial_seed()}")
    for line in (*told_of_draws(draws), *told_of_trust(draws)):
        print(f"  {line}")


def _regions(density: Density, hidden: Sequence[str], mask: Path | None, length: int) -> list[Any]:
    scope, regions = Scope(density.signal, density.space), list[Any]()
    for text in hidden:
        with pointing(Source(text)):
            regions.append(find(parse_region(text), scope, length).region)
    if mask is not None:
        regions.append(read_mask(mask))
    if not regions:
        raise ValueError("infill needs to know what is hidden: --hidden REGION or --mask FILE")
    return regions
