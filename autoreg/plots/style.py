"""The look that all figures share."""

from io import BytesIO
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from autoreg import plaindata

WIDTH = 9.6  # inches
RESOLUTION = 160  # dots per inch
TITLE, HEADING, LABEL, TICK = 14, 11, 10, 9  # points

INK, ACCENT, FRAME, FAINT = "#1b1f24", "#1f5fbf", "#c9ced6", "#6b7280"
UNSEEN = "#eceef2"
GIVEN = LinearSegmentedColormap.from_list("given", ["#ffffff", INK])
DRAWN = LinearSegmentedColormap.from_list("drawn", ["#edf3fc", ACCENT])
# Each with its own dashes too: a picture printed in grey still tells them apart.
LINES = (
    (ACCENT, "solid"),
    ("#d55e00", "dashed"),
    ("#00805c", "dashdot"),
    ("#8a4fbf", "dotted"),
    ("#a37200", (0, (5, 1, 1, 1, 1, 1))),
    ("#3d9bd1", (0, (8, 3))),
)


def save(figure: Figure, path: Path | str) -> None:
    """Write a figure as a picture, whole or not at all; as .png where no suffix says how."""
    path = Path(path)
    path, drawn = path if path.suffix else path.with_suffix(".png"), BytesIO()
    figure.savefig(drawn, format=path.suffix[1:], dpi=RESOLUTION, facecolor="white")
    plaindata.replace(path, drawn.getvalue())


def sheet(title: str, height: float, *, width: float = WIDTH) -> Figure:
    """Return an empty figure with a title, so many inches high; axes find their places alone."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)  # type: ignore[union-attr, call-arg]
    figure.suptitle(title, x=0.012, ha="left", fontsize=TITLE, color=INK)
    return figure


def plain(axes: Axes, *, across: str = "", up: str = "") -> Axes:
    """Leave of a coordinate system what is needed, and name its axes."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FRAME)
    axes.tick_params(which="both", colors=FAINT, labelsize=TICK, length=3)
    axes.set_xlabel(across, fontsize=LABEL, color=FAINT)
    axes.set_ylabel(up, fontsize=LABEL, color=FAINT)
    return axes


def framed(axes: Axes) -> Axes:
    """Put a frame without ticks around a picture."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(FRAME)
        spine.set_linewidth(0.8)
    return axes


def keyed(axes: Axes) -> None:
    """Write above the axes which line is which."""
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=6,
        frameon=False,
        fontsize=LABEL,
        labelcolor=INK,
        borderaxespad=0.2,
        handlelength=2.4,
        columnspacing=1.6,
    )


def faded(share: float) -> tuple[float, float, float]:
    """Return the accent, mixed with white; opaque, so that shades do not add up."""
    red, green, blue, _ = DRAWN(1.0)
    return (1 - share * (1 - red), 1 - share * (1 - green), 1 - share * (1 - blue))


def scaled(figure: Figure, drawn: ScalarMappable, axes: Axes) -> None:
    """Put the scale of a map beside it."""
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(colors=FAINT, labelsize=TICK, length=0)
