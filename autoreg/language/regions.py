"""Where a place of a question lies."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from autoreg.language.errors import QuestionError
from autoreg.language.places import Masked, Place, Position, Span
from autoreg.language.scope import Scope

Region = Tensor | int | slice | tuple[int | slice, int | slice]


@dataclass(frozen=True, eq=False)
class Area:
    """A place, found.

    Attributes:
        place: What the question says.
        region: What a density calls it: a mask, positions along the scan, rows and columns.
        mask: Which positions along the scan it covers.
    """

    place: Place
    region: Region
    mask: Bool[Tensor, " T"]

    @property
    def single(self) -> int | None:
        """The position, of a place that is a single one."""
        return int(self.mask.nonzero()) if int(self.mask.sum()) == 1 else None


def find(place: Place, scope: Scope, length: int) -> Area:
    """Return where a place lies in a signal of so many positions.

    Raises:
        QuestionError: It reaches beyond the signal, or is a region of other signals.
    """
    region = _region(place, scope, length)
    return Area(place, region, scope.signal.where(region, length))


def union(areas: list[Area], length: int) -> Bool[Tensor, " T"]:
    """Return the positions that some of the areas cover."""
    mask = torch.zeros(length, dtype=torch.bool)
    for area in areas:
        mask |= area.mask
    return mask


def sizes(scope: Scope, length: int) -> tuple[int, ...]:
    """Return the signal's own shape: (H, W) of pictures, (T,) of all else."""
    scan = getattr(scope.signal, "scan", None)
    return (length,) if scan is None else (scan.height, scan.width)


def _region(place: Place, scope: Scope, length: int) -> Region:
    if not place.index:
        return slice(None)
    shape = sizes(scope, length)
    first = place.index[0]
    if isinstance(first, Masked):
        return ~_mask(first, scope, shape)
    if len(place.index) == 1:
        if isinstance(first, Position) and scope.is_mask(first):
            return _mask(first, scope, shape)
        return _along(first, scope, length, "position")
    if len(shape) == 1:
        raise QuestionError(
            f"rows and columns are of pictures; this is a {scope.signal.kind}", place.index[1].at
        )
    second = place.index[1]
    if isinstance(second, Masked):
        raise QuestionError("a mask stands alone, as in x[not mask]", second.at)
    return _along(first, scope, shape[0], "row"), _along(second, scope, shape[1], "column")


def _mask(index: Masked | Position, scope: Scope, shape: tuple[int, ...]) -> Tensor:
    name = index.name if isinstance(index, Masked) else scope.is_mask(index)
    if name is None:
        raise QuestionError(f"{index} is no mask", index.at)
    mask = scope.mask(name)
    if mask.shape != shape:
        raise QuestionError(
            f"{name} needs a mask of shape {shape}, as the signal; got {mask.shape}", name.at
        )
    return torch.from_numpy(np.ascontiguousarray(mask))


def _along(index: Position | Span, scope: Scope, size: int, noun: str) -> int | slice:
    """Return a number or a slice, counted from the beginning."""
    if isinstance(index, Position):
        at = scope.count(index)
        if not -size <= at < size:
            raise QuestionError(f"{noun}s are 0..{size - 1}; got {at}", index.at)
        return at % size
    ends = list[int]()
    for end, default in ((index.start, 0), (index.stop, size)):
        at = default if end is None else scope.count(end)
        if end is not None and not -size <= at <= size:
            raise QuestionError(f"there are {size} {noun}s; got {at}", end.at)
        ends.append(at + size if at < 0 else at)
    if ends[0] > ends[1]:
        raise QuestionError(f"a region ends after it begins; got {ends[0]}:{ends[1]}", index.at)
    return slice(ends[0], ends[1], index.step)
