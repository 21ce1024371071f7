"""Features at the rate of samples from features at the rate of frames."""

from collections.abc import Callable
from typing import Literal, get_args

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

REACH = 1
"""Frames on either side of its own that a sample rests on at most."""

Kind = Literal["repeat", "linear", "learned"]


def same(vectors: Tensor) -> Tensor:
    """Return vectors as they are."""
    return vectors


class Upsampling(nn.Module):
    r"""Three frames to each sample: :math:`u_{nH+r} = \sum_{j=-1}^{1} w_{r,j} \odot v_{n+j}`.

    Frame n covers samples nH to (n+1)H - 1, and its middle lies at nH + (H - 1) / 2. Before the
    first and after the last frame these two go on for ever, so that the features of a sample rest
    on the frames around it alone, wherever an excerpt of them begins.

    * "repeat": the frame itself.
    * "linear": the straight line between the middles of neighbouring frames; constant before the
      first middle and after the last.
    * "learned": linear at first, plus a weight that is learned for each sample of a hop, each of
      the three frames and each number: a transposed convolution of stride H and width 3H, channel
      by channel (https://arxiv.org/abs/1609.03499, section 2.5).

    Args:
        kind: How.
        hop: H, the samples of a frame.
        width: Numbers D of a vector.
    """

    def __init__(self, kind: Kind, hop: int, width: int) -> None:
        super().__init__()
        if kind not in get_args(Kind):
            raise ValueError(f"upsampling needs one of {', '.join(get_args(Kind))}; got {kind!r}")
        if type(hop) is not int or hop < 1:
            raise ValueError(f"hop needs a whole number of at least 1; got {hop!r}")
        self.kind, self.hop = kind, hop
        # What weight decay leads to is linear interpolation.
        self.change: nn.Parameter | None = None
        if kind == "learned":
            change = torch.empty(hop, 1 + 2 * REACH, width)
            self.change = nn.Parameter(change if change.is_meta else change.zero_())

    def forward(
        self,
        frames: Float[Tensor, "rows N F"],
        row: Int[Tensor, " b"],
        at: Int[Tensor, "b L"],
        through: Callable[[Tensor], Tensor] = same,
    ) -> Float[Tensor, "b L D"]:
        """Return the features of samples.

        Args:
            frames: A bank of rows.
            row: The row of each sequence.
            at: Samples, counted from the beginning of the first frame.
            through: A map of vectors, applied to the frames that are needed and no others; a
                linear one might as well come after, at the rate of samples.
        """
        if not at.numel():
            return through(frames[row, :1])[:, :0]
        reach, last = 0 if self.kind == "repeat" else REACH, frames.shape[1] - 1
        number = at // self.hop
        low = min(max(0, int(number.min()) - reach), last)
        high = min(int(number.max()) + reach, last)
        # A bank may have many more rows than are asked for.
        used, row = row.unique(return_inverse=True)
        known, row = through(frames[used, low : high + 1]), row[:, None]
        if self.kind == "repeat":
            return known[row, number.clamp(max=last) - low]
        weight = self._weight(at % self.hop, frames.dtype)
        total = frames.new_zeros(())
        for tap, shift in enumerate(range(-reach, reach + 1)):
            neighbour = (number + shift).clamp(0, last) - low
            total = total + weight[:, :, tap] * known[row, neighbour]
        return total

    def span(
        self,
        frames: Float[Tensor, "rows N F"],
        phase: Int[Tensor, " rows"] | None,
        row: Int[Tensor, " B"],
        first: Int[Tensor, " B"],
        length: int,
        through: Callable[[Tensor], Tensor] = same,
    ) -> Float[Tensor, "b L D"]:
        """Return the features of positions first, first + 1, ... of each sequence.

        Past the last position there is, the last features stand in. What is the same for all
        sequences is returned once, b = 1.

        Args:
            frames: A bank of rows.
            phase: Where position 0 of each row lies, in samples after its first frame begins.
            row: The row of each sequence.
            first: The first position of each.
            length: How many.
            through: See ``forward``.
        """
        if len(frames) == 1 and bool((first == first[0]).all()):
            row, first = row[:1], first[:1]
        at = first[:, None] + torch.arange(length, device=first.device)
        at = at.clamp(max=self.length(frames, phase) - 1)
        return self(frames, row, at if phase is None else at + phase[row][:, None], through)

    def whole(
        self,
        frames: Float[Tensor, "rows N F"],
        phase: Int[Tensor, " rows"] | None,
        through: Callable[[Tensor], Tensor] = same,
    ) -> Float[Tensor, "rows T D"]:
        """Return the features of all positions of all rows."""
        row, length = torch.arange(len(frames), device=frames.device), self.length(frames, phase)
        return self.span(frames, phase, row, torch.zeros_like(row), length, through)

    def length(self, frames: Float[Tensor, "rows N F"], phase: Int[Tensor, " rows"] | None) -> int:
        """Return how many positions all rows have."""
        begun = 0 if phase is None or phase.is_meta else int(phase.max())
        return frames.shape[1] * self.hop - begun

    def check(
        self, frames: Float[Tensor, "rows N F"], phase: Int[Tensor, " n"] | None
    ) -> Int[Tensor, " rows"] | None:
        """Return a phase on the device of the frames; refuse what leaves a row no position."""
        if not frames.shape[0] or not frames.shape[1]:
            raise ValueError(f"local features need a frame or more; got {tuple(frames.shape)}")
        if phase is None:
            return None
        whole = frames.shape[1] * self.hop
        if phase.shape != frames.shape[:1] or phase.is_floating_point():
            raise ValueError(
                f"phase needs whole numbers of shape ({len(frames)},), one for each row; "
                f"got {phase.dtype} of shape {tuple(phase.shape)}"
            )
        if not 0 <= int(phase.min()) <= int(phase.max()) < whole:
            raise ValueError(
                f"phase needs samples within 0..{whole - 1}, those of the frames; "
                f"got {int(phase.min())}..{int(phase.max())}"
            )
        return phase.to(frames.device, torch.int64)

    def _weight(self, place: Int[Tensor, "b L"], dtype: torch.dtype) -> Float[Tensor, "b L 3 d"]:
        """Return what samples at these places of a hop take of three frames, oldest first."""
        # Where a sample lies between the middle of its own frame, 0, and of the next one, 1.
        offset = (place.double() + 0.5) / self.hop - 0.5
        linear = torch.stack([(-offset).clamp(min=0), 1 - offset.abs(), offset.clamp(min=0)], -1)
        linear = linear[..., None].to(dtype)
        return linear if self.change is None else linear + self.change[place]


def upsampling_of(kind: Kind, hop: int | None, features: int, width: int) -> Upsampling | None:
    """Return what a model of so many features has: nothing where they are not at a hop."""
    if hop is None and kind == "repeat":
        return None
    if hop is None or not features:
        raise ValueError(
            f"upsampling needs features and their hop; got {features} features, hop {hop}"
        )
    return Upsampling(kind, hop, width)
