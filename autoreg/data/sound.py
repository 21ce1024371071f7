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
from autoreg.codecs.sashimi import Sashimi
from autoreg.codecs.symbols import MOST_LEVELS, check_levels
from autoreg.data.region import Region, Seconds, along, along_in_words, union
from autoreg.data.trim import trimmed
from autoreg.data.waves import FORMATS, Reading, extremes, peak, read_blocks

if TYPE_CHECKING:
    from autoreg.data.signal import Signal

Gain = Literal["recorded", "peak", "range"]
SoundCodec = MuLaw | Linear | Sashimi
CodecName = Literal["mulaw", "linear", "sashimi", "sashimi-linear"]
PAUSE = 0.25  # seconds of silence between the draws in one file: long enough to tell them apart


@dataclass(frozen=True)
class Sound:
    """Waves whose samples a codec turns into symbols.

    Args:
        sample_rate: In Hz.
        codec: Amplitudes within -1..1 to symbols; it cuts off what lies beyond.
        gain: "recorded" leaves amplitudes as they are; "peak" divides what is read or encoded by
            its own largest magnitude, and leaves silence as it is; "range" maps its own least and
            greatest sample to -1 and 1, see ``range_gain``.

    Example:
        >>> sound = Sound(8000, MuLaw(), gain="peak")
        >>> sound.encode(torch.tensor([[0.0, 0.5], [-0.1, 0.0]])).tolist()
        [[128, 255], [0, 128]]
    """

    sample_rate: int
    codec: SoundCodec
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

        With gain "peak" or "range" the file is read twice, and what counts is the piece.

        Args:
            path: A sound file that soundfile reads, of any bit depth.
            reading: start and stop in seconds, mono, resample, block, trim_db, by which silent
                ends are left out as in training; see waves.Reading.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is not what read_blocks can read under these settings.
        """
        reading = trimmed(path, self.sample_rate, **reading)
        loudest, ends = 0.0, (0.0, 0.0)
        if self.gain == "peak":
            loudest = peak(read_blocks(path, self.sample_rate, **reading))
        elif self.gain == "range":
            ends = extremes(read_blocks(path, self.sample_rate, **reading))
        for wave in read_blocks(path, self.sample_rate, **reading):
            levelled = range_gain(wave, *ends) if self.gain == "range" else wave / (loudest or 1.0)
            yield self.codec.encode(levelled)

    def encode(self, values: Tensor | np.ndarray) -> Integer[Tensor, "*batch T"]:
        """Return the symbols of waves of floating point amplitudes, shape (..., T)."""
        waves = torch.as_tensor(values)
        check_amplitudes(waves)
        match self.gain:
            case "peak":
                return self.codec.encode(_normalised(waves))
            case "range" if waves.numel():
                ends = waves.double().aminmax(dim=-1, keepdim=True)
                return self.codec.encode(range_gain(waves.double(), ends.min, ends.max))
        return self.codec.encode(waves)

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

        With gain "peak" or "range", amplitudes are those of the normalised sound.
        """
        return self.codec.between(low, high)

    def in_words(self) -> str:
        """Return codec and gain as a protocol names them."""
        levels, gain = self.num_symbols, f"gain {self.gain}"
        match self.codec:
            case MuLaw():
                return f"mu-law {levels}, {gain}"
            case Linear():
                return f"linear {levels}, {gain}"
        scale = "mu-law" if self.codec.scale == "mulaw" else "linear"
        comparable = ", bits per sample as in the papers on SaShiMi" * (self.gain == "range")
        return f"{scale} {levels} truncated, {gain}{comparable}"

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
        if not isinstance(codec, SoundCodec):
            raise ValueError(
                f"a sound needs a codec mulaw, linear or sashimi; got {config['codec']}"
            )
        return Sound(config["sample_rate"], codec, config["gain"])


def named_codec(
    name: CodecName, levels: int = 256, gain: Gain | None = None
) -> tuple[SoundCodec, Gain]:
    """Return the codec of a name, and the gain that belongs to it unless another is asked for.

    Args:
        name: "mulaw"; "linear", the grid of PCM files: with 65,536 levels what a file of 16 bits
            holds, sample by sample; "sashimi", mu-law as in the papers on SaShiMi, and
            "sashimi-linear", likewise, so that bits per sample compare with theirs.
        levels: The number of levels.
        gain: None stands for "range" of "sashimi" and "sashimi-linear", "recorded" of the others.

    Raises:
        ValueError: There is no such name, or another gain would leave nothing to compare with.

    Example:
        >>> named_codec("sashimi-linear")
        (Sashimi(levels=256, scale='linear'), 'range')
    """
    match name:
        case "mulaw":
            return MuLaw(levels), gain or "recorded"
        case "linear":
            # Samples of b bits are k / 2^(b-1), from -1 to one step below 1.
            check_levels(levels, MOST_LEVELS)
            return Linear(levels, -1.0, 1.0 - 2.0 / levels), gain or "recorded"
        case "sashimi" | "sashimi-linear":
            if gain not in (None, "range"):
                raise ValueError(
                    f"codec {name} scales each clip by its own range, gain range; got gain "
                    f"{gain}. Take codec mulaw or linear for another gain."
                )
            return Sashimi(levels, "mulaw" if name == "sashimi" else "linear"), "range"
    raise ValueError(f"codec needs one of {', '.join(get_args(CodecName))}; got {name!r}")


def range_gain(
    waves: Float64[Tensor, "*batch T"],
    low: float | Float64[Tensor, "*batch 1"],
    high: float | Float64[Tensor, "*batch 1"],
) -> Float64[Tensor, "*batch T"]:
    """Map low to -1 and high to 1, all but a millionth; what is constant becomes -1 throughout.

    The millionth, and the -1, are those of the papers on SaShiMi; see ``Sashimi``.
    """
    return 2 * (waves - low) / (high - low + 1e-6) - 1


def _normalised(waves: Float[Tensor, "*batch T"]) -> Float64[Tensor, "*batch T"]:
    if not waves.numel():
        return waves.double()
    loudest = waves.double().abs().amax(-1, keepdim=True)
    return waves.double() / torch.where(loudest > 0, loudest, 1.0)


if TYPE_CHECKING:
    _conforms: type[Signal] = Sound
