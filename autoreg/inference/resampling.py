"""Which path each path of the next generation descends from."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor


@runtime_checkable
class Resampling(Protocol):
    """An unbiased scheme: of N offspring, path i gets N W_i in expectation."""

    def __call__(
        self, log_weights: Float[Tensor, "M N"], *, generator: Generator | None = None
    ) -> Int[Tensor, "M N"]:
        """Return the ancestor of each path; rows, independent, need no common scale."""


def systematic(
    log_weights: Float[Tensor, "M N"], *, generator: Generator | None = None
) -> Int[Tensor, "M N"]:
    """Point at the cumulative weights with a comb of N teeth, shifted by one uniform a row.

    A path has floor(N W_i) or ceil(N W_i) offspring. So it is with every scheme here: a row
    without any weight is left as it is, and the rows may be of any scale.

    Example:
        >>> systematic(torch.tensor([[0.5, 0.25, 0.25, 0.0]]).log()).tolist()
        [[0, 0, 1, 2]]
    """
    return _resampled("systematic", log_weights, generator)


def stratified(
    log_weights: Float[Tensor, "M N"], *, generator: Generator | None = None
) -> Int[Tensor, "M N"]:
    """Point at the cumulative weights once within each of N equal strata."""
    return _resampled("stratified", log_weights, generator)


def multinomial(
    log_weights: Float[Tensor, "M N"], *, generator: Generator | None = None
) -> Int[Tensor, "M N"]:
    """Draw every ancestor on its own."""
    return _resampled("multinomial", log_weights, generator)


def residual(
    log_weights: Float[Tensor, "M N"], *, generator: Generator | None = None
) -> Int[Tensor, "M N"]:
    """Give each path floor(N W_i) offspring; draw those left over from what is left of weights."""
    return _resampled("residual", log_weights, generator)


RESAMPLINGS: Mapping[str, Resampling] = MappingProxyType(
    {
        "systematic": systematic,
        "stratified": stratified,
        "residual": residual,
        "multinomial": multinomial,
    }
)
"""By name."""


def find_resampling(name: str) -> Resampling:
    """Return a scheme by its name.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in RESAMPLINGS:
        raise ValueError(f"resampling needs to be one of {', '.join(RESAMPLINGS)}; got {name!r}")
    return RESAMPLINGS[name]


def conditional_resampling(
    name: str,
    log_weights: Float[Tensor, "M N"],
    *,
    kept: Int[Tensor, " M"] | None = None,
    generator: Generator | None = None,
) -> Int[Tensor, "M N"]:
    """Draw ancestors given that slot 0 descends from a path that has to be kept.

    The law that this conditions is the scheme of this name, applied to paths in random order, with
    its offspring put into slots in random order. Then neither the numbers of paths nor those of
    slots mean anything, as conditional particle filters need it (Andrieu, Doucet and Holenstein,
    2010, section 4.1). It holds N offspring that are independent, systematic ones given their
    uniform; the j-th descends from the kept path with a probability p_j, and sum_j p_j =
    N W_kept whatever the order. Given that slot 0 descends from it, slot 0 holds offspring j with
    probability p_j / sum p; the others keep their own law. The uniform of systematic resampling is
    biased by how many offspring it gives the kept path: z uniform in the path's interval of the
    cumulative weights N W, of which it is the fraction (Chopin and Singh, 2015, Algorithm 4).

    Neither resampling all N and overwriting slot 0, nor resampling N - 1 by the scheme, leaves
    the posterior invariant, multinomial draws excepted.

    Args:
        name: One of ``RESAMPLINGS``.
        log_weights: Of all N paths, the kept one included.
        kept: The path that slot 0 descends from, for each row; path 0 if None.
        generator: Source of all chance.

    Returns:
        Ancestors (M, N), of which column 0 is ``kept``.

    Raises:
        ValueError: Unknown name, or a kept path has no weight.
    """
    find_resampling(name)
    rows, count = log_weights.shape
    first = torch.zeros(rows, dtype=torch.int64) if kept is None else kept.long()
    first = first.to(log_weights.device)[:, None]
    if bool(log_weights.gather(1, first).isneginf().any()):
        raise ValueError("the path that is kept needs a weight; got log weight -inf")
    order = _uniforms(log_weights, count, generator).argsort(-1)
    place = (order == first).int().argmax(-1, keepdim=True)
    logs = log_weights.gather(1, order)
    table, points = _drawn(name, logs, generator)
    owned = table.gather(1, place)
    before = (table.cumsum(-1) - table).gather(1, place)
    mark = before + owned * _uniforms(log_weights, 1, generator)
    if name == "systematic":
        points = _strata(logs) + mark % 1
    slot = mark.floor()
    if name == "residual":
        # The kept path's offspring are whole ones, by its share, or any that was drawn: the first.
        certain = table[:, :count].sum(-1, keepdim=True)
        rest = table.gather(1, place + count)
        drawn = (owned + rest) * _uniforms(log_weights, 1, generator) >= owned
        slot = torch.where(drawn, certain, slot)
    slot = slot.long().clamp_max(count - 1)
    ancestors = (_point(table, points) % count).scatter(1, slot, place)
    shuffled = _uniforms(log_weights, count, generator).scatter(1, slot, -1.0).argsort(-1)
    return order.gather(1, ancestors.gather(1, shuffled))


def _drawn(
    name: str, log_weights: Float[Tensor, "M N"], generator: Generator | None
) -> tuple[Float[Tensor, "M n"], Float[Tensor, "M N"]]:
    """Return masses of paths that sum to N, and N points at their cumulative sum.

    A table twice as long as there are paths holds path i at i and at N + i.
    """
    scaled, strata, count = _scaled(log_weights), _strata(log_weights), log_weights.shape[1]
    uniforms = _uniforms(log_weights, 1 if name == "systematic" else count, generator)
    if name == "multinomial":
        return scaled, count * uniforms
    if name in ("systematic", "stratified"):
        return scaled, strata + uniforms
    # A share may be rounded to just below a whole number.
    whole = (scaled * (1 + 1e-12)).floor()
    certain = whole.sum(-1, keepdim=True)
    points = torch.where(strata < certain, strata + 0.5, certain + (count - certain) * uniforms)
    return torch.cat([whole, (scaled - whole).clamp_min(0.0)], dim=-1), points


def _uniforms(
    log_weights: Float[Tensor, "M N"], count: int, generator: Generator | None
) -> Float[Tensor, "M n"]:
    drawn = torch.rand(len(log_weights), count, dtype=torch.float64, generator=generator)
    return drawn.to(log_weights.device)


def _strata(log_weights: Float[Tensor, "M N"]) -> Float[Tensor, " N"]:
    return torch.arange(log_weights.shape[1], dtype=torch.float64, device=log_weights.device)


def _scaled(log_weights: Float[Tensor, "M N"]) -> Float[Tensor, "M N"]:
    """Return N W_i; zeros in a row without any weight."""
    if bool((log_weights.isnan() | log_weights.isposinf()).any()):
        raise ValueError("log_weights need to be finite or -inf; got nan or inf")
    logs = log_weights.double()
    shares = (logs - logs.logsumexp(-1, keepdim=True)).exp().nan_to_num(0.0)
    return shares * logs.shape[1]


def _point(table: Float[Tensor, "M n"], points: Float[Tensor, "M N"]) -> Int[Tensor, "M N"]:
    """Return the first entry whose cumulative mass exceeds each point; masses sum to N."""
    cumulative = table.cumsum(-1)
    count = points.shape[1]
    found = torch.searchsorted(
        cumulative, (points / count * cumulative[:, -1:]).contiguous(), right=True
    )
    # A point just below the total may be rounded up to it: the last entry with mass is meant.
    last = table.shape[1] - 1 - (table > 0).flip(-1).int().argmax(-1, keepdim=True)
    return torch.minimum(found, last)


def _resampled(
    name: str, log_weights: Float[Tensor, "M N"], generator: Generator | None
) -> Int[Tensor, "M N"]:
    table, points = _drawn(name, log_weights, generator)
    count = log_weights.shape[1]
    dead = log_weights.isneginf().all(-1, keepdim=True)
    same = torch.arange(count, device=log_weights.device)
    return torch.where(dead, same, _point(table, points) % count)
