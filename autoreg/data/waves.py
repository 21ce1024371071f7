"""Sound files as blocks of samples."""

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np
import soundfile
import soxr
import torch
from jaxtyping import Float64
from torch import Tensor

FORMATS = (".wav", ".flac", ".ogg", ".mp3")
FOREIGN = (".aac", ".aif", ".aiff", ".au", ".caf", ".m4a", ".opus", ".w64", ".wma")
"""Sounds too, which are left out of a folder; that is said."""
BLOCK = 2**16  # frames: half a megabyte a channel, four seconds at 16 kHz
_CUT = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.MULTILINE)  # libsndfile's words
_UNKNOWN = 0x7FFF0000
_LEAST = 64  # frames that are asked for where there should be none


class Reading(TypedDict, total=False):
    """What of a sound file is read, and what may be done to it on the way."""

    start: float  # seconds; 0 unless given
    stop: float | None  # seconds, exclusive; the end unless given
    mono: bool  # mix several channels to their mean
    resample: bool  # change another sample rate to the one needed
    block: int  # frames of the file held at a time
    trim_db: float  # leave out the ends of that, so many decibels below its peak; see Sound.blocks


@dataclass(frozen=True)
class Header:
    """What a sound file says of itself."""

    path: Path
    sample_rate: int
    channels: int

    def check(self, sample_rate: int, *, mono: bool = False, resample: bool = False) -> None:
        """Raise ValueError unless the file can be read at this rate with these permissions."""
        if self.channels != 1 and not mono:
            raise ValueError(
                f"{self.path}: needs one channel; got {self.channels}. "
                "Pass mono=True (--mono) to mix them."
            )
        if self.sample_rate != sample_rate and not resample:
            raise ValueError(
                f"{self.path}: needs a sample rate of {sample_rate} Hz; got {self.sample_rate}. "
                "Pass resample=True (--resample) to convert it."
            )


def read_header(path: Path | str) -> Header:
    """Return what a sound file says of itself, without reading its samples.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is empty, holds no samples or is no sound file.
    """
    with _open(path) as file:
        return _header(path, file)


def read_blocks(
    path: Path | str, sample_rate: int, **reading: Unpack[Reading]
) -> Iterator[Float64[Tensor, " L"]]:
    """Yield a sound file's samples block by block, so that memory does not grow with its length.

    Full scale is -1 to 1. A piece from start to stop is that slice of what the whole file yields:
    it ends early where the file does, and when resampling, its last samples rest on a few
    milliseconds of the file beyond it.

    Args:
        path: A sound file of any bit depth.
        sample_rate: Of the samples to yield, in Hz.
        reading: See Reading.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file cannot be read, is damaged, holds NaN or no samples, ends before start
            or differs in rate or channels without the permission to convert.
    """
    start, stop, block = (
        reading.get("start", 0.0),
        reading.get("stop"),
        reading.get("block", BLOCK),
    )
    if not 0 <= start <= (start if stop is None else stop):
        raise ValueError(f"start and stop need 0 <= start <= stop; got {start} and {stop} seconds")
    if block < 1:
        raise ValueError(f"block needs at least 1 frame; got {block}")
    first = round(start * sample_rate)
    last = None if stop is None else round(stop * sample_rate)
    with _open(path) as file:
        header = _header(path, file)
        header.check(
            sample_rate, mono=reading.get("mono", False), resample=reading.get("resample", False)
        )
        samples = _samples(header, file, block)
        if header.sample_rate != sample_rate:
            samples = _resampled(samples, header.sample_rate, sample_rate)
        position = 0
        for wave in samples:
            ahead = None if last is None else max(0, last - position)
            yield torch.from_numpy(wave[max(0, first - position) : ahead])
            position += len(wave)
            if last is not None and position >= last:
                return
    if position == 0:
        raise ValueError(f"{path}: too short to leave a sample at {sample_rate} Hz")
    if position < first:
        raise ValueError(
            f"{path}: lasts {position / sample_rate:.6g} s; nothing follows start = {start} s"
        )


def peak(waves: Iterable[Float64[Tensor, " L"]]) -> float:
    """Return the largest magnitude among the samples of some blocks, 0 if there are none."""
    return max((float(wave.abs().max()) for wave in waves if len(wave)), default=0.0)


def extremes(waves: Iterable[Float64[Tensor, " L"]]) -> tuple[float, float]:
    """Return the least and the greatest sample of some blocks, zeros if there are none."""
    ends = [wave.aminmax() for wave in waves if len(wave)]
    low = min((float(end.min) for end in ends), default=0.0)
    return low, max((float(end.max) for end in ends), default=0.0)


class _Onward(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file read from front to back.

    soundfile seeks after each block that it reads from a seekable file. In an mp3, that garbles
    every block but the first.
    """

    def seekable(self) -> bool:
        return False


def _open(path: Path | str) -> _Onward:
    try:
        found = os.stat(path)  # noqa: PTH116 - with a Path of its own, each of many files takes longer
    except (FileNotFoundError, NotADirectoryError):
        found = None
    if found is None or not stat.S_ISREG(found.st_mode):
        raise FileNotFoundError(f"{path}: no such sound file")
    if not found.st_size:
        raise ValueError(f"{path}: the file is empty (0 bytes)")
    try:
        return _Onward(path)
    except soundfile.LibsndfileError as error:
        raise ValueError(_unreadable(path, error)) from None


def _header(path: Path | str, file: _Onward) -> Header:
    if not file.frames:
        raise ValueError(f"{path}: the file holds no samples")
    # A length as great as the field can hold is one that was not known when it was written.
    cut = _CUT.search(file.extra_info)
    if cut is not None and int(cut[2]) < int(cut[1]) < _UNKNOWN:
        raise ValueError(
            f"{path}: the file is cut off: it tells of {int(cut[1]):,} bytes of samples, and "
            f"{int(cut[2]):,} are there"
        )
    return Header(path if isinstance(path, Path) else Path(path), file.samplerate, file.channels)


def _samples(header: Header, file: _Onward, block: int) -> Iterator[np.ndarray]:
    position = 0
    while True:
        try:
            # Memory for what is there, not for a whole block; a header may be wrong about it.
            frames = file.read(min(block, max(_LEAST, file.frames - position)), always_2d=True)
        except soundfile.LibsndfileError as error:
            raise ValueError(_unreadable(header.path, error)) from None
        if not len(frames):
            break
        if not np.isfinite(frames).all():
            first = position + int((~np.isfinite(frames).all(axis=1)).argmax())
            raise ValueError(
                f"{header.path}: needs finite samples; got NaN or infinity at sample {first} "
                f"({first / header.sample_rate:.6g} s)"
            )
        yield frames[:, 0] if header.channels == 1 else frames.mean(axis=1)
        position += len(frames)
    if position < file.frames:
        raise ValueError(
            f"{header.path}: ends after {position} of the {file.frames} samples it promises"
        )


def _resampled(samples: Iterable[np.ndarray], old: int, new: int) -> Iterator[np.ndarray]:
    stream = soxr.ResampleStream(old, new, 1, dtype="float64")
    for wave in samples:
        yield stream.resample_chunk(wave)
    yield stream.resample_chunk(np.empty(0), last=True)


def _unreadable(path: Path | str, error: soundfile.LibsndfileError) -> str:
    known = ", ".join(suffix[1:] for suffix in FORMATS)
    return f"{path}: needs a sound file that can be read ({known}); {error.error_string}"
