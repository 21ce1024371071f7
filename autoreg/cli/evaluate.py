"""The verb that judges a model on held-out data."""

import os
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from autoreg import evaluation
from autoreg.cli import values
from autoreg.cli.options import (
    AsJson,
    Device,
    Dtype,
    Memory,
    Model,
    Mono,
    Of,
    PriorOption,
    Quiet,
    Resample,
    Threads,
    Verbose,
    open_density,
)
from autoreg.cli.output import counting, logged, print_evaluation, waiting

Data = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="The folder of the data; for MNIST, $AUTOREG_DATA if not given.",
        rich_help_panel="Reading files",
    ),
]
Part = Annotated[
    Literal["train", "valid", "test"],
    typer.Option("--split", help="The part to judge on.", rich_help_panel="Reading files"),
]
LabelRule = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="RULE",
        help="Where labels come from if not as in training; see autoreg train audio.",
        rich_help_panel="Reading files",
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(min=1, help="Only the first so many sequences.", rich_help_panel="Reading files"),
]
First = Annotated[
    str | None,
    typer.Option(
        metavar="392|0.05s",
        help="Only the beginning of each: symbols, or seconds of sounds. Cut before the gain is "
        "normalised.",
        rich_help_panel="Reading files",
    ),
]


def evaluate(
    model: Model,
    *,
    data: Data = None,
    part: Part = "test",
    of: Of = None,
    prior: PriorOption = None,
    limit: Limit = None,
    first: First = None,
    labels: LabelRule = None,
    mono: Mono = False,
    resample: Resample = False,
    device: Device = "auto",
    dtype: Dtype = None,
    threads: Threads = None,
    memory: Memory = "256MB",
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """The model directory says how the data were read and split; only their folder is needed.

    Accuracy of the target factor, nats a sequence with the labels summed out and given them, bits
    a symbol, log score and calibration error, each with its standard error.

    Example::

        autoreg evaluate runs/speakers --data recordings --json
        autoreg evaluate runs/speakers --data recordings --first 50ms
        autoreg evaluate runs/mnist --data DIR --limit 2000
    """
    began = time.perf_counter()
    density = open_density(model, device=device, dtype=dtype, threads=threads, memory=memory)
    source, cut = density.card["training"].get("data", {}), values.extent(first)
    if (
        data is None
        and source.get("kind") == "mnist"
        and (place := os.environ.get("AUTOREG_DATA"))
    ):
        data = Path(place)
    rule, table = (None, None) if labels is None else values.labels(labels, data or Path())
    with waiting("reading the data", quiet=quiet or as_json), logged(verbose=verbose):
        corpus = evaluation.held_out(
            density,
            data,
            part=part,
            labels=rule,
            table=table,
            first=cut.symbols,
            first_seconds=cut.seconds,
            mono=mono,
            resample=resample,
        )
    with counting(f"{part} sequences", quiet=quiet or as_json) as told:
        found = evaluation.evaluate(
            density,
            corpus,
            part=part,
            of=of,
            prior=values.prior(prior or ()),
            limit=limit,
            progress=told,
        )
    print_evaluation(found, name=model, seconds=time.perf_counter() - began, as_json=as_json)
