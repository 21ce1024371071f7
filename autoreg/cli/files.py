"""The files that a verb answers for."""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import typer

from autoreg.cli.output import counting
from autoreg.cli.refusals import REFUSALS, report
from autoreg.data import images, numbers, waves
from autoreg.data.signal import Signal

T = TypeVar("T")

_SUFFIXES = {
    "sound": waves.FORMATS,
    "picture": images.FORMATS,
    "series": (".npy", *numbers.DELIMITERS),
    "plain": (".npy", *numbers.DELIMITERS),
}


def expand(paths: Iterable[Path], signal: Signal) -> list[Path]:
    """Return files as they are, folders as all files of the signal's kind in them, sorted.

    Raises:
        FileNotFoundError: A folder has none.
    """
    suffixes = _SUFFIXES[signal.kind]
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        found = sorted(
            file for file in path.rglob("*") if file.suffix.lower() in suffixes and file.is_file()
        )
        if not found:
            raise FileNotFoundError(
                f"{path}: needs a folder with {', '.join(suffixes)} files; it has none"
            )
        files += found
    return files


def answers(
    files: Sequence[Path], ask: Callable[[Path], T], *, quiet: bool
) -> Iterator[tuple[Path, T]]:
    """Yield each good file with its answer, and say on stderr why another has none.

    Raises:
        typer.Exit: At the end, with code 1, if any had none.
    """
    refused = False
    # Rows that appear on a terminal are progress enough.
    with counting("files", quiet=quiet or sys.stdout.isatty()) as told:
        for number, file in enumerate(files, start=1):
            try:
                answer = ask(file)
            except REFUSALS as error:
                refused = True
                report(error)
            else:
                yield file, answer
            told(number, len(files))
    if refused:
        raise typer.Exit(1)
