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

    Each stack doubles within half a row, then goes 1, 2, 4, ... rows up, straight and by a
    diagonal. A factor takes in its left neighbour: from there, width - 1 leads to the pixel right
    above the one that is predicted, width to the left of that. What lies to the right of it takes
    a second stack.

    Args:
        width: Pixels in a row.
        stacks: How often the dilations are repeated.
        rows: Go up 1, 2, 4, ... rows, less than this; 2 or more.

    Example:
        >>> image_dilations(28, 1, 8)
        (1, 2, 4, 8, 27, 28, 54, 56, 108, 112)
    """
    within = [2**power for power in range(max(1, math.ceil(math.log2(width)) - 1))]
    upward = [2**power for power in range(max(1, math.ceil(math.log2(rows))))]
    above = [up * step for up in upward for step in (max(1, width - 1), width)]
    return tuple(within + above) * stacks
