"""What is known of a sequence, position by position, and of its condition."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Bool, Float, Int, Integer
from torch import Tensor

Where = int | slice | Tensor
"""Positions: one, a slice, a boolean mask (T,), or indices."""
Among = Tensor | Sequence[int] | range | int
"""Symbols: a boolean mask (Q,), some symbols, or one."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """The set of symbols that each position may take, and of conditions, with their prior.

    One symbol is an observation, all of them is nothing known, anything between is a range. A
    position takes two or three whole numbers: an interval of symbols, and which of a few sets,
    where it is none. Evidence is a value; two are equal where they allow the same.

    Attributes:
        num_symbols: Q.
        low, high: The least and the greatest symbol that each position may take, int32 (T,); the
            empty set is ``low = 0, high = -1``.
        which: The row of ``sets`` that holds, or -1 where the whole interval does, int32 (T,).
        sets: The sets that are no intervals, all different, (S, Q).
        log_condition: log of p(y) for each condition that is possible, -inf for the others,
            float64 (K,). It need not sum to one: ruled out conditions took their share along.

    Example:
        >>> seen = Evidence.observe(torch.tensor([2, 0, 1]), 3, where=torch.tensor([1, 1, 0]) > 0)
        >>> seen
        Evidence(3 positions of 3 symbols: 2 observed, 1 free)
        >>> (seen & Evidence.free(3, 3).restrict(2, [0, 1])).mask(2, 3)
        tensor([[ True,  True, False]])
    """

    num_symbols: int
    low: Int[Tensor, " T"]
    high: Int[Tensor, " T"]
    which: Int[Tensor, " T"]
    sets: Bool[Tensor, "S Q"]
    log_condition: Float[Tensor, " K"] = field(
        default_factory=lambda: torch.zeros(1, dtype=torch.float64)
    )

    @staticmethod
    def free(num_symbols: int, length: int, num_conditions: int = 1) -> "Evidence":
        """Return evidence that says nothing; the prior of the conditions is uniform."""
        if length < 0 or num_symbols < 1 or num_conditions < 1:
            raise ValueError(
                "evidence needs a length of 0 or more, a symbol and a condition; "
                f"got {length}, {num_symbols} and {num_conditions}"
            )
        low = torch.zeros(length, dtype=torch.int32)
        log_condition = torch.full(
            (num_conditions,), 1 / num_conditions, dtype=torch.float64
        ).log()
        return Evidence(
            num_symbols,
            low,
            low + num_symbols - 1,
            low - 1,
            torch.zeros(0, num_symbols, dtype=torch.bool),
            log_condition,
        )

    @staticmethod
    def observe(
        symbols: Integer[Tensor, " T"],
        num_symbols: int,
        *,
        where: Bool[Tensor, " T"] | None = None,
        num_conditions: int = 1,
    ) -> "Evidence":
        """Return evidence of symbols, at all positions or where a mask says so.

        What the symbols are elsewhere does not count.
        """
        if symbols.ndim != 1 or symbols.is_floating_point() or symbols.dtype == torch.bool:
            raise ValueError(
                "symbols need whole numbers of shape (T,); "
                f"got {symbols.dtype} of shape {tuple(symbols.shape)}"
            )
        nothing = Evidence.free(num_symbols, len(symbols), num_conditions)
        seen = torch.ones(len(symbols), dtype=torch.bool) if where is None else where
        if seen.shape != symbols.shape or seen.dtype != torch.bool:
            raise ValueError(
                f"where needs a boolean mask of shape ({len(symbols)},), one entry a symbol; "
                f"got {seen.dtype} of shape {tuple(seen.shape)}"
            )
        symbols, seen = symbols.to("cpu", torch.int64), seen.cpu()
        wrong = seen & ((symbols < 0) | (symbols >= num_symbols))
        if bool(wrong.any()):
            at = int(wrong.nonzero()[0])
            raise ValueError(
                f"symbols need to lie within 0..{num_symbols - 1}; "
                f"got {int(symbols[at])} at position {at}"
            )
        taken = symbols.int()
        return replace(
            nothing,
            low=torch.where(seen, taken, nothing.low),
            high=torch.where(seen, taken, nothing.high),
        )

    @staticmethod
    def among(sets: Bool[Tensor, "T Q"], num_conditions: int = 1) -> "Evidence":
        """Return evidence that allows each position a set of its own."""
        if sets.ndim != 2 or sets.dtype != torch.bool:
            raise ValueError(
                "sets need booleans of shape (T, Q); "
                f"got {sets.dtype} of shape {tuple(sets.shape)}"
            )
        nothing = Evidence.free(sets.shape[1], len(sets), num_conditions)
        everywhere = torch.ones(len(sets), dtype=torch.bool)
        return _from_sets(nothing, everywhere, sets.cpu(), torch.arange(len(sets)))

    def restrict(self, where: Where, among: Among) -> "Evidence":
        """Return this and the knowledge that some positions take symbols of a set.

        Args:
            where: Positions: a number, a slice, a mask (T,) or indices; negative ones count from
                the end.
            among: Symbols, a mask (Q,) of them, or one symbol.
        """
        taken, among = self._mask(where), self._set(among)[None]
        row = torch.zeros(int(taken.sum()), dtype=torch.int64)
        return self & _from_sets(self.relax(), taken, among, row)

    def between(self, where: Where, low: int, high: int) -> "Evidence":
        """Return this and the knowledge that symbols lie within low..high, both included."""
        taken, free = self._mask(where), self.relax()
        first, last = max(low, 0), min(high, self.num_symbols - 1)
        within = replace(
            free,
            low=torch.where(taken, min(first, self.num_symbols), free.low),
            high=torch.where(taken, max(last, -1), free.high),
        )
        return self & within

    def relax(self, where: Where | None = None) -> "Evidence":
        """Return what is left when nothing is known any more of some positions, or of all."""
        taken = torch.ones(self.length, dtype=torch.bool) if where is None else self._mask(where)
        return _canonical(
            replace(
                self,
                low=self.low.masked_fill(taken, 0),
                high=self.high.masked_fill(taken, self.num_symbols - 1),
                which=self.which.masked_fill(taken, -1),
            )
        )

    def given(
        self, log_condition: Float[Tensor, " K"], conditions: Int[Tensor, " M"] | None = None
    ) -> "Evidence":
        """Return the same with another prior, restricted to some conditions.

        Args:
            log_condition: log p(y), shape (K,); -inf where a condition is ruled out.
            conditions: Those that are possible; all if None.
        """
        log_condition = log_condition.to("cpu", torch.float64)
        if log_condition.ndim != 1 or bool(
            log_condition.isnan().any() | (log_condition > 1e-6).any()
        ):
            raise ValueError(
                "log_condition needs log probabilities of shape (K,); "
                f"got {log_condition.tolist()}"
            )
        if conditions is not None:
            keep = torch.zeros(len(log_condition), dtype=torch.bool)
            keep[conditions] = True
            log_condition = log_condition.masked_fill(~keep, -torch.inf)
        return replace(self, log_condition=log_condition)

    def __and__(self, other: "Evidence") -> "Evidence":
        """Return what is known where both hold; their prior has to be the same one."""
        if (self.num_symbols, self.length) != (other.num_symbols, other.length):
            raise ValueError(
                "evidence is joined with evidence of as many positions and symbols; "
                f"got {self!r} and {other!r}"
            )
        low = torch.maximum(self.low, other.low)
        high = torch.minimum(self.high, other.high)
        odd = (self.which >= 0) | (other.which >= 0)
        # Of sets, a single symbol that is left is asked for; else, each pair of them is met once.
        lost = odd & (low == high) & ~(self._within(low) & other._within(low))
        joined = replace(
            self,
            low=low,
            high=high.masked_fill(lost, -1),
            which=self.which.masked_fill(odd, -1),
            log_condition=_joined_condition(self.log_condition, other.log_condition),
        )
        odd &= low < high
        if not bool(odd.any()):
            return _canonical(joined)
        at = odd.nonzero()[:, 0]
        mine, theirs = self._kinds(at), other._kinds(at)
        pairs, row = torch.unique(mine * (theirs.max() + 1) + theirs, return_inverse=True)
        first = torch.zeros_like(pairs).scatter_(0, row, at)
        return _from_sets(joined, odd, self._rows(first) & other._rows(first), row)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Evidence) and self._same(other)

    def __hash__(self) -> int:
        return hash((self.num_symbols, tuple(self.low.tolist()), tuple(self.high.tolist())))

    def __le__(self, other: "Evidence") -> bool:
        """Whether all that this allows, at each position, is allowed by the other.

        So is each condition; how probable they are does not count.
        """
        _check_conditions(self.log_condition, other.log_condition)
        within = self.log_condition.isneginf() | other.log_condition.isfinite()
        alike = replace(other, log_condition=self.log_condition)
        return bool(within.all()) and (self & alike)._same(self)

    def __repr__(self) -> str:
        seen, free = int(self.observed.sum()), int(self.unknown.sum())
        parts = [f"{seen} observed", f"{free} free"]
        if rest := self.length - seen - free:
            parts.insert(1, f"{rest} restricted")
        return (
            f"Evidence({self.length} positions of {self.num_symbols} symbols: {', '.join(parts)})"
        )

    @property
    def length(self) -> int:
        """T: the number of positions it speaks of."""
        return len(self.low)

    @property
    def observed(self) -> Bool[Tensor, " T"]:
        """Where exactly one symbol is possible."""
        return self.low == self.high

    @property
    def unknown(self) -> Bool[Tensor, " T"]:
        """Where every symbol is possible."""
        return (self.which < 0) & (self.high - self.low == self.num_symbols - 1)

    @property
    def hidden(self) -> Int[Tensor, " H"]:
        """The positions where more than one symbol is possible, ascending."""
        return (self.low < self.high).nonzero()[:, 0]

    @property
    def impossible(self) -> bool:
        """Whether some position, or the condition, has nothing left to be."""
        return bool((self.low > self.high).any() | self.log_condition.isneginf().all())

    def mask(self, start: int = 0, stop: int | None = None) -> Bool[Tensor, "L Q"]:
        """Return which symbols the positions start..stop may take, written out."""
        return self._rows(torch.arange(self.length)[start:stop])

    def allows(self, symbols: Integer[Tensor, "N T"]) -> Bool[Tensor, " N"]:
        """Return whether each sequence takes allowed symbols throughout."""
        if symbols.ndim != 2 or symbols.shape[1] != self.length:
            raise ValueError(
                f"symbols need shape (N, {self.length}), a column a position; "
                f"got {tuple(symbols.shape)}"
            )
        return self._within(symbols).all(-1)

    def _within(self, symbols: Integer[Tensor, "*N T"]) -> Bool[Tensor, "*N T"]:
        within = (symbols >= self.low) & (symbols <= self.high)
        odd = (self.which >= 0).nonzero()[:, 0]
        taken = symbols[..., odd].long().clamp(0, self.num_symbols - 1)
        within[..., odd] &= self.sets[self.which[odd].long(), taken]
        return within

    def _kinds(self, at: Int[Tensor, " L"]) -> Int[Tensor, " L"]:
        """Return a number for each position, equal where the same symbols are possible."""
        low, high, which = (part[at].long() for part in (self.low, self.high, self.which))
        key = ((which + 1) * (self.num_symbols + 1) + high) * self.num_symbols + low
        return torch.unique(key, return_inverse=True)[1]

    def _rows(self, at: Int[Tensor, " L"]) -> Bool[Tensor, "L Q"]:
        symbols = torch.arange(self.num_symbols, dtype=torch.int32)
        rows = (symbols >= self.low[at, None]) & (symbols <= self.high[at, None])
        odd = self.which[at] >= 0
        rows[odd] &= self.sets[self.which[at][odd].long()]
        return rows

    def _mask(self, where: Where) -> Bool[Tensor, " T"]:
        if isinstance(where, Tensor) and where.dtype == torch.bool:
            if where.shape != (self.length,):
                raise ValueError(
                    f"a mask of positions needs shape ({self.length},); got {tuple(where.shape)}"
                )
            return where.cpu()
        if isinstance(where, Tensor) and not where.is_floating_point():
            where = where.long()
        taken = torch.zeros(self.length, dtype=torch.bool)
        try:
            taken[where] = True
        except IndexError:
            raise ValueError(
                f"positions need to lie within 0..{self.length - 1}; got {where}"
            ) from None
        return taken

    def _set(self, among: Among) -> Bool[Tensor, " Q"]:
        if isinstance(among, Tensor) and among.dtype == torch.bool:
            if among.shape != (self.num_symbols,):
                raise ValueError(
                    f"a set of symbols needs shape ({self.num_symbols},); got {tuple(among.shape)}"
                )
            return among.cpu()
        symbols = torch.as_tensor([among] if isinstance(among, int) else list(among))
        if len(symbols) and (symbols.is_floating_point() or symbols.dtype == torch.bool):
            raise ValueError(f"a set of symbols needs whole numbers; got {symbols.dtype}")
        if len(symbols) and not 0 <= int(symbols.min()) <= int(symbols.max()) < self.num_symbols:
            raise ValueError(
                f"symbols of a set need to lie within 0..{self.num_symbols - 1}; got {among}"
            )
        taken = torch.zeros(self.num_symbols, dtype=torch.bool)
        taken[symbols.long()] = True
        return taken

    def _same(self, other: "Evidence") -> bool:
        return all(
            torch.equal(mine, theirs)
            for mine, theirs in (
                (self.low, other.low),
                (self.high, other.high),
                (self.which, other.which),
                (self.sets, other.sets),
                (self.log_condition, other.log_condition),
            )
        )


def _check_conditions(left: Tensor, right: Tensor) -> None:
    if left.shape != right.shape:
        raise ValueError(
            "evidence is joined with evidence of as many conditions; "
            f"got {len(left)} and {len(right)}"
        )


def _joined_condition(left: Tensor, right: Tensor) -> Float[Tensor, " K"]:
    _check_conditions(left, right)
    both = left.isfinite() & right.isfinite()
    if not torch.allclose(left[both], right[both], rtol=0, atol=1e-12):
        raise ValueError(
            "evidence is joined with evidence of the same prior over conditions; "
            f"got {left.exp().tolist()} and {right.exp().tolist()}"
        )
    return torch.minimum(left, right)


def _from_sets(
    base: Evidence, where: Bool[Tensor, " T"], rows: Bool[Tensor, "N Q"], row: Int[Tensor, " L"]
) -> Evidence:
    """Return the evidence with its sets replaced at some positions; each is one of the rows."""
    count = rows.sum(-1, dtype=torch.int32)
    low = torch.where(count > 0, rows.int().argmax(-1), 0).int()
    high = torch.where(count > 0, base.num_symbols - 1 - rows.flip(-1).int().argmax(-1), -1).int()
    distinct, number = torch.unique(rows, dim=0, return_inverse=True)
    odd = count != high - low + 1
    which = torch.where(odd, len(base.sets) + number.reshape(-1).int(), -1)
    return _canonical(
        replace(
            base,
            low=base.low.masked_scatter(where, low[row]),
            high=base.high.masked_scatter(where, high[row]),
            which=base.which.masked_scatter(where, which[row].int()),
            sets=torch.cat([base.sets, distinct]),
        )
    )


def _canonical(evidence: Evidence) -> Evidence:
    """Return the one way of saying it: empty sets alike, only sets that are used, in order."""
    empty = evidence.low > evidence.high
    which = evidence.which.masked_fill(empty, -1)
    used, row = torch.unique(which[which >= 0].long(), return_inverse=True)
    sets, order = torch.unique(evidence.sets[used], dim=0, return_inverse=True)
    return replace(
        evidence,
        low=evidence.low.masked_fill(empty, 0),
        high=evidence.high.masked_fill(empty, -1),
        which=which.masked_scatter(which >= 0, order.reshape(-1)[row].int()),
        sets=sets,
    )
