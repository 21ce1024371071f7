"""Help texts made of docstrings."""

import inspect
from collections.abc import Callable


def manual(job: Callable[..., object], summary: str = "") -> str:
    r"""Return a docstring as typer prints it: paragraphs on one line, examples line by line.

    Args:
        job: What has the docstring.
        summary: Comes first.

    Example:
        >>> def verb():
        ...     '''All about it,
        ...     and more.
        ...
        ...     Example::
        ...
        ...         autoreg verb
        ...         autoreg verb --more
        ...     '''
        >>> print(manual(verb))
        All about it, and more.
        <BLANKLINE>
        Example:
        <BLANKLINE>
            autoreg verb
            autoreg verb --more
    """
    text = f"{summary}\n\n{inspect.getdoc(job) or ''}".strip()
    blocks = [
        block if block.startswith(" ") else " ".join(block.replace("::", ":").split())
        for block in text.split("\n\n")
    ]
    return "\n\n".join(blocks)
