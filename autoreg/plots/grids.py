"""Grids of images: draws under their labels, completions beside what they complete."""

from collections.abc import Sequence

from jaxtyping import Bool, Shaped
from matplotlib.figure import Figure
from torch import Tensor

from autoreg.plots.frames import frames, show
from autoreg.plots.style import ACCENT, DRAWN, GIVEN, HEADING, INK, LABEL, WIDTH

_ACROSS = 8  # images in a row, if not told
_CAPTION = 0.34  # inches of a row


def pictured(
    images: Shaped[Tensor, "N H W"],
    captions: Sequence[str] = (),
    *,
    columns: int | None = None,
    title: str,
) -> Figure:
    """Return images side by side, row by row, each below its caption; dark is high.

    Raises:
        ValueError: There is no image, or there are captions, but not one for each.
    """
    if images.ndim != 3 or not len(images) or len(captions) not in (0, len(images)):
        raise ValueError(
            "a grid needs images (N, H, W), one or more, with a caption each or none; got "
            f"{tuple(images.shape)} and {len(captions)} captions"
        )
    across = min(len(images), _ACROSS) if columns is None else columns
    down = -(-len(images) // across)
    tall = images.shape[1] / images.shape[2] * WIDTH / across + (_CAPTION if captions else 0)
    figure = Figure(figsize=(WIDTH, tall * down + 0.75))
    grid = frames(figure, down, across, title)
    for place, axes in enumerate(axes for line in grid for axes in line):
        if place >= len(images):
            axes.set_axis_off()
            continue
        show(axes, images[place], float(images.max()), GIVEN)
        if captions:
            axes.set_title(captions[place], fontsize=LABEL, color=INK, pad=4)
    return figure


def drawn(images: Shaped[Tensor, "K N H W"], labels: Sequence[str], *, title: str) -> Figure:
    """Return a column of draws under each label; dark is high.

    Raises:
        ValueError: There is not one label for each column, or there is no draw.
    """
    if images.ndim != 4 or len(images) != len(labels) or not images.numel():
        raise ValueError(
            f"draws of {len(labels)} labels need shape ({len(labels)}, N, H, W), one or more of "
            f"each; got {tuple(images.shape)}"
        )
    columns, rows = images.shape[:2]
    figure = Figure(figsize=(WIDTH, WIDTH * rows / columns + 0.75))
    grid = frames(figure, rows, columns, title)
    for column, label in enumerate(labels):
        grid[0][column].set_title(label, fontsize=13, color=INK, pad=5)
        for row in range(rows):
            show(grid[row][column], images[column, row], float(images.max()), DRAWN)
    return figure


def completed(
    originals: Shaped[Tensor, "M H W"],
    completions: Shaped[Tensor, "M N H W"],
    kept: Bool[Tensor, "H W"],
    *,
    title: str,
) -> Figure:
    """Return a row for each image: it, what is kept, and completions, whose drawn part is blue.

    Raises:
        ValueError: There is no completion, or sizes differ.
    """
    count, size = len(originals), tuple(originals.shape[1:])
    fits = completions.ndim == 4 and (len(completions), *completions.shape[2:]) == (count, *size)
    if originals.ndim != 3 or not fits or kept.shape != size or not completions.numel():
        raise ValueError(
            "completions need images (M, H, W), one or more draws (M, N, H, W) of each, and what "
            f"is kept (H, W); got {tuple(originals.shape)}, {tuple(completions.shape)} and "
            f"{tuple(kept.shape)}"
        )
    rows, columns = completions.shape[0], completions.shape[1] + 2
    figure = Figure(figsize=(WIDTH, WIDTH * rows / columns + 0.75))
    grid = frames(figure, rows, columns, title)
    top = float(max(originals.max(), completions.max()))
    for column, heading in enumerate(("image", "given", "completed")):
        grid[0][column].set_title(
            heading, fontsize=HEADING, color=ACCENT if column == 2 else INK, pad=5, loc="left"
        )
    for row in range(rows):
        show(grid[row][0], originals[row], top, GIVEN)
        show(grid[row][1], originals[row], top, GIVEN, hidden=~kept)
        for number, completion in enumerate(completions[row]):
            axes = grid[row][2 + number]
            show(axes, completion, top, DRAWN)
            show(axes, completion, top, GIVEN, only=kept)
    return figure
