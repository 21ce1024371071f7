"""Files of features that accompany sound files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from autoreg.data.numbers import DAMAGED


@dataclass(frozen=True)
class Local:
    """Where the features of a clip lie, and how many of its samples share a vector of them.

    Frame n covers samples n * hop to (n + 1) * hop - 1 of the whole file, at the sample rate that
    it is read at; a clip of T samples has ceil(T / hop) frames, or one more, as an analysis
    around the middle of each window gives.

    Args:
        hop: In samples.
        suffix: What stands in place of a sound file's own, such as ".npy" or ".mel.npy".
        folder: Where the files lie if not beside the clips, at the same paths as these.

    Example:
        >>> Local(160, ".mel.npy").path_of("clips/ann/1.wav").as_posix()
        'clips/ann/1.mel.npy'
        >>> Local(160, folder=Path("mels")).path_of("clips/ann/1.wav", root="clips").as_posix()
        'mels/ann/1.npy'
    """

    hop: int
    suffix: str = ".npy"
    folder: Path | None = None

    def __post_init__(self) -> None:
        if type(self.hop) is not int or self.hop < 1:
            raise ValueError(f"hop needs a whole number of samples, at least 1; got {self.hop!r}")
        if not self.suffix.endswith(".npy") or set(self.suffix) & set("/\\"):
            raise ValueError(
                f"features lie in files NAME.npy, or NAME and another suffix that ends in .npy; "
                f"got {self.suffix!r}"
            )

    def path_of(self, clip: Path | str, root: Path | str | None = None) -> Path:
        """Return where the features of a clip are.

        Args:
            clip: A sound file.
            root: The folder of all clips, within which paths are the same as within ``folder``;
                where it is not known, the name alone tells.
        """
        clip = Path(clip)
        name = clip.stem + self.suffix
        if self.folder is None:
            return clip.with_name(name)
        return self.folder / (name if root is None else clip.relative_to(root).with_name(name))

    def read(self, path: Path, *, reached: int, whole: bool) -> Float32[Tensor, "N F"]:
        """Return the features of a clip.

        Args:
            path: Their file.
            reached: Samples of the clip up to the last that is needed.
            whole: Whether that is where it ends, so that there should be no more features.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: It holds something else, or another number of frames.
        """
        frames, needed = read_frames(path), -(-reached // self.hop)
        if len(frames) < needed or (whole and len(frames) > needed + 1):
            raise ValueError(
                f"{path}: {reached} samples at a hop of {self.hop} need {needed} frames"
                f"{' or one more' if whole else ''}; got {len(frames)}"
            )
        return frames

    def config(self) -> dict[str, Any]:
        """Return hop and suffix as plain data; no place is named."""
        return {"hop": self.hop, "suffix": self.suffix}

    @staticmethod
    def from_config(config: Mapping[str, Any], folder: Path | str | None = None) -> "Local":
        """Rebuild it from config(); raises ValueError for what it does not know."""
        if set(config) != {"hop", "suffix"}:
            raise ValueError(f"local needs hop and suffix; got {', '.join(map(str, config))}")
        return Local(
            config["hop"], str(config["suffix"]), None if folder is None else Path(folder)
        )


def read_frames(path: Path | str) -> Float32[Tensor, "N F"]:
    """Return the features in a .npy file, a row for each frame.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It holds no finite numbers of shape (frames, features), or none at all.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file of features")
    try:
        with Path(path).open("rb") as file:
            found = np.load(file, allow_pickle=False)
    except DAMAGED as error:
        raise ValueError(f"{path}: needs an array of numbers, .npy; {error}") from None
    if not isinstance(found, np.ndarray) or not np.can_cast(found.dtype, np.float32, "same_kind"):
        kind = getattr(found, "dtype", type(found).__name__)
        raise ValueError(f"{path}: needs an array of numbers, .npy; got {kind}")
    if found.ndim != 2 or not found.size:
        raise ValueError(
            f"{path}: needs features of shape (frames, features), one at least; got {found.shape}"
        )
    if not np.isfinite(found).all():
        frame = int((~np.isfinite(found).all(axis=1)).argmax())
        raise ValueError(f"{path}: needs finite numbers; got NaN or infinity in frame {frame}")
    return torch.from_numpy(found.astype(np.float32))
