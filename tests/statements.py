"""Evidence and events as Hypothesis draws them, with what they mean in plain Python."""

import itertools
import math
from dataclasses import dataclass

import torch
from hypothesis import strategies as st

from autoreg.events import Event
from autoreg.evidence import Evidence


@dataclass(frozen=True)
class Known:
    """What is known: the set of symbols that each position may take, and possible conditions."""

    num_symbols: int
    sets: tuple[frozenset[int], ...]
    possible: tuple[bool, ...] = (True,)

    @property
    def length(self):
        return len(self.sets)

    @property
    def table(self):
        rows = [[symbol in allowed for symbol in range(self.num_symbols)] for allowed in self.sets]
        return torch.tensor(rows, dtype=torch.bool).reshape(self.length, self.num_symbols)

    @property
    def log_condition(self):
        """An uneven prior, of which some conditions are ruled out."""
        shares = torch.arange(1, 1 + len(self.possible), dtype=torch.float64)
        return (shares / shares.sum()).log().masked_fill(~torch.tensor(self.possible), -torch.inf)

    def build(self):
        return Evidence.among(self.table).given(self.log_condition)

    def holds(self, symbols):
        return all(symbol in allowed for symbol, allowed in zip(symbols, self.sets, strict=True))


def knowns(num_symbols, length, num_conditions=1, *, impossible=True):
    """Strategy of what is known of that many positions, of every degree of knowledge."""
    everything = frozenset(range(num_symbols))
    symbol = st.integers(0, num_symbols - 1)
    interval = st.tuples(symbol, symbol).map(
        lambda ends: frozenset(range(min(ends), max(ends) + 1))
    )
    kinds = [
        st.just(everything),
        symbol.map(lambda one: frozenset([one])),
        interval,
        st.frozensets(symbol, min_size=0 if impossible else 1),
    ]
    possible = st.lists(st.booleans(), min_size=num_conditions, max_size=num_conditions)
    if not impossible:
        possible = possible.filter(any)
    return st.builds(
        Known,
        st.just(num_symbols),
        st.lists(st.one_of(kinds), min_size=length, max_size=length).map(tuple),
        possible.map(tuple),
    )


@dataclass(frozen=True)
class Happening:
    """An event as a person would say it.

    Attributes:
        kind: The constructor, or "and", "or", "not", "within".
        parts: Its arguments: sets and numbers, or other happenings.
    """

    kind: str
    parts: tuple

    def build(self, num_symbols):
        """Return the automaton."""
        match self.kind, *self.parts:
            case "hit", among:
                return Event.hit(among, num_symbols)
            case "before", first, second:
                return Event.before(first, second, num_symbols)
            case "count", among, least, most:
                return Event.count(among, num_symbols, at_least=least, at_most=most)
            case "word", symbols:
                return Event.word(symbols, num_symbols)
            case "run", among, length:
                return Event.run(among, length, num_symbols)
            case "and", one, two:
                return one.build(num_symbols) & two.build(num_symbols)
            case "or", one, two:
                return one.build(num_symbols) | two.build(num_symbols)
            case "not", one:
                return ~one.build(num_symbols)
            case "within", one, start, stop:
                return one.build(num_symbols).within(start, stop)
        raise ValueError(self.kind)

    def holds(self, symbols):
        """Return whether it happens in a list of symbols, without any automaton."""
        return self._holds(list(enumerate(symbols)))

    def _holds(self, placed):
        symbols = [symbol for _, symbol in placed]
        match self.kind, *self.parts:
            case "hit", among:
                return any(symbol in among for symbol in symbols)
            case "before", first, second:
                decisive = [symbol for symbol in symbols if symbol in {*first, *second}]
                return bool(decisive) and decisive[0] in first
            case "count", among, least, most:
                number = sum(symbol in among for symbol in symbols)
                return least <= number and (most is None or number <= most)
            case "word", word:
                places = range(len(symbols) - len(word) + 1)
                return any(symbols[at : at + len(word)] == word for at in places)
            case "run", among, length:
                grouped = itertools.groupby(symbols, lambda symbol: symbol in among)
                runs = [len(list(run)) for inside, run in grouped if inside]
                return max(runs, default=0) >= length
            case "and", one, two:
                return one._holds(placed) and two._holds(placed)
            case "or", one, two:
                return one._holds(placed) or two._holds(placed)
            case "not", one:
                return not one._holds(placed)
            case "within", one, start, stop:
                end = math.inf if stop is None else stop
                return one._holds([(at, symbol) for at, symbol in placed if start <= at < end])
        raise ValueError(self.kind)


def happenings(num_symbols):
    """Strategy of what may happen in a sequence."""
    symbol = st.integers(0, num_symbols - 1)
    among = st.frozensets(symbol).map(sorted)

    def windows(event):
        start = st.integers(0, 5)
        stop = st.none() | st.integers(0, 3)
        return st.builds(
            lambda one, at, more: Happening(
                "within", (one, at, None if more is None else at + more)
            ),
            event,
            start,
            stop,
        )

    leaves = st.one_of(
        st.builds(lambda s: Happening("hit", (s,)), among),
        st.builds(
            lambda a, b: Happening("before", (sorted(a), sorted(b - a))),
            st.frozensets(symbol),
            st.frozensets(symbol),
        ),
        st.builds(
            lambda s, least, more: Happening(
                "count", (s, least, None if more is None else least + more)
            ),
            among,
            st.integers(0, 3),
            st.none() | st.integers(0, 2),
        ),
        st.builds(lambda word: Happening("word", (word,)), st.lists(symbol, max_size=4)),
        st.builds(lambda s, n: Happening("run", (s, n)), among, st.integers(0, 4)),
    )
    return st.recursive(
        leaves,
        lambda event: st.one_of(
            st.builds(lambda a, b: Happening("and", (a, b)), event, event),
            st.builds(lambda a, b: Happening("or", (a, b)), event, event),
            st.builds(lambda a: Happening("not", (a,)), event),
            windows(event),
        ),
        max_leaves=3,
    )
