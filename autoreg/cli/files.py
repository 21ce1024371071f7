"""The files that a verb answers for."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import soundfile
from PIL import Image

from autoreg.data import images, numbers, waves
from autoreg.data.signal import Signal

PICTURES = (".png", ".pdf", ".svg")
"""What figures are written as."""

_SUFFIXES = {
    "sound": waves.FORMATS,
    "picture": images.FORMATS,
    "series": (".npy", *numbers.DELIMITERS),
    "plain": (".npy", *numbers.DELIMITERS),
}


def expand(paths: Sequence[Path], signal: Signal) -> Iterator[Path]:
    """Return the files that are meant, one after another as they are found.

    A folder stands for all files of the signal's kind in it, sorted; ``@LIST`` for the files and
    folders that the file LIST names, one a line, and ``-`` for those that standard input names.

    Raises:
        FileNotFoundError: A folder has none, or there is no such list.
    """
    suffixes = _SUFFIXES[signal.kind]
    for path in paths:
        if path.is_dir() and next(_inside(path, suffixes), None) is None:
            raise FileNotFoundError(
                f"{path}: needs a folder with {', '.join(suffixes)} files; it has none"
            )
        listed = _list(path)
        if listed is not None and not listed.is_file():
            raise FileNotFoundError(f"{listed}: no such list of files")
    return _each(paths, suffixes)


def check_folder(path: Path) -> None:
    """Refuse a file that is to be written where no folder is, before anything is computed.

    Raises:
        FileNotFoundError: There is none.
    """
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"{path}: needs a folder that exists")


def check_drawing(path: Path, signal: Signal) -> None:
    """Refuse a file that draws cannot be written to, before anything is drawn.

    Raises:
        FileNotFoundError: There is no folder for it.
        ValueError: Its name does not say a format that the signal is written in.
    """
    check_folder(path)
    suffixes, ending = _SUFFIXES[signal.kind], path.suffix.lower()
    others: dict[str, Iterable[str]] = {
        "sound": (f".{name.lower()}" for name in soundfile.available_formats()),
        "picture": (
            name for name, kind in Image.registered_extensions().items() if kind in Image.SAVE
        ),
    }
    if ending not in (*suffixes, *others.get(signal.kind, ())):
        raise ValueError(f"{path}: a {signal.kind} is written to a file {', '.join(suffixes)}")


def _each(paths: Iterable[Path], suffixes: tuple[str, ...]) -> Iterator[Path]:
    for path in paths:
        if str(path) == "-":
            yield from _named(sys.stdin, suffixes)
        elif (listed := _list(path)) is not None:
            with listed.open(encoding="utf-8", errors="surrogateescape") as lines:
                yield from _named(lines, suffixes)
        elif path.is_dir():
            yield from _inside(path, suffixes)
        else:
            yield path


def _named(lines: Iterable[str], suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files on the lines; a folder without any is passed on, to be refused as a file."""
    for line in lines:
        if name := line.rstrip("\r\n"):
            found = False
            if os.path.isdir(name):  # noqa: PTH112 - a Path is slower, and there are many
                for file in _inside(Path(name), suffixes):
                    yield file
                    found = True
            if not found:
                yield Path(name)


def _inside(folder: Path | str, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files in a folder at any depth, sorted; links to folders are not followed."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _inside(entry.path, suffixes)
        elif entry.name.lower().endswith(suffixes) and entry.is_file():
            yield Path(entry.path)


def _list(path: Path) -> Path | None:
    """Return the list that @LIST means, unless there is a file of that very name."""
    name = str(path)
    return Path(name[1:]) if name.startswith("@") and name != "@" and not path.exists() else None
