"""The verb that forecasts held-out sequences from many origins."""

import time
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Column, Table

from autoreg.cli import values
from autoreg.cli.heldout import Data, LabelRule, Limit, Part, read_held_out
from autoreg.cli.local import takes_local
from autoreg.cli.options import (
    AsJson,
    Device,
    Dtype,
    GivenScan,
    Memory,
    Model,
    Mono,
    PriorOption,
    Quiet,
    Resample,
    Threads,
    only_fixed,
    open_density,
    seeded,
)
from autoreg.cli.output import print_json, waiting
from autoreg.forecasting import forecasting
from autoreg.queries.rolling import Rolling

_QUESTION = "Question"
_COLUMNS = 4  # of a table: more are wider than a terminal


def rolling(
    model: Model,
    *,
    horizon: Annotated[
        int,
        typer.Option(min=1, help="How many symbols are forecast.", rich_help_panel=_QUESTION),
    ],
    origins: Annotated[
        str,
        typer.Option(
            metavar="N|all",
            help="How many in each sequence, evenly spaced.",
            rich_help_panel=_QUESTION,
        ),
    ] = "5",
    after: Annotated[
        int,
        typer.Option(
            min=0, help="The least number of symbols before one.", rich_help_panel=_QUESTION
        ),
    ] = 0,
    paths: Annotated[
        int, typer.Option(min=1, help="Draws from each.", rich_help_panel=_QUESTION)
    ] = 64,
    levels: Annotated[
        str,
        typer.Option(
            help="Share of the draws within each band.",
            metavar="0.5,0.9",
            rich_help_panel=_QUESTION,
        ),
    ] = "0.5,0.9",
    data: Data = None,
    part: Part = "test",
    limit: Limit = None,
    labels: LabelRule = None,
    mono: Mono = False,
    resample: Resample = False,
    given: GivenScan = None,
    prior: PriorOption = None,
    seed: Annotated[int, typer.Option(help="Of the draws.", rich_help_panel="Machine")] = 0,
    device: Device = "auto",
    dtype: Dtype = None,
    threads: Threads = None,
    memory: Memory = "256MB",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Accuracy of greedy and of drawn symbols, errors, log score and coverage at each horizon.

    The model directory says how the data were read. Errors are in the unit of the signal and of
    the greedy path and of the median of the draws; standard errors are over sequences.

    Example::

        autoreg rolling fourier --horizon 8 --origins 5 --paths 64
    """
    began = time.perf_counter()
    density = open_density(model, device=device, dtype=dtype, threads=threads, memory=memory)
    density = only_fixed(density, given or ())
    if takes_local(density):
        raise ValueError("rolling forecasts know no features that accompany a sound")
    count = None if origins == "all" else _whole(origins)
    with waiting("reading the data", quiet=quiet or as_json):
        corpus = read_held_out(
            density, data, part=part, labels=labels, mono=mono, resample=resample
        )
    with waiting(f"forecasting {horizon} symbols", quiet=quiet or as_json):
        found = forecasting(
            density,
            corpus,
            part=part,
            horizon=horizon,
            origins=count,
            first=after,
            paths=paths,
            levels=values.numbers(levels),
            prior=values.prior(prior or ()),
            limit=limit,
            generator=seeded(seed),
        )
    seconds = round(time.perf_counter() - began, 3)
    if as_json:
        facts = {"model": model, **found.to_dict(), "protocol": corpus.protocol}
        print_json({**facts, "seconds": seconds})
        return
    sequences = len(found.places[:, 0].unique())
    print(
        f"{model}: {sequences:,} sequences, {len(found.places):,} origins, {found.paths} paths, "
        f"{seconds:.1f} s"
    )
    if found.too_short:
        print(f"{found.too_short:,} sequences are left out: they have too few origins")
    for table in _tables(found):
        Console(highlight=False).print(table)
    print(corpus.protocol)


def _tables(found: Rolling) -> Iterator[Table]:
    """Yield tables of a few columns each, as wide as a terminal is."""
    means = list(found.means().items())
    for first in range(0, len(means), _COLUMNS):
        some = means[first : first + _COLUMNS]
        columns = (Column(name.replace("_", " "), justify="right") for name, _ in some)
        table = Table("horizon", *columns)
        for at in range(len(found.log_score.value)):
            cells = (f"{one.value[at]:.3f} ± {one.std_error[at]:.3f}" for _, one in some)
            table.add_row(str(at + 1), *cells)
        yield table


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"origins are a number in each sequence, or all; got {text!r}")
    return int(text)
