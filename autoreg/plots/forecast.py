"""What a model expects of a series from some time on."""

from collections.abc import Sequence

import torch
from jaxtyping import Shaped
from matplotlib.figure import Figure
from torch import Tensor

from autoreg.plots.style import ACCENT, FRAME, INK, faded, keyed, plain, sheet
from autoreg.queries.bands import bands as order_statistics


def bands(
    truth: Shaped[Tensor, " T"],
    draws: Shaped[Tensor, "N H"],
    origin: int,
    *,
    levels: Sequence[float] = (0.5, 0.9),
    title: str,
) -> Figure:
    """Return a series with the draws' median and central bands.

    A band of level 0.9 leaves out, at each time by itself, the lowest and the highest twentieth
    of what may come, see ``autoreg.queries.bands``; that is no statement about whole paths.

    Args:
        truth: What there was; it may end before the draws do, or go on behind them.
        draws: What may follow, draw n at times origin, ..., origin + H - 1.
        origin: The first time that is drawn.
        levels: Share of the draws that each band holds.
        title: Of the figure.

    Raises:
        ValueError: A shape, the origin or a level is none, a draw is not finite, or there are too
            few for a level.
    """
    if truth.ndim != 1 or draws.ndim != 2 or not draws.numel():
        raise ValueError(
            f"bands need a series (T,) and draws (N, H), one or more of both; got "
            f"{tuple(truth.shape)} and {tuple(draws.shape)}"
        )
    if not 0 <= origin <= len(truth):
        raise ValueError(f"the origin needs to lie within 0..{len(truth)}; got {origin}")
    if not draws.isfinite().all():
        raise ValueError("draws need to be finite; got others among them")
    found = order_statistics(draws.detach().cpu().double(), sorted(levels, reverse=True))
    figure = sheet(title, 3.4)
    axes = plain(figure.add_subplot(), across="time")
    times = torch.arange(origin, origin + draws.shape[1])
    for rank, (level, low, high) in enumerate(
        zip(found.levels, found.lower, found.upper, strict=True)
    ):
        shade = faded(0.05 + 0.5 * (rank + 1) / (len(levels) + 1))
        name = f"{100 * level:g} % of draws"
        axes.fill_between(times, low, high, color=shade, linewidth=0, label=name)
    axes.plot(times, found.median, color=ACCENT, linestyle="dashed", linewidth=1.6, label="median")
    axes.plot(truth.cpu(), color=INK, linewidth=1.2, label="truth")
    axes.axvline(origin, color=FRAME, linewidth=1, zorder=0)
    axes.set_xlim(0, max(len(truth), origin + draws.shape[1]) - 1)
    keyed(axes)
    return figure
