"""Grey pictures of one size that are read in several orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import torch
from jaxtyping import Bool, Int, Integer, Shaped
from torch import Tensor

from autoreg.codecs import codec_from_config
from autoreg.codecs.kinds import check_keys
from autoreg.codecs.pixels import Grey, Threshold
from autoreg.codecs.scan import Scan, scan_from_config
from autoreg.data.picture import Picture
from autoreg.data.region import Region

if TYPE_CHECKING:
    from autoreg.data.signal import Signal

FACTOR = "scan"
"""The factor of the condition that says in which order a picture is read."""


@dataclass(frozen=True)
class Pictures:
    """Pictures whose symbols stand in the order of one of several scans.

    Which one is part of the condition, so whatever needs to know it is refused by name; ``of``
    gives the pictures of one scan.

    Raises:
        ValueError: There are no two scans, two of one kind, or of different sizes.

    Example:
        >>> pictures = Pictures(Threshold(), (Scan("raster", 1, 2), Scan("mirrored", 1, 2)))
        >>> pictures.of("mirrored").encode(torch.tensor([[255, 0]]))
        tensor([0, 1], dtype=torch.uint8)
    """

    codec: Threshold | Grey
    scans: tuple[Scan, ...]

    def __post_init__(self) -> None:
        sizes = {(scan.height, scan.width) for scan in self.scans}
        if len(self.scans) < 2 or len(set(self.kinds)) < len(self.scans) or len(sizes) > 1:
            raise ValueError(
                "scans need to be two or more, of kinds that are all different and of one size; "
                f"got {', '.join(map(str, self.scans)) or 'none'}"
            )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of the scans."""
        return tuple(scan.kind for scan in self.scans)

    @property
    def kind(self) -> str:
        """The name of this kind of signal."""
        return "pictures"

    @property
    def num_symbols(self) -> int:
        """The number of symbols Q."""
        return self.codec.num_symbols

    @property
    def length(self) -> int:
        """The number of pixels T."""
        return self.scans[0].length

    def of(self, kind: str) -> Picture:
        """Return the pictures as one scan reads them."""
        if kind not in self.kinds:
            raise ValueError(f"scan needs a kind among {', '.join(self.kinds)}; got {kind!r}")
        return Picture(self.codec, self.scans[self.kinds.index(kind)])

    @property
    def whole(self) -> Picture:
        """The pictures as the first scan reads them, where no scan is fixed."""
        return Picture(self.codec, self.scans[0], ordered=False)

    def positions(self) -> Int[Tensor, "S T"]:
        """Return where in the first scan each position of each scan lies."""
        place = self.scans[0].order.argsort()
        return torch.stack([place[scan.order] for scan in self.scans])

    def read(self, path: Path | str) -> Integer[Tensor, " T"]:
        """Refuse: in which order is not said."""
        self._refuse()

    def encode(self, values: Tensor | np.ndarray) -> Integer[Tensor, "*batch T"]:
        """Refuse: in which order is not said."""
        self._refuse()

    def decode(self, symbols: Shaped[Tensor, "*batch T"]) -> Tensor:
        """Refuse: in which order the symbols stand is not said."""
        self._refuse()

    def write(self, path: Path | str, symbols: Shaped[Tensor, "*batch T"]) -> None:
        """Refuse: in which order the symbols stand is not said."""
        self._refuse()

    def where(self, region: Region, length: int) -> Bool[Tensor, " T"]:
        """Refuse: in which order is not said."""
        self._refuse()

    def between(self, low: float, high: float) -> tuple[int, int]:
        """Return the first and the last symbol of grey values within low..high; see the codec."""
        return self.codec.between(low, high)

    def config(self) -> dict[str, Any]:
        """Return the signal as plain data."""
        return {
            "kind": self.kind,
            "codec": self.codec.config(),
            "scans": [scan.config() for scan in self.scans],
        }

    @staticmethod
    def from_config(config: Mapping[str, Any]) -> Pictures:
        """Rebuild pictures from config(); raises ValueError for what it does not know."""
        check_keys("signal", {"kind", "codec", "scans"}, config)
        codec = codec_from_config(config["codec"])
        if not isinstance(codec, Threshold | Grey) or not isinstance(config["scans"], list):
            raise ValueError(
                "pictures need a codec threshold or grey and a list of scans; got "
                f"{config['codec']} and {config['scans']!r}"
            )
        return Pictures(codec, tuple(map(scan_from_config, config["scans"])))

    def _refuse(self) -> NoReturn:
        raise ValueError(
            f"these pictures are read in the orders {', '.join(self.kinds)}: fix one, with "
            f"component({self.kinds[0]!r}) of the density or --given {FACTOR}={self.kinds[0]}"
        )


if TYPE_CHECKING:
    _conforms: type[Signal] = Pictures
