"""A sound file that grows while it is made."""

import io
from pathlib import Path

import numpy as np
import soundfile
from jaxtyping import Float
from torch import Tensor

_BYTES = 2  # of a sample of 16 bits
_MOST = (2**32 - 64) // _BYTES  # samples whose bytes the header of a wav can count


class Recording:
    """A wav of 16 bits and one channel that is a whole file after every block.

    The header is written anew with each block, after the samples: whoever stops the program, or
    reads the file meanwhile, has a valid sound of all blocks but the one under way.

    Args:
        path: A name that ends in .wav; what is there is replaced.
        sample_rate: In Hz.
        length: How many samples are to come, if known; more than a wav can count are refused.

    Raises:
        ValueError: The name does not end so, the folder does not exist, or it would be too long.
    """

    def __init__(self, path: Path | str, sample_rate: int, length: int | None = None) -> None:
        self.path = Path(path)
        self.samples = 0
        if self.path.suffix.lower() != ".wav":
            raise ValueError(f"{path}: a sound that grows needs a name ending in .wav")
        if length is not None and length > _MOST:
            raise ValueError(
                f"{path}: a wav holds at most {_MOST} samples of 16 bits; got {length}"
            )
        try:
            soundfile.write(path, np.zeros(0), sample_rate, subtype="PCM_16")
        except soundfile.LibsndfileError as error:
            raise ValueError(f"{path}: needs a folder that exists; {error}") from None

    def append(self, wave: Float[Tensor, " L"]) -> None:
        """Write the next samples, amplitudes within -1..1.

        Raises:
            ValueError: A wav cannot hold so many.
        """
        if self.samples + len(wave) > _MOST:
            raise ValueError(f"{self.path}: a wav holds at most {_MOST} samples of 16 bits")
        with soundfile.SoundFile(self.path, "r+") as file:
            file.seek(0, soundfile.SEEK_END)
            file.write(wave.numpy())
        self.samples += len(wave)


def pcm16(wave: Float[Tensor, " L"]) -> bytes:
    """Return amplitudes as samples of 16 bits, little-endian, as a wav holds them.

    Example:
        >>> import torch
        >>> pcm16(torch.tensor([0.0, 1.0, -1.0])).hex()
        '0000ff7f0080'
    """
    raw = io.BytesIO()
    soundfile.write(raw, wave.numpy(), 8000, format="RAW", subtype="PCM_16", endian="LITTLE")
    return raw.getvalue()
