"""Numbers in files."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

DELIMITERS = {".csv": ",", ".txt": None}

DAMAGED = (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)
"""What numpy raises of a file that is no whole array, nor archive of arrays."""


def read_numbers(path: Path | str, dtype: type[np.generic]) -> np.ndarray:
    """Return the numbers of a .npy, .csv (commas) or .txt (spaces) file, shape (T,).

    A text file holds one row or one column.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is empty, not one sequence, or not of such numbers.
    """
    path = Path(path)
    suffix = _known_suffix(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        if suffix == ".npy":
            with path.open("rb") as file:
                found = np.load(file, allow_pickle=False)
        else:
            lines = [line for line in path.read_text().splitlines() if line.strip()]
            found = (
                np.loadtxt(lines, dtype, delimiter=DELIMITERS[suffix]) if lines else np.empty(0)
            )
    except DAMAGED as error:
        raise ValueError(f"{path}: needs numbers of type {dtype.__name__}; {error}") from None
    numbers = np.atleast_1d(found)
    if numbers.ndim != 1 or not numbers.size:
        raise ValueError(
            f"{path}: needs one sequence that is not empty; got shape {numbers.shape}"
        )
    if not np.can_cast(numbers.dtype, dtype, "same_kind"):
        raise ValueError(f"{path}: needs numbers of type {dtype.__name__}; got {numbers.dtype}")
    return numbers.astype(dtype)


def write_numbers(path: Path | str, numbers: np.ndarray) -> None:
    """Write one sequence or several, a row each, as the suffix says."""
    path = Path(path)
    suffix = _known_suffix(path)
    if suffix == ".npy":
        np.save(path, numbers)
    else:
        # Nine significant digits give every float32 back.
        form = "%d" if np.issubdtype(numbers.dtype, np.integer) else "%.9g"
        np.savetxt(path, np.atleast_2d(numbers), form, delimiter=DELIMITERS[suffix] or " ")


def _known_suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in {".npy", *DELIMITERS}:
        raise ValueError(f"{path}: numbers need a file .npy, .csv or .txt")
    return suffix
