"""Small moves of the pictures of a batch."""

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional

from autoreg.codecs.scan import Scan


class Shifts:
    """Moves each picture by up to a few pixels, each distance as probable as another.

    What enters at the border has symbol 0, what leaves is lost. Chance is torch's own: a learner
    seeds it at each step.

    Args:
        scan: Of the pictures.
        most: Pixels, up or down and to either side.

    Example:
        >>> Shifts(Scan("raster", 2, 2), 0)(torch.tensor([[1, 2, 3, 4]]))
        tensor([[1, 2, 3, 4]])
    """

    def __init__(self, scan: Scan, most: int) -> None:
        self._scan, self._most = scan, most

    def __call__(self, symbols: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
        """Return the symbols of the moved pictures, along the same scan."""
        most, device = self._most, symbols.device
        images = functional.pad(self._scan.roll(symbols), (most, most, most, most))
        down, right = torch.randint(2 * most + 1, (2, len(symbols)), device=device)
        rows = down[:, None] + torch.arange(self._scan.height, device=device)
        columns = right[:, None] + torch.arange(self._scan.width, device=device)
        which = torch.arange(len(symbols), device=device)[:, None, None]
        return self._scan.unroll(images[which, rows[:, :, None], columns[:, None]])
