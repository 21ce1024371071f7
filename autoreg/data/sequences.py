"""Symbol sequences of any length, packed end to end."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int, Shaped
from torch import Tensor

from autoreg.data.frames import Frames


@dataclass(frozen=True, eq=False)
class Sequences:
    """n labelled sequences in two tensors, so that a large corpus is read without copies.

    Args:
        symbols: All sequences end to end, in the smallest integer type that holds them.
        offsets: Sequence i is symbols[offsets[i]:offsets[i + 1]]; int64.
        condition: One condition index per sequence; int64.
        names: What each sequence is called in messages: a file name, an index.
        frames: The features that accompany each sequence, if any do.

    Raises:
        ValueError: They do not describe the same sequences, or one has symbols without frames.

    Example:
        >>> pair = Sequences.from_list([torch.tensor([1, 2, 3]), torch.tensor([4])], [0, 1])
        >>> pair.pad([1, 0])[0].tolist()
        [[4, 0, 0], [1, 2, 3]]
    """

    symbols: Shaped[Tensor, " N"]
    offsets: Int[Tensor, " n+1"]
    condition: Int[Tensor, " n"]
    names: tuple[str, ...]
    frames: Frames | None = None

    def __post_init__(self) -> None:
        if self.symbols.ndim != 1 or self.symbols.is_floating_point():
            raise ValueError(
                f"symbols need shape (N,) and an integer type; got {tuple(self.symbols.shape)} "
                f"of {self.symbols.dtype}"
            )
        count = len(self.names)
        if self.offsets.shape != (count + 1,) or self.condition.shape != (count,):
            raise ValueError(
                f"{count} names need offsets ({count + 1},) and condition ({count},); got "
                f"{tuple(self.offsets.shape)} and {tuple(self.condition.shape)}"
            )
        ends = (int(self.offsets[0]), int(self.offsets[-1]))
        if ends != (0, len(self.symbols)) or bool((self.lengths < 0).any()):
            raise ValueError(
                f"offsets need to ascend from 0 to the number of symbols, {len(self.symbols)}; "
                f"got {ends[0]} to {ends[1]}"
            )
        if self.frames is not None:
            self.frames.check(self.lengths, self.names)

    @staticmethod
    def from_list(
        sequences: Sequence[Shaped[Tensor, " _"]],
        condition: Sequence[int] | Int[Tensor, " n"],
        names: Sequence[str] | None = None,
        frames: Frames | None = None,
    ) -> "Sequences":
        """Pack sequences of any lengths; names default to their indices."""
        lengths = torch.tensor([0, *map(len, sequences)])
        nothing = torch.empty(0, dtype=sequences[0].dtype if sequences else torch.uint8)
        return Sequences(
            torch.cat([nothing, *sequences]),
            lengths.cumsum(0),
            torch.as_tensor(condition, dtype=torch.int64),
            _names(names, len(sequences)),
            frames,
        )

    @staticmethod
    def from_rows(
        rows: Shaped[Tensor, "n T"],
        condition: Sequence[int] | Int[Tensor, " n"],
        names: Sequence[str] | None = None,
    ) -> "Sequences":
        """Pack sequences of one length, the rows of a matrix."""
        return Sequences(
            rows.reshape(-1),
            torch.arange(len(rows) + 1) * rows.shape[1],
            torch.as_tensor(condition, dtype=torch.int64),
            _names(names, len(rows)),
        )

    @property
    def lengths(self) -> Int[Tensor, " n"]:
        """The number of symbols of each sequence."""
        return self.offsets.diff()

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Shaped[Tensor, " T"]:
        """Return one sequence, a view; an index below 0 counts from the end."""
        index = range(len(self))[index]
        return self.symbols[self.offsets[index] : self.offsets[index + 1]]

    def fingerprint(self) -> dict[str, Any]:
        """Return what tells these sequences from others: their size and a hash of all of them."""
        digest = hashlib.sha256()
        for tensor in (self.symbols, self.offsets, self.condition):
            digest.update(tensor.numpy().data)
        if self.frames is not None:
            digest.update(self.frames.digest().encode())
        return {
            "sequences": len(self),
            "symbols": len(self.symbols),
            "sha256": digest.hexdigest(),
        }

    def take(self, indices: Sequence[int] | Int[Tensor, " m"]) -> "Sequences":
        """Return some of the sequences, in the order asked for."""
        chosen = torch.as_tensor(indices, dtype=torch.int64)
        return Sequences(
            torch.cat([self.symbols[:0], *(self[i] for i in chosen.tolist())]),
            torch.cat([torch.zeros(1, dtype=torch.int64), self.lengths[chosen].cumsum(0)]),
            self.condition[chosen],
            tuple(self.names[i] for i in chosen.tolist()),
            None if self.frames is None else self.frames.take(chosen),
        )

    def pad(
        self, indices: Sequence[int] | Int[Tensor, " B"]
    ) -> tuple[Int[Tensor, "B T"], Int[Tensor, " B"], Int[Tensor, " B"]]:
        """Return symbols (int64, zeros on the right), condition and lengths of some sequences."""
        chosen = torch.as_tensor(indices, dtype=torch.int64)
        lengths = self.lengths[chosen]
        symbols = torch.zeros(len(chosen), int(lengths.max()) if len(chosen) else 0).long()
        for row, index in zip(symbols, chosen.tolist(), strict=True):
            sequence = self[index]
            row[: len(sequence)] = sequence
        return symbols, self.condition[chosen], lengths


def _names(names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)) if names is None else names)
