"""A corpus described by plain data, so that a model can say what it was trained on."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

from autoreg.conditions import ConditionSpace
from autoreg.data.corpus import PARTS, Corpus
from autoreg.data.fourier import Curves
from autoreg.data.labels import Labels, from_csv, from_name, from_parent, unlabelled
from autoreg.data.local import Local
from autoreg.data.sequences import Sequences
from autoreg.data.split import Split

# Where each kind is read: imported when it is asked for, since each brings its own libraries.
_READERS = {
    "audio": ("autoreg.data.audio", "audio_folder"),
    "digits": ("autoreg.data.digits", "digits"),
    "fourier": ("autoreg.data.fourier", "fourier"),
    "images": ("autoreg.data.images", "image_folder"),
    "mnist": ("autoreg.data.mnist", "mnist"),
}
_ROOTLESS = ("digits", "fourier")
_OF_FOLDERS = ("audio", "images")


def read_corpus(
    source: Mapping[str, Any],
    root: Path | str | None = None,
    *,
    table: Path | str | None = None,
    local: Path | str | None = None,
    first: int | None = None,
    first_seconds: float | None = None,
    parts: Sequence[str] = PARTS,
    space: ConditionSpace | None = None,
) -> Corpus:
    """Return the corpus that a source describes.

    Args:
        source: Its "kind" (audio, digits, fourier, images, mnist) with arguments of the function
            of that kind. For folders of files, "labels" is the description of a rule, see
            ``read_labels``, and "split" holds the arguments of ``Split``; "curves" holds those
            of ``Curves``, "local" those of ``Local`` but for the folder.
        root: The folder of the data, where there is one; a source never names a place.
        table: The table of labels, if it is not where the source says within the root.
        local: The folder of the features that accompany sounds, if they do not lie beside them.
        first: Keep only this many symbols of each sequence.
        first_seconds: Keep only this much of each sound. Cut before the gain is normalised: a
            prefix knows nothing of a peak that lies in its future.
        parts: Sound files of other parts are not read.
        space: The labels that files may have; None stands for those of the training files.

    Raises:
        ValueError: The source is not one, or needs a root; and as the function of its kind.

    Example:
        >>> corpus = read_corpus({"kind": "digits", "scan": "column"}, first=8)
        >>> corpus.parts["test"].lengths.unique()
        tensor([8])
    """
    kind, settings = _checked(source)
    where: list[Path | str] = []
    if kind not in _ROOTLESS:
        if root is None:
            raise ValueError(f"{kind} data need their folder (--data); got none")
        where = [root]
        if kind in _OF_FOLDERS:
            settings["labels"] = read_labels(settings.get("labels", {}), root, table)
            settings["split"] = Split(**settings.get("split", {}))
            settings["space"] = space
    if "curves" in settings:
        settings["curves"] = _curves(settings["curves"])
    if kind == "audio":
        if first is not None:
            raise ValueError("sounds are cut by seconds, such as 0.05s; got a number of symbols")
        settings |= {"first": first_seconds, "parts": parts}
        if settings.get("local") is not None:
            settings["local"] = Local.from_config(settings["local"], local)
    elif first_seconds is not None:
        raise ValueError(f"seconds are for sounds; {kind} data are cut by symbols")
    corpus = _reader(kind)(*where, **settings)
    return corpus if first is None else _beginnings(corpus, first)


def read_labels(
    rule: Mapping[str, Any], root: Path | str, table: Path | str | None = None
) -> Labels:
    """Return the rule of labels that plain data describes.

    Args:
        rule: {"kind": "parent", "factor": ...}, {"kind": "name", "pattern": ...},
            {"kind": "csv", "file": a path within the root} or {"kind": "none"}.
        root: The folder of the data.
        table: The table to read instead of the one that the rule names.
    """
    match rule:
        case {"kind": "parent", "factor": str(factor)}:
            return from_parent(factor)
        case {"kind": "name", "pattern": str(pattern)}:
            return from_name(pattern)
        case {"kind": "none"}:
            return unlabelled()
        case {"kind": "csv", "file": str(file)}:
            if table is None:
                inside = PurePosixPath(file)
                if inside.is_absolute() or ".." in inside.parts:
                    raise ValueError(f"labels need a table within the data; got {file!r}")
                table = Path(root) / inside
            return from_csv(table)
    raise ValueError(f"labels need a rule of kind parent, name, csv or none; got {dict(rule)}")


def _checked(source: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the kind and the settings of a source that may come from a file."""
    settings = dict(source)
    kind = settings.pop("kind", None)
    if not isinstance(kind, str) or kind not in _READERS:
        raise ValueError(f"a source needs a kind among {', '.join(_READERS)}; got {kind!r}")
    known = inspect.signature(_reader(kind)).parameters
    if unknown := sorted(set(settings) - set(known)):
        raise ValueError(
            f"a source of kind {kind} has no {', '.join(unknown)}; it has {', '.join(known)}"
        )
    return kind, settings


def _curves(law: Mapping[str, Any]) -> Curves:
    """Return the law of curves whose ranges plain data holds as lists."""
    ranges: dict[str, Any] = {key: tuple(v) for key, v in law.items() if isinstance(v, list)}
    return Curves(**{**law, **ranges})


def _reader(kind: str) -> Callable[..., Corpus]:
    module, name = _READERS[kind]
    reader: Callable[..., Corpus] = getattr(import_module(module), name)
    return reader


def _beginnings(corpus: Corpus, first: int) -> Corpus:
    if first < 0:
        raise ValueError(f"first needs to be 0 or more symbols; got {first}")
    return Corpus(
        parts={
            part: Sequences.from_list(
                [sequences[index][:first] for index in range(len(sequences))],
                sequences.condition,
                sequences.names,
            )
            for part, sequences in corpus.parts.items()
        },
        signal=corpus.signal,
        space=corpus.space,
        target=corpus.target,
        protocol=f"{corpus.protocol}; only the first {first} symbols of each",
        features=corpus.features,
        rows=corpus.rows,
    )
