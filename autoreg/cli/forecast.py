"""The verb that draws how a series may go on, with bands."""

from io import BytesIO
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from autoreg import plaindata
from autoreg.cli import values
from autoreg.cli.files import PICTURES, check_folder
from autoreg.cli.local import LocalFeatures, accompanied
from autoreg.cli.options import (
    AsJson,
    Count,
    Device,
    Dtype,
    GivenLabels,
    Memory,
    Model,
    PriorOption,
    Quiet,
    Seed,
    Temperature,
    Threads,
    open_density,
    seeded,
)
from autoreg.cli.output import print_json, waiting
from autoreg.queries.bands import Forecast


def forecast(
    model: Model,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The series: .npy, .csv or .txt.")],
    *,
    horizon: Annotated[int, typer.Option(min=1, help="How many numbers are forecast.")],
    keep: Annotated[
        int | None,
        typer.Option(min=0, help="How many numbers of the file are known; all if not given."),
    ] = None,
    count: Count = 256,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=".png, .pdf or .svg: the series with median and bands; .csv: a row for each "
            "time, its median and the ends of the bands.",
        ),
    ] = None,
    levels: Annotated[
        str, typer.Option(help="Share of the draws within each band.", metavar="0.5,0.9")
    ] = "0.5,0.9",
    given: GivenLabels = None,
    prior: PriorOption = None,
    temperature: Temperature = 1.0,
    seed: Seed = None,
    local: LocalFeatures = None,
    device: Device = "auto",
    dtype: Dtype = None,
    threads: Threads = None,
    memory: Memory = "256MB",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Bands are of each time by itself; a path leaves them somewhere more often than that.

    Where the file goes on behind what is kept, its share within the bands is told.

    Example::

        autoreg forecast fourier series.csv --keep 120 --horizon 80 -n 256 --out bands.png
        autoreg forecast fourier series.csv --horizon 80 --out bands.csv
    """
    if out is not None and out.suffix.lower() not in (".csv", *PICTURES):
        raise ValueError(f"{out}: bands need a file .csv, {', '.join(PICTURES)}")
    if out is not None:
        check_folder(out)
    density = open_density(model, device=device, dtype=dtype, threads=threads, memory=memory)
    density = accompanied(density, file, local)
    generator = seeded(seed)
    with waiting(f"drawing {count}", quiet=quiet or as_json):
        found = density.forecast(
            file,
            horizon=horizon,
            keep=keep,
            count=count,
            levels=values.numbers(levels),
            given=values.given(given or ()),
            prior=values.prior(prior or ()),
            temperature=temperature,
            generator=generator,
        )
    if out is not None:
        _save(found, out, title=f"{file.name} after {found.origin} numbers")
    if as_json:
        print_json(
            {
                "out": None if out is None else str(out),
                "seed": generator.initial_seed(),
                "origin": found.origin,
                "median": found.bands.median.tolist(),
                "bands": {
                    f"{level:g}": [low.tolist(), high.tolist()]
                    for level, low, high in zip(*_parts(found), strict=True)
                },
                "coverage": {f"{level:g}": share for level, share in found.coverage.items()},
                "cost": vars(found.draws.cost),
            }
        )
        return
    print(f"{file}: {count} draws of {horizon} numbers after {found.origin}")
    for level, share in found.coverage.items():
        told = "" if share != share else f": {share:.0%} of what came lies in it"
        print(f"band of {level:.0%} of the draws{told}")
    print(f"seed {generator.initial_seed()}" + ("" if out is None else f"; {out}"))


def _parts(found: Forecast) -> tuple[tuple[float, ...], torch.Tensor, torch.Tensor]:
    return found.bands.levels, found.bands.lower, found.bands.upper


def _save(found: Forecast, out: Path, *, title: str) -> None:
    if out.suffix.lower() in PICTURES:
        from autoreg import plots  # noqa: PLC0415 - matplotlib takes a while

        paths = found.draws.decode()[:, found.origin :]
        levels = found.bands.levels
        plots.save(plots.bands(found.truth, paths, found.origin, levels=levels, title=title), out)
        return
    columns = [torch.arange(len(found.bands.median)).double() + found.origin, found.bands.median]
    names = ["time", "median"]
    for level, low, high in zip(*_parts(found), strict=True):
        columns += [low, high]
        names += [f"low {level:g}", f"high {level:g}"]
    table = torch.stack(columns, 1).numpy()
    written = BytesIO()
    np.savetxt(written, table, "%.9g", ",", header=",".join(names), comments="")
    plaindata.replace(out, written.getvalue())
