"""Batches of training symbols.

The batch of a step is a function of the sequences, the settings, the seed and the step alone. A
resumed run therefore sees what an uninterrupted one would have seen, and every process of a
distributed run can build the same global batch and take its own rows.
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Int
from numpy.typing import NDArray
from torch import Tensor

from autoreg.data.frames import Excerpt
from autoreg.data.sequences import Sequences

# Chunks are sorted by width within a pool of about this many batches: padding stays rare, and the
# mates of a chunk still change from epoch to epoch.
_POOL = 64

# Unequal rows that are long are padded to a multiple of this: products are compiled for each
# shape that they meet.
_STEP, _LONG = 256, 1024


class Batch(NamedTuple):
    """Rows as `scoring.log_factors` takes them: columns `skip` to `lengths` are scored.

    Where features accompany the sequences, `local` has the frames that belong to each row.
    """

    symbols: Int[Tensor, "B T"]
    condition: Int[Tensor, " B"]
    lengths: Int[Tensor, " B"]
    skip: Int[Tensor, " B"]
    local: Excerpt | None = None

    @property
    def scored(self) -> int:
        """The number of scored symbols."""
        return int((self.lengths - self.skip).sum())

    def shard(self, rank: int, processes: int) -> "Batch":
        """Return the rows of one process; a process left without one gets a row of length 0.

        With that row it takes part in the exchange of gradients and adds nothing to them.
        """
        rows = torch.arange(len(self.symbols))[rank::processes]
        if len(rows) == 0:
            nothing = torch.zeros(1, dtype=torch.int64)
            local = None if self.local is None else self.local.at(nothing)
            return Batch(self.symbols[:1, :1], self.condition[:1], nothing, nothing, local)
        lengths = self.lengths[rows]
        symbols = self.symbols[rows, : _width(lengths)]
        local = None if self.local is None else self.local.at(rows)
        return Batch(symbols, self.condition[rows], lengths, self.skip[rows], local)

    def to(self, device: torch.device) -> "Batch":
        """Return the batch on a device."""
        local = None if self.local is None else self.local.to(device)
        symbols, condition, lengths, skip = (tensor.to(device) for tensor in self[:4])
        return Batch(symbols, condition, lengths, skip, local)


class Chunks(NamedTuple):
    """Pieces of files: symbols from `begin` are read, `start` to `stop` are scored."""

    file: NDArray[np.int64]
    begin: NDArray[np.int64]
    start: NDArray[np.int64]
    stop: NDArray[np.int64]


def cut(
    lengths: Int[Tensor, " n"],
    *,
    order: int,
    crop: int | None,
    rng: np.random.Generator | None = None,
) -> Chunks:
    """Cut files into chunks of at most `order + crop` symbols, each scored in just one of them.

    A chunk is read from `order` symbols before its first scored one, so that its factors are
    those of the whole file. The chunk at a true start needs no context and scores that many
    symbols more. A longer file is cut at a random phase (at the last one without `rng`).

    Args:
        lengths: Symbols of each file.
        order: How far back a factor looks.
        crop: The most scored symbols of a chunk inside a file; None leaves all files whole.
        rng: The source of the phases.
    """
    total = lengths.numpy()
    if crop is None:
        crop = int(total.max(initial=1))
    phase = np.full_like(total, crop) if rng is None else rng.integers(1, crop + 1, len(total))
    first = np.where(total <= order + crop, total, order + phase)
    pieces = np.where(total > 0, 1 + -(-(total - first) // crop), 0)
    file = np.repeat(np.arange(len(total)), pieces)
    piece = np.arange(len(file)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    start = np.where(piece == 0, 0, first[file] + (piece - 1) * crop)
    stop = np.minimum(first[file] + piece * crop, total[file])
    return Chunks(file, np.maximum(start - order, 0), start, stop)


def group(
    chunks: Chunks, *, columns: int, rng: np.random.Generator | None = None
) -> list[NDArray[np.int64]]:
    """Group chunks of similar width into batches of at most `columns` rows times width.

    A chunk wider than that is a batch of its own. With `rng` the grouping and the order of the
    batches are random; without, both go by width.
    """
    width = chunks.stop - chunks.begin
    if rng is None:
        batches = _pack(np.argsort(width, kind="stable"), width, columns)
    else:
        shuffled = rng.permutation(len(width))
        pools = np.array_split(shuffled, max(1, round(width.sum() / (_POOL * columns))))
        # Up, down, up: neighbours in the sequence of pools are of similar width too.
        runs = [pool[np.argsort(width[pool], kind="stable")] for pool in pools]
        runs[1::2] = [run[::-1] for run in runs[1::2]]
        batches = _pack(np.concatenate(runs), width, columns)
        batches = [batches[index] for index in rng.permutation(len(batches))]
    return batches


def gather(sequences: Sequences, chunks: Chunks, chosen: NDArray[np.int64]) -> Batch:
    """Return chunks `chosen` as one batch, padded on the right with symbol 0."""
    file, begin, start, stop = (torch.from_numpy(array[chosen]) for array in chunks)
    lengths = stop - begin
    column = torch.arange(_width(lengths))
    inside = column < lengths[:, None]
    position = (sequences.offsets[file] + begin)[:, None] + torch.where(inside, column, 0)
    symbols = torch.where(inside, sequences.symbols[position].long(), 0)
    frames, width = sequences.frames, len(column)
    local = None if frames is None else frames.excerpt(file, begin, width)
    return Batch(symbols, sequences.condition[file], lengths, start - begin, local)


def training_batches(
    sequences: Sequences,
    *,
    order: int,
    crop: int | None,
    columns: int,
    seed: int,
    first: int = 0,
) -> Iterator[Batch]:
    """Yield the batches of steps `first`, `first + 1`, ... without end.

    Each epoch cuts and groups anew, and scores every symbol of every file exactly once. There
    must be one.
    """
    for epoch in itertools.count():
        rng = np.random.default_rng([seed, epoch])
        chunks = cut(sequences.lengths, order=order, crop=crop, rng=rng)
        batches = group(chunks, columns=columns, rng=rng)
        for chosen in batches[first:]:
            yield gather(sequences, chunks, chosen)
        first = max(0, first - len(batches))


def scoring_batches(
    sequences: Sequences, *, order: int, crop: int | None, columns: int
) -> Iterator[Batch]:
    """Yield batches that together score every symbol once, in a fixed order."""
    chunks = cut(sequences.lengths, order=order, crop=crop)
    for chosen in group(chunks, columns=columns):
        yield gather(sequences, chunks, chosen)


def _width(lengths: Int[Tensor, " B"]) -> int:
    """Return the columns of a batch: those of its longest row, or a few more."""
    longest = int(lengths.max())
    if longest < _LONG or bool((lengths == longest).all()):
        return longest
    return -(-longest // _STEP) * _STEP


def _pack(
    sequence: NDArray[np.int64], width: NDArray[np.int64], columns: int
) -> list[NDArray[np.int64]]:
    batches: list[list[int]] = []
    widest = 0
    for chunk in sequence.tolist():
        widest = max(widest, int(width[chunk]))
        if not batches or (len(batches[-1]) + 1) * widest > columns:
            batches.append([])
            widest = int(width[chunk])
        batches[-1].append(chunk)
    # A last batch of a few rows would be a noisy step of full size: it shares with the one before.
    last = [chunk for batch in batches[-2:] for chunk in batch]
    halves = [last[: len(last) // 2], last[len(last) // 2 :]]
    if len(batches) > 1 and all(len(half) * max(width[half]) <= columns for half in halves):
        batches[-2:] = halves
    return [np.array(batch, dtype=np.int64) for batch in batches]
