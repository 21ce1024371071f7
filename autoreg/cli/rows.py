"""A row for each of many files, on the terminal or in a file."""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

import autoreg
from autoreg import bulk
from autoreg.bulk import Answered, Parcel
from autoreg.cli.files import expand
from autoreg.cli.output import counting, finite, print_json
from autoreg.cli.refusals import report
from autoreg.density import Density
from autoreg.ledger import Ledger, Share

Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="ROWS.jsonl",
        help="Write the rows as lines of JSON; a file that cannot be read has a row with its "
        "error. Until all is done they are in ROWS.jsonl.part. Processes started by "
        "`accelerate launch` or torchrun share the work.",
        rich_help_panel="Output",
    ),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with the rows of --out where an earlier run stopped, if there was one.",
        rich_help_panel="Output",
    ),
]

Fields = dict[str, Any]
"""What a row says of a file, plain data."""

Told = tuple[Path, Fields | Exception]
"""A file and its row, or why it has none."""

Teller = Callable[[Iterable[Parcel]], Iterator[list[Told]]]
"""Tells of the files in parcels, in their order, but for what is done."""


def local(device: str) -> str:
    """Return a GPU for each process of this machine where "auto" is asked for."""
    share = Share.of(os.environ)
    if device != "auto" or share.world == 1 or not torch.cuda.is_available():
        return device
    return f"cuda:{int(os.environ.get('LOCAL_RANK', 0)) % torch.cuda.device_count()}"


def asked(density: Density, verb: str, **question: Any) -> Fields:  # noqa: ANN401 - plain data
    """Return all that the rows of a file depend on, the files apart, as plain data."""
    card = json.dumps(density.card, sort_keys=True).encode()
    return {
        "verb": verb,
        **question,
        "model": hashlib.sha256(card).hexdigest(),
        "memory": density.memory,
        "autoreg": autoreg.__version__,
    }


def tell(
    density: Density,
    paths: Sequence[Path],
    answer: Teller,
    *,
    terms: Fields,
    show: Callable[[Fields], str] | None,
    head: str = "",
    out: Path | None,
    resume: bool,
    quiet: bool,
) -> None:
    """Print a row for each file, or write it to a file; say on stderr why another has none.

    Args:
        density: What is asked.
        paths: What the files are expanded from.
        answer: Tells of the files.
        terms: See ``asked``.
        show: Turns a row into text; None for JSON.
        head: Printed above the rows.
        out: The file to write; rows are printed if None.
        resume: Go on with it.
        quiet: Show no progress.

    Raises:
        typer.Exit: At the end, with code 1, if a file had no row.
        ValueError: There are several processes, and what they share cannot be shared.
    """
    share = Share.of(os.environ)
    if share.world > 1 and (out is None or Path("-") in paths):
        _refuse_sharing(share, out)
    if out is None:
        if resume:
            raise ValueError("--resume goes on with the rows of --out; give both")
        files = expand(paths, density.signal)
        if head and show is not None:
            print(head)
        # Rows that appear on a terminal are progress enough.
        silent = quiet or show is None or sys.stdout.isatty()
        told = answer(bulk.parcels(files))
        if _printed(told, show, total=_total(paths, density, quiet=silent), quiet=silent):
            raise typer.Exit(1)
        return
    if share.rank and out.exists():
        return  # process 0 says what is wrong, or has put all rows together already
    files = expand(paths, density.signal)
    with Ledger(out, terms, share, resume=resume) as ledger:
        silent = quiet or share.rank > 0
        told = answer(ledger.left(bulk.parcels(files)))
        _written(told, ledger, total=_total(paths, density, quiet=silent), quiet=silent)
    # A process that fails makes torchrun end the others: only the last to be done may.
    if share.rank == 0:
        whole = ledger.merge(lambda part: _say(f"waiting for {part}", quiet=quiet))
        if show is None:
            print_json({"out": str(out), **whole._asdict()})
        else:
            errors = f", {whole.errors:,} of them errors" if whole.errors else ""
            print(f"{out}: {whole.rows:,} rows{errors}")
        if whole.errors:
            raise typer.Exit(1)


def told_of(some: Answered[Any], fields: Sequence[Fields]) -> list[Told]:
    """Return what is said of each file that is not done."""
    both = zip(some.files, fields, strict=True)
    told = [(file, some.refusals.get(n, own)) for n, (file, own) in enumerate(both)]
    return told[some.done :]


def one_by_one(parcels: Iterable[Parcel], ask: Callable[[Path], Fields]) -> Iterator[list[Told]]:
    """Yield what is said of each file by itself."""
    for parcel in parcels:
        for file in parcel.files[parcel.done :]:
            try:
                yield [(file, ask(file))]
            except bulk.REFUSALS as error:
                yield [(file, error)]


def _printed(
    told: Iterator[list[Told]], show: Callable[[Fields], str] | None, *, total: int, quiet: bool
) -> bool:
    """Print rows and report errors; return whether there was one."""
    done, refused = 0, False
    with counting("files", quiet=quiet) as count:
        for some in told:
            lines = []
            for file, found in some:
                if isinstance(found, Exception):
                    refused = True
                    report(found)
                    continue
                fields = {"file": str(file), **found}
                lines.append(_json(fields) if show is None else show(fields))
            if lines:
                print("\n".join(lines), flush=True)
            count(done := done + len(some), max(total, done))
    return refused


def _written(told: Iterator[list[Told]], ledger: Ledger, *, total: int, quiet: bool) -> None:
    """Write rows, those of errors too, and report the errors."""
    with counting("files", quiet=quiet) as count:
        done = 0
        for some in told:
            rows = []
            for file, found in some:
                if isinstance(found, Exception):
                    report(found)
                    found = {"error": str(found)}
                rows.append({"file": str(file), **found})
            try:
                ledger.append(rows)
            except ValueError:  # which few rows are worth
                ledger.append(map(_finite, rows))
            count(done := done + len(some), max(total, done))


def _total(paths: Sequence[Path], density: Density, *, quiet: bool) -> int:
    """Return how many files there are where a person sees it and they can be counted twice."""
    if quiet or not sys.stderr.isatty() or Path("-") in paths:
        return 0
    return sum(1 for _ in expand(paths, density.signal))


def _refuse_sharing(share: Share, out: Path | None) -> None:
    """Refuse once, as process 0: the others end in peace."""
    if share.rank:
        raise typer.Exit(0)
    if out is None:
        raise ValueError(f"{share.world} processes share rows in a file: give --out ROWS.jsonl")
    raise ValueError(
        f"standard input reaches one of {share.world} processes: name the files in a list, @LIST"
    )


def _json(fields: Fields) -> str:
    try:
        text = json.dumps(fields, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return _json(_finite(fields))
    return text if text.isprintable() else json.dumps(fields)


def _finite(fields: Fields) -> Fields:
    return {name: finite(value) for name, value in fields.items()}


def _say(text: str, *, quiet: bool) -> None:
    if not quiet:
        print(text, file=sys.stderr, flush=True)
