"""Sound of one sample rate."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack, get_args

import numpy as np
import soundfile
import torch
from jaxtyping import Bool, Float, Float64, Integer, Shaped
from torch import Tensor

from autoreg.codecs import codec_from_config
from autoreg.codecs.kinds import check_keys
from autoreg.codecs.linear import Linear, check_amplitudes
from autoreg.codecs.mulaw import MuLaw
from autoreg.data.region import Region, Seconds, along, along_in_words, union
from autoreg.data.waves import FORMATS, Reading, peak, read_blocks

if TYPE_CHECKING:
    from autoreg.data.signal import Signal

Gain = Literal["recorded", "peak"]
PAUSE = 0.25  # seconds of silence between the draws in one file: long enough to tell them apart


@dataclass(frozen=True)
class Sound:
    """Waves whose samples a codec turns into symbols.

    Args:
        sample_rate: In Hz.
        codec: Amplitudes within -1..1 to symbols; it cuts off what lies beyond.
        gain: "recorded" leaves amplitudes as they are; "peak" divides what is read or encoded by
            its own largest magnitude, and leaves silence as it is.

    Example:
        >>> sound = Sound(8000, MuLaw(), gain="peak")
        >>> sound.encode(torch.tensor([[0.0, 0.5], [-0.1, 0.0]])).tolist()
        [[128, 255], [0, 128]]
    """

    sample_rate: int
    codec: MuLaw | Linear
    gain: Gain = "recorded"

    def __post_init__(self) -> None:
        if type(self.sample_rate) is not int or self.sample_rate < 1:
            raise ValueError(
                f"sample_rate needs a whole number of Hz above 0; got {self.sample_rate!r}"
            )
        if self.gain not in get_args(Gain):
            raise ValueError(f"gain needs one of {', '.join(get_args(Gain))}; got {self.gain!r}")

    @property
    def kind(self) -> str:
        """The name of this kind of signal."""
        return "sound"

    @property
    def num_symbols(self) -> int:
        """The number of symbols Q."""
        return self.codec.num_symbols

    @property
    def length(self) -> None:
        """Any length."""

    def read(self, path: Path | str, **reading: Unpack[Reading]) -> Integer[Tensor, " T"]:
        """Return the symbols of a sound file or of a piece of it; see blocks."""
        return torch.cat(list(self.blocks(path, **reading)))

    def blocks(
        self, path: Path | str, **reading: Unpack[Reading]
    ) -> Iterator[Integer[Tensor, " L"]]:
        """Yield the symbols of a sound file block by block, at any length in the same memory.

        With gain "peak" the file is read twice, and the peak is that of the piece.

        Args:
            path: A sound file that soundfile reads, of any bit depth.
            reading: start and stop in seconds, mono, resample, block; see waves.Reading.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is not what read_blocks can read under these settings.
        """
        loudest = 0.0
        if self.gain == "peak":
            loudest = peak(read_blocks(path, self.sample_rate, **reading))
        for wave in read_blocks(path, self.sample_rate, **reading):
            yield self.codec.encode(wave / (loudest or 1.0))

    def encode(self, values: Tensor | np.ndarray) -> Integer[Tensor, "*batch T"]:
        """Return the symbols of waves of floating point amplitudes, shape (..., T)."""
        waves = torch.as_tensor(values)
        check_amplitudes(waves)
        return self.codec.encode(_normalised(waves) if self.gain == "peak" else waves)

    def decode(self, symbols: Shaped[Tensor, "*batch T"]) -> Float[Tensor, "*batch T"]:
        """Return waves of amplitudes, float32."""
        return self.codec.decode(symbols)

    def write(self, path: Path | str, symbols: Shaped[Tensor, "*batch T"]) -> None:
        """Write one wave, or several with a pause between them, to one sound file.

        Raises:
            ValueError: The name does not end as a sound file's does, or cannot be written.
        """
        waves = self.decode(symbols).cpu()
        pause = torch.zeros(round(PAUSE * self.sample_rate))
        rows = waves.reshape(-1, waves.shape[-1]) if waves.ndim > 1 else waves[None]
        parts = [part for row in rows for part in (pause, row)][1:]
        try:
            soundfile.write(path, torch.cat(parts).numpy(), self.sample_rate)
        except (soundfile.LibsndfileError, TypeError) as error:
            raise ValueError(
                f"{path}: needs a folder that exists and a name ending in "
                f"{', '.join(FORMATS)}; {error}"
            ) from None

    def where(self, region: Region, length: int) -> Bool[Tensor, " T"]:
        """Return which samples a region covers: Seconds, a mask (T,), a position, a slice.

        Raises:
            ValueError: It is of another kind, or reaches beyond the sound.
        """

        def read(part: Region) -> Bool[Tensor, " T"] | None:
            whole = part.samples(self.sample_rate) if isinstance(part, Seconds) else part
            return along(whole, length)

        lasting = f"Seconds within {length / self.sample_rate:.6g} s"
        return union(region, length, read, f"{along_in_words(length)}, {lasting}")

    def between(self, low: float, high: float) -> tuple[int, int]:
        """Return the first and the last symbol of amplitudes within low..high; see the codec.

        With gain "peak", amplitudes are those of the normalised sound.
        """
        return self.codec.between(low, high)

    def config(self) -> dict[str, Any]:
        """Return the signal as plain data."""
        return {
            "kind": self.kind,
            "sample_rate": self.sample_rate,
            "codec": self.codec.config(),
            "gain": self.gain,
        }

    @staticmethod
    def from_config(config: Mapping[str, Any]) -> "Sound":
        """Rebuild a sound from config(); raises ValueError for what it does not know."""
        check_keys("signal", {"kind", "sample_rate", "codec", "gain"}, config)
        codec = codec_from_config(config["codec"])
        if not isinstance(codec, MuLaw | Linear):
            raise ValueError(f"a sound needs a codec mulaw or linear; got {config['codec']}")
        return Sound(config["sample_rate"], codec, config["gain"])


def _normalised(waves: Float[Tensor, "*batch T"]) -> Float64[Tensor, "*batch T"]:
    if not waves.numel():
        return waves.double()
    loudest = waves.double().abs().amax(-1, keepdim=True)
    return waves.double() / torch.where(loudest > 0, loudest, 1.0)


if TYPE_CHECKING:
    _conforms: type[Signal] = Sound
