"""What the texts of options mean."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from autoreg.codecs.scan import KINDS
from autoreg.conditions import Prior
from autoreg.data.signal import Signal
from autoreg.data.sound import Sound

_UNITS = {"": 1, "B": 1, "KB": 2**10, "MB": 2**20, "GB": 2**30}


class Extent(NamedTuple):
    """A number of symbols, or of seconds; the other is None."""

    symbols: int | None = None
    seconds: float | None = None

    def count(self, signal: Signal) -> int:
        """Return the number of symbols, at least 1."""
        if self.seconds is not None and not isinstance(signal, Sound):
            raise ValueError(f"seconds are for sounds; this is a {signal.kind}")
        rate = signal.sample_rate if isinstance(signal, Sound) else 1
        symbols = round(rate * self.seconds) if self.symbols is None else self.symbols  # type: ignore[operator]
        if symbols < 1:
            raise ValueError(f"one symbol or more is needed; got {symbols}")
        return symbols


def extent(text: str | None) -> Extent:
    """Return what 392, 0.2s or 50ms mean; neither for None.

    Example:
        >>> extent("392"), extent("50ms")
        (Extent(symbols=392, seconds=None), Extent(symbols=None, seconds=0.05))
    """
    if text is None:
        return Extent()
    if match := re.fullmatch(r"(\d+\.?\d*|\.\d+)(ms|s)", text):
        return Extent(seconds=float(match[1]) / (1000 if match[2] == "ms" else 1))
    if text.isdecimal():
        return Extent(symbols=int(text))
    raise ValueError(f"symbols are written 392, seconds 0.2s or 200ms; got {text!r}")


def memory(text: str) -> int:
    """Return the bytes of 256MB.

    Example:
        >>> memory("1.5KB")
        1536
    """
    match = re.fullmatch(r"(\d+\.?\d*)\s*([KMG]?B)?", text.strip().upper())
    if match is None or (size := int(float(match[1]) * _UNITS[match[2] or ""])) < 1:
        raise ValueError(f"memory is written 256MB or 2GB; got {text!r}")
    return size


def given(assignments: Sequence[str]) -> dict[str, str]:
    """Return the labels of factor=label, factor=label.

    Example:
        >>> given(["digit=4", "speaker=ann"])
        {'digit': '4', 'speaker': 'ann'}
    """
    pairs = [assignment.partition("=") for assignment in assignments]
    for assignment, (factor, _, label) in zip(assignments, pairs, strict=True):
        if not factor or not label:
            raise ValueError(f"a label is given as factor=label; got {assignment!r}")
    if len(labels := {factor: label for factor, _, label in pairs}) < len(pairs):
        raise ValueError(f"each factor has one label; got {', '.join(assignments)}")
    return labels


def prior(texts: Sequence[str]) -> Prior | None:
    """Return the prior of uniform, training, label=p,... or factor:label=p,... for each factor.

    Example:
        >>> prior(["speaker:ann=0.9,bob=0.1"])
        {'speaker': {'ann': 0.9, 'bob': 0.1}}
    """
    if len(texts) == 1 and texts[0] in ("uniform", "training"):
        return "uniform" if texts[0] == "uniform" else "training"
    found: dict[str, Any] = {}
    for text in texts:
        factor, colon, labels = text.rpartition(":")
        probabilities = _probabilities(labels)
        found |= {factor: probabilities} if colon else probabilities
    return found or None


def labels(text: str, data: Path) -> tuple[dict[str, str], Path | None]:
    """Return the rule that a text names, and the table to read it from if there is one.

    Args:
        text: none, parent, parent:factor, a table's path ending in .csv, or a regular expression
            with named groups.
        data: The folder of the data, which a stored rule sees a table from.
    """
    if text == "none":
        return {"kind": "none"}, None
    if re.fullmatch(r"parent(:\w+)?", text):
        return {"kind": "parent", "factor": text.partition(":")[2] or "label"}, None
    if text.endswith(".csv"):
        table = Path(text)
        inside = table.resolve().is_relative_to(data.resolve())
        name = table.resolve().relative_to(data.resolve()) if inside else Path(table.name)
        return {"kind": "csv", "file": name.as_posix()}, table
    return {"kind": "name", "pattern": text}, None


def share(text: str) -> float | str:
    """Return the number that a text is, or else the text: a regular expression."""
    try:
        return float(text)
    except ValueError:
        return text


def numbers(text: str | None) -> list[float]:
    """Return the numbers of 0.05,0.1,0.2."""
    try:
        return [float(part) for part in text.split(",")] if text else []
    except ValueError:
        raise ValueError(f"numbers are written 0.05,0.1,0.2; got {text!r}") from None


def scans(text: str) -> str | list[str]:
    """Return the kind of scan that a text names, or all of several.

    Example:
        >>> scans("raster"), scans("raster,column")
        ('raster', ['raster', 'column'])
    """
    kinds = text.split(",")
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"scans are written raster,column: {', '.join(KINDS)}; got {kind!r}")
    if len(set(kinds)) < len(kinds):
        raise ValueError(f"scans need to be all different; got {text}")
    return text if len(kinds) == 1 else kinds


def _probabilities(text: str) -> Mapping[str, float]:
    pairs = [pair.rpartition("=") for pair in text.split(",")]
    try:
        return {label: float(value) for label, _, value in pairs}
    except ValueError:
        raise ValueError(
            "a prior is uniform, training, label=p,label=p or factor:label=p,label=p; "
            f"got {text!r}"
        ) from None
