"""Lists of dilations."""

import math


def doubling(stacks: int, depth: int) -> tuple[int, ...]:
    """Return the paper's dilations: 1, 2, 4, ..., 2^(depth-1), repeated ``stacks`` times.

    Example:
        >>> doubling(2, 3)
        (1, 2, 4, 1, 2, 4)
    """
    return tuple(2**power for _ in range(stacks) for power in range(depth))


def image_dilations(width: int, stacks: int, rows: int) -> tuple[int, ...]:
    """Return dilations for images unrolled row by row: within a row, then whole rows up.

    Each stack doubles within half a row, then goes 1, 2, 4, ... rows up: to the pixel right above
    (the row's width) and, one step less per row, to its right, which no sum of the others reaches.

    Args:
        width: Pixels in a row.
        stacks: How often the dilations are repeated.
        rows: Go up 1, 2, 4, ... rows, less than this.

    Example:
        >>> image_dilations(28, 1, 8)
        (1, 2, 4, 8, 27, 28, 54, 56, 108, 112)
    """
    within = [2**power for power in range(max(1, math.ceil(math.log2(width)) - 1))]
    upward = [2**power for power in range(max(1, math.ceil(math.log2(rows))))]
    above = [up * step for up in upward for step in (max(1, width - 1), width)]
    return tuple(within + above) * stacks
