"""The integers that stand for a signal's levels."""

import torch
from jaxtyping import Shaped
from torch import Tensor

MOST_LEVELS = 2**16  # float32 amplitudes in [-1, 1] tell this many levels apart


def symbol_dtype(num_symbols: int) -> torch.dtype:
    """Return the smallest integer type that holds 0..num_symbols - 1."""
    return torch.uint8 if num_symbols <= 256 else torch.int32


def check_levels(levels: int, most: int) -> None:
    """Raise ValueError unless levels is within 2..most."""
    if not 2 <= levels <= most:
        raise ValueError(f"levels needs a whole number within 2..{most}; got {levels}")


def check_symbols(
    symbols: Shaped[Tensor, "*shape"], num_symbols: int, noun: str = "symbols"
) -> None:
    """Raise TypeError or ValueError unless symbols are integers within 0..num_symbols - 1."""
    if symbols.is_floating_point() or symbols.is_complex() or symbols.dtype == torch.bool:
        raise TypeError(f"{noun} need an integer type, 0..{num_symbols - 1}; got {symbols.dtype}")
    if not symbols.numel():
        return
    low, high = (int(end) for end in symbols.aminmax())
    if low < 0 or high >= num_symbols:
        raise ValueError(f"{noun} need values within 0..{num_symbols - 1}; got {low}..{high}")
