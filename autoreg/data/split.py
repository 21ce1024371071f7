"""The parts that files are split into."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autoreg.data.labels import compile_pattern

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Split:
    r"""A split by file that stays as it is when files are added, renamed or moved.

    Chance is the hash of a file's content, so that equal files always share a part.

    Args:
        valid: The share of the files that are not in the test part, held out for validation.
        test: The share of all files that are held out for testing, or a regular expression that
            the whole name of a test file matches, such as r"\d_[a-z]+_[0-4]\.wav".

    Raises:
        ValueError: A share is not within 0..1, 1 excluded, or the expression is not valid.
    """

    valid: float = 0.05
    test: float | str = 0.1

    def __post_init__(self) -> None:
        if isinstance(self.test, str):
            compile_pattern(self.test)
        shares = {"valid": self.valid, "test": 0.0 if isinstance(self.test, str) else self.test}
        for name, share in shares.items():
            if not 0 <= share < 1:
                raise ValueError(f"{name} needs a share within 0..1, 1 excluded; got {share}")

    def assign(self, paths: Sequence[Path]) -> list[str]:
        """Return the part of each file: "train", "valid" or "test".

        A file of the same content as one in the test part joins it, whatever its name.

        Raises:
            ValueError: The expression for test files matches none.
        """
        digests = [_digest(path) for path in paths]
        tested = self._tested(paths, digests)
        share = 0.0 if isinstance(self.test, str) else self.test
        bound = share + self.valid * (1 - share)
        return [
            "test" if digest in tested else "valid" if _place(digest) < bound else "train"
            for digest in digests
        ]

    def __str__(self) -> str:
        test = f'names by "{self.test}"' if isinstance(self.test, str) else f"{self.test:.4g}"
        return f"test {test}, valid {self.valid:.4g} of the rest by hash of content"

    def _tested(self, paths: Sequence[Path], digests: Sequence[bytes]) -> set[bytes]:
        if not isinstance(self.test, str):
            return {digest for digest in digests if _place(digest) < self.test}
        expression = compile_pattern(self.test)
        named = [expression.fullmatch(path.name) is not None for path in paths]
        if paths and not any(named):
            raise ValueError(
                f"test = {self.test!r} matches the whole name of no file; "
                f"the first of {len(paths)} is {paths[0].name!r}"
            )
        tested = {digest for digest, is_test in zip(digests, named, strict=True) if is_test}
        for path, digest, is_test in zip(paths, digests, named, strict=True):
            if digest in tested and not is_test:
                logger.warning("%s has the content of a test file and joins the test part", path)
        return tested


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _place(digest: bytes) -> float:
    """Return a digest as a number within 0..1, 1 excluded."""
    return int.from_bytes(digest[:6]) / 2**48
