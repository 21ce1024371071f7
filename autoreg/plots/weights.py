"""Weights of draws."""

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from autoreg.plots.style import ACCENT, FAINT, INK, LABEL, plain, sheet


def weighted(log_weights: Float[Tensor, " N"], *, title: str) -> Figure:
    """Return the normalised weights of draws, the heaviest first, and the equal share, dotted.

    Beside them stands how many equal weights they are worth: 1 / sum of their squares.

    Args:
        log_weights: Of the N draws; -inf is a weight of nought.
        title: Of the figure.

    Raises:
        ValueError: There is no draw, or no weight above nought.
    """
    if log_weights.ndim != 1 or not len(log_weights):
        raise ValueError(f"log weights need shape (N,); got {tuple(log_weights.shape)}")
    shares = log_weights.detach().cpu().double().softmax(0).sort(descending=True).values
    if not shares.isfinite().all():
        raise ValueError("log weights need one that is finite, and none that is nan or inf")
    count = len(shares)
    figure = sheet(title, 2.6, width=6.4)
    axes = plain(figure.add_subplot(), across="draws, the heaviest first", up="weight")
    axes.stairs(shares, torch.arange(count + 1), fill=True, color=ACCENT)
    axes.axhline(1 / count, color=FAINT, linewidth=1, linestyle="dotted")
    worth = f"{count} draws, worth {1 / float(shares.square().sum()):.1f} of equal weight"
    axes.set_title(worth, loc="right", fontsize=LABEL, color=INK)
    axes.set_xlim(0, count)
    axes.set_ylim(bottom=0)
    return figure
