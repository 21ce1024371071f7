"""The verb that shows it all, on small digits."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from autoreg import demo as tour
from autoreg.cli.judged import print_judgements
from autoreg.cli.options import AsJson, Quiet, Threads, use_threads
from autoreg.cli.output import print_json
from autoreg.demo import Demo


def demo(
    *,
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="Where the model and the pictures go.", rich_help_panel="Output"
        ),
    ] = Path("autoreg-demo"),
    device: Annotated[
        Literal["auto", "cpu"],
        typer.Option(help="auto is an accelerator where there is one.", rich_help_panel="Machine"),
    ] = "auto",
    threads: Threads = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """The 8x8 digits that come with scikit-learn: no download, minutes on two cores.

    It trains the bundled model digits anew, judges it on the digits that were held out, and writes
    three pictures: draws of each digit, completions of upper halves, and the posterior as pixels
    arrive. When it is interrupted, the same command goes on with it.

    Example::

        autoreg demo --out demo
        autoreg classify demo digit.png
    """
    use_threads(threads)
    console = None if quiet or as_json else Console(stderr=True)
    found = tour.demo(out, device=device, console=console)
    if as_json:
        print_json({"model": str(out), **found.to_dict()})
        return
    seconds = found.seconds["all"]
    print_judgements([found.evaluation], name=str(out), seconds=seconds, as_json=False)
    Console(highlight=False).print(_table(found))
    for picture in found.pictures.values():
        print(picture)


def _table(found: Demo) -> Table:
    table = Table(title="the digits that it is least sure of", title_justify="left")
    for column in ("test digit", "truth", "first guess", "second guess"):
        table.add_column(column, justify="right")
    for guess in found.unsure:
        told = [f"{label}  {prob:7.2%}" for label, prob in (guess.first, guess.second)]
        right = "green" if guess.first[0] == guess.truth else "red"
        table.add_row(guess.name, guess.truth, f"[{right}]{told[0]}[/]", told[1])
    return table
