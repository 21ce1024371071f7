"""What was measured, as rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autoreg.speed.trial import Entry, Spread, ratio, spread, threads

PLAIN = "the plain implementation"
ALONE = f"{PLAIN} on one thread"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One job, on one model, in one way.

    Attributes:
        job: What was done.
        model: Whose model it was.
        unit: Of ``ours`` and ``other``.
        ours: How much of it is done here.
        dtype: Of the weights; "autocast" is bfloat16 in products alone.
        threads: Of the processor.
        batch: Sequences at a time.
        device: "cpu" or "cuda".
        against: What it is compared with; empty if nothing.
        other: How much that does.
        ratio: ``ours`` over ``other``, turn by turn.
        ceiling: What bounds it; empty if nothing was measured that does.
        fraction: The share of that bound that is reached, turn by turn.
        effect: What the type of the numbers does to log p, in nats a symbol.
        facts: What else there is to know.
    """

    job: str
    model: str
    unit: str
    ours: Spread
    dtype: str = "float32"
    threads: int = 1
    batch: int = 1
    device: str = "cpu"
    against: str = ""
    other: Spread | None = None
    ratio: Spread | None = None
    ceiling: str = ""
    fraction: Spread | None = None
    effect: dict[str, float] | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            name: value._asdict() if isinstance(value, Spread) else value
            for name, value in vars(self).items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Row":
        """Return the row that plain data describe; what they say besides is left out."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if name in values}
        for name in ("ours", "other", "ratio", "fraction"):
            if known.get(name) is not None:
                known[name] = Spread(**known[name])
        return cls(**known)


def compared(
    rates: Mapping[str, Sequence[float]],
    name: str,
    *,
    others: Sequence[str] = (),
    bounds: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the numbers of a row from the rates of a race.

    Args:
        rates: Of all competitors, turn by turn.
        name: The one that the row is about.
        others: Those that it is compared with, as far as they competed: with the fastest.
        bounds: Those that bound it, as far as they competed: the slowest does.
    """
    found: dict[str, Any] = {"ours": spread(rates[name])}
    if other := max(_within(rates, others), key=lambda one: spread(rates[one]), default=""):
        found |= {"other": spread(rates[other]), "ratio": ratio(rates[name], rates[other])}
        found |= {"against": other}
    if bound := min(_within(rates, bounds), key=lambda one: spread(rates[one]), default=""):
        found |= {"ceiling": bound, "fraction": ratio(rates[name], rates[bound])}
    return found


def plainly(entry: Entry, count: int) -> dict[str, Entry]:
    """Return plain competitors: on all threads and, where these are several, on one.

    Threads that wait for each other after every small product may take longer than one alone.
    """

    def alone(times: int) -> None:
        with threads(1):
            entry.job(times)

    return {PLAIN: entry} if count == 1 else {PLAIN: entry, ALONE: Entry(alone, entry.size)}


def _within(rates: Mapping[str, Sequence[float]], names: Sequence[str]) -> list[str]:
    return [name for name in names if name in rates]
