"""The positions and the symbols that a question speaks of.

Every part is a value, and ``str`` writes it as it is read. ``at`` is the offset of its text, which
errors point at: two parts that say the same are equal wherever they stand.
"""

import re
from dataclasses import dataclass, field

_PLAIN = re.compile(r"\d+|[^\W\d]\w*")


@dataclass(frozen=True)
class Name:
    """A word that stands for something; in quotes a factor or a label, and nothing else."""

    text: str
    quoted: bool = False
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return quoted(self.text) if self.quoted or not _PLAIN.fullmatch(self.text) else self.text


@dataclass(frozen=True)
class Seconds:
    """A time, or a number of positions by the time they take."""

    value: float
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{number(self.value)}s"


Unit = int | Seconds | Name


@dataclass(frozen=True)
class Position:
    """A sum of numbers, times and names: t + 28, -1, 0.2s; each with whether it is taken away."""

    parts: tuple[tuple[bool, Unit], ...]
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        (less, first), *rest = self.parts
        told = f"-{first}" if less else str(first)
        return told + "".join(f" {'-' if less else '+'} {unit}" for less, unit in rest)


@dataclass(frozen=True)
class Span:
    """Positions from one up to another, which is left out; each step-th of them."""

    start: Position | None = None
    stop: Position | None = None
    step: int | None = None
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        start, stop = ("" if end is None else str(end) for end in (self.start, self.stop))
        return f"{start}:{stop}" + ("" if self.step is None else f":{self.step}")


@dataclass(frozen=True)
class Masked:
    """The positions where a mask is false."""

    name: Name
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return f"not {self.name}"


@dataclass(frozen=True)
class Place:
    """A signal, or a region of it: along the scan by one index, by row and column by two."""

    signal: Name
    index: tuple[Position | Span | Masked, ...] = ()
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return (
            f"{self.signal}[{', '.join(map(str, self.index))}]" if self.index else f"{self.signal}"
        )


@dataclass(frozen=True)
class Range:
    """The symbols low..high, both included; a side that is None is open."""

    low: int | None
    high: int | None
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        if self.low is not None and self.low == self.high:
            return str(self.low)
        return "..".join("" if end is None else str(end) for end in (self.low, self.high))


@dataclass(frozen=True)
class Symbols:
    """The union of ranges and of sets that names stand for."""

    members: tuple[Range | Name, ...]
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        told = ", ".join(map(str, self.members))
        return told if len(self.members) == 1 else f"{{{told}}}"


def quoted(text: str) -> str:
    """Return a text in quotes, as the parser reads it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def number(value: float) -> str:
    """Return a number as the parser reads it: without a point where it is whole."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
