"""Where a signal surprises its model."""

import torch
from jaxtyping import Float, Int, Shaped
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn import functional

from autoreg.plots.frames import show
from autoreg.plots.style import (
    ACCENT,
    DRAWN,
    FAINT,
    FRAME,
    GIVEN,
    HEADING,
    INK,
    framed,
    plain,
    scaled,
    sheet,
)


def surprise_map(
    image: Shaped[Tensor, "H W"],
    nats: Float[Tensor, " T"],
    order: Int[Tensor, " T"],
    *,
    title: str,
) -> Figure:
    """Return an image beside a map of the nats that each pixel costs.

    Args:
        image: Pixels; dark is high.
        nats: -log p of each pixel given those before it, in the order of the scan.
        order: Raster index of the pixel at each position of the scan.
        title: Of the figure.

    Raises:
        ValueError: There is not one number for each pixel.
    """
    if image.ndim != 2 or nats.shape != (image.numel(),) or order.shape != nats.shape:
        raise ValueError(
            f"a map of surprise needs an image (H, W), and nats and order of its H W pixels; got "
            f"{tuple(image.shape)}, {tuple(nats.shape)} and {tuple(order.shape)}"
        )
    placed = torch.empty(image.numel(), dtype=torch.float64)
    placed[order.cpu()] = nats.detach().cpu().double()
    figure = sheet(title, 3.9, width=7.2)
    left, right = figure.subplots(1, 2)
    show(framed(left), image, float(image.max()), GIVEN)
    left.set_title("image", fontsize=HEADING, color=INK, loc="left")
    map_ = framed(right).imshow(placed.reshape(image.shape).numpy(), cmap=DRAWN, vmin=0)
    right.set_title(
        f"nats a pixel, {placed.sum():.1f} in all", fontsize=HEADING, color=INK, loc="left"
    )
    scaled(figure, map_, right)
    return figure


def surprise_curve(
    wave: Shaped[Tensor, " T"],
    nats: Float[Tensor, " T"],
    *,
    rate: float,
    window: float = 0.01,
    title: str,
) -> Figure:
    """Return a wave above the nats that its samples cost, averaged over a moving window.

    Args:
        wave: Samples.
        nats: -log p of each sample given those before it.
        rate: Samples a second.
        window: Seconds over which the blue line is the mean, centred; faint is each sample's.
        title: Of the figure.

    Raises:
        ValueError: There is not one number for each sample, or no window.
    """
    if wave.ndim != 1 or wave.shape != nats.shape or not len(wave):
        raise ValueError(
            f"surprise needs one number for each of T samples; got {tuple(nats.shape)} for "
            f"{tuple(wave.shape)}"
        )
    if not (rate > 0 and window > 0):
        raise ValueError(f"rate and window need to be positive; got {rate:g} and {window:g}")
    seconds = torch.arange(len(wave)) / rate
    told = nats.detach().cpu().double()
    figure = sheet(title, 3.9)
    above, below = figure.subplots(2, 1, sharex=True)
    plain(above, up="sound").set_yticks([])
    above.plot(seconds, wave.cpu(), color=INK, linewidth=0.5)
    plain(below, across="seconds", up="nats a sample")
    below.plot(seconds, told, color=FRAME, linewidth=0.4)
    below.plot(seconds, _smooth(told, round(window * rate)), color=ACCENT, linewidth=1.5)
    below.axhline(float(told.mean()), color=FAINT, linewidth=0.9, linestyle="dotted")
    below.set_xlim(0, len(wave) / rate)
    below.set_ylim(bottom=min(0.0, float(told.min())))
    return figure


def _smooth(values: Float[Tensor, " T"], width: int) -> Float[Tensor, " T"]:
    """Return the mean of those within the window; at the ends, of those that there are."""
    reach = max(0, width // 2)
    sums = functional.avg_pool1d(
        values[None], 2 * reach + 1, stride=1, padding=reach, count_include_pad=False
    )
    return sums[0]
