"""Real numbers at even times."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Integer, Shaped
from torch import Tensor

from autoreg.codecs import codec_from_config
from autoreg.codecs.kinds import check_keys
from autoreg.codecs.linear import Linear
from autoreg.data.numbers import read_numbers, write_numbers
from autoreg.data.region import Region, along, along_in_words, union

if TYPE_CHECKING:
    from autoreg.data.signal import Signal


@dataclass(frozen=True)
class Series:
    """Real numbers, dt apart in time, rounded by a linear codec."""

    codec: Linear
    dt: float

    def __post_init__(self) -> None:
        if not 0 < self.dt < math.inf:
            raise ValueError(f"dt needs to be above 0; got {self.dt}")

    @property
    def kind(self) -> str:
        """The name of this kind of signal."""
        return "series"

    @property
    def num_symbols(self) -> int:
        """The number of symbols Q."""
        return self.codec.num_symbols

    @property
    def length(self) -> None:
        """Any length."""
        return None

    def read(self, path: Path | str) -> Integer[Tensor, " T"]:
        """Return the symbols of the numbers in a .npy, .csv or .txt file; errors name it."""
        numbers = read_numbers(path, np.float64)
        try:
            return self.encode(numbers)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    def encode(self, values: Tensor | np.ndarray) -> Integer[Tensor, "*batch T"]:
        """Return the symbols of real numbers."""
        return self.codec.encode(torch.as_tensor(values))

    def decode(self, symbols: Shaped[Tensor, "*batch T"]) -> Float[Tensor, "*batch T"]:
        """Return real numbers, float32."""
        return self.codec.decode(symbols)

    def write(self, path: Path | str, symbols: Shaped[Tensor, "*batch T"]) -> None:
        """Write real numbers to a .npy, .csv or .txt file, a sequence a row."""
        write_numbers(path, self.decode(symbols).cpu().numpy())

    def where(self, region: Region, length: int) -> Bool[Tensor, " T"]:
        """Return which positions a region covers: a mask (T,), a position, a slice.

        Raises:
            ValueError: It is of another kind, or reaches beyond the signal.
        """
        return union(region, length, lambda part: along(part, length), along_in_words(length))

    def between(self, low: float, high: float) -> tuple[int, int]:
        """Return the first and the last symbol of numbers within low..high; see the codec."""
        return self.codec.between(low, high)

    def config(self) -> dict[str, Any]:
        """Return the signal as plain data."""
        return {"kind": self.kind, "codec": self.codec.config(), "dt": self.dt}

    @staticmethod
    def from_config(config: Mapping[str, Any]) -> "Series":
        """Rebuild a series from config(); raises ValueError for what it does not know."""
        check_keys("signal", {"kind", "codec", "dt"}, config)
        codec, dt = codec_from_config(config["codec"]), config["dt"]
        if not isinstance(codec, Linear) or not isinstance(dt, float | int):
            raise ValueError(
                f"a series needs a codec linear and a number dt; got {config['codec']} and {dt!r}"
            )
        return Series(codec, dt)


if TYPE_CHECKING:
    _conforms: type[Signal] = Series
