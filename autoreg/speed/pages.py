"""What a run found, in words and tables of Markdown."""

from collections.abc import Iterable, Sequence

from autoreg.speed.report import Report
from autoreg.speed.rows import Row
from autoreg.speed.targets import verdicts
from autoreg.speed.trial import Spread

HEADER = (
    "job",
    "model",
    "numbers",
    "threads",
    "batch",
    "here",
    "beside it",
    "times as fast",
    "share of what bounds it",
    "wanted",
)
SMALL = {
    "generation": "draw, {batch} at a time",
    "scoring": "score",
    "training": "train",
}
"""Jobs of the small table, and what they are called there."""


def page(report: Report) -> str:
    """Return all of a run: the machine, its ceilings, every row, effects, how cost grows."""
    parts = [
        "## Speed",
        _place(report),
        "What the machine reaches, in the same run (thousand millions of operations, or of bytes, "
        "a second; median, and the quartiles):",
        _ceilings(report),
        "Medians and quartiles over turns in which all competitors take part; ratios are taken "
        "turn by turn. What bounds it is reading all weights once a sample where one sequence is "
        "drawn, else a large product of matrices in the same type, on as many threads.",
    ]
    for device in ("cpu", "cuda"):
        rows = [row for row in report.rows if row.device == device]
        if rows:
            parts.append(markdown(HEADER, [_cells(row) for row in rows]))
    if any(row.effect for row in report.rows):
        parts.append("What narrow numbers do to log p of a symbol, in nats, beside float64:")
        parts.append(_effects(report))
    for axis, points in report.growth.items():
        names = list(points[0])
        lines = [[_short(point[name]) for name in names] for point in points]
        parts += [f"Seconds, as {axis} grow{'s' if axis[-1] != 's' else ''}:"]
        parts += [markdown(names, lines)]
    return "\n\n".join(part for part in parts if part) + "\n"


def brief(report: Report) -> str:
    """Return the small table: times as fast as the plain implementation, best of what there is."""
    lines, models = [], list(report.subjects)
    for job, name in SMALL.items():
        rows = [row for row in report.rows if (row.job, row.device) == (job, "cpu")]
        batches = sorted({row.batch for row in rows}) if "{batch}" in name else [None]
        for batch in batches:
            taken = [row for row in rows if batch in (None, row.batch) and row.ratio is not None]
            best = [_best([row for row in taken if row.model == model]) for model in models]
            if any(best):
                cells = [
                    f"{_short(row.ratio.median)}x" if row and row.ratio else "" for row in best
                ]
                rates = [_short(row.ours.median) if row else "" for row in best]
                told = [
                    f"{rate} ({cell})" if cell else "-"
                    for rate, cell in zip(rates, cells, strict=True)
                ]
                lines.append([name.format(batch=batch), *told])
    return markdown(["a second (times the plain implementation)", *models], lines)


def markdown(header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table, numbers on the right; nothing where there are no lines.

    Example:
        >>> print(markdown(["a", "b"], [["x", "1"]]))
        | a | b |
        | --- | ---: |
        | x | 1 |
    """
    rows = [list(line) for line in lines]
    rule = ["---", *["---:"] * (len(header) - 1)]
    table = [list(header), rule, *rows] if rows else []
    return "\n".join(f"| {' | '.join(line)} |" for line in table)


def told(found: Spread | None, *, scale: float = 1.0, unit: str = "") -> str:
    """Return a median with its quartiles.

    Example:
        >>> told(Spread(1234.5, 1200.0, 1300.0, 5), unit=" samples/s")
        '1,230 samples/s (1,200 to 1,300)'
    """
    if found is None:
        return "-"
    median, lower, upper = (_short(scale * value) for value in found[:3])
    return f"{median}{unit}" if found.turns < 2 else f"{median}{unit} ({lower} to {upper})"


def wanted(row: Row) -> str:
    """Return the targets of a row, each with whether it is met."""
    return "; ".join(f"{'met' if one.met else 'missed'}: {one.wanted}" for one in verdicts(row))


def what(row: Row) -> str:
    """Return what a row is about, in a few words."""
    of = row.facts.get("of")
    return f"{row.job}, {of}" if of else row.job


def _best(rows: Sequence[Row]) -> Row | None:
    return max(rows, key=lambda row: row.ratio.median if row.ratio else 0.0, default=None)


def _cells(row: Row) -> list[str]:
    beside = told(row.other, unit=f" {row.unit}")
    return [
        what(row),
        row.model,
        row.dtype,
        str(row.threads),
        str(row.batch),
        told(row.ours, unit=f" {row.unit}"),
        f"{row.against}: {beside}" if row.other else "-",
        told(row.ratio),
        f"{told(row.fraction, scale=100, unit=' %')} of {row.ceiling}" if row.fraction else "-",
        wanted(row) or "-",
    ]


def _place(report: Report) -> str:
    machine = report.machine
    cpu, gpu = machine["cpu"], machine["gpu"]
    caches = ", ".join(f"{name} {size}" for name, size in cpu["caches"].items())
    versions = ", ".join(f"{name} {one}" for name, one in machine["versions"].items() if one)
    flags = ", ".join(cpu["flags"])
    on = f"{cpu['model']}, {cpu['cores']} cores ({flags}; {caches}), load {cpu['load'][0]:g}"
    on += f"; {gpu['model']}" if gpu else ""
    commit = f" Commit `{machine['commit'][:12]}`." if machine["commit"] else ""
    return f"{on}. {versions}. {machine['date'][:10]}.{commit}"


def _ceilings(report: Report) -> str:
    names = list(dict.fromkeys(name for rates in report.ceilings.values() for name in rates))
    lines = [
        [name, *(told(rates.get(name), scale=1e-9) for rates in report.ceilings.values())]
        for name in names
    ]
    return markdown(["", *report.ceilings], lines)


def _effects(report: Report) -> str:
    found: dict[tuple[str, str], dict[str, float]] = {}
    for row in report.rows:
        if row.effect is not None:
            found[row.model, f"{row.job}, {row.dtype}"] = row.effect
    lines = [
        [model, kind, *(f"{effect[name]:.2g}" for name in ("mean", "max", "shift"))]
        for (model, kind), effect in found.items()
    ]
    return markdown(["model", "numbers", "mean", "largest", "mean, signed"], lines)


def _short(value: float) -> str:
    """Return a number to three digits."""
    if value == 0 or not 1e-4 <= abs(value) < 1e9:
        return f"{value:.3g}"
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:.3g}"
