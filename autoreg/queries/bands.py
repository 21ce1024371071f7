"""Central bands of draws."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from autoreg.answers import Draws


class Bands(NamedTuple):
    """What draws of H numbers tell, at each of them by itself.

    Attributes:
        levels: Share of the draws that each band holds, at the least.
        median: The middle draw, or the lower of the two.
        lower: The least number of each band.
        upper: The greatest number of each band.
    """

    levels: tuple[float, ...]
    median: Float[Tensor, "..."]
    lower: Float[Tensor, "l ..."]
    upper: Float[Tensor, "l ..."]

    def covers(self, truth: Float[Tensor, "..."]) -> Float[Tensor, "l ..."]:
        """Return 1 where a number lies within a band, its ends included, else 0."""
        return ((self.lower <= truth) & (truth <= self.upper)).double()


class Forecast(NamedTuple):
    """How a series may go on from some time.

    Attributes:
        draws: Whole series: what is known, then what may follow.
        origin: The first time that is forecast.
        truth: The series as it was given, T numbers, some of which may lie beyond the origin.
        bands: Of the draws from the origin on, H numbers.
    """

    draws: Draws
    origin: int
    truth: Float[Tensor, " T"]
    bands: Bands

    @property
    def coverage(self) -> dict[float, float]:
        """The share of the truth beyond the origin within each band; nan if there is none."""
        came = self.truth[self.origin :][: len(self.bands.median)]
        cut = Bands(self.bands.levels, *(part[..., : len(came)] for part in self.bands[1:]))
        shares = cut.covers(came.to(cut.median)).mean(-1).tolist()
        return dict(zip(self.bands.levels, shares, strict=True))


def bands(draws: Float[Tensor, "N ..."], levels: Sequence[float] = (0.5, 0.9)) -> Bands:
    """Return the median and central bands of N draws, made of order statistics.

    A band of level q runs from the k-th least to the k-th greatest draw, for
    k = floor((1 - q) (N + 1) / 2): it leaves out k - 1 draws at either end. A number of the same
    law as the draws then lies within it with probability 1 - 2k / (N + 1), at least q, and more
    only where numbers may be equal: no band is too narrow because draws are few.

    Args:
        draws: Independent draws from one law, of any shape.
        levels: Between 0 and 1.

    Raises:
        ValueError: There is no level, one is not between 0 and 1, or draws are too few for it.

    Example:
        >>> found = bands(torch.arange(1.0, 20.0), [0.5, 0.9])
        >>> found.median, found.lower, found.upper
        (tensor(10.), tensor([5., 1.]), tensor([15., 19.]))
    """
    if not levels:
        raise ValueError("bands need a level or more, between 0 and 1; got none")
    count, left_out = len(draws), []
    for level in levels:
        if not 0 < level < 1:
            raise ValueError(f"levels need to lie between 0 and 1; got {level}")
        # A hair is added: (1 - 0.9) * 20 / 2 is a little less than 1 in floating point.
        left_out.append(int((1 - level) * (count + 1) / 2 + 1e-9))
        if left_out[-1] < 1:
            needed = math.ceil(2 / (1 - level) - 1e-9) - 1
            raise ValueError(f"a band of {level} needs {needed} draws or more; got {count}")
    ordered = draws.sort(dim=0).values
    return Bands(
        tuple(levels),
        ordered[(count - 1) // 2],
        torch.stack([ordered[out - 1] for out in left_out]),
        torch.stack([ordered[count - out] for out in left_out]),
    )
