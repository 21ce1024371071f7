"""Masks of positions in files."""

from pathlib import Path

import numpy as np
from PIL import Image

_IMAGES = (".png", ".bmp", ".gif")
"""No JPEG: its edges are no edges any more."""


def read_mask(path: Path | str) -> np.ndarray:
    """Return a boolean mask: where an image is lighter than middle grey, or a .npy file not 0.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is none of these, or holds anything but booleans, zeros and ones.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    if path.suffix.lower() == ".npy":
        try:
            values = np.load(path, allow_pickle=False)
        except (ValueError, OSError) as error:
            raise ValueError(f"{path}: needs an array; {error}") from None
        if values.dtype != bool and not np.isin(values, (0, 1)).all():
            raise ValueError(f"{path}: a mask needs booleans, or zeros and ones")
        return values.astype(bool)
    if path.suffix.lower() not in _IMAGES:
        raise ValueError(f"{path}: a mask needs a name ending in .npy, {', '.join(_IMAGES)}")
    try:
        with Image.open(path) as image:
            return np.array(image.convert("L")) > 127
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: needs an image that can be read; {error}") from None
