"""Symbols that stand for nothing but themselves."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool, Integer, Shaped
from torch import Tensor

from autoreg.codecs.kinds import rebuild
from autoreg.codecs.symbols import check_symbols, symbol_dtype, symbols_between
from autoreg.data.numbers import read_numbers, write_numbers
from autoreg.data.region import Region, along, along_in_words, union

if TYPE_CHECKING:
    from autoreg.data.signal import Signal


@dataclass(frozen=True)
class Plain:
    """Symbols 0..num_symbols - 1 as they are."""

    num_symbols: int

    def __post_init__(self) -> None:
        if self.num_symbols < 2:
            raise ValueError(f"num_symbols needs to be 2 or more; got {self.num_symbols}")

    @property
    def kind(self) -> str:
        """The name of this kind of signal."""
        return "plain"

    @property
    def length(self) -> None:
        """Any length."""
        return None

    def read(self, path: Path | str) -> Integer[Tensor, " T"]:
        """Return the symbols in a .npy, .csv or .txt file; errors name it."""
        numbers = read_numbers(path, np.int64)
        try:
            return self.encode(numbers)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    def encode(self, values: Tensor | np.ndarray) -> Integer[Tensor, "*batch T"]:
        """Return symbols in the smallest integer type; raises for what is none."""
        symbols = torch.as_tensor(values)
        check_symbols(symbols, self.num_symbols)
        return symbols.to(symbol_dtype(self.num_symbols))

    def decode(self, symbols: Shaped[Tensor, "*batch T"]) -> Integer[Tensor, "*batch T"]:
        """Return the symbols."""
        check_symbols(symbols, self.num_symbols)
        return symbols

    def write(self, path: Path | str, symbols: Shaped[Tensor, "*batch T"]) -> None:
        """Write symbols to a .npy, .csv or .txt file, a sequence a row."""
        write_numbers(path, self.decode(symbols).cpu().numpy())

    def where(self, region: Region, length: int) -> Bool[Tensor, " T"]:
        """Return which positions a region covers: a mask (T,), a position, a slice.

        Raises:
            ValueError: It is of another kind, or reaches beyond the signal.
        """
        return union(region, length, lambda part: along(part, length), along_in_words(length))

    def between(self, low: float, high: float) -> tuple[int, int]:
        """Return the first and the last symbol within low..high, the first greater if none is."""
        return symbols_between(torch.arange(self.num_symbols), low, high)

    def config(self) -> dict[str, Any]:
        """Return the signal as plain data."""
        return {"kind": self.kind, **asdict(self)}

    @staticmethod
    def from_config(config: Mapping[str, Any]) -> "Plain":
        """Rebuild the signal from config(); raises ValueError for what it does not know."""
        return rebuild("signal", {"plain": Plain}, config)


if TYPE_CHECKING:
    _conforms: type[Signal] = Plain
