"""Amplitudes on an even grid."""

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from autoreg.codecs.symbols import (
    MOST_LEVELS,
    check_levels,
    check_symbols,
    symbol_dtype,
    symbols_between,
)

if TYPE_CHECKING:
    from autoreg.codecs import Codec


@dataclass(frozen=True)
class Linear:
    """Amplitudes rounded to the nearest of levels points from low to high, both included.

    Amplitudes beyond the two ends become the end.

    Example:
        >>> grid = Linear(5)
        >>> grid.encode(torch.tensor([-1.0, 0.1, 7.0])), grid.decode(torch.tensor([1]))
        (tensor([0, 2, 4], dtype=torch.uint8), tensor([-0.5000]))
    """

    levels: int
    low: float = -1.0
    high: float = 1.0

    def __post_init__(self) -> None:
        check_levels(self.levels, MOST_LEVELS)
        step = (self.high - self.low) / (self.levels - 1)
        # Four float32 spacings a step leave every decoded amplitude nearest to its own symbol.
        needed = 4 * torch.finfo(torch.float32).eps * max(abs(self.low), abs(self.high))
        if not (math.isfinite(step) and step > needed):
            raise ValueError(
                f"low and high need to be finite and, in float32, {self.levels} levels apart; "
                f"got {self.low} and {self.high}"
            )

    @property
    def num_symbols(self) -> int:
        """The number of symbols Q."""
        return self.levels

    def encode(self, signal: Shaped[Tensor, "*shape"]) -> Integer[Tensor, "*shape"]:
        """Return symbols of the smallest integer type; computed in float64.

        Raises:
            TypeError: The signal is not of a floating point type.
            ValueError: An amplitude is NaN or infinite.
        """
        check_amplitudes(signal)
        place = (signal.double() - self.low) / (self.high - self.low) * (self.levels - 1)
        return place.round().clamp(0, self.levels - 1).to(symbol_dtype(self.levels))

    def decode(self, symbols: Shaped[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Return the grid points, float32."""
        check_symbols(symbols, self.levels)
        return (self.low + symbols.double() * (self.high - self.low) / (self.levels - 1)).float()

    def between(self, low: float | int, high: float | int) -> tuple[int, int]:
        """Return the first and the last symbol that decode to amplitudes within low..high.

        Both are included; see ``symbols_between``.
        """
        return symbols_between(self.decode(torch.arange(self.num_symbols)), low, high)

    def config(self) -> dict[str, Any]:
        """Return the codec as plain data."""
        return {"kind": "linear", **asdict(self)}


def check_amplitudes(signal: Tensor) -> None:
    """Raise TypeError or ValueError unless all amplitudes are finite floating point numbers."""
    if not signal.is_floating_point():
        raise TypeError(
            f"amplitudes need a floating point type; got {signal.dtype}. "
            "Divide whole-number samples by their full scale first."
        )
    wrong = ~torch.isfinite(signal)
    if bool(wrong.any()):
        first = wrong.nonzero()[0].tolist()
        raise ValueError(
            f"amplitudes need to be finite; got {int(wrong.sum())} NaN or infinite of "
            f"{signal.numel()}, the first at {first[0] if len(first) == 1 else tuple(first)}"
        )


if TYPE_CHECKING:
    _conforms: type[Codec] = Linear
