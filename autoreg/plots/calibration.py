"""How often those are right who are that sure."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Shaped
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from autoreg.plots.style import FRAME, LINES, keyed, plain, sheet

BINS = 15  # of equal width, as in the expected calibration error of `autoreg evaluate`
_MARKS = ("o", "s")
_Z = 1.96  # 95 % of a normal distribution lie within so many standard deviations


class _Bins(NamedTuple):
    """What fell into each bin."""

    size: Float[Tensor, " b"]
    confidence: Float[Tensor, " b"]
    accuracy: Float[Tensor, " b"]

    @property
    def error(self) -> float:
        """The expected calibration error."""
        gaps = self.size * (self.accuracy - self.confidence).abs()
        return float(gaps.nansum() / self.size.sum())

    @property
    def interval(self) -> tuple[Tensor, Tensor]:
        """Wilson's 95 % interval of the accuracy; Wilson (1927), doi:10.2307/2276774."""
        spread = _Z**2 / self.size
        centre = (self.accuracy + spread / 2) / (1 + spread)
        variance = self.accuracy * (1 - self.accuracy) / self.size + spread / (4 * self.size)
        reach = _Z * variance.sqrt() / (1 + spread)
        return centre - reach, centre + reach


def reliability(
    confidence: Shaped[Tensor, " n"],
    right: Shaped[Tensor, " n"],
    *,
    calibrated: tuple[Shaped[Tensor, " n"], Shaped[Tensor, " n"]] | None = None,
    title: str,
) -> Figure:
    """Return accuracy against confidence, bin by bin, above how many fell into each bin.

    On the diagonal, of those that are 80 % sure 80 % are right; below it, they are too sure.
    Points stand at a bin's mean confidence, with a 95 % interval of the accuracy. The expected
    calibration error (ECE) is the distance from the diagonal, averaged over all answers.

    Args:
        confidence: Probability of the label that each answer chose.
        right: Whether it was the right one.
        calibrated: Confidence and right of the answers after calibration, which may choose others.
        title: Of the figure.

    Raises:
        ValueError: Shapes differ, nothing was answered, or a confidence is none.
    """
    shapes = [tuple(one.shape) for one in (confidence, right, *(calibrated or ()))]
    if len({*shapes}) > 1 or confidence.ndim != 1 or not len(confidence):
        raise ValueError(
            "a reliability diagram needs a confidence (n,) for each of n answers, right (n,) or "
            f"not; got {', '.join(map(str, shapes))}"
        )
    named = {"as it comes": (confidence, right)}
    if calibrated is not None:
        named["calibrated"] = calibrated
    figure = sheet(title, 5.4, width=5.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.6, 1))
    plain(above, up="share that is right")
    plain(below, across="confidence", up="answers")
    above.plot([0, 1], [0, 1], color=FRAME, linewidth=1, zorder=0)
    for number, (name, (sure, true)) in enumerate(named.items()):
        _draw(above, below, number, name, _binned(sure, true.cpu().bool()))
    above.set_xlim(0, 1.02)
    above.set_ylim(-0.02, 1.02)
    below.set_yscale("log")
    below.set_ylim(bottom=0.7)
    keyed(above)
    return figure


def _draw(above: Axes, below: Axes, number: int, name: str, bins: _Bins) -> None:
    colour, dashes = LINES[number]
    edges = torch.linspace(0, 1, BINS + 1)
    below.stairs(bins.size, edges, color=colour, linestyle=dashes, linewidth=1.3)
    bins = _Bins(*(one[bins.size > 0] for one in bins))
    low, high = bins.interval
    above.errorbar(
        bins.confidence.numpy(),
        bins.accuracy.numpy(),
        yerr=torch.stack([bins.accuracy - low, high - bins.accuracy]).clamp_min(0).numpy(),
        color=colour,
        linestyle=dashes,
        linewidth=1.3,
        marker=_MARKS[number],
        markersize=5,
        elinewidth=0.8,
        capsize=2,
        label=f"{name}, ECE {bins.error:.4f}",
    )


def _binned(confidence: Shaped[Tensor, " n"], right: Bool[Tensor, " n"]) -> _Bins:
    values = confidence.detach().cpu().double()
    if not ((values >= 0) & (values <= 1 + 1e-9)).all():
        raise ValueError(
            f"a confidence needs to lie within 0..1; got {values.min():g}..{values.max():g}"
        )
    which = (values * BINS).long().clamp(max=BINS - 1)
    count = torch.zeros(BINS, dtype=torch.float64).index_add(0, which, torch.ones_like(values))
    sure, true = (
        torch.zeros_like(count).index_add(0, which, one) / count
        for one in (values, right.double())
    )
    return _Bins(count, sure, true)
