"""The weights of a WaveNet as the arrays of the compiled walks."""

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from autoreg.protocol import State
from autoreg.walks.network import Network

if TYPE_CHECKING:
    from autoreg.models.wavenet import WaveNet

T = TypeVar("T")

INPUTS = 3
"""Which tensor of a state's memory holds the last inputs of the first filter."""

_packed: "weakref.WeakKeyDictionary[WaveNet, dict[str, tuple[list[Tensor], object]]]"
_packed = weakref.WeakKeyDictionary()


def network_of(model: "WaveNet") -> Network:
    """Return a model's weights; what the condition adds to the gates is added up already."""
    stack, config = model.stack, model.config()
    layers = stack.gated
    with torch.no_grad():
        biases = torch.stack(tuple(layer.bias for layer in layers))[None]
        contexts = tuple(layer.context for layer in layers if layer.context is not None)
        context = torch.stack(contexts) if contexts else None
        if model.conditions is not None and context is not None:
            biases = biases + torch.einsum("lgd,kd->klg", context, model.conditions())
        drift = None
        if model.feature_map is not None and model.features is not None:
            drift = (
                model.feature_map(model.features)
                if model.upsampling is None
                else model.upsampling.whole(model.features, model.phase, model.feature_map)
            )
        residuals = [layer.residual for layer in layers if layer.residual is not None]
        width, units = config["residual"], config["gate"] or config["residual"]
        none = biases.new_zeros(0, width, units)
        embedding, input_weight = _inputs(model)
        return Network(
            embedding=embedding,
            input_weight=input_weight,
            input_bias=stack.input_filter.filters.bias.detach(),
            filters=torch.stack([layer.filters for layer in layers]),
            biases=biases,
            residual_weight=torch.stack([r.weight for r in residuals]) if residuals else none,
            residual_bias=torch.stack([r.bias for r in residuals]) if residuals else none[..., 0],
            skip_weight=stack.skip.weight.detach(),
            skip_bias=stack.skip.bias.detach(),
            hidden_weight=stack.hidden.weight.detach(),
            hidden_bias=stack.hidden.bias.detach(),
            output_weight=stack.output.weight.detach(),
            output_bias=stack.output.bias.detach(),
            drift=drift,
            drift_weight=None if drift is None else context,
            dilations=tuple(config["dilations"]),
            kernel_size=config["kernel_size"],
            input_kernel=config["input_kernel"],
        )


def packed(model: "WaveNet", runtime: str, pack: Callable[[Network], T]) -> T:
    """Return what a runtime makes of a model's weights, made anew only when they have changed.

    A copy is kept to tell: a fused optimiser counts no versions, nor does inference mode.
    """
    tensors = [*model.parameters(), *model.buffers()]
    known = _packed.setdefault(model, {})
    if runtime not in known or not _equal(known[runtime][0], tensors):
        copies = [tensor.detach().clone() for tensor in tensors]
        known[runtime] = copies, pack(network_of(model))
    return known[runtime][1]  # type: ignore[return-value]


def widened(model: "WaveNet", state: State) -> State:
    """Return a state whose inputs are as wide as the residual stream, as a network's are."""
    past = state.memory[INPUTS]
    more = model.config()["residual"] - past.shape[-1]
    if not more:
        return state
    past = functional.pad(past, (0, more))
    return state._replace(memory=(*state.memory[:INPUTS], past, *state.memory[INPUTS + 1 :]))


def narrowed(model: "WaveNet", state: State) -> State:
    """Return a network's state as one of the model's."""
    past = state.memory[INPUTS][..., : model.embedding.weight.shape[1]]
    return state._replace(memory=(*state.memory[:INPUTS], past, *state.memory[INPUTS + 1 :]))


def _inputs(model: "WaveNet") -> tuple[Tensor, Tensor]:
    """Return the vectors of all symbols and the first filter, as wide as the residual stream.

    Levels are looked up too: a table of them is exact. What is added to their width is zero.
    """
    weight, width = model.stack.input_filter.filters.weight.detach(), model.config()["residual"]
    every = torch.arange(model.num_symbols + 1, device=weight.device)
    vectors = model.embed(every).detach()
    more = (0, width - vectors.shape[1])
    taps = weight.unflatten(1, (-1, vectors.shape[1]))
    return functional.pad(vectors, more), functional.pad(taps, more).flatten(1)


def _equal(ones: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    return len(ones) == len(others) and all(
        one.dtype == other.dtype and one.device == other.device and torch.equal(one, other)
        for one, other in zip(ones, others, strict=True)
    )
