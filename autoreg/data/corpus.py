"""Labelled sequences in three parts, with all that says what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from autoreg.codecs.symbols import check_symbols
from autoreg.conditions import ConditionSpace
from autoreg.data.sequences import Sequences
from autoreg.data.signal import Signal

PARTS = ("train", "valid", "test")


@dataclass(frozen=True, eq=False)
class Corpus:
    """What a model is trained on, judged by and stored with.

    Args:
        parts: The sequences under "train", "valid" and "test"; the last two may be empty.
        signal: How files and arrays become these symbols.
        space: What the condition indices mean, with the training frequencies.
        target: The factor that classifying and evaluating ask for, if there is one.
        protocol: One sentence naming data, split, binarisation and gain.
        features: Known features per position, (rows, T, F), or None.
        rows: Which row of the features each condition has, (K,); None is the only one.

    Raises:
        ValueError: A part is missing, or a symbol, condition or target does not exist.
    """

    parts: Mapping[str, Sequences]
    signal: Signal
    space: ConditionSpace
    target: str | None
    protocol: str
    features: Float[Tensor, "rows T F"] | None = None
    rows: Int[Tensor, " K"] | None = None

    def __post_init__(self) -> None:
        if set(self.parts) != set(PARTS):
            raise ValueError(f"parts needs {', '.join(PARTS)}; got {', '.join(self.parts)}")
        if self.target is not None and self.target not in self.space.names:
            raise ValueError(
                f"target needs a factor of the space, {', '.join(self.space.names) or 'none'}; "
                f"got {self.target!r}"
            )
        for part, sequences in self.parts.items():
            check_symbols(sequences.symbols, self.signal.num_symbols, f"{part} symbols")
            check_symbols(sequences.condition, self.space.size, f"{part} conditions")
        kinds = {
            part: None if own.frames is None else (own.frames.hop, own.frames.width)
            for part, own in self.parts.items()
            if len(own)
        }
        if len(set(kinds.values())) > 1 or (self.local and self.features is not None):
            told = ", ".join(f"{part} {kind}" for part, kind in kinds.items())
            raise ValueError(
                "parts need frames of one hop and width or no frames, and no features beside "
                f"them; got {told}{' with features' * (self.features is not None)}"
            )

    @property
    def local(self) -> tuple[int, int] | None:
        """The hop and the number of the features that accompany each sequence, if any do."""
        frames = next((own.frames for own in self.parts.values() if own.frames is not None), None)
        return None if frames is None else (frames.hop, frames.width)


def parts_in_order(sequences: Sequences, held_out: int) -> dict[str, Sequences]:
    """Return three parts: the last held_out sequences to test, as many before to validate."""
    ends = [0, len(sequences) - 2 * held_out, len(sequences) - held_out, len(sequences)]
    return {
        part: sequences.take(range(start, stop))
        for part, start, stop in zip(PARTS, ends[:-1], ends[1:], strict=True)
    }
