"""What a question asks or takes as given: labels, sets, ranges, events.

Every part is a value, and ``str`` writes it as it is read. ``at`` is the offset of its text, which
errors point at: two parts that say the same are equal wherever they stand.
"""

from dataclasses import dataclass, field

from autoreg.language.places import Name, Place, Position, Symbols, number


@dataclass(frozen=True)
class Label:
    """A factor that has a label."""

    factor: Name
    label: Name
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.factor}={self.label}"


@dataclass(frozen=True)
class Among:
    """All symbols of a place belong to a set, or none does."""

    place: Place
    symbols: Symbols
    outside: bool = False
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.place} {'not ' if self.outside else ''}in {self.symbols}"


@dataclass(frozen=True)
class Within:
    """A place lies within a range of the signal's own units, both ends included."""

    place: Place
    low: float
    high: float
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.place} within {number(self.low)}..{number(self.high)}"


@dataclass(frozen=True)
class Hit:
    """Some symbol of a place belongs to a set."""

    place: Place
    symbols: Symbols
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return f"hit({self.place}, {self.symbols})"


@dataclass(frozen=True)
class Count:
    """How many symbols of a place belong to a set; with ``run``, in the longest row of such."""

    place: Place
    symbols: Symbols
    comparison: str
    number: Position
    run: bool = False
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        counted = "run" if self.run else "count"
        return f"{counted}({self.place}, {self.symbols}) {self.comparison} {self.number}"


@dataclass(frozen=True)
class Word:
    """Symbols occur in a place one right after the other."""

    place: Place
    symbols: tuple[int, ...]
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return f"word({self.place}, [{', '.join(map(str, self.symbols))}])"


@dataclass(frozen=True)
class Before:
    """Something occurs before something else does, or before a position."""

    first: "Term"
    second: "Term | Position"
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{_atom(self.first)} before {_atom(self.second)}"


@dataclass(frozen=True)
class Not:
    """Something does not occur."""

    event: "Term"
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        joined = isinstance(self.event, Both)
        return f"not ({self.event})" if joined else f"not {self.event}"


@dataclass(frozen=True)
class Both:
    """All of some things occur, or with ``either`` at least one of them."""

    events: tuple["Term", ...]
    either: bool = False
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        loose = (Both,) if not self.either else ()
        told = [
            f"({event})" if isinstance(event, loose) or _alike(self, event) else str(event)
            for event in self.events
        ]
        return (" or " if self.either else " and ").join(told)


Term = Name | Place | Label | Among | Within | Hit | Count | Word | Before | Not | Both


def _alike(both: Both, event: Term) -> bool:
    return isinstance(event, Both) and event.either == both.either


def _atom(part: Term | Position) -> str:
    return f"({part})" if isinstance(part, Before | Not | Both) else str(part)
