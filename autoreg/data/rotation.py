"""Images turned about their centre."""

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor


def rotated(image: Tensor | np.ndarray, degrees: float) -> UInt8[Tensor, "H W"]:
    """Return an image of grey values, turned counterclockwise, of the same size.

    Values between pixels are interpolated linearly; what comes in from outside is 0.

    Args:
        image: Grey values, shape (H, W), whole numbers within 0..255.
        degrees: By how much; 0 gives the image itself.

    Raises:
        ValueError: The image is none, or holds other values.

    Example:
        >>> rotated(torch.tensor([[1, 2], [3, 4]]), 90)
        tensor([[2, 4],
                [1, 3]], dtype=torch.uint8)
    """
    values = torch.as_tensor(image).cpu()
    whole = not values.is_floating_point() or bool((values == values.round()).all())
    if (
        values.ndim != 2
        or not values.numel()
        or not whole
        or not (0 <= values.min() <= values.max() <= 255)
    ):
        raise ValueError(
            "an image to turn needs shape (H, W) and whole values within 0..255; got shape "
            f"{tuple(values.shape)}"
            + (f", {values.min()}..{values.max()}" if values.numel() else "")
        )
    picture = Image.fromarray(values.to(torch.uint8).numpy())
    return torch.from_numpy(np.array(picture.rotate(degrees, Image.Resampling.BILINEAR)))
