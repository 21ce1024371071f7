"""The state of an unfinished fit on disk."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autoreg import plaindata
from autoreg.training.learner import Learner

FILE = "state.safetensors"
_FORMAT = 1


@dataclass
class Standing:
    """Where a fit stands, as plain numbers.

    Attributes:
        step: Updates made.
        symbols: Symbols scored in training.
        seconds: Time spent, validations included.
        recent_nats: Loss of the symbols scored since the last line of history.
        recent_symbols: How many these are.
        best: The lowest validation, nats per symbol.
        best_step: When that was.
        waited: Validations since.
    """

    step: int = 0
    symbols: int = 0
    seconds: float = 0.0
    recent_nats: float = 0.0
    recent_symbols: int = 0
    best: float | None = None
    best_step: int = 0
    waited: int = 0

    def judge(self, valid: float) -> bool:
        """Note a validation, nats per symbol, and return whether it is the best so far."""
        if self.best is None or valid < self.best:
            self.best, self.best_step, self.waited = valid, self.step, 0
        else:
            self.waited += 1
        return self.waited == 0


def write(
    path: Path, standing: Standing, learner: Learner, settings: Mapping[str, object]
) -> None:
    """Write what an exact resume needs into one file, which replaces the previous one whole.

    Args:
        path: The file.
        standing: Where the fit stands.
        learner: Its weights, their average and its moments.
        settings: What the run was started with, as plain data.
    """
    note = {
        "format": _FORMAT,
        "standing": dataclasses.asdict(standing),
        "settings": dict(settings),
    }
    plaindata.save_tensors(path, _tensors(learner), note)


def read(path: Path, learner: Learner) -> Standing:
    """Fill a learner from a checkpoint and return where the fit stood.

    Raises:
        FileNotFoundError: There is no checkpoint.
        ModelDirError: The file is damaged or of another format.
        ValueError: The file is of another model.
    """
    found, note = _load(path)
    plaindata.check_keys(f"the standing in {path}", note["standing"], set(vars(Standing())))
    _make_room(learner, found)
    expected = _tensors(learner)
    wrong = [
        f"  {name}: needs {_shape(expected, name)}; got {_shape(found, name)}"
        for name in sorted(expected.keys() | found.keys())
        if _shape(expected, name) != _shape(found, name)
    ]
    if wrong:
        raise ValueError("\n".join([f"{path} is the state of another model:", *wrong]))
    with torch.no_grad():
        for name, tensor in expected.items():
            tensor.copy_(found[name])
    return Standing(**note["standing"])


def settings(path: Path) -> dict[str, Any]:
    """Return what the run of a checkpoint was started with; raises as `read` does."""
    return dict(_load(path)[1]["settings"])


def _load(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: there is nothing to resume")
    tensors, note = plaindata.load_tensors(path)
    plaindata.check_keys(f"the note in {path}", note, {"format", "standing", "settings"})
    if note["format"] != _FORMAT:
        raise plaindata.ModelDirError(f"{path} needs format {_FORMAT}; got {note['format']}")
    return tensors, note


def _make_room(learner: Learner, found: dict[str, Tensor]) -> None:
    """Give the optimizer the moments that a file has, which it makes itself only when it steps."""
    for name, parameter in learner.model.named_parameters():
        moments = {key: torch.zeros_like(parameter) for key in ("exp_avg", "exp_avg_sq")}
        learner.optimizer.state[parameter] = {
            key: zeros
            for key, zeros in {"step": torch.zeros((), device=parameter.device), **moments}.items()
            if f"optimizer.{name}.{key}" in found
        }


def _tensors(learner: Learner) -> dict[str, Tensor]:
    """Return every tensor of a fit by name, sharing memory with it."""
    tensors = {f"model.{name}": tensor for name, tensor in learner.model.state_dict().items()}
    for name, tensor in learner.average.state_dict().items():
        tensors[f"average.{name}"] = tensor
    for name, parameter in learner.model.named_parameters():
        for key, moment in learner.optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer.{name}.{key}"] = moment
    return tensors


def _shape(tensors: dict[str, Tensor], name: str) -> str:
    return str(tuple(tensors[name].shape)) if name in tensors else "nothing"
