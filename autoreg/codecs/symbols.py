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


def symbols_between(
    values: Shaped[Tensor, " Q"], low: float | int, high: float | int
) -> tuple[int, int]:
    """Return the first and the last symbol whose value lies within low..high, both included.

    What counts is the one value that a symbol stands for; what is encoded as it may lie beyond the
    bounds by half a level. Where no value lies within, the first symbol is greater than the last.

    Args:
        values: What each symbol stands for, ascending.
        low: The least value; minus infinity leaves this side open. It is rounded as the values
            are: whoever asks for 0.1 means the amplitude that float32 calls 0.1.
        high: The greatest value, likewise.

    Raises:
        ValueError: A bound is NaN, or low is above high.
    """
    if not low <= high:
        raise ValueError(f"a range needs low <= high, neither of them NaN; got {low} and {high}")
    exact = values if values.is_floating_point() else values.double()
    bounds = torch.tensor([low, high], dtype=torch.float64).to(exact.dtype)
    first = torch.searchsorted(exact, bounds[0], right=False)
    last = torch.searchsorted(exact, bounds[1], right=True) - 1
    return int(first), int(last)
