"""A file of per-symbol values that grows while they are computed."""

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from jaxtyping import Float
from torch import Tensor


class FactorFile:
    """A one-dimensional float64 .npy file, written in pieces of any length.

    The file appears under its name when all is written; until then it has the ending ``.part``,
    and an error leaves nothing behind.

    Example:
        >>> with FactorFile("factors.npy") as file:  # doctest: +SKIP
        ...     file.append(torch.zeros(3, dtype=torch.float64))
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if self.path.suffix != ".npy":
            raise ValueError(f"{path}: per-symbol values need a name that ends in .npy")
        self._part = self.path.with_name(self.path.name + ".part")
        self._count = 0

    def __enter__(self) -> Self:
        self._file = self._part.open("wb")
        self._header()
        return self

    def append(self, values: Float[Tensor, " L"]) -> None:
        """Write the next values."""
        self._file.write(values.double().numpy().astype("<f8").tobytes())
        self._count += len(values)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            # numpy pads its header so that the first axis may grow in place.
            self._file.seek(0)
            self._header()
        self._file.close()
        if kind is None:
            self._part.replace(self.path)
        else:
            self._part.unlink()

    def _header(self) -> None:
        described = {"descr": "<f8", "fortran_order": False, "shape": (self._count,)}
        np.lib.format.write_array_header_1_0(self._file, described)
