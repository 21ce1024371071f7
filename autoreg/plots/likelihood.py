"""Log probabilities of signals that are more or less likely."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Float, Shaped
from matplotlib.figure import Figure
from torch import Tensor

from autoreg.plots.frames import show
from autoreg.plots.style import FRAME, GIVEN, LINES, framed, keyed, plain, sheet

_THUMBNAILS = 13
_BINS = 40  # at most; fewer of few numbers


def turned(
    degrees: Float[Tensor, " A"],
    log_probs: Float[Tensor, "A G"],
    names: Sequence[str],
    images: Shaped[Tensor, "A H W"],
    *,
    title: str,
) -> Figure:
    """Return log p of an image against the angle it is turned by, the images above.

    Args:
        degrees: Angles, ascending.
        log_probs: In nats, at each angle, of G questions.
        names: Of the questions: the label that is given, say. The first six have lines of their
            own.
        images: The image at each angle; dark is high.
        title: Of the figure.

    Raises:
        ValueError: There is not one row and one image for each angle, or not one name a column.
    """
    count = len(degrees)
    if log_probs.shape != (count, len(names)) or len(images) != count or count < 2:
        raise ValueError(
            f"log probabilities need shape ({count}, {len(names)}), of two angles or more, "
            f"with an image each; got {tuple(log_probs.shape)} and {len(images)} images"
        )
    figure = sheet(title, 4.4)
    chosen = torch.linspace(0, len(degrees) - 1, min(_THUMBNAILS, len(degrees))).round().long()
    spec = figure.add_gridspec(2, len(chosen), height_ratios=(1, 4))
    for place, index in enumerate(chosen.tolist()):
        axes = framed(figure.add_subplot(spec[0, place]))
        show(axes, images[index], float(images.max()), GIVEN)
        axes.set_xlabel(f"{float(degrees[index]):.0f}°", fontsize=8)
    axes = plain(figure.add_subplot(spec[1, :]), across="degrees", up="log p in nats")
    for column, name in enumerate(names):
        line = LINES[column] if column < len(LINES) else (FRAME, "solid")
        axes.plot(
            degrees, log_probs[:, column].detach().cpu(), color=line[0], linestyle=line[1],
            label=name if column < len(LINES) else None,
        )  # fmt: skip
    axes.axvline(0, color=FRAME, linewidth=1, zorder=0)
    axes.set_xlim(float(degrees[0]), float(degrees[-1]))
    keyed(axes)
    return figure


def histograms(
    values: Mapping[str, Float[Tensor, " n"]], *, across: str = "log p in nats", title: str
) -> Figure:
    """Return outlines of histograms over common bins, each as a share of its own.

    Args:
        values: Numbers, by name; six names at most.
        across: What the numbers are.
        title: Of the figure.

    Raises:
        ValueError: There are too many names, or one has no finite number.
    """
    if not 0 < len(values) <= len(LINES):
        raise ValueError(f"histograms need 1 to {len(LINES)} names; got {len(values)}")
    for name, own in values.items():
        if not own.numel() or not own.isfinite().all():
            raise ValueError(f"a histogram needs finite numbers, one or more; {name!r} has others")
    told = {name: own.detach().cpu().double().flatten() for name, own in values.items()}
    together = torch.cat([*told.values()])
    low, high = float(together.min()), float(together.max())
    bins = min(_BINS, max(8, round(2 * max(map(len, told.values())) ** 0.5)))
    edges = torch.linspace(low, high if high > low else low + 1, bins + 1, dtype=torch.float64)
    figure = sheet(title, 3.0)
    axes = plain(figure.add_subplot(), across=across, up="share")
    for (name, own), (colour, dashes) in zip(told.items(), LINES, strict=False):
        counts = torch.histogram(own, edges).hist
        axes.stairs(
            counts / len(own), edges, color=colour, linestyle=dashes, linewidth=1.5, label=name
        )
    axes.set_ylim(bottom=0)
    keyed(axes)
    return figure
