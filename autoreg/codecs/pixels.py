"""Grey values of pixels."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Shaped, UInt8
from torch import Tensor

from autoreg.codecs.symbols import check_levels, check_symbols, symbols_between

if TYPE_CHECKING:
    from autoreg.codecs import Codec

WHITE = 255  # the top of an eight bit image


@dataclass(frozen=True)
class Threshold:
    """Pixels above a threshold are 1, the others 0.

    Example:
        >>> Threshold().encode(torch.tensor([0, 127, 128, 255]))
        tensor([0, 0, 1, 1], dtype=torch.uint8)
    """

    threshold: int = 127

    def __post_init__(self) -> None:
        if not 0 <= self.threshold < WHITE:
            raise ValueError(f"threshold needs to be within 0..{WHITE - 1}; got {self.threshold}")

    @property
    def num_symbols(self) -> int:
        """The number of symbols Q."""
        return 2

    @property
    def top(self) -> int:
        """The grey value of white."""
        return WHITE

    def encode(self, signal: Shaped[Tensor, "*shape"]) -> UInt8[Tensor, "*shape"]:
        """Return 0 and 1.

        Raises:
            TypeError: The grey values are not integers.
            ValueError: A grey value is not within 0..255.
        """
        check_symbols(signal, WHITE + 1, "grey values")
        return (signal > self.threshold).to(torch.uint8)

    def decode(self, symbols: Shaped[Tensor, "*shape"]) -> UInt8[Tensor, "*shape"]:
        """Return 0 and 255."""
        check_symbols(symbols, 2)
        return symbols.to(torch.uint8) * WHITE

    def between(self, low: float | int, high: float | int) -> tuple[int, int]:
        """Return the first and the last symbol that decode to grey values within low..high.

        Both are included; see ``symbols_between``.
        """
        return symbols_between(self.decode(torch.arange(self.num_symbols)), low, high)

    def config(self) -> dict[str, Any]:
        """Return the codec as plain data."""
        return {"kind": "threshold", **asdict(self)}


@dataclass(frozen=True)
class Grey:
    """Grey values 0..top rounded to the nearest of evenly spaced levels.

    With top + 1 levels, symbols are the grey values.

    Example:
        >>> coarse = Grey(levels=4)
        >>> coarse.encode(torch.tensor([0, 42, 43, 255])), coarse.decode(torch.tensor([1]))
        (tensor([0, 0, 1, 3], dtype=torch.uint8), tensor([85], dtype=torch.uint8))
    """

    levels: int = 256
    top: int = WHITE

    def __post_init__(self) -> None:
        if not 1 <= self.top <= WHITE:
            raise ValueError(f"top needs to be within 1..{WHITE}; got {self.top}")
        check_levels(self.levels, self.top + 1)

    @property
    def num_symbols(self) -> int:
        """The number of symbols Q."""
        return self.levels

    def encode(self, signal: Shaped[Tensor, "*shape"]) -> UInt8[Tensor, "*shape"]:
        """Return the level of each grey value.

        Raises:
            TypeError: The grey values are not integers.
            ValueError: A grey value is not within 0..top.
        """
        check_symbols(signal, self.top + 1, "grey values")
        return rescale(signal, self.top, self.levels - 1)

    def decode(self, symbols: Shaped[Tensor, "*shape"]) -> UInt8[Tensor, "*shape"]:
        """Return the grey value of each level."""
        check_symbols(symbols, self.levels)
        return rescale(symbols, self.levels - 1, self.top)

    def between(self, low: float | int, high: float | int) -> tuple[int, int]:
        """Return the first and the last symbol that decode to grey values within low..high.

        Both are included; see ``symbols_between``.
        """
        return symbols_between(self.decode(torch.arange(self.num_symbols)), low, high)

    def config(self) -> dict[str, Any]:
        """Return the codec as plain data."""
        return {"kind": "grey", **asdict(self)}


def rescale(values: Shaped[Tensor, "*shape"], top: int, new_top: int) -> UInt8[Tensor, "*shape"]:
    """Return whole numbers within 0..top moved to the nearest within 0..new_top, half up."""
    return ((2 * values.int() * new_top + top) // (2 * top)).to(torch.uint8)


if TYPE_CHECKING:
    _conforms: tuple[type[Codec], ...] = (Threshold, Grey)
