"""A model as plain data: its kind, its constructor's parameters, its named tensors."""

import functools
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from autoreg.models.wavenet import WaveNet, check_index
from autoreg.plaindata import check_keys, not_finite

KINDS = {"wavenet": WaveNet}

_FLOATS = {torch.float16, torch.bfloat16, torch.float32, torch.float64}
_SHOWN = 12  # lines of a difference
_LATER: dict[str, object] = {
    "mixtures": 0,
    "scalar": False,
    "hop": None,
    "upsampling": "repeat",
}
"""Parameters that a description may leave out, for there was a time before them."""


def describe(model: nn.Module) -> dict[str, Any]:
    """Return a model's kind and parameters.

    Raises:
        TypeError: The model is of a kind that has no name on disk.
        ValueError: It was given features at a hop, which belong to a signal.
    """
    for name, kind in KINDS.items():
        if type(model) is kind:
            if model.upsampling is not None and model.features is not None:
                raise ValueError(
                    "a model is stored without features at a hop, which belong to a signal: what "
                    "is needed is the model that with_features was asked of, not what it returned"
                )
            return {"kind": name, "parameters": model.config()}
    raise TypeError(f"model needs to be of kind {_kinds()}; got {type(model).__name__}")


def rebuild(
    description: Mapping[str, Any], tensors: Mapping[str, Tensor], *, length: int | None = None
) -> WaveNet:
    """Return the described model with these very tensors as its parameters and buffers.

    Nothing is allocated: whatever sizes a description claims, memory is that of the tensors. The
    model has the widest floating type among them.

    Args:
        description: What ``describe`` returned.
        tensors: What ``state_dict`` returned.
        length: The positions that features are expected for, named if they are missing.

    Raises:
        ValueError: The kind or a parameter is unknown, a tensor is missing, unexpected, of another
            shape or type, or not finite. All differences are named.
    """
    model = _shell(description, tensors, length or 1)
    if lines := _difference(model.state_dict(), tensors):
        hidden = len(lines) - _SHOWN
        more = [f"  ... and {hidden:,} more"] if hidden > 0 else []
        raise ValueError("\n".join(["the tensors are not this model's:", *lines[:_SHOWN], *more]))
    if reason := not_finite(tensors):
        raise ValueError(reason)
    if "rows" in tensors:
        check_index("rows", tensors["rows"], len(tensors["features"]))
    model.load_state_dict(tensors, assign=True)
    types = (tensor.dtype for tensor in tensors.values() if tensor.is_floating_point())
    widest = functools.reduce(torch.promote_types, types)
    check_type(model, widest)
    return model.to(widest)


def check_type(model: WaveNet, dtype: torch.dtype) -> None:
    """Refuse a floating type that cannot tell a model's levels apart."""
    config = model.config()
    levels = [name for name in ("scalar", "mixtures") if config[name]]
    if levels and dtype in (torch.float16, torch.bfloat16):
        raise ValueError(
            f"a model with {' and '.join(levels)} needs dtype float32 or float64, which tell its "
            f"{model.num_symbols} levels apart; got {str(dtype).removeprefix('torch.')}"
        )


def _shell(description: Mapping[str, Any], tensors: Mapping[str, Tensor], length: int) -> WaveNet:
    """Return a described model whose tensors have shapes and no storage."""
    kind, parameters = description["kind"], description["parameters"]
    if kind not in KINDS:
        raise ValueError(f"model needs to be of kind {_kinds()}; got {kind!r}")
    if isinstance(parameters, dict):
        parameters = {**_LATER, **parameters}
    check_keys("parameters", parameters, set(inspect.signature(KINDS[kind]).parameters))
    for name, value in parameters.items():
        if isinstance(value, list) and len(value) > len(tensors):
            raise ValueError(f"{name} has {len(value):,} entries for {len(tensors):,} tensors")
    with torch.device("meta"):
        shell = KINDS[kind](**parameters)
        # Features at a hop belong to a signal: they are given with it, not stored.
        if (count := parameters["num_features"]) and parameters["hop"] is None:
            # A bank may have any number of rows and positions: those that are there are right.
            bank = tensors.get("features", torch.empty(1, length, count))
            rows, positions = bank.shape[:2] if bank.ndim == 3 else (1, length)
            picked = torch.empty(shell.num_conditions, dtype=torch.int64)
            shell = shell.with_features(
                torch.empty(rows, positions, count), rows=picked if "rows" in tensors else None
            )
    return shell


def _difference(needed: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """Return a line for each tensor that is not as needed."""
    lines = [f"  missing     {name} {_show(needed[name])}" for name in needed if name not in found]
    lines += [f"  unexpected  {name} {_show(found[name])}" for name in found if name not in needed]
    return lines + [
        f"  changed     {name} {_show(needed[name])} is {_show(found[name])}"
        for name in needed
        if name in found and not _fits(needed[name], found[name])
    ]


def _fits(needed: Tensor, found: Tensor) -> bool:
    """Tell whether a tensor has the shape and the type that is needed; any float is a float."""
    types = _FLOATS if needed.dtype in _FLOATS else {needed.dtype}
    return found.shape == needed.shape and found.dtype in types


def _show(tensor: Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"


def _kinds() -> str:
    return " or ".join(KINDS)
