"""A posterior that grows while images are revealed."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from autoreg.plots.frames import show
from autoreg.plots.style import (
    FAINT,
    FRAME,
    GIVEN,
    HEADING,
    INK,
    LABEL,
    TICK,
    TITLE,
    WIDTH,
    framed,
)


def progressive(
    images: Shaped[Tensor, "M H W"],
    order: Int[Tensor, " T"],
    probs: Float[Tensor, "M T1 K"],
    labels: Sequence[str],
    *,
    title: str,
) -> Figure:
    """Return a panel for each image: the posterior of its label as its pixels arrive.

    Args:
        images: Pixels; dark is high.
        order: Raster index of the pixel that arrives at each time.
        probs: Probability of each label after 0, 1, ..., T pixels.
        labels: Names of the K labels.
        title: Of the figure.

    Raises:
        ValueError: Shapes do not belong to images of one size and their posteriors.
    """
    count, steps, pixels = len(images), 4, len(order)
    fits = images.ndim == 3 and images[0].numel() == pixels if count else False
    if not fits or probs.shape != (count, pixels + 1, len(labels)):
        raise ValueError(
            "images (M, H, W), one or more, need an order of their T = H W pixels and "
            f"probabilities (M, T + 1, {len(labels)}); got {tuple(images.shape)}, "
            f"{tuple(order.shape)} and {tuple(probs.shape)}"
        )
    figure = Figure(figsize=(WIDTH, 3.9))
    figure.suptitle(title, x=0.06, y=0.97, ha="left", fontsize=TITLE, color=INK)
    outer = figure.add_gridspec(
        1, count, left=0.06, right=0.985, top=0.86, bottom=0.13, wspace=0.12
    )
    for number in range(count):
        inner = outer[number].subgridspec(
            2, steps, height_ratios=(1, 2.6), hspace=0.1, wspace=0.15
        )
        for step in range(steps):
            seen = torch.zeros(images[number].numel(), dtype=torch.bool)
            seen[order[: pixels * (step + 1) // steps]] = True
            axes = framed(figure.add_subplot(inner[0, step]))
            hidden = ~seen.reshape(images[number].shape)
            show(axes, images[number], float(images.max()), GIVEN, hidden=hidden)
        axes = figure.add_subplot(inner[1, :])
        _areas(axes, probs[number].numpy(), labels)
        axes.set_xlabel("pixels seen", fontsize=LABEL, color=FAINT)
        axes.set_yticks([0, 0.5, 1] if number == 0 else [])
        if number == 0:
            axes.set_ylabel("probability", fontsize=LABEL, color=FAINT)
    return figure


def _areas(axes: Axes, probs: Float[np.ndarray, "T1 K"], labels: Sequence[str]) -> None:
    """Stack the probabilities, and write each label where its band is widest, if there is room."""
    colours = colormaps["tab20c" if len(labels) > 10 else "tab10"].resampled(len(labels))
    time = np.arange(len(probs))
    axes.stackplot(
        time,
        probs.T,
        colors=[colours(index) for index in range(len(labels))],
        alpha=0.75,
        edgecolor="white",
        linewidth=0.6,
    )
    # A label fits where its band holds still for the label's own breadth and is higher than it.
    reach = max(1, len(probs) // 28)
    tops, floors = probs.cumsum(1), probs.cumsum(1) - probs
    window = partial(np.lib.stride_tricks.sliding_window_view, window_shape=2 * reach + 1, axis=0)
    ceiling, ground = window(tops).min(-1), window(floors).max(-1)
    for index, label in enumerate(labels):
        room = ceiling[:, index] - ground[:, index]
        at = int(room.argmax())
        if room[at] > 0.1:
            height = (ceiling[at, index] + ground[at, index]) / 2
            axes.text(
                at + reach, height, label, ha="center", va="center", fontsize=HEADING, color=INK
            )
    axes.set_xlim(0, len(probs) - 1)
    axes.set_ylim(0, 1)
    axes.tick_params(colors=FAINT, labelsize=TICK, length=3)
    for spine in axes.spines.values():
        spine.set_color(FRAME)
