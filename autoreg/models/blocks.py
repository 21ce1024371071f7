"""The pieces in which tensors (channels, rows, times) are worked on."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

# Columns of a block: its pieces of all tensors stay in the cache of a core, and calling an
# operation on them still costs little beside doing it.
COLUMNS = 8192

# A GPU wants few and large operations: it is given all at once but for what would fill it.
ELSEWHERE = 2**21


class Block(NamedTuple):
    """Some rows at some times: whole rows, or times of one row."""

    rows: slice
    times: slice

    @property
    def size(self) -> tuple[int, int]:
        """The number of rows and of times."""
        return self.rows.stop - self.rows.start, self.times.stop - self.times.start

    def of(self, tensor: Float[Tensor, "C B T"]) -> Float[Tensor, "C b t"]:
        """Return a tensor's part; an axis of length 1 stands for all."""
        rows = self.rows if tensor.shape[1] > 1 else slice(None)
        times = self.times if tensor.shape[2] > 1 else slice(None)
        return tensor[:, rows, times]

    def matrix(self, tensor: Float[Tensor, "C B T"]) -> Float[Tensor, "C n"]:
        """Return a tensor's part as a matrix that shares its memory."""
        return tensor[:, self.rows, self.times].flatten(1)


class Desk:
    """Room for what blocks need while they are worked on, made once."""

    def __init__(self, like: Tensor, precision: torch.dtype) -> None:
        self._like, self._precision = like, precision
        self._room: dict[str, Tensor] = {}

    def rough(self, name: str, channels: int, at: Block) -> Float[Tensor, "C n"]:
        """Return a matrix of the type that is multiplied."""
        return self._take(name, channels, at, self._precision)

    def wide(self, name: str, channels: int, at: Block) -> Float[Tensor, "C n"]:
        """Return a matrix of the type of the stream."""
        return self._take(name, channels, at, self._like.dtype)

    def _take(self, name: str, channels: int, at: Block, dtype: torch.dtype) -> Tensor:
        needed = channels * at.size[0] * at.size[1]
        if name not in self._room or len(self._room[name]) < needed:
            self._room[name] = self._like.new_empty(needed, dtype=dtype)
        return self._room[name][:needed].view(channels, -1)


def blocks(tensor: Float[Tensor, "C B T"]) -> Iterator[Block]:
    """Cut (B, T) into blocks, times of a row in order."""
    rows, times = tensor.shape[1:]
    columns = COLUMNS if tensor.is_cpu else ELSEWHERE
    if times <= columns:
        step = max(1, columns // max(1, times))
        for first in range(0, rows if times else 0, step):
            yield Block(slice(first, min(first + step, rows)), slice(0, times))
    else:
        for row in range(rows):
            for first in range(0, times, columns):
                yield Block(slice(row, row + 1), slice(first, min(first + columns, times)))
