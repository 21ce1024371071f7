"""Files that cannot be used."""

import logging
from collections.abc import Callable, Iterable
from typing import Literal, TypeVar, get_args

logger = logging.getLogger(__name__)

OnError = Literal["stop", "skip"]
T = TypeVar("T")
U = TypeVar("U")


class BadFiles:
    """What becomes of bad files: the first one's error is raised, or all are left out and named.

    Args:
        on_error: "stop" or "skip".

    Raises:
        ValueError: It is neither.
    """

    def __init__(self, on_error: OnError) -> None:
        if on_error not in get_args(OnError):
            raise ValueError(
                f"on_error needs one of {', '.join(get_args(OnError))}; got {on_error!r}"
            )
        self.skip = on_error == "skip"
        self.skipped = 0

    def kept(self, work: Callable[[T], U], files: Iterable[T]) -> list[U]:
        """Return what the work makes of the good files; raise or log the error of a bad one."""
        results = []
        for file in files:
            try:
                results.append(work(file))
            except (OSError, ValueError) as error:
                if not self.skip:
                    raise
                self.skipped += 1
                logger.warning("skipped %s", error)
        return results

    def report(self) -> None:
        """Log how many files were left out."""
        if self.skipped:
            logger.warning("skipped %d bad sound files in all", self.skipped)
