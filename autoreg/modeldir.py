"""A trained model on disk: model.json, weights.safetensors, history.jsonl.

``model.json`` says everything that is not a tensor: architecture, signal (codec, scan, sample
rate), condition labels with their training frequencies, target factor, protocol, split, training
settings, versions, and a calibration once there is one. Known features of each position are a
tensor among the weights. How two files change as one is told in ``autoreg.filepair``.
"""

import platform
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch

import autoreg
from autoreg import filepair, hub, plaindata
from autoreg.conditions import ConditionSpace
from autoreg.data.signal import Signal, signal_from_config
from autoreg.filepair import CARD, WEIGHTS, Pair
from autoreg.models import stored
from autoreg.models.wavenet import WaveNet
from autoreg.plaindata import ModelDirError

FORMAT = 1
HISTORY, README = "history.jsonl", "README.md"
BUNDLED = Path(__file__).parent / "bundled"

_KEYS = {
    "format": int,
    "autoreg": str,
    "model": dict,
    "weights": dict,
    "signal": dict,
    "conditions": dict,
    "target": str | None,
    "protocol": str,
    "split": dict,
    "training": dict,
    "versions": dict,
}
_OPTIONAL = {"calibration": dict}


class Loaded(NamedTuple):
    """A model with all that is needed to ask it questions.

    Attributes:
        model: In evaluation mode, on its device.
        signal: What its symbols are.
        space: What its conditions are called.
        target: The factor that `classify` and `evaluate` ask for, if any.
        card: All of model.json.
    """

    model: WaveNet
    signal: Signal
    space: ConditionSpace
    target: str | None
    card: dict[str, Any]


def save(
    directory: str | Path,
    *,
    model: WaveNet,
    signal: Signal,
    space: ConditionSpace,
    target: str | None = None,
    protocol: str = "",
    split: Mapping[str, object] | None = None,
    training: Mapping[str, object] | None = None,
    history: Iterable[Mapping[str, object]] | None = None,
) -> Path:
    """Write a model into a directory, replacing the one that may be there, or leave that as it is.

    Saving what is there already writes nothing. Other files in the directory are not touched.

    Args:
        directory: Made if it does not exist.
        model: Its weights are stored in the types that they have.
        signal: What its symbols are.
        space: What its conditions are called; its counts are the training frequencies.
        target: The factor that `classify` and `evaluate` ask for.
        protocol: One sentence on the data.
        split: Which files were used for what, as plain data.
        training: The settings of the training run, as plain data.
        history: One mapping for each line of history.jsonl; None leaves that file as it is. It is
            written first: after a kill it may be ahead of the weights, never behind.

    Returns:
        The directory.

    Raises:
        ValueError: Parts do not fit each other, weights are not finite, or the model was given
            features at a hop, which belong to a signal.
        TypeError: Something is not plain data, or the model is of a kind that has no name on disk.
        OSError: The disk is full, say. The model that was there before still loads.
    """
    directory = Path(directory)
    description, tensors = stored.describe(model), model.state_dict()
    stored.rebuild(description, tensors, length=model.length)  # what is saved can be loaded
    _check_fit(model, signal, space, target)
    fields = {
        "format": FORMAT,
        "autoreg": autoreg.__version__,
        "model": description,
        "signal": signal.config(),
        "conditions": space.config(),
        "target": target,
        "protocol": protocol,
        "split": _plain("split", split),
        "training": _plain("training", training),
        "versions": {"python": platform.python_version(), "torch": str(torch.__version__)},
    }
    told = None if history is None else [plaindata.json_bytes("history", line) for line in history]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if told is not None:
            plaindata.replace(directory / HISTORY, b"".join(line + b"\n" for line in told))
        filepair.write(directory, fields, plaindata.tensor_bytes(tensors))
    except OSError as error:
        reason = f"{error.strerror}: the save failed; a model that was in {directory} still loads"
        raise OSError(error.errno, reason, error.filename) from error
    return directory


def load(
    source: str | Path,
    *,
    device: str | torch.device = "auto",
    dtype: torch.dtype | None = None,
) -> Loaded:
    """Load a model: data is read, nothing in it is executed.

    Args:
        source: A directory; else the name of a bundled model; else "hf:owner/name" or
            "hf:owner/name@revision" for a repository on the Hugging Face Hub.
        device: "auto" is a GPU where there is one.
        dtype: The floating type of the weights; None for the one that they are stored in.

    Raises:
        ModelDirError: There is no such model, or one of its files is missing, damaged, foreign,
            hostile or of another version. The message names the file and what differs.
        ConnectionError: The Hub does not answer, or has no such repository.
        ValueError: The model reads or predicts levels, which a type of 16 bits cannot tell apart.
    """
    device = _device(device)
    if dtype is not None and not dtype.is_floating_point:
        raise ValueError(f"dtype needs a floating type; got {dtype}")
    directory, root = _find(source)
    return _assemble(directory, filepair.read(directory, _check, root=root), device, dtype)


def notes(source: str | Path) -> str:
    """Return what people wrote about a model: its README.md; empty if it has none.

    Whoever made the model chose these characters: those that would move a terminal are left out.

    Args:
        source: As for ``load``.

    Raises:
        ModelDirError: There is no such model, or its README.md is a link that leads out of it, no
            file, or longer than a model.json may be.
        ConnectionError: The Hub does not answer, or has no such repository.
    """
    directory, root = _find(source)
    if not (directory / README).exists():
        return ""
    written = plaindata.read(directory / README, root=root, limit=plaindata.JSON_LIMIT)
    text = written.decode(errors="replace")
    return "".join(one for one in text if one.isprintable() or one == "\n").strip()


def keep_calibration(directory: str | Path, calibration: Mapping[str, object] | None) -> Path:
    """Store a calibration with the model that it was fitted to; new weights leave it behind.

    Args:
        directory: What `save` wrote.
        calibration: As plain data; None removes the one that is there.

    Returns:
        The directory.

    Raises:
        ModelDirError: The directory is damaged, foreign or of another format.
    """
    directory = Path(directory)
    pair = filepair.read(directory, _check)
    fields = {key: value for key, value in pair.fields.items() if key not in _OPTIONAL}
    if calibration is not None:
        fields["calibration"] = _plain("calibration", calibration)
    filepair.write(directory, fields, pair.weights)
    return directory


def push(directory: str | Path, repo: str, *, private: bool = False) -> str:
    """Publish a model directory, once it is known to load, and return its address.

    Exactly model.json, weights.safetensors and, where they exist, history.jsonl and README.md
    are uploaded.

    Args:
        directory: What `save` wrote.
        repo: owner/name on the Hugging Face Hub; made if it does not exist.
        private: Whether a repository made now is private.
    """
    directory = Path(directory)
    pair = filepair.read(directory, _check)
    _assemble(directory, pair, torch.device("cpu"), None)
    with tempfile.TemporaryDirectory() as folder:
        checked = Path(folder)
        (checked / CARD).write_bytes(pair.card)
        (checked / WEIGHTS).write_bytes(pair.weights)
        for name in (HISTORY, README):
            if (directory / name).exists():
                (checked / name).write_bytes(plaindata.read(directory / name))
        return hub.publish(checked, repo, private=private)


def bundled() -> list[str]:
    """Return the names of the models that come with the package."""
    return sorted(card.parent.name for card in BUNDLED.glob(f"*/{CARD}"))


def _find(source: str | Path) -> tuple[Path, Path | None]:
    """Return a model's directory, and how far the links in it may lead."""
    name = str(source)
    if name and Path(source).is_dir():
        return Path(source), None
    if name in bundled():
        return BUNDLED / name, None
    if name.startswith(hub.PREFIX):
        return hub.fetch(name, (CARD, WEIGHTS, HISTORY, README))
    hint = "; give the directory that the file is in" if name and Path(source).is_file() else ""
    raise ModelDirError(
        f"{name!r} is not a model: a directory, a bundled model "
        f"({', '.join(bundled()) or 'there is none'}) or {hub.PREFIX}owner/name is needed{hint}"
    )


def _check(path: Path, fields: dict[str, Any]) -> None:
    """Refuse a model.json of another format, or of other keys or types."""
    if (version := fields.get("format")) != FORMAT:
        raise ModelDirError(
            f"{path} needs format {FORMAT}, which autoreg {autoreg.__version__} reads; got format "
            f"{version!r}, written by autoreg {fields.get('autoreg')!r}"
        )
    added = {key: kind for key, kind in _OPTIONAL.items() if key in fields}
    plaindata.check_keys(str(path), fields, {*_KEYS, *added})
    for key, kind in {**_KEYS, **added}.items():
        if not isinstance(fields[key], kind):
            raise ModelDirError(f"{path} needs another type of {key}; got {fields[key]!r:.80}")
    plaindata.check_keys(f"{path}, model,", fields["model"], {"kind", "parameters"})


def _assemble(
    directory: Path, pair: Pair, device: torch.device, dtype: torch.dtype | None
) -> Loaded:
    """Rebuild the model that was read, and all that goes with it."""
    fields, card, path = pair.fields, directory / CARD, directory / WEIGHTS
    tensors = plaindata.parse_tensors(path, pair.weights)
    with _blame(f"{card}, signal"):
        signal = signal_from_config(fields["signal"])
    with _blame(f"{card}, conditions"):
        space = ConditionSpace.from_config(fields["conditions"])
    with _blame(f"{card}, model, and {path.name}"):
        model = stored.rebuild(fields["model"], tensors, length=signal.length)
        _check_fit(model, signal, space, fields["target"])
    if dtype is not None:
        stored.check_type(model, dtype)
    model = model.to(device=device, dtype=dtype).eval()
    return Loaded(model, signal, space, fields["target"], fields)


def _check_fit(model: WaveNet, signal: Signal, space: ConditionSpace, target: str | None) -> None:
    """Raise ValueError unless model, signal, space and target speak of the same things."""
    sizes = tuple(model.config()["conditions"])
    if model.num_symbols != signal.num_symbols:
        raise ValueError(
            f"the model has {model.num_symbols} symbols, its signal {signal.num_symbols}"
        )
    if sizes != space.sizes:
        raise ValueError(f"the model has factors of sizes {sizes}, its conditions {space.sizes}")
    if model.length is not None and signal.length not in (None, model.length):
        raise ValueError(f"the model has length {model.length}, its signal {signal.length}")
    if target is not None and target not in space.names:
        raise ValueError(f"target needs a factor among {space.names}; got {target!r}")


@contextmanager
def _blame(where: str) -> Iterator[None]:
    """Turn whatever is said about values from a file into an error that names the file."""
    try:
        yield
    except Exception as error:  # forged values fail wherever they are first used
        raise ModelDirError(f"{where}: {plaindata.brief(error)}") from error


def _plain(name: str, value: Mapping[str, object] | None) -> dict[str, object]:
    """Return an argument once it is known to be plain data."""
    plaindata.json_bytes(name, value)
    return dict(value or {})


def _device(device: str | torch.device) -> torch.device:
    """Return a device by name; "auto" is a GPU where there is one."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(device)
    except RuntimeError as error:
        raise ValueError(f"device needs auto, cpu, cuda or cuda:N; got {device!r}") from error
