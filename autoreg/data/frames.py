"""Features that accompany sequences, a vector for each frame of samples."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

REACH = 1
"""Frames on either side of a sample's own that what is made of them for the sample may rest on."""


class Excerpt(NamedTuple):
    """The frames that belong to a piece of each of several sequences.

    Attributes:
        frames: (B, n, F), the first of them REACH frames before the one of the piece's first
            sample. Beyond the ends of a sequence its first and last frame are repeated.
        phase: Samples from the beginning of the first of these frames to the piece's first.
    """

    frames: Float[Tensor, "B n F"]
    phase: Int[Tensor, " B"]

    def at(self, rows: Int[Tensor, " b"]) -> "Excerpt":
        """Return some of the pieces."""
        return Excerpt(self.frames[rows], self.phase[rows])

    def to(self, device: torch.device) -> "Excerpt":
        """Return the excerpt on a device."""
        return Excerpt(self.frames.to(device), self.phase.to(device))


@dataclass(frozen=True, eq=False)
class Frames:
    """The features of n sequences, packed end to end; several sequences may share theirs.

    Frame k covers samples k * hop to (k + 1) * hop - 1, counted from where the features begin.

    Args:
        values: The vectors of all frames, (M, F).
        start: Sequence i has frames start[i] to start[i] + count[i] - 1; int64.
        count: How many, at least one; int64.
        phase: Samples from the beginning of a sequence's first frame to its first symbol.
        hop: Samples of a frame.

    Raises:
        ValueError: They do not fit each other.

    Example:
        >>> frames = Frames.from_list([torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0]])], hop=4)
        >>> frames.excerpt(torch.tensor([1]), torch.tensor([0]), 2).frames.flatten().tolist()
        [3.0, 3.0, 3.0]
    """

    values: Float[Tensor, "M F"]
    start: Int[Tensor, " n"]
    count: Int[Tensor, " n"]
    phase: Int[Tensor, " n"]
    hop: int

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not self.values.is_floating_point():
            raise ValueError(
                f"values need shape (M, F) and a floating type; got {tuple(self.values.shape)} "
                f"of {self.values.dtype}"
            )
        if type(self.hop) is not int or self.hop < 1:
            raise ValueError(f"hop needs a whole number of samples, at least 1; got {self.hop!r}")
        if not self.start.shape == self.count.shape == self.phase.shape == (len(self),):
            raise ValueError("start, count and phase need a number for each sequence")
        ends = self.start + self.count
        bad = (self.start < 0) | (self.count < 1) | (ends > len(self.values)) | (self.phase < 0)
        if bool(bad.any()):
            i = int(bad.nonzero()[0])
            raise ValueError(
                f"a sequence needs one frame or more of {len(self.values)} and a phase of 0 or "
                f"more; sequence {i} has {int(self.count[i])} from {int(self.start[i])} and phase "
                f"{int(self.phase[i])}"
            )

    @staticmethod
    def from_list(
        frames: Sequence[Float[Tensor, "_ F"]], *, hop: int, phase: Sequence[int] | None = None
    ) -> "Frames":
        """Pack the frames of each sequence; a tensor that is there again is stored once."""
        if not frames:
            raise ValueError("frames need at least one sequence; got none")
        if len(widths := {one.shape[1] for one in frames}) > 1:
            raise ValueError(f"frames need as many features each; got {sorted(widths)}")
        own = {id(one): one for one in frames}
        ends = torch.tensor([0, *map(len, own.values())]).cumsum(0)
        begins = dict(zip(own, ends.tolist()[:-1], strict=True))
        return Frames(
            torch.cat(list(own.values())),
            torch.tensor([begins[id(one)] for one in frames]),
            torch.tensor([len(one) for one in frames]),
            torch.tensor([0] * len(frames) if phase is None else list(phase), dtype=torch.int64),
            hop,
        )

    @property
    def width(self) -> int:
        """The number of features F."""
        return self.values.shape[1]

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, index: int) -> Float[Tensor, "N F"]:
        """Return one sequence's frames, a view."""
        return self.values[self.start[index] : self.start[index] + self.count[index]]

    def take(self, indices: Int[Tensor, " m"]) -> "Frames":
        """Return those of some of the sequences; nothing is copied."""
        start, count, phase = (own[indices] for own in (self.start, self.count, self.phase))
        return replace(self, start=start, count=count, phase=phase)

    def check(self, lengths: Int[Tensor, " n"], names: Sequence[str]) -> None:
        """Raise ValueError, naming the sequence, unless all of its symbols have frames."""
        if len(self) != len(lengths):
            raise ValueError(f"frames need {len(lengths)} sequences; got {len(self)}")
        needed = -(-(self.phase + lengths) // self.hop)
        if bool((short := self.count < needed).any()):
            i = int(short.nonzero()[0])
            raise ValueError(
                f"{names[i]}: {int(lengths[i])} symbols at a hop of {self.hop} need "
                f"{int(needed[i])} frames; got {int(self.count[i])}"
            )

    def excerpt(self, which: Int[Tensor, " B"], begin: Int[Tensor, " B"], width: int) -> Excerpt:
        """Return the frames for ``width`` symbols of some sequences.

        Args:
            which: The sequences.
            begin: The first symbol of each piece.
            width: How long the longest piece is.
        """
        first = self.phase[which] + begin
        phase = first % self.hop + REACH * self.hop
        longest = int(phase.max()) + max(1, width)
        wanted = torch.arange(-(-longest // self.hop) + REACH)
        index = (first // self.hop - REACH)[:, None] + wanted
        index = index.clamp(min=0).minimum(self.count[which, None] - 1)
        return Excerpt(self.values[self.start[which, None] + index], phase)

    def digest(self) -> str:
        """Return a hash of all of them."""
        digest = hashlib.sha256(f"{self.hop} {tuple(self.phase.tolist())}".encode())
        for i in range(len(self)):
            digest.update(f"{tuple(self[i].shape)}".encode())
            digest.update(self[i].contiguous().numpy().data)
        return digest.hexdigest()
