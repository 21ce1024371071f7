"""Pictures in frames, side by side."""

import numpy as np
from jaxtyping import Bool, Shaped
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, to_rgba
from matplotlib.figure import Figure
from torch import Tensor

from autoreg.plots.style import INK, TITLE, UNSEEN, framed


def frames(figure: Figure, rows: int, columns: int, title: str) -> list[list[Axes]]:
    """Return empty frames that fill a figure below its title."""
    height = figure.get_figheight()
    figure.suptitle(title, x=0.02, y=1 - 0.12 / height, ha="left", fontsize=TITLE, color=INK)
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
        [framed(figure.add_subplot(spec[row, column])) for column in range(columns)]
        for row in range(rows)
    ]


def show(
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
        pixels[hidden.cpu().numpy()] = to_rgba(UNSEEN)
    if only is not None:
        pixels[~only.cpu().numpy(), 3] = 0.0
    axes.imshow(pixels, interpolation="nearest")
