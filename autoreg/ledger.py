"""A file of rows that several processes may write, which an interrupted run goes on with.

Until all is written, the rows of ``ROWS.jsonl`` lie beside it in ``ROWS.jsonl.part``, or in one
part for each process, ``ROWS.jsonl.part-0-of-2``. Of a part, the first line says what was asked,
the last one how it ended, and each between is a row, in the order of the files. Parcels are dealt
in turn: parcel i is that of process i modulo their number. When all parts have ended, process 0
puts their rows together.
"""

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, NamedTuple, Self

from autoreg.bulk import PARCEL, Parcel

FORMAT = 1

_PART = re.compile(r"\.part(-\d+-of-\d+)?")
_ENDED = b'{"ended": '
_TAIL = 4096  # bytes: more than the last line of a part that has ended
_PAUSE = 0.2  # seconds between two looks at the parts of other processes


class Share(NamedTuple):
    """Which one of how many processes this is."""

    rank: int = 0
    world: int = 1

    @staticmethod
    def of(environment: Mapping[str, str]) -> "Share":
        """Return what torchrun and accelerate launch tell a process in its environment.

        Example:
            >>> Share.of({"RANK": "1", "WORLD_SIZE": "2"}), Share.of({})
            (Share(rank=1, world=2), Share(rank=0, world=1))
        """
        share = Share(int(environment.get("RANK", 0)), int(environment.get("WORLD_SIZE", 1)))
        if not 0 <= share.rank < share.world:
            raise ValueError(
                f"RANK needs to lie below WORLD_SIZE; got {share.rank} and {share.world}"
            )
        return share


class Whole(NamedTuple):
    """What a file of rows holds when all is written."""

    rows: int
    errors: int


class Ledger:
    """One process's part of a file of rows.

    Args:
        out: The file, in a folder that all processes share.
        terms: What is asked of which model, as plain data; a run goes on under the same only.
        share: Which process this is.
        resume: Go on with the part that is there, if one is.

    Raises:
        FileExistsError: The file is there, or a part that is not to be resumed.
        FileNotFoundError: There is no such folder.
        ValueError: The part that is there is of another model or question.
    """

    def __init__(
        self, out: Path, terms: Mapping[str, Any], share: Share | None = None, *, resume: bool
    ) -> None:
        self.out, self.share = out, share or Share()
        self._part = part_of(out, self.share)
        fields = {"format": FORMAT, "terms": {**terms, "processes": self.share.world}}
        self._header = _line(fields)
        self._digest, self._files = hashlib.sha256(), 0
        self._file: BinaryIO | None = None
        self._begin = self._end = 0  # where the rows of an earlier run lie; the same if none do
        self._check_place()
        if self._part.exists():
            self._take_up(resume=resume)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ended = _line({"ended": {"files": self._files, "sha256": self._digest.hexdigest()}})
        if kind is None and (self._file is not None or _last_line(self._part) != ended):
            self._opened().write(ended)
        if self._file is not None:
            self._file.close()

    def left(self, parcels: Iterable[Parcel]) -> Iterator[Parcel]:
        """Yield this process's parcels in which files are left, told how many are done.

        Raises:
            ValueError: The rows that are there are about other files.
        """
        rows = _rows(self._part, self._begin, self._end)
        for number, parcel in enumerate(parcels):
            self._files += len(parcel.files)
            for file in parcel.files:
                self._digest.update(os.fsencode(file) + b"\0")
            if number % self.share.world != self.share.rank:
                continue
            done = 0
            for file, row in zip(parcel.files, rows, strict=False):
                self._check_same(row, str(file))
                done += 1
            if done < len(parcel.files):
                yield parcel._replace(done=done)
        for row in rows:
            self._check_same(row, "no file")

    def append(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write the next rows, plain data each, with the name of its file under "file"."""
        file = self._opened()
        file.write(b"".join(map(_line, rows)))
        file.flush()

    def merge(self, waiting: Callable[[Path], object] | None = None) -> Whole:
        """Wait until all parts have ended, and put their rows together; for process 0.

        The file appears under its name with all of its rows, and the parts go.

        Args:
            waiting: Called once with each part that is not there yet.

        Raises:
            ValueError: A part is of another run, or was told of other files.
        """
        parts = [
            part_of(self.out, Share(rank, self.share.world)) for rank in range(self.share.world)
        ]
        for part in parts:
            self._wait(part, waiting)
        begin, end = len(self._header), _last_line(self._part)
        for part in parts:
            self._check_header(part)
            if _last_line(part) != end:
                raise ValueError(f"{part} is about other files than {self._part}")
        rows = [_rows(part, begin, part.stat().st_size - len(end)) for part in parts]
        total, errors = int(json.loads(end)["ended"]["files"]), 0
        whole = self.out.with_name(self.out.name + ".merging")
        with whole.open("wb") as file:
            for number in range(total):
                rank = number // PARCEL % self.share.world
                row = next(rows[rank], None)
                if row is None:
                    raise ValueError(f"{parts[rank]} has too few rows; remove it and resume")
                errors += b'"error": ' in row and "error" in json.loads(row)
                file.write(row)
        whole.replace(self.out)
        for part in parts:
            part.unlink()
        return Whole(total, errors)

    def _check_place(self) -> None:
        if not self.out.parent.is_dir():
            raise FileNotFoundError(f"{self.out}: needs a folder that exists")
        if self.out.exists():
            raise FileExistsError(f"{self.out} is there already; remove it or choose another name")
        mates = {part_of(self.out, Share(n, self.share.world)) for n in range(self.share.world)}
        for other in sorted(self.out.parent.iterdir()):
            rest = other.name.removeprefix(self.out.name)
            if rest != other.name and _PART.fullmatch(rest) and other not in mates:
                raise FileExistsError(
                    f"{other} is of a run of another number of processes than "
                    f"{self.share.world}: resume with as many, or remove it"
                )

    def _take_up(self, *, resume: bool) -> None:
        """Find the rows of an earlier run."""
        with self._part.open("rb") as file:
            whole = file.readline().endswith(b"\n")
            begin = file.tell()
            if not whole or not file.read(1):
                return  # nothing but the beginning
        if not resume:
            raise FileExistsError(
                f"{self._part} holds a run that has not ended: --resume goes on with it; or "
                "remove it"
            )
        self._check_header(self._part)
        last = _last_line(self._part)
        size = self._part.stat().st_size
        self._begin, self._end = begin, size - (len(last) if last.startswith(_ENDED) else 0)
        if not last.endswith(b"\n"):
            self._end = size - len(last)

    def _check_header(self, part: Path) -> None:
        """Refuse a part of another run, and say in what it differs."""
        with part.open("rb") as file:
            found = file.readline()
        if found == self._header:
            return
        ours = json.loads(self._header)
        try:
            theirs = json.loads(found)
            terms = dict(theirs["terms"])
        except (ValueError, TypeError, KeyError):
            raise ValueError(f"{part} is no part of a file of rows") from None
        if theirs.get("format") != FORMAT:
            raise ValueError(f"{part} needs format {FORMAT}; got {theirs.get('format')!r}")
        changes = [
            f"{name}: {terms.get(name)} -> {ours['terms'].get(name)}"
            for name in {**terms, **ours["terms"]}
            if terms.get(name) != ours["terms"].get(name)
        ]
        raise ValueError(
            "\n  ".join([f"{part}: a run is resumed as it was started; changed:", *changes])
        )

    def _check_same(self, row: bytes, file: str) -> None:
        try:
            found = json.loads(row)["file"]
        except (ValueError, TypeError, KeyError):
            raise ValueError(f"{self._part} has a line that is no row: {row!r:.80}") from None
        if found != file:
            raise ValueError(
                f"{self._part}: a run is resumed with the files that it was started with; "
                f"it has a row about {found} where now there is {file}"
            )

    def _opened(self) -> BinaryIO:
        """Return the part, opened where its rows end."""
        if self._file is None:
            if self._end:
                self._file = self._part.open("r+b")
                self._file.truncate(self._end)
                self._file.seek(self._end)
            else:
                self._file = self._part.open("wb")
                self._file.write(self._header)
        return self._file

    def _wait(self, part: Path, waiting: Callable[[Path], object] | None) -> None:
        told = False
        while not ((last := _last_line(part)).startswith(_ENDED) and last.endswith(b"\n")):
            if waiting is not None and not told:
                waiting(part)
            told = True
            time.sleep(_PAUSE)


def part_of(out: Path, share: Share) -> Path:
    """Return where a process writes its rows.

    Example:
        >>> part_of(Path("rows.jsonl"), Share(1, 2)).name
        'rows.jsonl.part-1-of-2'
    """
    suffix = f"-{share.rank}-of-{share.world}" if share.world > 1 else ""
    return out.with_name(f"{out.name}.part{suffix}")


def _line(fields: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(fields, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    except UnicodeEncodeError:  # a name that is no text
        return json.dumps(fields, allow_nan=False).encode() + b"\n"


def _rows(part: Path, begin: int, end: int) -> Iterator[bytes]:
    """Yield the lines between two places."""
    if begin == end:
        return
    with part.open("rb") as file:
        file.seek(begin)
        while begin < end and (line := file.readline()):
            begin += len(line)
            yield line


def _last_line(part: Path) -> bytes:
    """Return the last line of a file, whole or not, empty for an empty file."""
    if not part.exists():
        return b""
    with part.open("rb") as file:
        size, reach = file.seek(0, os.SEEK_END), _TAIL
        while True:
            file.seek(max(0, size - reach))
            tail = file.read()
            at = tail.rstrip(b"\n").rfind(b"\n")
            if at >= 0 or reach >= size:
                return tail[at + 1 :]
            reach *= 16
