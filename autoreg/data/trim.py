"""Silence at the two ends of a clip."""

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, Unpack

from jaxtyping import Float
from torch import Tensor

from autoreg.data.waves import Reading, peak, read_blocks


class Span(NamedTuple):
    """The samples of a clip that are kept: start to stop, exclusive, of total."""

    start: int
    stop: int
    total: int

    @property
    def removed(self) -> int:
        """The number of samples that are not kept."""
        return self.total - (self.stop - self.start)


def active_span(read: Callable[[], Iterable[Float[Tensor, " L"]]], *, below: float) -> Span:
    """Return where a clip is active: from its first to its last sample near the peak.

    The threshold is relative to the clip's own peak, so that a quiet copy is trimmed as a loud
    one. What lies between is kept, however quiet; a clip of zeros is kept whole.

    Args:
        read: Begins to read the clip, block by block; called twice.
        below: Decibels below the peak at which a sample counts as silence; above 0.

    Raises:
        ValueError: below is not a number above 0.

    Example:
        >>> clip = torch.tensor([0.0, 0.001, 1.0, 0.0, -0.5, 0.001])
        >>> active_span(lambda: [clip[:3], clip[3:]], below=40)
        Span(start=2, stop=5, total=6)
    """
    check_decibels(below)
    threshold = peak(read()) * 10 ** (-below / 20)
    start = stop = total = 0
    for wave in read():
        active = (wave.abs() >= threshold).nonzero()[:, 0]
        if len(active):
            start = start if stop else total + int(active[0])
            stop = total + int(active[-1]) + 1
        total += len(wave)
    return Span(start, stop, total)


def trimmed(path: Path | str, sample_rate: int, **reading: Unpack[Reading]) -> Reading:
    """Return how to read the active part of a sound file, of the piece that a reading names.

    Args:
        path: A sound file.
        sample_rate: Of the samples that are read, in Hz.
        reading: See ``Reading``. Without a ``trim_db`` it is the result; with one, that has
            ``start`` and ``stop`` of what is left, and no ``trim_db`` any more.
    """
    within = Reading(**reading)
    if (below := within.pop("trim_db", None)) is None:
        return within
    span = active_span(lambda: read_blocks(path, sample_rate, **within), below=below)
    first = round(within.get("start", 0.0) * sample_rate)
    within["start"] = (first + span.start) / sample_rate
    within["stop"] = (first + span.stop) / sample_rate
    return within


def check_decibels(below: float) -> None:
    """Raise ValueError unless a number of decibels below the peak is above 0."""
    if not 0 < below < math.inf:
        raise ValueError(f"trimming needs a number of decibels above 0; got {below}")
