"""The verb that measures speed."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from autoreg import modeldir
from autoreg.cli.options import AsJson, Quiet
from autoreg.cli.output import print_json
from autoreg.speed import pages
from autoreg.speed.report import Report
from autoreg.speed.rows import Row
from autoreg.speed.suite import bench as measure

OwnModel = Annotated[
    str | None,
    typer.Argument(
        metavar="[MODEL]",
        help="A directory, the name of a bundled model, or hf:owner/name; three models of random "
        "weights if not given.",
    ),
]
Everything = Annotated[
    bool, typer.Option("--all", help="All jobs on all models: a quarter of an hour.")
]
Growth = Annotated[
    bool,
    typer.Option("--growth", help="How cost grows with layers, width, batch, length, too."),
]
Corpus = Annotated[
    bool, typer.Option("--corpus", help="The memory that 100,000 files take, too: minutes.")
]


def bench(
    model: OwnModel = None,
    *,
    everything: Everything = False,
    growth: Growth = False,
    corpus: Corpus = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """What is drawn and scored in a second, beside plain PyTorch and beside what the machine does.

    All take turns, so that what slows the machine down slows down each of them. What the machine
    does is reading all weights of the model once a sample, or multiplying large matrices. Medians
    and quartiles; a minute's worth if nothing else is asked for. Let nothing else run meanwhile.
    With --json, one object with the machine, versions and every row.

    Example::

        autoreg bench
        autoreg bench runs/speakers
        autoreg bench --all --growth --json > speed.json
    """
    own = None if model is None else (model, modeldir.load(model, device="cpu").model)
    console = Console(stderr=True)

    def tell(row: Row) -> None:
        console.print(
            f"{_place(row)}: {pages.told(row.ours, unit=f' {row.unit}')}".replace("\n", ", "),
            highlight=False,
        )

    report = measure(
        everything=everything,
        grown=growth,
        corpus=corpus,
        own=own,
        tell=None if quiet or not console.is_terminal else tell,
    )
    if as_json:
        print_json(report.to_dict())
        return
    for table in (_ceilings(report), _rows(report), *_growth(report)):
        Console(highlight=False).print(table)


def _ceilings(report: Report) -> Table:
    names = list(dict.fromkeys(name for rates in report.ceilings.values() for name in rates))
    table = Table(title="this machine, G operations or bytes a second", title_justify="left")
    table.add_column("")
    for place in report.ceilings:
        table.add_column(place, justify="right")
    for name in names:
        found = (rates.get(name) for rates in report.ceilings.values())
        table.add_row(name, *(pages.told(one, scale=1e-9) for one in found))
    return table


def _rows(report: Report) -> Table:
    table = Table(title="medians (quartiles)", title_justify="left")
    table.add_column("job")
    for column in ("a second", "times as fast", "share of what bounds it", "wanted"):
        table.add_column(column, justify="right")
    for row in report.rows:
        unit = "" if row.unit.endswith("/s") else f" {row.unit}"
        table.add_row(
            _place(row),
            pages.told(row.ours, unit=unit),
            pages.told(row.ratio),
            pages.told(row.fraction, scale=100, unit=" %") if row.fraction else "",
            pages.wanted(row).replace("; ", "\n"),
        )
    return table


def _place(row: Row) -> str:
    """Return which row it is."""
    where = "" if row.device == "cpu" else f"{row.device}, "
    model = " ".join(filter(None, (pages.what(row), row.model, row.dtype)))
    return f"{model}\n{where}{row.threads} threads, batch {row.batch}"


def _growth(report: Report) -> list[Table]:
    tables = []
    for axis, points in report.growth.items():
        table = Table(title=f"seconds, by {axis}", title_justify="left")
        for name in points[0]:
            table.add_column(name, justify="right")
        for point in points:
            table.add_row(*(f"{value:.4g}" for value in point.values()))
        tables.append(table)
    return tables
