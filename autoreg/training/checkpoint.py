"""The state of an unfinished fit on disk."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from autoreg import plaindata

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


def write(
    path: Path,
    standing: Standing,
    *,
    model: nn.Module,
    average: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Write all that an exact resume needs into one file, which replaces the previous one whole."""
    note = {"format": _FORMAT, "standing": dataclasses.asdict(standing)}
    plaindata.save_tensors(path, _tensors(model, average, optimizer), note)


def read(
    path: Path, *, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> Standing:
    """Fill model, average and optimizer from a checkpoint; return where the fit stood.

    Raises:
        FileNotFoundError: There is no checkpoint.
        ModelDirError: The file is damaged.
        ValueError: The file is of another model or another format.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist: there is nothing to resume")
    found, note = plaindata.load_tensors(path)
    if note.get("format") != _FORMAT:
        raise ValueError(f"{path} needs format {_FORMAT}; got {note.get('format')}")
    plaindata.check_keys(f"{path}, standing,", note["standing"], set(vars(Standing())))
    for name, parameter in model.named_parameters():
        keys = {key: f"optimizer.{name}.{key}" for key in ("step", "exp_avg", "exp_avg_sq")}
        optimizer.state[parameter] = {
            key: torch.zeros(()) if key == "step" else torch.zeros_like(parameter)
            for key, stored in keys.items()
            if stored in found
        }
    expected = _tensors(model, average, optimizer)
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


def _tensors(
    model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer
) -> dict[str, Tensor]:
    """Return every tensor of a fit by name, sharing memory with it."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.state_dict().items()}
    for name, parameter in model.named_parameters():
        moments: dict[str, Tensor] = optimizer.state.get(parameter, {})
        tensors |= {f"optimizer.{name}.{key}": moment for key, moment in moments.items()}
    return tensors


def _shape(tensors: dict[str, Tensor], name: str) -> str:
    return str(tuple(tensors[name].shape)) if name in tensors else "nothing"
