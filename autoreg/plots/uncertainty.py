"""What hidden pixels may be."""

import torch
from jaxtyping import Bool, Float, Shaped
from matplotlib.figure import Figure
from torch import Tensor

from autoreg.plots.frames import show
from autoreg.plots.style import ACCENT, DRAWN, GIVEN, HEADING, INK, WIDTH, framed, scaled, sheet

_SHOWN = 4  # draws beside their mean


def infilled(
    image: Shaped[Tensor, "H W"],
    hidden: Bool[Tensor, "H W"],
    draws: Shaped[Tensor, "N H W"],
    *,
    log_weights: Float[Tensor, " N"] | None = None,
    title: str,
) -> Figure:
    """Return what is seen, draws of what is hidden, their mean, their standard deviation.

    Seen pixels are black on white, drawn ones blue, hidden ones grey where nothing is drawn. The
    deviation has a scale of its own, in grey levels; what is seen has none.

    Args:
        image: Pixels; dark is high. Those that are hidden are not looked at.
        hidden: Which are hidden.
        draws: Whole images; only their hidden pixels count.
        log_weights: Of the draws; equal if None.
        title: Of the figure.

    Raises:
        ValueError: Sizes differ, nothing was drawn, or no weight is above nought.
    """
    if hidden.shape != image.shape or draws.shape[1:] != image.shape or not len(draws):
        raise ValueError(
            f"an infilled image needs hidden pixels and draws of its size {tuple(image.shape)}; "
            f"got {tuple(hidden.shape)} and {tuple(draws.shape)}"
        )
    weights = _weights(log_weights, len(draws))
    hidden, image, draws = hidden.cpu(), image.cpu(), draws.cpu().double()
    mean = (weights[:, None, None] * draws).sum(0)
    spread = (weights[:, None, None] * (draws - mean) ** 2).sum(0).sqrt()
    shown = draws[weights.argsort(descending=True, stable=True)[:_SHOWN]]
    top = float(max(image[~hidden].max() if not hidden.all() else 0, draws[:, hidden].max()))
    figure = sheet(title, 2.1, width=WIDTH)
    names = ["seen", *(["drawn"] + [""] * (len(shown) - 1)), "mean", "deviation"]
    panels = figure.subplots(1, len(names))
    for axes, name in zip(panels, names, strict=True):
        axes.set_title(name, fontsize=HEADING, color=INK if name == "seen" else ACCENT, loc="left")
        show(framed(axes), image, top, GIVEN, hidden=hidden)
    for axes, filled in zip(panels[1:-1], [*shown, mean], strict=True):
        show(axes, filled, top, DRAWN, only=hidden)
    # Opaque where pixels are hidden, absent elsewhere: no deviation is not a deviation of nought.
    masked = torch.where(hidden, spread, torch.nan)
    scaled(figure, panels[-1].imshow(masked.numpy(), cmap=DRAWN, vmin=0), panels[-1])
    return figure


def _weights(log_weights: Float[Tensor, " N"] | None, count: int) -> Float[Tensor, " N"]:
    """Return the weights of draws, normalised."""
    if log_weights is None:
        return torch.full((count,), 1 / count, dtype=torch.float64)
    weights = log_weights.detach().cpu().double().softmax(0)
    if weights.shape != (count,) or not weights.isfinite().all():
        raise ValueError(
            f"log weights need shape ({count},), one of them finite; got {tuple(weights.shape)}"
        )
    return weights
