"""Grey pictures of one size."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool, Integer, Shaped, UInt8
from PIL import Image
from torch import Tensor
from torch.nn import functional

from autoreg.codecs import codec_from_config
from autoreg.codecs.kinds import check_keys
from autoreg.codecs.pixels import WHITE, Grey, Threshold, rescale
from autoreg.codecs.scan import Scan, scan_from_config
from autoreg.data.region import Region, along, masked, steps, union

if TYPE_CHECKING:
    from autoreg.data.signal import Signal

GRID_WIDTH = 1000  # pixels: a grid fills about half a screen
SEAM = 2  # pixels


@dataclass(frozen=True)
class Picture:
    """Pictures whose pixels a codec turns into symbols, in the order of a scan.

    Args:
        codec: Pixels to symbols.
        scan: The order.
        ordered: Whether regions may be positions along the scan; not where other scans count too.

    Example:
        >>> picture = Picture(Threshold(), Scan("column", 1, 2))
        >>> picture.encode(torch.tensor([[255, 0]])), picture.decode(torch.tensor([1, 0]))
        (tensor([1, 0], dtype=torch.uint8), tensor([[255,   0]], dtype=torch.uint8))
    """

    codec: Threshold | Grey
    scan: Scan
    ordered: bool = True

    @property
    def kind(self) -> str:
        """The name of this kind of signal."""
        return "picture"

    @property
    def num_symbols(self) -> int:
        """The number of symbols Q."""
        return self.codec.num_symbols

    @property
    def length(self) -> int:
        """The number of pixels T."""
        return self.scan.length

    def read(self, path: Path | str) -> Integer[Tensor, " T"]:
        """Return the symbols of an image file, colours turned to grey.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is no image, or one of another size.
        """
        pixels = read_grey(path)
        if pixels.shape != (self.scan.height, self.scan.width):
            raise ValueError(
                f"{path}: the image needs {self.scan.height} rows of {self.scan.width} pixels; "
                f"got {pixels.shape[0]} rows of {pixels.shape[1]}"
            )
        return self.encode(rescale(pixels, WHITE, self.codec.top))

    def encode(self, values: Tensor | np.ndarray) -> Integer[Tensor, "*batch T"]:
        """Return the symbols of images of whole grey values, shape (..., H, W)."""
        return self.scan.unroll(self.codec.encode(torch.as_tensor(values)))

    def decode(self, symbols: Shaped[Tensor, "*batch T"]) -> UInt8[Tensor, "*batch H W"]:
        """Return images of grey values 0..top of the codec."""
        return self.codec.decode(self.scan.roll(symbols))

    def write(self, path: Path | str, symbols: Shaped[Tensor, "*batch T"]) -> None:
        """Write one image as it is, or several, pixels enlarged, in a grid with grey seams."""
        images = rescale(self.decode(symbols), self.codec.top, WHITE)
        if symbols.ndim == 1:
            Image.fromarray(images.cpu().numpy()).save(path)
            return
        if not len(images):
            raise ValueError(f"{path}: a grid needs an image or more; got none")
        images = images.reshape(-1, self.scan.height, self.scan.width)
        columns = math.ceil(math.sqrt(len(images)))
        zoom = max(1, GRID_WIDTH // (columns * self.scan.width))
        enlarged = images.repeat_interleave(zoom, 1).repeat_interleave(zoom, 2)
        Image.fromarray(_grid(enlarged, columns).cpu().numpy()).save(path)

    def where(self, region: Region, length: int) -> Bool[Tensor, " T"]:
        """Return which positions along the scan a region of the picture covers.

        Args:
            region: A mask (H, W), (rows, columns) of numbers or slices, a position or a slice
                along the scan, or several.
            length: The number of pixels; a picture has no other.

        Raises:
            ValueError: It is of another kind, or reaches beyond the picture.
        """
        height, width = self.scan.height, self.scan.width
        if length != self.length:
            raise ValueError(
                f"a region of these pictures needs {self.length} pixels; got {length}"
            )
        return union(
            region,
            length,
            self._where,
            f"a boolean mask of shape ({height}, {width}), (rows, columns) within "
            f"{-height}..{height} and {-width}..{width}, a position within {-length}..{length - 1}"
            f" along the scan or a slice within {-length}..{length}",
        )

    def between(self, low: float, high: float) -> tuple[int, int]:
        """Return the first and the last symbol of grey values within low..high; see the codec."""
        return self.codec.between(low, high)

    def config(self) -> dict[str, Any]:
        """Return the signal as plain data."""
        return {
            "kind": self.kind,
            "codec": self.codec.config(),
            "scan": self.scan.config(),
        }

    @staticmethod
    def from_config(config: Mapping[str, Any]) -> "Picture":
        """Rebuild a picture from config(); raises ValueError for what it does not know."""
        check_keys("signal", {"kind", "codec", "scan"}, config)
        codec = codec_from_config(config["codec"])
        if not isinstance(codec, Threshold | Grey):
            raise ValueError(f"a picture needs a codec threshold or grey; got {config['codec']}")
        return Picture(codec, scan_from_config(config["scan"]))

    def _where(self, region: Region) -> Bool[Tensor, " T"] | None:
        shape = self.scan.height, self.scan.width
        if isinstance(region, Tensor | np.ndarray):
            mask = masked(region, shape)
        elif isinstance(region, tuple):
            places = [steps(part, size) for part, size in zip(region, shape, strict=False)]
            if len(region) != 2 or places[0] is None or places[1] is None:
                return None
            mask = torch.zeros(shape, dtype=torch.bool)
            mask[places[0][:, None], places[1]] = True
        elif not self.ordered:
            raise ValueError(
                "positions along the scan need one scan, and these pictures are read in several: "
                f"name pixels, by (rows, columns) or a mask, or fix a scan; got {region!r}"
            )
        else:
            return along(region, self.length)
        return None if mask is None else self.scan.unroll(mask)


def read_grey(path: Path | str) -> UInt8[Tensor, "H W"]:
    """Return the pixels of an image file as grey values 0..255; errors name the file."""
    with open_image(path) as image:
        return torch.from_numpy(np.array(image.convert("L")))


@contextmanager
def open_image(path: Path | str) -> Iterator[Image.Image]:
    """Open an image file of eight bits a channel, its pixels still unread; errors name it."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such image file")
    try:
        with Image.open(path) as image:
            if image.mode[0] in "IF":
                raise ValueError(f"{path}: needs eight bits a channel; got mode {image.mode}")
            yield image
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"{path}: needs an image that can be read, PNG or JPEG; {error}"
        ) from None


# torchvision has the same, and takes as long to import as torch.
def _grid(images: UInt8[Tensor, "N h w"], columns: int) -> UInt8[Tensor, "H W"]:
    """Return images row by row, with grey seams between and around them."""
    grey, rows = WHITE // 2, math.ceil(len(images) / columns)
    tiles = functional.pad(images, (SEAM, 0, SEAM, 0), value=grey)
    places = tiles.new_full((rows * columns, *tiles.shape[1:]), grey)
    places[: len(tiles)] = tiles
    lines = [torch.cat(list(line), dim=1) for line in places.split(columns)]
    return functional.pad(torch.cat(lines), (0, SEAM, 0, SEAM), value=grey)


if TYPE_CHECKING:
    _conforms: type[Signal] = Picture
