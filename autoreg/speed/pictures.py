"""Figures of what a run found."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from autoreg.plots import WIDTH
from autoreg.speed.report import Report
from autoreg.speed.rows import ALONE, PLAIN, Row

_COLOURS = {"A": "#1f5fbf", "B": "#7aa6de", "C": "#c2d6f0"}
_LINES = ("#1f5fbf", "#d9822b", "#3a8f5c", "#8a4fbf")
_OTHER, _FRAME, _INK = "#6b7280", "#c9ced6", "#1b1f24"


def bars(report: Report) -> Figure:
    """Return how many times as fast as plain code, and how close to what bounds it."""
    figure = Figure(figsize=(WIDTH, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    best = _best(report)
    ratios = {key: row.ratio.median for key, row in best.items() if row.ratio}
    _bars(left, best, ratios, begin=1)
    left.set_xscale("log")
    left.axvline(1, color=_INK, linewidth=0.8)
    left.set_title(f"Times as fast as {PLAIN}", fontsize=11, color=_INK, loc="left")
    shares = {key: row.fraction.median for key, row in best.items() if row.fraction}
    _bars(right, best, shares, begin=0)
    right.axvline(1, color=_INK, linewidth=0.8)
    right.set_yticks([])
    right.set_title("Share of what bounds it", fontsize=11, color=_INK, loc="left")
    handles = [left.barh([0], [0], left=1, color=_colour(name)) for name in report.subjects]
    names = [f"model {name}" for name in report.subjects]
    figure.legend(handles, names, frameon=False, loc="outside lower center", ncols=len(names))
    return figure


def curves(report: Report) -> Figure:
    """Return a panel for each thing that grows: what a piece of each job costs, in seconds."""
    columns = 3
    count = max(1, len(report.growth))
    lines = -(-count // columns)
    figure = Figure(figsize=(WIDTH, 2.9 * lines), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False).flatten().tolist()
    for axes, (axis, points) in zip(grid, report.growth.items(), strict=False):
        for number, job in enumerate(("generation", "scoring", "posterior", "infilling")):
            if job in points[0]:
                colour = _LINES[number]
                seconds = [point[job] for point in points]
                axes.plot(
                    [point[axis] for point in points], seconds, "o-", color=colour, label=job
                )
        sizes = [point[axis] for point in points]
        axes.set_xscale("log", base=2)
        axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
        axes.set_yscale("log")
        axes.set_title(axis, fontsize=11, color=_INK, loc="left")
        axes.set_ylabel("seconds")
        axes.legend(frameon=False)
        _frame(axes)
    for axes in grid[len(report.growth) :]:
        axes.set_axis_off()
    return figure


def _best(report: Report) -> dict[tuple[str, str], Row]:
    """Return the fastest row of each job and model that has something plain beside it."""
    best: dict[tuple[str, str], Row] = {}
    for row in report.rows:
        if row.against in (PLAIN, ALONE) and row.ratio is not None and row.device == "cpu":
            drawn = f", {row.batch} at a time" if row.job == "generation" else ""
            key = f"{row.job}{drawn}, {row.dtype}", row.model
            if key not in best or row.ours.median > best[key].ours.median:
                best[key] = row
    return best


def _bars(
    axes: Axes,
    best: dict[tuple[str, str], Row],
    values: dict[tuple[str, str], float],
    *,
    begin: float,
) -> None:
    jobs = list(dict.fromkeys(job for job, _ in best))[::-1]
    models = list(dict.fromkeys(model for _, model in best))
    for number, model in enumerate(models):
        places, widths = [], []
        for place, job in enumerate(jobs):
            if (job, model) in values:
                places.append(place + 0.27 * ((len(models) - 1) / 2 - number))
                widths.append(values[job, model] - begin)
        axes.barh(places, widths, left=begin, height=0.25, color=_colour(model))
    axes.set_yticks(range(len(jobs)), jobs)
    _frame(axes)


def _colour(model: str) -> str:
    return _COLOURS.get(model, _OTHER)


def _frame(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(_FRAME)
