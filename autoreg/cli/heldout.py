"""Options of the verbs that read a model's own held-out data."""

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from autoreg import evaluation
from autoreg.cli import values
from autoreg.data.corpus import Corpus
from autoreg.density import Density

_READING = "Reading files"

Data = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="The folder of the data; for MNIST, $AUTOREG_DATA if not given.",
        rich_help_panel=_READING,
    ),
]
Part = Annotated[
    Literal["train", "valid", "test"],
    typer.Option("--split", help="The part to judge on.", rich_help_panel=_READING),
]
LabelRule = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="RULE",
        help="Where labels come from if not as in training; see autoreg train audio.",
        rich_help_panel=_READING,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(min=1, help="Only the first so many sequences.", rich_help_panel=_READING),
]
First = Annotated[
    str | None,
    typer.Option(
        metavar="392|0.05s",
        help="Only the beginning of each: symbols, or seconds of sounds. Cut before the gain is "
        "normalised.",
        rich_help_panel=_READING,
    ),
]


def read_held_out(
    density: Density,
    data: Path | None,
    *,
    part: str,
    labels: str | None = None,
    first: str | None = None,
    local: Path | None = None,
    mono: bool = False,
    resample: bool = False,
) -> Corpus:
    """Return the corpus that these options name."""
    source, cut = density.card["training"].get("data", {}), values.extent(first)
    place = os.environ.get("AUTOREG_DATA")
    if data is None and source.get("kind") == "mnist" and place:
        data = Path(place)
    rule, table = (None, None) if labels is None else values.labels(labels, data or Path())
    return evaluation.held_out(
        density,
        data,
        part=part,
        labels=rule,
        table=table,
        local=local,
        first=cut.symbols,
        first_seconds=cut.seconds,
        mono=mono,
        resample=resample,
    )
