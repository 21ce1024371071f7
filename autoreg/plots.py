"""Figures of draws, completions and posteriors."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Shaped
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor

WIDTH = 9.6  # inches
RESOLUTION = 160  # dots per inch

_INK, _ACCENT, _FRAME, _FAINT = "#1b1f24", "#1f5fbf", "#c9ced6", "#6b7280"
_GIVEN = LinearSegmentedColormap.from_list("given", ["#ffffff", _INK])
_DRAWN = LinearSegmentedColormap.from_list("drawn", ["#edf3fc", _ACCENT])
_UNSEEN = "#eceef2"


def save(figure: Figure, path: Path | str) -> None:
    """Write a figure as a picture."""
    figure.savefig(path, dpi=RESOLUTION, facecolor="white")


def drawn(images: Shaped[Tensor, "K N H W"], labels: Sequence[str], *, title: str) -> Figure:
    """Return a column of draws under each label; dark is high."""
    columns, rows = images.shape[:2]
    figure = Figure(figsize=(WIDTH, WIDTH * rows / columns + 0.75))
    grid = _grid(figure, rows, columns, title)
    for column, label in enumerate(labels):
        grid[0][column].set_title(label, fontsize=13, color=_INK, pad=5)
        for row in range(rows):
            _show(grid[row][column], images[column, row], float(images.max()), _DRAWN)
    return figure


def completed(
    originals: Shaped[Tensor, "M H W"],
    completions: Shaped[Tensor, "M N H W"],
    kept: Bool[Tensor, "H W"],
    *,
    title: str,
) -> Figure:
    """Return a row for each image: it, what is kept, and completions, whose drawn part is blue."""
    rows, columns = completions.shape[0], completions.shape[1] + 2
    figure = Figure(figsize=(WIDTH, WIDTH * rows / columns + 0.75))
    grid = _grid(figure, rows, columns, title)
    top = float(max(originals.max(), completions.max()))
    for column, heading in enumerate(("image", "given", "completed")):
        grid[0][column].set_title(
            heading, fontsize=11, color=_ACCENT if column == 2 else _INK, pad=5, loc="left"
        )
    for row in range(rows):
        _show(grid[row][0], originals[row], top, _GIVEN)
        _show(grid[row][1], originals[row], top, _GIVEN, hidden=~kept)
        for number, completion in enumerate(completions[row]):
            axes = grid[row][2 + number]
            _show(axes, completion, top, _DRAWN)
            _show(axes, completion, top, _GIVEN, only=kept)
    return figure


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
    """
    count, steps = len(images), 4
    figure = Figure(figsize=(WIDTH, 3.9))
    figure.suptitle(title, x=0.06, y=0.97, ha="left", fontsize=14, color=_INK)
    outer = figure.add_gridspec(
        1, count, left=0.06, right=0.985, top=0.86, bottom=0.13, wspace=0.12
    )
    for number in range(count):
        inner = outer[number].subgridspec(
            2, steps, height_ratios=(1, 2.6), hspace=0.1, wspace=0.15
        )
        total = len(order)
        for step in range(steps):
            seen = torch.zeros(images[number].numel(), dtype=torch.bool)
            seen[order[: total * (step + 1) // steps]] = True
            axes = _framed(figure.add_subplot(inner[0, step]))
            hidden = ~seen.reshape(images[number].shape)
            _show(axes, images[number], float(images.max()), _GIVEN, hidden=hidden)
        axes = figure.add_subplot(inner[1, :])
        _areas(axes, probs[number].numpy(), labels)
        axes.set_xlabel("pixels seen", fontsize=10, color=_FAINT)
        axes.set_yticks([0, 0.5, 1] if number == 0 else [])
        if number == 0:
            axes.set_ylabel("probability", fontsize=10, color=_FAINT)
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
        linewidth=0,
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
            axes.text(at + reach, height, label, ha="center", va="center", fontsize=11, color=_INK)
    axes.set_xlim(0, len(probs) - 1)
    axes.set_ylim(0, 1)
    axes.tick_params(colors=_FAINT, labelsize=9, length=3)
    for spine in axes.spines.values():
        spine.set_color(_FRAME)


def _grid(figure: Figure, rows: int, columns: int, title: str) -> list[list[Axes]]:
    """Return empty frames that fill a figure below its title."""
    height = figure.get_figheight()
    figure.suptitle(title, x=0.02, y=1 - 0.12 / height, ha="left", fontsize=14, color=_INK)
    spec = figure.add_gridspec(
        rows,
        columns,
        left=0.02,
        right=0.98,
        top=1 - 0.72 / height,
        bottom=0.12 / height,
        wspace=0.08,
        hspace=0.08,
    )
    return [
        [_framed(figure.add_subplot(spec[row, column])) for column in range(columns)]
        for row in range(rows)
    ]


def _framed(axes: Axes) -> Axes:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(_FRAME)
        spine.set_linewidth(0.8)
    return axes


def _show(
    axes: Axes,
    image: Shaped[Tensor, "H W"],
    top: float,
    colours: Colormap,
    *,
    hidden: Bool[Tensor, "H W"] | None = None,
    only: Bool[Tensor, "H W"] | None = None,
) -> None:
    """Draw an image; hidden pixels are grey, with only the others are left as they are."""
    pixels = colours(np.clip(image.cpu().numpy() / max(top, 1e-9), 0, 1))
    if hidden is not None:
        pixels[hidden.numpy()] = LinearSegmentedColormap.from_list("", [_UNSEEN] * 2)(0)
    if only is not None:
        pixels[~only.numpy(), 3] = 0.0
    axes.imshow(pixels, interpolation="nearest")
