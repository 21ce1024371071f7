"""Which compiled loops serve a WaveNet where."""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from autoreg.models.networks import packed
from autoreg.protocol import State
from autoreg.walks.request import Request, Walk

if TYPE_CHECKING:
    from autoreg.models.wavenet import WaveNet

READ = 10**9
"""Multiply-adds from which on reading is worth loading the compiled loops."""

RUNTIMES = ("cpu", "cuda")
"""Devices that a compiled walk, of the same name, serves."""


def fast_walk(model: "WaveNet", asked: Request) -> Walk | None:
    """Return what a compiled walk did, or None where only the reference serves."""
    device = asked.state.next.device.type
    if device not in RUNTIMES or _dropping(model):
        return None
    runtime = _compiled(device)
    if runtime is None:
        return None
    if device == "cuda":
        refusal = runtime.serves(packed(model, "network", lambda network: network), asked)
        if refusal is not None:
            _warn(refusal)
            return None
    return runtime.walk(packed(model, device, runtime.pack), asked)


def fast_read(
    model: "WaveNet", state: State, symbols: Int[Tensor, "B L"]
) -> tuple[Float[Tensor, "B L"], State] | None:
    """Return log factors and the state after them by compiled loops, or None where torch serves.

    Torch serves where gradients are asked for, where there is too little to do, and for bfloat16,
    whose products have instructions of their own.
    """
    if (
        symbols.numel() * model.stack.multiplications < READ
        or not state.next.is_cpu
        or state.next.dtype not in (torch.float32, torch.float64)
        or torch.is_autocast_enabled("cpu")
        or _dropping(model)
        or (torch.is_grad_enabled() and any(p.requires_grad for p in model.parameters()))
    ):
        return None
    cpu = _compiled("cpu")
    return None if cpu is None else cpu.read(packed(model, "cpu", cpu.pack), state, symbols)


def _compiled(runtime: str) -> Any:  # noqa: ANN401 - a module has no better type
    """Return a runtime's module, or None, with one warning, where its compiler is missing."""
    try:
        return import_module(f"autoreg.walks.{runtime}")
    except ImportError as error:
        _warn(str(error))
        return None


def _warn(reason: str) -> None:
    message = f"walking step by step, many times slower than compiled loops: {reason}"
    warnings.warn(message, RuntimeWarning, stacklevel=5)


def _dropping(model: "WaveNet") -> bool:
    """Tell whether a model drops inputs at random, which compiled loops do not."""
    return model.training and model.stack.dropout > 0
