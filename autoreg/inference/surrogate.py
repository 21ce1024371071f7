"""A small table of n-grams that stands in for a model."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Integer
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.events import Rules
from autoreg.protocol import SequenceModel
from autoreg.walks.walking import walk

TABLE = 2**26
"""Entries beyond which a table is refused: half a gigabyte."""


@dataclass(frozen=True, eq=False)
class Surrogate:
    """p(x_t | the last ``order`` symbols), looked up by context.

    A context of r = order symbols is their number to base Q, oldest first. The Q^r of them come
    first; then the whole pasts of a sequence that has r - 1, r - 2, ..., 0 symbols so far.

    Attributes:
        log_probs: One table for each of B equal stretches of the positions, (B, C, Q), float64.
        order: r.
        length: Of the sequences; the stretch of position t is t * B // length.

    Example:
        >>> coin = Surrogate(torch.tensor([[[0.25, 0.75]]], dtype=torch.float64).log(), 0, 5)
        >>> coin.next.tolist(), coin.context(torch.tensor([1, 0, 1]))
        ([[0, 0]], 0)
    """

    log_probs: Float[Tensor, "B C Q"]
    order: int
    length: int

    def __post_init__(self) -> None:
        _, contexts, num_symbols = self.log_probs.shape
        needed = count_contexts(num_symbols, self.order)
        if contexts != needed:
            raise ValueError(
                f"a surrogate of {num_symbols} symbols and order {self.order} needs {needed} "
                f"contexts; got {contexts}"
            )

    @property
    def num_symbols(self) -> int:
        """Q."""
        return self.log_probs.shape[2]

    @property
    def next(self) -> Int[Tensor, "C Q"]:
        """The context after each symbol in each context."""
        base, symbols = self.num_symbols, torch.arange(self.num_symbols)
        full = base**self.order
        rows = [(torch.arange(full)[:, None] * base + symbols) % full]
        for width in range(self.order - 1, -1, -1):
            rows.append(
                torch.arange(base**width)[:, None] * base
                + symbols
                + _offset(base, self.order, width + 1)
            )
        return torch.cat(rows)

    def context(self, past: Integer[Tensor, " P"]) -> int:
        """Return the context after the whole past of a sequence."""
        width = min(len(past), self.order)
        value = 0
        for digit in past[len(past) - width :].tolist():
            value = value * self.num_symbols + int(digit)
        return _offset(self.num_symbols, self.order, width) + value

    def stretch(self, position: int) -> int:
        """Return the row of ``log_probs`` that holds at a position."""
        rows = len(self.log_probs)
        return min(position * rows // max(1, self.length), rows - 1)


def count_contexts(num_symbols: int, order: int) -> int:
    """Return how many contexts there are: of r symbols, and of fewer at the beginning."""
    return sum(num_symbols**width for width in range(order + 1))


def fit_surrogate(
    symbols: Int[Tensor, "N T"],
    num_symbols: int,
    order: int,
    *,
    bins: int = 1,
    smoothing: float = 1.0,
    bandwidth: float = 0.0,
    begin: int = 0,
) -> Surrogate:
    """Count n-grams, each context backed off to the one that is a symbol shorter.

    q_k(v | c) = (n(c, v) + smoothing * q_{k-1}(v | c without its oldest symbol)) / (n(c) +
    smoothing), q_{-1} = 1 / Q: the predictive mean of a hierarchical Dirichlet prior (MacKay and
    Peto, 1995, A hierarchical Dirichlet language model). A stretch of positions backs off to all
    positions alike, and what is a sequence's whole past to the same symbols anywhere.

    Args:
        symbols: Sequences, best drawn from the model that the surrogate stands for.
        num_symbols: Q.
        order: r; the table has about Q^(r+1) entries for each stretch.
        bins: How many equal stretches of the positions have a table of their own.
        smoothing: Weight of the shorter context, in observations.
        bandwidth: Where symbols are levels, as those of sound are: the standard deviation, in
            levels, by which an n-gram counts for its shifted copies too. Context and symbol shift
            together: levels near each other share their counts, and a narrow step stays narrow.
        begin: Symbols before here are context only.
    """
    if order < 0 or bins < 1 or not smoothing > 0 or bandwidth < 0:
        raise ValueError(
            "a surrogate needs order >= 0, bins >= 1, smoothing > 0 and bandwidth >= 0; "
            f"got {order}, {bins}, {smoothing} and {bandwidth}"
        )
    if bins * count_contexts(num_symbols, order) * num_symbols > TABLE:
        raise ValueError(
            f"a surrogate of order {order} over {num_symbols} symbols in {bins} stretches has "
            f"more than {TABLE} entries; ask for a smaller order or fewer stretches"
        )
    length = symbols.shape[1]
    symbols = symbols.cpu().long()
    once = torch.zeros(length, dtype=torch.int64)
    probs = torch.full((1, 1, num_symbols), 1 / num_symbols, dtype=torch.float64)
    beginnings: list[Tensor] = []
    for width in range(order + 1):
        inside = slice(max(begin, width), None)
        found = _counts(symbols, num_symbols, width, once, inside, bandwidth)
        shorter = probs.repeat(1, num_symbols, 1) if width else probs
        probs = _backed_off(found, shorter, smoothing)
        if width < order:
            first = slice(width, width + 1 if width >= begin else width)
            found = _counts(symbols, num_symbols, width, once, first, bandwidth)
            beginnings.insert(0, _backed_off(found, probs, smoothing))
    if bins > 1:
        stretch = torch.arange(length) * bins // max(1, length)
        inside = slice(max(begin, order), None)
        found = _counts(symbols, num_symbols, order, stretch, inside, bandwidth, bins)
        probs = _backed_off(found, probs, smoothing)
    tables = [probs, *(table.expand(bins, -1, -1) for table in beginnings)]
    return Surrogate(torch.cat(tables, 1).log(), order, length)


def surrogate_of(
    model: SequenceModel,
    condition: int,
    length: int,
    order: int,
    *,
    draws: int = 256,
    beginning: Integer[Tensor, " P"] | None = None,
    bins: int = 1,
    smoothing: float = 1.0,
    bandwidth: float = 0.0,
    memory: int = scoring.MEMORY,
    generator: Generator | None = None,
) -> Surrogate:
    """Fit a surrogate to the model's own draws.

    Args:
        model: Any sequence model.
        condition: An index.
        length: Symbols of each draw, the beginning included.
        order: See ``fit_surrogate``, also for ``bins``, ``smoothing`` and ``bandwidth``.
        draws: How many.
        beginning: What all of them begin with: the surrogate is then that of what follows.
        bins: See there.
        smoothing: See there.
        bandwidth: See there.
        memory: Bytes that the states of one batch may take.
        generator: Source of all chance.
    """
    begun = torch.zeros(0, dtype=torch.int64) if beginning is None else beginning.cpu().long()
    if draws < 1 or length < len(begun):
        raise ValueError(
            "a surrogate needs a draw or more, and a length that counts the beginning in; "
            f"got {draws} draws of {length} symbols after {len(begun)}"
        )
    rest = length - len(begun)
    rules = Rules.free(model.num_symbols, rest)
    drawn = []
    with torch.no_grad():
        state = model.start(torch.tensor([condition]))
        for piece in begun.split(scoring.chunk_length(model, 1, memory)) if len(begun) else ():
            _, state = model.read(state, piece[None].to(state.next.device))
        fitting = max(1, memory // state.bytes_per_row)
        for first in range(0, draws, fitting):
            rows = min(fitting, draws - first)
            uniforms = torch.rand(rows, rest, dtype=torch.float64, generator=generator)
            fork = torch.zeros(rows, dtype=torch.int64, device=state.next.device)
            drawn.append(walk(model, state.at(fork), rules, uniforms).symbols.cpu())
    symbols = torch.cat([begun.expand(draws, -1), torch.cat(drawn)], dim=1)
    return fit_surrogate(
        symbols,
        model.num_symbols,
        order,
        bins=bins,
        smoothing=smoothing,
        bandwidth=bandwidth,
        begin=len(begun),
    )


def _offset(num_symbols: int, order: int, width: int) -> int:
    """Return the number of the first context of ``width`` symbols."""
    return sum(num_symbols**wider for wider in range(width + 1, order + 1))


def _counts(
    symbols: Int[Tensor, "N T"],
    num_symbols: int,
    width: int,
    stretch: Int[Tensor, " T"],
    inside: slice,
    bandwidth: float,
    rows: int = 1,
) -> Float[Tensor, "rows C Q"]:
    """Return how often each symbol followed each ``width`` symbols, in each stretch."""
    past = torch.zeros_like(symbols)
    for back in range(1, width + 1):
        past[:, back:] += symbols[:, : symbols.shape[1] - back] * num_symbols ** (back - 1)
    pasts = num_symbols**width
    flat = ((stretch * pasts + past) * num_symbols + symbols)[:, inside]
    found = torch.bincount(flat.flatten(), minlength=rows * pasts * num_symbols).double()
    return _shifted(found.reshape(rows, *[num_symbols] * (width + 1)), bandwidth).reshape(
        rows, pasts, num_symbols
    )


def _shifted(counts: Tensor, bandwidth: float) -> Tensor:
    """Return a normal average of counts, all symbols of an n-gram shifted alike."""
    reach = min(math.ceil(3 * bandwidth), counts.shape[-1] - 1)
    if reach < 1:
        return counts
    steps = torch.arange(-reach, reach + 1).double()
    kernel = (-0.5 * (steps / bandwidth) ** 2).exp()
    kernel /= kernel.sum()
    spread = torch.zeros_like(counts)
    size = counts.shape[-1]
    for step, weight in zip(range(-reach, reach + 1), kernel.tolist(), strict=True):
        to = (slice(None), *[slice(max(0, step), size + min(0, step))] * (counts.ndim - 1))
        of = (slice(None), *[slice(max(0, -step), size + min(0, -step))] * (counts.ndim - 1))
        spread[to] += weight * counts[of]
    return spread


def _backed_off(
    counts: Float[Tensor, "B C Q"], shorter: Float[Tensor, "b C Q"], smoothing: float
) -> Float[Tensor, "B C Q"]:
    return (counts + smoothing * shorter) / (counts.sum(-1, keepdim=True) + smoothing)
