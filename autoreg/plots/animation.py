"""The posterior of an image's label, moving as pixels arrive."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from autoreg.plots.frames import show
from autoreg.plots.style import (
    ACCENT,
    FAINT,
    FRAME,
    GIVEN,
    INK,
    LABEL,
    UNSEEN,
    framed,
    plain,
    sheet,
)

_FRAMES = 64  # about as many, if not told how often
_DOTS = 80  # per inch
_HOLD = 2000  # milliseconds for which the last frame stands


def revealed(
    image: Shaped[Tensor, "H W"],
    order: Int[Tensor, " T"],
    probs: Float[Tensor, "T1 K"],
    labels: Sequence[str],
    *,
    seen: int,
    title: str = "",
) -> Figure:
    """Return an image of which the first pixels of a scan are seen, beside the posterior then.

    With ``seen`` = t these are exactly the pixels x_0, ..., x_{t-1} that row t of the posterior
    knows: none for the prior, all in the last row.

    Args:
        image: Pixels; dark is high.
        order: Raster index of the pixel at each position of the scan.
        probs: Probability of each label after 0, 1, ..., T pixels, as ``every_prefix`` gives it.
        labels: Names of the K labels.
        seen: How many pixels are seen.
        title: Of the figure.

    Raises:
        ValueError: Shapes do not belong to one image, or more is seen than there is.
    """
    length, rows = image.numel(), image.numel() + 1
    if image.ndim != 2 or order.shape != (length,) or probs.shape != (rows, len(labels)):
        raise ValueError(
            f"an image of {length} pixels needs shape (H, W), an order ({length},) and "
            f"probabilities ({rows}, {len(labels)}); got {tuple(image.shape)}, "
            f"{tuple(order.shape)} and {tuple(probs.shape)}"
        )
    if not 0 <= seen <= length:
        raise ValueError(f"what is seen needs to lie within 0..{length} pixels; got {seen}")
    figure = sheet(title, 3.2, width=6.4)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    hidden = torch.ones(length, dtype=torch.bool)
    hidden[order[:seen].cpu()] = False
    show(framed(left), image, float(image.max()), GIVEN, hidden=hidden.reshape(image.shape))
    left.set_xlabel(f"{seen} of {length} pixels", fontsize=LABEL, color=FAINT)
    plain(right, across="probability")
    row = probs[seen].detach().cpu()
    best = int(row.argmax())
    colours = [ACCENT if index == best else FAINT for index in range(len(labels))]
    right.barh(range(len(labels)), row.numpy(), color=colours)
    right.set_yticks(range(len(labels)), labels)
    right.tick_params("y", length=0, labelcolor=INK, labelsize=LABEL)
    right.invert_yaxis()
    right.set_xlim(0, 1)
    return figure


def animate(
    path: Path | str,
    image: Shaped[Tensor, "H W"],
    order: Int[Tensor, " T"],
    probs: Float[Tensor, "T1 K"],
    labels: Sequence[str],
    *,
    every: int | None = None,
    milliseconds: int = 120,
    title: str = "",
) -> list[int]:
    """Write an animated GIF of `revealed` from no pixel to all of them; return what was seen.

    Args:
        path: The file.
        image: Pixels; dark is high.
        order: Raster index of the pixel at each position of the scan.
        probs: Probability of each label after 0, 1, ..., T pixels.
        labels: Names of the K labels.
        every: Pixels from one frame to the next; None chooses some 64 frames.
        milliseconds: For which each frame stands; the last stands for two seconds.
        title: Of the figure.

    Raises:
        ValueError: Shapes do not belong to one image, the file is no .gif, or time stands still.
    """
    length = image.numel()
    step = max(1, round(length / _FRAMES)) if every is None else every
    if Path(path).suffix.lower() != ".gif":
        raise ValueError(f"an animation needs a file that ends in .gif; got {path}")
    if step < 1 or milliseconds < 1:
        raise ValueError(
            f"every and milliseconds need to be 1 or more; got {step} and {milliseconds}"
        )
    moments = [*range(0, length, step), length]
    pictures = [
        _picture(revealed(image, order, probs, labels, seen=seen, title=title)) for seen in moments
    ]
    palette = _palette()
    frames = [one.quantize(palette=palette, dither=Image.Dither.NONE) for one in pictures]
    frames[0].save(
        path,
        save_all=True,
        append_images=frames[1:],
        duration=[milliseconds] * (len(frames) - 1) + [_HOLD],
        loop=0,
        disposal=1,
    )
    return moments


def _palette() -> Image.Image:
    """Return the style's colours, each mixed with white; one palette, so that none flickers."""
    # Pillow finds the nearest in steps of four of 255: closer to white than that, white is lost.
    shares = np.linspace(0, 1, 24)[:, None]
    ramps = [1 - shares * (1 - np.array(to_rgb(one))) for one in (INK, ACCENT, FAINT)]
    colours = np.concatenate([*ramps, [to_rgb(FRAME), to_rgb(UNSEEN)]])
    palette = Image.new("P", (1, 1))
    palette.putpalette((255 * colours).round().astype(np.uint8).tobytes())
    return palette


def _picture(figure: Figure) -> Image.Image:
    with BytesIO() as file:
        figure.savefig(file, dpi=_DOTS, format="png")
        return Image.open(file).convert("RGB")
