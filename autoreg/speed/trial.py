"""Competitors that are timed in turns."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch

Job = Callable[[int], object]
"""Does a piece of work so many times."""


class Entry(NamedTuple):
    """A competitor.

    Attributes:
        job: Does its piece of work as many times as it is told.
        size: How much one piece is: positions, operations, bytes.
    """

    job: Job
    size: float = 1.0


class Spread(NamedTuple):
    """The middle of what was measured, and where half of it lies.

    Attributes:
        median: The middle.
        lower: The first quartile.
        upper: The third quartile.
        turns: How many measurements there were.
    """

    median: float
    lower: float
    upper: float
    turns: int


class Trial(NamedTuple):
    """How long a job is repeated, and how often it takes its turn.

    Attributes:
        turn: Seconds of one turn, at least; a job that takes longer is done once.
        least: Turns of each job.
        most: Turns of each job at most.
        seconds: No further turn begins after this many seconds, once each job has had its least.
    """

    turn: float = 0.25
    least: int = 5
    most: int = 11
    seconds: float = 6.0


def race(entries: Mapping[str, Entry], trial: Trial | None = None) -> dict[str, list[float]]:
    """Return how much of its work each competitor does in a second, once for every turn.

    Each works once before, so that what is compiled or cached is; then the number of times that
    fills a turn is found, and all take turns: what slows the machine down for a while slows down
    each of them.

    Args:
        entries: Who competes.
        trial: How long, and how often.

    Example:
        >>> sleep = Entry(lambda count: time.sleep(0.001 * count), size=2)
        >>> rates = race({"sleep": sleep}, Trial(turn=0.01, least=5, most=5))
        >>> len(rates["sleep"]), 100 < min(rates["sleep"]) <= 2000
        (5, True)
    """
    trial = trial or Trial()
    counts = {name: _fitting(entry.job, trial.turn) for name, entry in entries.items()}
    rates: dict[str, list[float]] = {name: [] for name in entries}
    began = time.perf_counter()
    for turn in range(trial.most):
        if turn >= trial.least and time.perf_counter() - began > trial.seconds:
            break
        for name, (job, size) in entries.items():
            rates[name].append(size * counts[name] / elapsed(job, counts[name]))
    return rates


def spread(values: Sequence[float]) -> Spread:
    """Return median and quartiles.

    Example:
        >>> spread([1.0, 2.0, 3.0, 4.0, 5.0])
        Spread(median=3.0, lower=2.0, upper=4.0, turns=5)
    """
    if len(values) < 2:
        return Spread(values[0], values[0], values[0], len(values))
    lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, lower, upper, len(values))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Return how many times as often ours was done, turn by turn."""
    return spread([mine / other for mine, other in zip(ours, theirs, strict=True)])


def elapsed(job: Job, count: int) -> float:
    """Return the seconds in which a job is done so many times."""
    _settle()
    began = time.perf_counter()
    job(count)
    _settle()
    return time.perf_counter() - began


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute on so many threads inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fitting(job: Job, turn: float) -> int:
    """Return how many times of a job fill a turn, after doing it once unmeasured."""
    job(1)
    count, seconds = 1, elapsed(job, 1)
    while seconds < turn / 4:
        count *= 2
        seconds = elapsed(job, count)
    return max(1, round(count * turn / seconds))


def _settle() -> None:
    """Wait until a GPU that was used has done what it was told."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()
