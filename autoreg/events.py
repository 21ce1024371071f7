"""Deterministic automata over time: what happens in a sequence, what a walk may draw."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor


@dataclass(frozen=True)
class Rules:
    """An automaton with a set of allowed symbols for every automaton state and position.

    Attributes:
        next: Automaton state after symbol v in state d, shape (D, Q).
        which: Row of ``sets`` that holds in state d at position t, shape (D, L).
        sets: The distinct sets, shape (S, Q).
        log_value: Log potential of standing in state d before position t, shape (D, L + 1);
            None stands for zeros.
    """

    next: Int[Tensor, "D Q"]
    which: Int[Tensor, "D L"]
    sets: Bool[Tensor, "S Q"]
    log_value: Float[Tensor, "D L1"] | None = None

    def __post_init__(self) -> None:
        states, length = self.which.shape
        if self.next.shape != (states, self.sets.shape[1]):
            raise ValueError(
                f"rules need next of shape ({states}, {self.sets.shape[1]}), from which and sets; "
                f"got {tuple(self.next.shape)}"
            )
        for name, value, limit in (
            ("next", self.next, states),
            ("which", self.which, len(self.sets)),
        ):
            if value.numel() and not 0 <= int(value.min()) <= int(value.max()) < limit:
                raise ValueError(
                    f"rules need {name} within 0..{limit - 1}; "
                    f"got {int(value.min())}..{int(value.max())}"
                )
        if self.log_value is not None and self.log_value.shape != (states, length + 1):
            raise ValueError(
                f"rules need log_value of shape ({states}, {length + 1}); "
                f"got {tuple(self.log_value.shape)}"
            )

    @property
    def length(self) -> int:
        """L: the number of positions the rules speak of."""
        return self.which.shape[1]

    @staticmethod
    def free(num_symbols: int, length: int) -> "Rules":
        """Allow every symbol at every position."""
        return Rules(
            torch.zeros(1, num_symbols, dtype=torch.int64),
            torch.zeros(1, length, dtype=torch.int64),
            torch.ones(1, num_symbols, dtype=torch.bool),
        )

    @staticmethod
    def among(sets: Bool[Tensor, "L Q"]) -> "Rules":
        """Allow at each position the symbols of its own set: one automaton state.

        Example:
            >>> Rules.among(torch.tensor([[True, False], [True, True], [True, False]])).sets
            tensor([[ True, False],
                    [ True,  True]])
        """
        distinct, which = torch.unique(sets, dim=0, return_inverse=True)
        return Rules(
            torch.zeros(1, sets.shape[1], dtype=torch.int64), which.reshape(1, -1), distinct
        )

    def to(self, device: torch.device) -> "Rules":
        """Return the same rules on a device."""
        value = None if self.log_value is None else self.log_value.to(device)
        return Rules(self.next.to(device), self.which.to(device), self.sets.to(device), value)


@dataclass(frozen=True, eq=False)
class Event:
    """What a set for each position cannot say: a deterministic automaton that reads a sequence.

    It begins in state 0 and the event occurs where the state after the last symbol is accepted.
    Events are joined by ``&`` and ``|``, turned round by ``~``, and confined to a window of
    positions by ``within``: outside of it the automaton stands still.

    Attributes:
        pieces: Transitions (D, Q) and the position from which on they hold, ascending from 0.
        accept: Which states are accepted, (D,).
        name: As a person would write it.

    Example:
        >>> Event.hit([2], num_symbols=3).occurs(torch.tensor([[0, 1, 0], [0, 2, 1]]))
        tensor([False,  True])
    """

    pieces: tuple[tuple[int, Int[Tensor, "D Q"]], ...]
    accept: Bool[Tensor, " D"]
    name: str = "event"

    @staticmethod
    def hit(among: Sequence[int], num_symbols: int) -> "Event":
        """Some symbol of a set occurs."""
        return Event.count(among, num_symbols, at_least=1)._named(f"hit({_listed(among)})")

    @staticmethod
    def before(first: Sequence[int], second: Sequence[int], num_symbols: int) -> "Event":
        """A symbol of one set occurs, and none of another occurs before it; both sets disjoint."""
        a, b = _mask(first, num_symbols), _mask(second, num_symbols)
        if bool((a & b).any()):
            raise ValueError(
                f"one set comes before another that shares no symbol; got {list(first)} "
                f"and {list(second)}"
            )
        undecided = torch.where(a, 1, torch.where(b, 2, 0))
        table = torch.stack([undecided, torch.ones_like(undecided), torch.full_like(undecided, 2)])
        accept = torch.tensor([False, True, False])
        return Event(((0, table),), accept, f"{_listed(first)} before {_listed(second)}")

    @staticmethod
    def count(
        among: Sequence[int], num_symbols: int, *, at_least: int = 0, at_most: int | None = None
    ) -> "Event":
        """Symbols of a set occur so many times, both bounds included."""
        most = at_least if at_most is None else at_most
        if at_least < 0 or most < at_least:
            raise ValueError(
                f"a count needs 0 <= at_least <= at_most; got {at_least} and {at_most}"
            )
        inside = _mask(among, num_symbols).long()
        # One state more than the greatest number that matters: "more than that".
        last = most if at_most is None else most + 1
        states = torch.arange(last + 1)[:, None]
        accept = (states[:, 0] >= at_least) & (states[:, 0] <= (last if at_most is None else most))
        name = f"{at_least} <= count({_listed(among)})" + (
            "" if at_most is None else f" <= {most}"
        )
        return Event(((0, (states + inside).clamp_max(last)),), accept, name)

    @staticmethod
    def word(symbols: Sequence[int], num_symbols: int) -> "Event":
        """Some symbols occur one right after the other (Knuth, Morris and Pratt, 1977)."""
        word = [int(symbol) for symbol in symbols]
        _mask(word, num_symbols)
        table = torch.zeros(len(word) + 1, num_symbols, dtype=torch.int64)
        # ``fallback``: where the automaton stands after all but the first of the symbols so far.
        fallback = 0
        for matched, symbol in enumerate(word):
            table[matched] = table[fallback] if matched else 0
            table[matched, symbol] = matched + 1
            fallback = int(table[fallback, symbol]) if matched else 0
        table[len(word)] = len(word)
        accept = torch.arange(len(word) + 1) == len(word)
        return Event(((0, table),), accept, f"word({word})")

    @staticmethod
    def run(among: Sequence[int], length: int, num_symbols: int) -> "Event":
        """Symbols of a set occur so many times without a break."""
        if length < 0:
            raise ValueError(f"a run needs a length of 0 or more; got {length}")
        inside = _mask(among, num_symbols)
        states = torch.arange(length + 1)[:, None]
        table = torch.where(inside, states + 1, 0).clamp_max(length)
        table[length] = length
        accept = states[:, 0] == length
        return Event(((0, table),), accept, f"run({_listed(among)}) >= {length}")

    @property
    def num_states(self) -> int:
        """D: the number of states."""
        return len(self.accept)

    @property
    def num_symbols(self) -> int:
        """Q: the number of symbols it reads."""
        return self.pieces[0][1].shape[1]

    def __post_init__(self) -> None:
        starts = [start for start, _ in self.pieces]
        if not starts or starts[0] != 0 or sorted(set(starts)) != starts:
            raise ValueError(f"pieces of an event need to start at 0 and ascend; got {starts}")
        for _, table in self.pieces:
            shape = (len(self.accept), self.pieces[0][1].shape[1])
            if table.shape != shape or int(table.min()) < 0 or int(table.max()) >= shape[0]:
                raise ValueError(
                    f"an event needs transitions of shape {shape} within 0..{shape[0] - 1}; "
                    f"got shape {tuple(table.shape)}"
                )

    def __invert__(self) -> "Event":
        return Event(self.pieces, ~self.accept, f"not ({self.name})")

    def __and__(self, other: "Event") -> "Event":
        pieces, left, right = _product(self, other)
        accept = self.accept[left] & other.accept[right]
        return Event(pieces, accept, f"({self.name}) and ({other.name})")

    def __or__(self, other: "Event") -> "Event":
        pieces, left, right = _product(self, other)
        accept = self.accept[left] | other.accept[right]
        return Event(pieces, accept, f"({self.name}) or ({other.name})")

    def within(self, start: int, stop: int | None = None) -> "Event":
        """Return the event of the symbols at start..stop, half open, alone."""
        if start < 0 or (stop is not None and stop < start):
            raise ValueError(f"a window needs 0 <= start <= stop; got {start} and {stop}")
        still = torch.arange(self.num_states)[:, None].expand(-1, self.num_symbols).clone()
        moves = {0: still, start: self.table(start)}
        moves |= {at: table for at, table in self.pieces if at > start}
        if stop is not None:
            moves = {at: table for at, table in moves.items() if at < stop} | {stop: still}
        until = "" if stop is None else stop
        return Event(tuple(sorted(moves.items())), self.accept, f"{self.name} in {start}:{until}")

    def table(self, position: int) -> Int[Tensor, "D Q"]:
        """Return the transitions that hold at a position."""
        return next(table for start, table in reversed(self.pieces) if start <= position)

    def breaks(self, start: int, stop: int) -> list[int]:
        """Return the positions within start..stop, both excluded, where transitions change."""
        return [at for at, _ in self.pieces if start < at < stop]

    def after(
        self, symbols: Integer[Tensor, "B L"], start: int, states: Int[Tensor, " B"]
    ) -> Int[Tensor, " B"]:
        """Return the automaton's states after symbols that begin at a position."""
        stop, still = start + symbols.shape[1], torch.arange(self.num_states)[:, None]
        for first, last in itertools.pairwise([start, *self.breaks(start, stop), stop]):
            table = self.table(first)
            if bool((table == still).all()):
                continue
            for column in symbols[:, first - start : last - start].long().unbind(1):
                states = table[states, column]
        return states

    def occurs(self, symbols: Integer[Tensor, "B T"]) -> Bool[Tensor, " B"]:
        """Return whether the event occurs in each sequence."""
        return self.accept[self.after(symbols, 0, torch.zeros(len(symbols), dtype=torch.int64))]

    def _named(self, name: str) -> "Event":
        return Event(self.pieces, self.accept, name)


def _mask(among: Sequence[int], num_symbols: int) -> Bool[Tensor, " Q"]:
    taken = torch.zeros(num_symbols, dtype=torch.bool)
    for symbol in among:
        if not 0 <= symbol < num_symbols:
            raise ValueError(f"symbols need to lie within 0..{num_symbols - 1}; got {symbol}")
        taken[symbol] = True
    return taken


def _listed(among: Sequence[int]) -> str:
    symbols = sorted(set(among))
    if len(symbols) > 2 and symbols == list(range(symbols[0], symbols[-1] + 1)):
        return f"{symbols[0]}..{symbols[-1]}"
    return "{" + ", ".join(map(str, symbols)) + "}"


def _product(
    one: Event, two: Event
) -> tuple[tuple[tuple[int, Tensor], ...], Int[Tensor, " D"], Int[Tensor, " D"]]:
    """Return the joint transitions and which state of each a joint state is."""
    if one.num_symbols != two.num_symbols:
        raise ValueError(
            "events are joined with events of as many symbols; "
            f"got {one.num_symbols} and {two.num_symbols}"
        )
    left = torch.arange(one.num_states).repeat_interleave(two.num_states)
    right = torch.arange(two.num_states).repeat(one.num_states)
    starts = sorted({start for start, _ in (*one.pieces, *two.pieces)})
    pieces = tuple(
        (at, one.table(at)[left] * two.num_states + two.table(at)[right]) for at in starts
    )
    return pieces, left, right
