"""What symbols are, outside of a model."""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Integer, Shaped
from torch import Tensor

from autoreg.codecs.kinds import find_kind
from autoreg.data.picture import Picture
from autoreg.data.pictures import Pictures
from autoreg.data.plain import Plain
from autoreg.data.region import Region
from autoreg.data.series import Series
from autoreg.data.sound import Sound


@runtime_checkable
class Signal(Protocol):
    """Files and arrays of one kind to symbols, symbols to files and arrays."""

    @property
    def kind(self) -> str:
        """What the signal is: "picture", "pictures", "series", "plain", "sound"."""

    @property
    def num_symbols(self) -> int:
        """The number of symbols Q."""

    @property
    def length(self) -> int | None:
        """The only number of symbols there is, or None for any."""

    def read(self, path: Path | str) -> Integer[Tensor, " T"]:
        """Return the symbols of a file; errors name it."""

    def encode(self, values: Tensor | np.ndarray) -> Integer[Tensor, "*batch T"]:
        """Return the symbols of one signal or of a batch."""

    def decode(self, symbols: Shaped[Tensor, "*batch T"]) -> Tensor:
        """Return the signals that symbols stand for."""

    def write(self, path: Path | str, symbols: Shaped[Tensor, "*batch T"]) -> None:
        """Write one sequence or several, shape (T,) or (N, T), to one file."""

    def where(self, region: Region, length: int) -> Bool[Tensor, " T"]:
        """Return which of ``length`` positions along the scan a region of the signal covers."""

    def between(self, low: float, high: float) -> tuple[int, int]:
        """Return the first and the last symbol whose value lies within low..high, both included.

        Where none does, the first is greater than the last.
        """

    def config(self) -> dict[str, Any]:
        """Return the signal as plain data: its kind and what it is made of."""


def signal_from_config(config: object) -> Signal:
    """Rebuild a signal from config(); raises ValueError for what it does not know."""
    kinds: dict[str, type[Picture | Pictures | Plain | Series | Sound]] = {
        "picture": Picture,
        "pictures": Pictures,
        "plain": Plain,
        "series": Series,
        "sound": Sound,
    }
    kind, described = find_kind("signal", kinds, config)
    return kind.from_config(described)
