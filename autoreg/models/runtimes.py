"""Which compiled loops serve a WaveNet where."""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from autoreg.models.heads import Categorical
from autoreg.models.networks import narrowed, packed, widened
from autoreg.protocol import DENSE_LIMIT, State
from autoreg.walks.request import Request, Walk

if TYPE_CHECKING:
    from autoreg.models.wavenet import WaveNet

READ = 10**9
"""Multiply-adds from which on reading is worth loading the compiled loops."""

NUCLEUS = 512
"""Symbols up to which a compiled walk finds a nucleus faster than the reference, which sorts."""

KNOWN = 2**26
"""Numbers that features at a hop may become before torch reads, which makes them as it goes."""

RUNTIMES = ("cpu", "cuda")
"""Devices that a compiled walk, of the same name, serves."""


def fast_walk(model: "WaveNet", asked: Request) -> Walk | None:
    """Return what a compiled walk did, or None where only the reference serves."""
    device = asked.state.next.device.type
    if device not in RUNTIMES or _dropping(model) or not _looked_up(model):
        return None
    if asked.top_p != 1 and model.num_symbols > NUCLEUS:
        return None
    runtime = _compiled(device, "walking step by step, many times slower than compiled loops")
    if runtime is None:
        return None
    if device == "cuda":
        refusal = runtime.serves(packed(model, "network", lambda network: network), asked)
        if refusal is not None:
            _warn("walking step by step, many times slower than a kernel", refusal)
            return None
    wide = asked._replace(state=widened(model, asked.state))
    walked: Walk = runtime.walk(packed(model, device, runtime.pack), wide)
    return walked._replace(state=narrowed(model, walked.state))


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
        or not _looked_up(model)
        or _known_at_length(model)
        or (torch.is_grad_enabled() and _differentiable(model, state))
    ):
        return None
    cpu = _compiled("cpu", "reading without compiled loops")
    if cpu is None:
        return None
    wide = widened(model, state)
    factors, after = cpu.read(packed(model, "cpu", cpu.pack), wide, symbols)
    return factors, narrowed(model, after)


def _compiled(runtime: str, instead: str) -> Any:  # noqa: ANN401 - a module has no better type
    """Return a runtime's module, or None, with one warning, where it cannot be had.

    Its compiler may be missing, or have nowhere to keep what it compiles.
    """
    try:
        return import_module(f"autoreg.walks.{runtime}")
    except (ImportError, RuntimeError) as error:
        _warn(instead, str(error))
        return None


def _warn(instead: str, reason: str) -> None:
    warnings.warn(f"{instead}: {reason}", RuntimeWarning, stacklevel=5)


def _looked_up(model: "WaveNet") -> bool:
    """Tell whether compiled loops know a model's symbols, going in and coming out.

    They look symbols up, also those that are levels, if there are not too many; and what comes
    out is a number for each symbol.
    """
    width = model.embedding.weight.shape[1]
    table = width == model.config()["residual"]
    fits = width < model.config()["residual"] and model.num_symbols <= DENSE_LIMIT
    return isinstance(model.head, Categorical) and (table or fits)


def _known_at_length(model: "WaveNet") -> bool:
    """Tell whether what features add would fill memory if it were held for all positions."""
    bank, length = model.features, model.length
    if bank is None or length is None or model.upsampling is None:
        return False
    return len(bank) * length * int(model.config()["condition_width"]) > KNOWN


def _differentiable(model: "WaveNet", state: State) -> bool:
    tensors = (*model.parameters(), *model.buffers(), state.next, *state.memory)
    return any(tensor.requires_grad for tensor in tensors)


def _dropping(model: "WaveNet") -> bool:
    """Tell whether a model drops inputs at random, which compiled loops do not."""
    return model.training and model.stack.dropout > 0
