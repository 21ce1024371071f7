"""Parts of a signal, in the signal's own coordinates."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from operator import index
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor


@dataclass(frozen=True)
class Seconds:
    """A piece of a sound from start to stop, half open; None is the sound's own end.

    Both become whole samples as ``round(seconds * sample_rate)``, as where files are cut, so that
    pieces that meet in time share no sample and leave none out. Negative ones count from the end.
    """

    start: float | None = None
    stop: float | None = None

    def __post_init__(self) -> None:
        start, stop = (0.0 if end is None else end for end in (self.start, self.stop))
        turned = self.stop is not None and (start < 0) == (stop < 0) and start > stop
        if turned or not (math.isfinite(start) and math.isfinite(stop)):
            raise ValueError(
                f"seconds need finite start <= stop; got {self.start} and {self.stop}"
            )

    def samples(self, sample_rate: int) -> slice:
        """Return the positions it covers."""
        ends = (
            None if end is None else round(end * sample_rate) for end in (self.start, self.stop)
        )
        return slice(*ends)


Region: TypeAlias = (
    Tensor | np.ndarray | int | slice | tuple[int | slice, int | slice] | Seconds | list["Region"]
)
"""Where something is known, hidden or restricted: a boolean mask in the signal's own shape, a
position or a slice along the scan, (rows, columns) of a picture, ``Seconds`` of a sound, or a list
of these, which stands for their union. Negative numbers count from the end."""


def union(
    region: Region,
    length: int,
    read: Callable[[Region], Bool[Tensor, " T"] | None],
    needed: str,
) -> Bool[Tensor, " T"]:
    """Return where along the scan a region lies, or a list of them together.

    Args:
        region: One region, or a list of them.
        length: T: the number of positions of the signal.
        read: Returns the positions of one region of the signal's kinds; None for any other.
        needed: Those kinds in words.

    Raises:
        ValueError: A region is of another kind, or does not lie within the signal.
    """
    if isinstance(region, list):
        taken = torch.zeros(length, dtype=torch.bool)
        for part in region:
            taken |= union(part, length, read, needed)
        return taken
    found = read(region)
    if found is None:
        raise ValueError(f"a region needs {needed}, or a list of these; got {_described(region)}")
    return found


def along(region: Region, length: int) -> Bool[Tensor, " T"] | None:
    """Return the positions of a number, a slice or a mask (T,); None for what is none of them."""
    if isinstance(region, Tensor | np.ndarray):
        return masked(region, (length,))
    places = steps(region, length)
    if places is None:
        return None
    taken = torch.zeros(length, dtype=torch.bool)
    taken[places] = True
    return taken


def along_in_words(length: int) -> str:
    """Return what ``along`` takes, in words."""
    return (
        f"a boolean mask of shape ({length},), a position within {-length}..{length - 1} or a "
        f"slice within {-length}..{length}"
    )


def masked(region: Region, shape: tuple[int, ...]) -> Bool[Tensor, "..."] | None:
    """Return a boolean mask as a tensor; None for what is none, or of another shape."""
    if not isinstance(region, Tensor | np.ndarray):
        return None
    mask = torch.as_tensor(region).cpu()
    return mask if mask.dtype == torch.bool and mask.shape == shape else None


def steps(region: Region, size: int) -> Int[Tensor, " N"] | None:
    """Return the places of a number or a slice among ``size``; None for what is none, or beyond.

    A slice that reaches beyond the end is a mistake here, not cut off as Python does: what it
    names is not all there.
    """
    if isinstance(region, slice):
        try:
            places = range(size)[region]
            ends = [index(end) for end in (region.start, region.stop) if end is not None]
        except (TypeError, ValueError):
            return None
        if not all(-size <= end <= size for end in ends):
            return None
        return torch.arange(len(places)) * places.step + places.start
    if isinstance(region, bool) or not isinstance(region, int | np.integer):
        return None
    return torch.tensor([int(region) % size]) if -size <= region < size else None


def _described(region: object) -> str:
    if isinstance(region, Tensor | np.ndarray):
        return f"{region.dtype} of shape {tuple(region.shape)}"
    return repr(region)
