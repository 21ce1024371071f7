"""Folders of sound files."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jaxtyping import Float, Integer
from torch import Tensor

from autoreg.conditions import ConditionSpace
from autoreg.data.badfiles import BadFiles, OnError
from autoreg.data.corpus import PARTS, Corpus
from autoreg.data.frames import Frames
from autoreg.data.labels import Labels, condition_of, counted, space_of
from autoreg.data.local import Local
from autoreg.data.sequences import Sequences
from autoreg.data.sound import CodecName, Gain, Sound, named_codec
from autoreg.data.split import Split
from autoreg.data.trim import Span, active_span, check_decibels
from autoreg.data.waves import FOREIGN, FORMATS, Header, Reading, read_blocks, read_header

logger = logging.getLogger(__name__)


def audio_folder(
    root: Path | str,
    *,
    labels: Labels,
    split: Split,
    sample_rate: int | None = None,
    codec: CodecName = "mulaw",
    levels: int = 256,
    gain: Gain | None = None,
    mono: bool = False,
    resample: bool = False,
    trim_db: float | None = None,
    on_error: OnError = "stop",
    target: str | None = None,
    prefixes: Sequence[float] = (),
    first: float | None = None,
    local: Local | None = None,
    parts: Sequence[str] = PARTS,
    space: ConditionSpace | None = None,
) -> Corpus:
    r"""Return the sound files below a folder, at any depth, as symbols.

    The header and the labels of every file are checked before the first sample is read.

    Args:
        root: The folder; its wav, flac, ogg and mp3 files are taken in the order of their paths.
        labels: A rule of autoreg.data.labels.
        split: Which files are held out.
        sample_rate: In Hz; None stands for that of the files, which then have to agree.
        codec: See ``named_codec``.
        levels: How many levels it has.
        gain: "recorded"; "peak", each clip divided by its own largest magnitude; "range", mapped
            from its own least and greatest sample to -1 and 1. None stands for what belongs to
            the codec: "range" for those of SaShiMi, else "recorded".
        mono: Mix files of several channels.
        resample: Convert files of other sample rates.
        trim_db: Leave out what comes before the first and after the last sample within this many
            decibels of the clip's peak, and log it; None keeps clips whole.
        on_error: "stop" raises the first bad file's error; "skip" leaves out every bad file, and
            logs each with the reason, then their number, as warnings.
        target: The factor that classifying asks for; None stands for the only factor, if so.
        prefixes: Not with gain "recorded": seconds. Each longer training clip is there again as
            its beginning of that length by its own peak, since a clip's peak may lie in the
            future of what has been heard.
        first: Read only this many seconds of each clip, cut before the gain is normalised; None
            reads all of it.
        local: Where the features of each clip lie, if any accompany it; whatever is read of a
            clip, all of them are known.
        parts: The others are not read; training files are needed unless a space is given.
        space: The labels that files may have; None stands for those of the training files.

    Raises:
        FileNotFoundError: The folder does not exist or holds no sound file.
        ValueError: A file is bad and on_error is "stop", the sample rates differ, no training
            file is left, or an argument is wrong.

    Example:
        The official split of the Free Spoken Digit Dataset::

            audio_folder(
                "recordings",
                labels=from_name(r"(?P<digit>\d)_(?P<speaker>[a-z]+)_\d+\.wav"),
                split=Split(test=r"\d_[a-z]+_[0-4]\.wav"),
                target="speaker",
            )
    """
    if target is not None and target not in labels.factors:
        raise ValueError(f"target needs one of {', '.join(labels.factors)}; got {target!r}")
    root, bad = Path(root), BadFiles(on_error)
    headers = bad.kept(read_header, _sound_files(root))
    rate = _common_rate(headers) if sample_rate is None else sample_rate
    sound = Sound(rate, *named_codec(codec, levels, gain))
    reader = _Reader(
        root, sound, trim_db, tuple(prefixes), first, local, mono=mono, resample=resample
    )

    def labelled(header: Header) -> tuple[Path, dict[str, str]]:
        header.check(sound.sample_rate, mono=mono, resample=resample)
        return header.path, labels.of(header.path.relative_to(root))

    rows = bad.kept(labelled, headers)
    assigned = split.assign([path for path, _ in rows])
    trained = [row for (_, row), part in zip(rows, assigned, strict=True) if part == "train"]
    if space is None:
        _check_trained(root, trained, split)
    known = space_of(labels.factors, trained) if space is None else space

    def placed(file: tuple[tuple[Path, dict[str, str]], str]) -> _File:
        (path, row), part = file
        name = path.relative_to(root).as_posix()
        return _File(path, name, part, condition_of(name, row, known))

    files = bad.kept(placed, zip(rows, assigned, strict=True))
    clips = bad.kept(reader.read, [file for file in files if file.part in parts])
    bad.report()
    kept = [file for file in files if file.part not in parts] + [clip.file for clip in clips]
    conditions = [clip.file.condition for clip in clips if clip.file.part == "train"]
    if space is None:
        _check_trained(root, conditions, split)
    return Corpus(
        parts={part: _packed(clips, part, local) for part in PARTS},
        signal=sound,
        space=counted(known, conditions) if space is None else space,
        target=labels.factors[0] if target is None and len(labels.factors) == 1 else target,
        protocol=f"{_counts(root, kept, bad.skipped)}; {split}; {labels.source}; "
        f"{reader.summary(clips)}",
    )


class _File(NamedTuple):
    """A good sound file and where it belongs."""

    path: Path
    name: str
    part: str
    condition: int


class _Clip(NamedTuple):
    """What was read of a sound file: itself and its prefixes, by name; what was left out.

    Its features, if it has any, begin so many samples before its first symbol.
    """

    file: _File
    sequences: dict[str, Integer[Tensor, " T"]]
    span: Span | None
    constant: bool
    frames: Float[Tensor, "N F"] | None
    begun: int


@dataclass(frozen=True)
class _Reader:
    """How clips are read."""

    root: Path
    sound: Sound
    trim_db: float | None
    prefixes: tuple[float, ...]
    first: float | None
    local: Local | None
    mono: bool
    resample: bool

    def __post_init__(self) -> None:
        if self.trim_db is not None:
            check_decibels(self.trim_db)
        if self.prefixes and self.sound.gain == "recorded":
            raise ValueError(
                'prefixes need gain="peak" or "range"; as recorded, they are in the clips already'
            )
        cuts = self.prefixes if self.first is None else (*self.prefixes, self.first)
        if any(not self._samples(seconds) >= 1 for seconds in cuts):
            raise ValueError(f"prefixes need at least one sample each; got {cuts} seconds")

    def read(self, file: _File) -> _Clip:
        """Return the symbols of a file, and those of its prefixes if it trains."""
        span = None if self.trim_db is None else self._active(file, self.trim_db)
        start, stop = (0, None) if span is None else (span.start, span.stop)
        if self.first is not None:
            end = start + self._samples(self.first)
            stop = end if stop is None else min(stop, end)
        whole = self._piece(file, start, stop)
        frames, reached = None, start + len(whole) if span is None else span.total
        if self.local is not None:
            place = self.local.path_of(file.path, self.root)
            ended = span is not None or self.first is None
            frames = self.local.read(place, reached=reached, whole=ended)
        if constant := len(whole) > 1 and bool((whole == whole[0]).all()):
            logger.warning("%s is one symbol throughout, as silence is; kept", file.path)
        sequences = {file.name: whole}
        for seconds in self.prefixes if file.part == "train" else ():
            length = self._samples(seconds)
            if length < len(whole):
                name = f"{file.name}[:{seconds:g}s]"
                sequences[name] = self._piece(file, start, start + length)
        return _Clip(file, sequences, span, constant, frames, start)

    def summary(self, clips: Sequence[_Clip]) -> str:
        """Return what was done to the clips."""
        sound = self.sound
        done = [f"{sound.sample_rate} Hz", sound.in_words()]
        done += ["mixed to mono"] * self.mono + ["resampled"] * self.resample
        if self.prefixes:
            seconds = ", ".join(f"{seconds:g}" for seconds in self.prefixes)
            done.append(f"training clips also as their first {seconds} s by their own peak")
        if self.first is not None:
            done.append(f"only the first {self.first:g} s of each")
        if spans := [clip.span for clip in clips if clip.span is not None]:
            share = sum(span.removed for span in spans) / sum(span.total for span in spans)
            done.append(f"ends {self.trim_db:g} dB below the peak left out ({share:.2%})")
        if constant := sum(clip.constant for clip in clips):
            done.append(f"{constant} of one symbol throughout")
        if self.local is not None:
            done.append(f"with features every {self.local.hop} samples")
        return ", ".join(done)

    def _active(self, file: _File, below: float) -> Span:
        rate, reading = self.sound.sample_rate, self._reading()
        span = active_span(lambda: read_blocks(file.path, rate, **reading), below=below)
        if span.removed:
            logger.info("%s: left out %d of %d samples", file.path, span.removed, span.total)
        return span

    def _piece(self, file: _File, start: int, stop: int | None) -> Integer[Tensor, " T"]:
        return self.sound.read(file.path, **self._reading(start, stop))

    def _reading(self, start: int = 0, stop: int | None = None) -> Reading:
        rate = self.sound.sample_rate
        return Reading(
            start=start / rate,
            stop=None if stop is None else stop / rate,
            mono=self.mono,
            resample=self.resample,
        )

    def _samples(self, seconds: float) -> int:
        return round(seconds * self.sound.sample_rate)


def _sound_files(root: Path) -> list[Path]:
    if not root.is_dir():
        raise FileNotFoundError(f"{root}: no such folder")
    files = [path for path in root.rglob("*") if path.is_file()]
    paths = [path for path in files if path.suffix.lower() in FORMATS]
    count = Counter(path.suffix.lower() for path in files)
    if foreign := [f"{count[suffix]} {suffix}" for suffix in FOREIGN if count[suffix]]:
        known = ", ".join(FORMATS)
        logger.warning("%s: left out %s: %s are read", root, ", ".join(foreign), known)
    if not paths:
        raise FileNotFoundError(f"{root}: needs a folder with {', '.join(FORMATS)} files")
    return sorted(paths)


def _common_rate(headers: Sequence[Header]) -> int:
    examples = {header.sample_rate: header.path for header in reversed(headers)}
    if len(examples) != 1:
        found = "; ".join(f"{rate} Hz as {path}" for rate, path in sorted(examples.items()))
        raise ValueError(
            f"files need one sample rate; got {found or 'no good file'}. "
            "Pass sample_rate and resample=True (--sample-rate, --resample) to convert them."
        )
    return next(iter(examples))


def _check_trained(root: Path, trained: Sequence[object], split: Split) -> None:
    if not trained:
        raise ValueError(f"{root}: no training file is left; {split}")


def _packed(clips: Sequence[_Clip], part: str, local: Local | None) -> Sequences:
    chosen = [clip for clip in clips if clip.file.part == part]
    pairs = [(clip.frames, clip.begun) for clip in chosen for _ in clip.sequences]
    frames = None
    if local is not None and pairs:
        known = [one for one, _ in pairs if one is not None]
        frames = Frames.from_list(known, hop=local.hop, phase=[begun for _, begun in pairs])
    return Sequences.from_list(
        [symbols for clip in chosen for symbols in clip.sequences.values()],
        [clip.file.condition for clip in chosen for _ in clip.sequences],
        [name for clip in chosen for name in clip.sequences],
        frames,
    )


def _counts(root: Path, files: Sequence[_File], skipped: int) -> str:
    counts = Counter(file.part for file in files)
    parts = ", ".join(f"{counts[part]} {part}" for part in PARTS)
    left_out = f" ({skipped} bad ones skipped)" if skipped else ""
    return f"{root.resolve().name}: {len(files)} sound files, {parts}{left_out}"
