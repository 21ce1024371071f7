"""Sample entropy, how irregular a series is."""

import math

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

ROWS = 2**22
"""Pairs of times that are compared at once."""


def sample_entropy(
    series: Shaped[Tensor, "*batch T"], m: int = 2, r: float = 0.2
) -> Float[Tensor, "*batch"]:
    r"""Return the sample entropy SampEn(m, r) of each series, in nats.

    .. math:: -\log \frac{A}{B}

    B counts the pairs of different times 0..T-m-1 whose m numbers from there on differ by at most
    the tolerance each, A those of them whose next numbers do too (Richman & Moorman 2000,
    https://doi.org/10.1152/ajpheart.2000.278.6.H2039). The tolerance is r standard deviations of
    the series itself, so that the value depends neither on its unit nor on the other series of a
    batch.

    Where numbers repeat themselves for m steps but never for m + 1 it is infinite, and where not
    even m steps are alike it is not a number: both say that T is too short for m and r.

    Args:
        series: Finite numbers, m + 2 or more of each.
        m: Length of the patterns.
        r: Tolerance in standard deviations.

    Raises:
        ValueError: m, r or the series make no sense, or a series does not move at all.

    Example:
        >>> sample_entropy(torch.tensor([1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0]))
        tensor(0., dtype=torch.float64)
    """
    if m < 1 or not 0 < r < math.inf:
        raise ValueError(f"sample entropy needs m of 1 or more and r above 0; got {m} and {r}")
    if series.shape[-1] < m + 2 or not series.isfinite().all():
        raise ValueError(
            f"sample entropy of m = {m} needs {m + 2} finite numbers or more of each series; "
            f"got {'others among ' if series.shape[-1] >= m + 2 else ''}{series.shape[-1]}"
        )
    rows = series.detach().cpu().double().reshape(-1, series.shape[-1])
    spread = rows.std(-1, correction=0)
    if bool((spread == 0).any()):
        still = int((spread == 0).nonzero()[0])
        raise ValueError(f"sample entropy needs a series that moves; number {still} does not")
    found = [_one(row, m, r * float(width)) for row, width in zip(rows, spread, strict=True)]
    return torch.tensor(found, dtype=torch.float64).reshape(series.shape[:-1])


def _one(row: Float[Tensor, " T"], m: int, tolerance: float) -> float:
    windows = row.unfold(0, m + 1, 1)  # (T - m, m + 1)
    shorter = longer = 0
    step = max(1, ROWS // len(windows))
    for first in range(0, len(windows), step):
        some = windows[first : first + step]
        apart = torch.arange(first, first + len(some))[:, None] != torch.arange(len(windows))
        for offset in range(m + 1):
            near = (some[:, None, offset] - windows[None, :, offset]).abs() <= tolerance
            apart &= near
            if offset == m - 1:
                shorter += int(apart.sum())
        longer += int(apart.sum())
    if not shorter:
        return math.nan
    return math.log(shorter / longer) if longer else math.inf
