"""Grids of images: draws under their labels, completions beside what they complete."""

from collections.abc import Sequence

from jaxtyping import Bool, Shaped
from matplotlib.figure import Figure
from torch import Tensor

from autoreg.plots.frames import frames, show
from autoreg.plots.style import ACCENT, DRAWN, GIVEN, HEADING, INK, WIDTH


def drawn(images: Shaped[Tensor, "K N H W"], labels: Sequence[str], *, title: str) -> Figure:
    """Return a column of draws under each label; dark is high."""
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
    """Return a row for each image: it, what is kept, and completions, whose drawn part is blue."""
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
