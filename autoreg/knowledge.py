"""What is known of a signal, said in the signal's own coordinates."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor

from autoreg.data.region import Region
from autoreg.data.signal import Signal
from autoreg.evidence import Evidence

Range = tuple[Region, float, float]
"""Where, and between which values of the signal, both included."""
Allowed = tuple[Region, Sequence[int]]
"""Where, and which symbols."""


def evidence(
    signal: Signal,
    symbols: Integer[Tensor, " T"] | None = None,
    *,
    length: int | None = None,
    seen: Region | None = None,
    hidden: Region | None = None,
    ranges: Sequence[Range] = (),
    allowed: Sequence[Allowed] = (),
    log_condition: Float[Tensor, " K"],
) -> Evidence:
    """Return what is known of a sequence and its condition.

    What is neither seen nor restricted is free. A restriction that what was seen contradicts makes
    the evidence impossible; that is legal, and its probability is 0.

    Args:
        signal: What positions and values mean.
        symbols: Those of one signal; None where nothing is seen.
        length: Positions altogether, at least as many as symbols; those after the symbols are
            not seen. The number of symbols if None.
        seen: Where the symbols count; everywhere if neither this nor ``hidden`` is given.
        hidden: Where they do not, instead.
        ranges: Regions whose values lie within low..high, as ``signal.between`` reads them.
        allowed: Regions whose symbols belong to a set.
        log_condition: log p(y), -inf where a condition is ruled out.

    Raises:
        ValueError: Regions, bounds, symbols or lengths are none of this signal, ``seen`` and
            ``hidden`` are both given, or either of them without symbols.

    Example:
        >>> from autoreg.data.plain import Plain
        >>> symbols, gap, sure = torch.tensor([3, 1, 0, 2]), slice(1, 3), torch.zeros(1).double()
        >>> evidence(Plain(4), symbols, hidden=gap, ranges=[(1, 2, 3)], log_condition=sure)
        Evidence(4 positions of 4 symbols: 2 observed, 1 restricted, 1 free)
    """
    length = _length(signal, symbols, length)
    free = Evidence.free(signal.num_symbols, length)
    if symbols is None:
        if seen is not None or hidden is not None:
            raise ValueError("seen and hidden tell apart what is in a signal; got no signal")
        known = free
    else:
        where = torch.zeros(length, dtype=torch.bool)
        where[: len(symbols)] = _seen(signal, len(symbols), seen, hidden)
        padded = symbols.new_zeros(length, device="cpu")
        padded[: len(symbols)] = symbols
        known = Evidence.observe(padded, signal.num_symbols, where=where)
    for region, low, high in ranges:
        known = known.between(signal.where(region, length), *signal.between(low, high))
    for region, among in allowed:
        known = known.restrict(signal.where(region, length), among)
    return known.given(log_condition)


def _length(signal: Signal, symbols: Tensor | None, length: int | None) -> int:
    if symbols is not None and symbols.ndim != 1:
        raise ValueError(f"evidence needs one signal, (T,); got {tuple(symbols.shape)}")
    told = signal.length if length is None else length
    if told is None and symbols is not None:
        told = len(symbols)
    least = 0 if symbols is None else len(symbols)
    if told is None or told < least:
        raise ValueError(f"evidence needs a length of {least} or more; got {told}")
    if signal.length is not None and told != signal.length:
        raise ValueError(f"a {signal.kind} has {signal.length} symbols; got a length of {told}")
    return told


def _seen(
    signal: Signal, length: int, seen: Region | None, hidden: Region | None
) -> Bool[Tensor, " T"]:
    if seen is not None and hidden is not None:
        raise ValueError("evidence needs either what is seen or what is hidden; got both")
    if seen is not None:
        return signal.where(seen, length)
    if hidden is not None:
        return ~signal.where(hidden, length)
    return torch.ones(length, dtype=torch.bool)
