"""What speed is to be reached, and whether it is."""

from collections.abc import Callable
from typing import NamedTuple

from autoreg.speed.rows import Row


class Verdict(NamedTuple):
    """A target, and what was found of it.

    Attributes:
        wanted: In words.
        found: The number that it is about.
        met: Whether it is.
    """

    wanted: str
    found: float
    met: bool


class _Target(NamedTuple):
    """A number that rows of a kind are to reach; ``most`` where it is a number not to exceed."""

    applies: Callable[[Row], bool]
    number: Callable[[Row], float | None]
    bounds: dict[str, float]
    wanted: str
    most: bool = False


def verdicts(row: Row) -> list[Verdict]:
    """Return what is wanted of a row, and whether it is so.

    Example:
        >>> from autoreg.speed.trial import spread
        >>> found = verdicts(Row(job="first answer", model="", unit="s", ours=spread([1.5])))
        >>> found[0].met, found[0].wanted
        (True, 'within 2 s of import torch')
    """
    found = []
    for target in TARGETS:
        bound = target.bounds.get(row.model, target.bounds.get(""))
        number = target.number(row) if bound is not None and target.applies(row) else None
        if bound is not None and number is not None:
            met = number <= bound if target.most else number >= bound
            found.append(Verdict(target.wanted.format(bound), number, met))
    return found


def _rate(row: Row) -> float:
    return row.ours.median


def _ratio(row: Row) -> float | None:
    return None if row.ratio is None else row.ratio.median


def _share(row: Row) -> float | None:
    return None if row.fraction is None else row.fraction.median


def _times(row: Row) -> float | None:
    return None if row.fraction is None else 1 / row.fraction.median


def _on(job: str, device: str = "cpu", **wanted: object) -> Callable[[Row], bool]:
    """Return whether a row is of a job, on a device, with these facts."""

    def applies(row: Row) -> bool:
        agrees = all(getattr(row, name) == value for name, value in wanted.items())
        return row.job == job and row.device == device and agrees

    return applies


_ONE = _on("generation", batch=1, dtype="float32", threads=1)

TARGETS = (
    _Target(_ONE, _ratio, {"A": 60, "B": 120, "C": 60}, "{:g}x plain"),
    _Target(
        _ONE,
        _times,
        {"A": 1.3, "B": 1.3, "C": 1.3},
        "within {:g}x reading the weights",
        most=True,
    ),
    _Target(
        _on("generation", batch=1, dtype="bfloat16", threads=2),
        _rate,
        {"C": 16_000},
        "{:,.0f} samples/s, the stretch",
    ),
    _Target(
        _on("generation", batch=16, dtype="float32"),
        _ratio,
        {"A": 30, "B": 60, "C": 60},
        "{:g}x plain",
    ),
    _Target(
        _on("generation", batch=256, dtype="float32"),
        _share,
        {"A": 0.4, "B": 0.4, "C": 0.4},
        "{:.0%} of gemm",
    ),
    _Target(
        _on("scoring", dtype="float32"),
        _share,
        {"A": 0.5, "B": 0.5, "C": 0.5},
        "{:.0%} of gemm",
    ),
    _Target(_on("scoring"), _ratio, {"A": 10, "B": 3, "C": 3}, "{:g}x plain"),
    _Target(_on("training"), _ratio, {"A": 5, "B": 2, "C": 2}, "{:g}x plain"),
    _Target(_on("posterior"), _ratio, {"A": 1 / 0.9}, "within 0.9 of a score each"),
    _Target(_on("infilling"), _share, {"A": 0.4}, "{:.0%} of gemm"),
    _Target(_on("memory"), _ratio, {"": 1.1}, "within {:g}x", most=True),
    _Target(_on("import"), _ratio, {"": 1.2}, "within {:g}x import torch", most=True),
    _Target(_on("first answer"), _rate, {"": 2.0}, "within {:g} s of import torch", most=True),
    _Target(_on("generation", "cuda", batch=1), _rate, {"B": 30_000}, "{:,.0f} samples/s"),
    _Target(_on("generation", "cuda", batch=4096), _rate, {"B": 3e6}, "{:,.0f} samples/s"),
    _Target(_on("infilling", "cuda"), _ratio, {"A": 40}, "{:g}x the reference walk"),
    _Target(
        _on("training", "cuda"),
        _share,
        {"A": 0.4, "B": 0.4, "C": 0.4},
        "{:.0%} of what bounds it",
    ),
)
"""The targets, for two cores and for one large GPU. Scoring and training may be in bfloat16."""
