"""The weights of a WaveNet as the arrays of the compiled walks."""

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from autoreg.walks.network import Network

if TYPE_CHECKING:
    from autoreg.models.wavenet import WaveNet

T = TypeVar("T")

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
            drift = model.feature_map(model.features)
        residuals = [layer.residual for layer in layers if layer.residual is not None]
        width, units = config["residual"], config["gate"] or config["residual"]
        none = biases.new_zeros(0, width, units)
        return Network(
            embedding=model.embedding.weight.detach(),
            input_weight=stack.input_filter.filters.weight.detach(),
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


def _equal(ones: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    return len(ones) == len(others) and all(
        one.dtype == other.dtype and one.device == other.device and torch.equal(one, other)
        for one, other in zip(ones, others, strict=True)
    )
