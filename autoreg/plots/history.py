"""How training went."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from autoreg.plots.style import ACCENT, FAINT, LINES, keyed, plain, sheet


def trained(rows: Sequence[Mapping[str, Any]], *, title: str) -> Figure:
    """Return nats a symbol and the learning rate at each step of training.

    Args:
        rows: Lines of history.jsonl, each with ``step``, ``nats_per_symbol``, ``valid`` and
            ``learning_rate``; None where nothing was measured.
        title: Of the figure.

    Raises:
        ValueError: There is no line, or one without its step.
    """
    if not rows or not all("step" in row for row in rows):
        raise ValueError(f"history needs lines with a step each; got {len(rows)} lines")
    figure = sheet(title, 4.2)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    plain(above, up="nats a symbol")
    above.plot(*_known(rows, "nats_per_symbol"), color=ACCENT, linewidth=1.1, label="training")
    steps, valid = _known(rows, "valid")
    colour, dashes = LINES[1]
    above.plot(
        steps, valid, color=colour, linestyle=dashes, marker="o", markersize=4, label="validation"
    )
    above.set_yscale("log")
    above.yaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5, 7)))
    above.yaxis.set_major_formatter("{x:g}")
    above.yaxis.set_minor_formatter(NullFormatter())
    keyed(above)
    plain(below, across="step", up="learning rate")
    below.plot(*_known(rows, "learning_rate"), color=FAINT, linewidth=1.1)
    below.set_ylim(bottom=0)
    return figure


def _known(rows: Sequence[Mapping[str, Any]], name: str) -> tuple[list[int], list[float]]:
    """Return the steps at which something was measured, and what."""
    known = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
    return [step for step, _ in known], [value for _, value in known]
