"""Lists of dilations."""


def doubling(stacks: int, depth: int) -> tuple[int, ...]:
    """Return the paper's dilations: 1, 2, 4, ..., 2^(depth-1), repeated ``stacks`` times.

    Example:
        >>> doubling(2, 3)
        (1, 2, 4, 1, 2, 4)
    """
    return tuple(2**power for _ in range(stacks) for power in range(depth))


def image_dilations(width: int) -> tuple[int, ...]:
    """Return dilations of eight layers of four taps, for images unrolled line by line.

    A factor takes in its neighbour before it in the line. From there, width - 3 leads to the pixel
    above and two further on, twice that to the one two lines above and five further on; width and
    2 width go straight up from what is seen already. What is seen is a fan of some eighteen lines:
    the few pixels next in line, and wider with each line above.

    Args:
        width: Pixels in a line.

    Example:
        >>> image_dilations(28)
        (1, 25, 28, 2, 56, 25, 1, 28)
    """
    aside = max(1, width - 3)
    return (1, aside, width, 2, 2 * width, aside, 1, width)
