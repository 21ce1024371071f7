"""The order in which the pixels of an image are read."""

from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from autoreg.codecs.kinds import rebuild

KINDS = (
    "raster",
    "serpentine",
    "column",
    "reversed",
    "mirrored",
    "upward",
    "column-mirrored",
    "column-upward",
    "column-reversed",
)


@dataclass(frozen=True)
class Scan:
    """A path through all pixels of images of one size.

    Args:
        kind: "raster": rows downwards, each from the left; "serpentine": every second row from the
            right; "mirrored": rows downwards, each from the right; "upward": rows upwards, each
            from the left; "reversed": raster backwards. "column": columns rightwards, each from
            the top; "column-" before mirrored, upward or reversed: that of the image whose rows
            are the columns, so from the bottom, leftwards, and both.
        height: Rows of the image.
        width: Columns of the image.

    Raises:
        ValueError: The kind is unknown, the image has no pixel.

    Example:
        >>> scan = Scan("serpentine", 2, 3)
        >>> scan.order.tolist(), scan.position_of(1, 0)
        ([0, 1, 2, 5, 4, 3], 5)
    """

    kind: str
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"scan needs a kind among {', '.join(KINDS)}; got {self.kind!r}")
        if self.height < 1 or self.width < 1:
            raise ValueError(f"scan needs a pixel or more; got {self.height}x{self.width}")

    @property
    def by_column(self) -> bool:
        """Whether a column is read before the next one, not a row."""
        return self.kind.startswith("column")

    @property
    def length(self) -> int:
        """The number of pixels T."""
        return self.height * self.width

    @property
    def order(self) -> Int[Tensor, " T"]:
        """The raster index (row * width + column) at each position of the path."""
        raster = torch.arange(self.length).reshape(self.height, self.width)
        if self.by_column:
            raster = raster.T
        match self.kind.removeprefix("column-"):
            case "serpentine":
                raster[1::2] = raster[1::2].flip(1)
            case "mirrored":
                raster = raster.flip(1)
            case "upward":
                raster = raster.flip(0)
            case "reversed":
                raster = raster.flip(0, 1)
        return raster.flatten()

    def unroll(self, images: Shaped[Tensor, "*batch H W"]) -> Shaped[Tensor, "*batch T"]:
        """Return the pixels of images along the path."""
        if images.shape[-2:] != (self.height, self.width):
            raise ValueError(
                f"images need shape (..., {self.height}, {self.width}); got {tuple(images.shape)}"
            )
        return images.flatten(-2)[..., self.order.to(images.device)]

    def roll(self, symbols: Shaped[Tensor, "*batch T"]) -> Shaped[Tensor, "*batch H W"]:
        """Return the images that unroll to these sequences."""
        if symbols.shape[-1:] != (self.length,):
            raise ValueError(
                f"symbols need shape (..., {self.length}); got {tuple(symbols.shape)}"
            )
        pixels = symbols[..., self.order.argsort().to(symbols.device)]
        return pixels.unflatten(-1, (self.height, self.width))

    def position_of(self, row: int, column: int) -> int:
        """Return where on the path a pixel lies."""
        if not (0 <= row < self.height and 0 <= column < self.width):
            raise ValueError(
                f"pixel needs a row within 0..{self.height - 1} and a column within "
                f"0..{self.width - 1}; got ({row}, {column})"
            )
        return int((self.order == row * self.width + column).nonzero())

    def coordinates(self) -> Int[Tensor, "T 2"]:
        """Return the row and the column at each position."""
        order = self.order
        return torch.stack([order // self.width, order % self.width], dim=1)

    def features(self) -> Float[Tensor, "T F"]:
        """Return the row and the column at each position, each one-hot; F = height + width."""
        rows, columns = self.coordinates().T
        return torch.cat([torch.eye(self.height)[rows], torch.eye(self.width)[columns]], dim=1)

    def config(self) -> dict[str, Any]:
        """Return the scan as plain data."""
        return asdict(self)


def scan_from_config(config: object) -> Scan:
    """Rebuild a scan from config(); raises ValueError for what it does not know."""
    return rebuild("scan", dict.fromkeys(KINDS, Scan), config)
