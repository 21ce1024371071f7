"""The layers after the gated ones as one differentiable operation."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

# Columns of a block: few enough for caches, enough to add up the gradients of weights seldom.
COLUMNS = 2048


class Weights(NamedTuple):
    """What turns units into the head's parameters, as `torch.nn.Linear` keeps it."""

    skip: Float[Tensor, "S N"]
    skip_bias: Float[Tensor, " S"]
    hidden: Float[Tensor, "H S"]
    hidden_bias: Float[Tensor, " H"]
    output: Float[Tensor, "Q H"]
    output_bias: Float[Tensor, " Q"]


def readout(
    units: Float[Tensor, "N n"], weights: Weights, precision: torch.dtype
) -> Float[Tensor, "n Q"]:
    """Return the head's parameters: output relu(hidden relu(skip units)), biases added.

    What lies between is kept rectified, block by block, and nothing else of it. It cannot be
    differentiated twice.

    Args:
        units: A column for each input.
        weights: Of the three layers.
        precision: The type that is multiplied, that of the result too.
    """
    return _Readout.apply(precision, units, *weights)


class _Readout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, precision: torch.dtype, units: Tensor, *weights: Tensor) -> Tensor:  # noqa: ANN401
        kept, between = any(ctx.needs_input_grad), []
        params = units.new_empty(units.shape[1], len(weights[-1]), dtype=precision)
        with torch.autocast(units.device.type, enabled=False):
            own = Weights(*(weight.to(precision) for weight in weights))
            for at in _blocks(units):
                skips = torch.mm(own.skip, units[:, at]).add_(own.skip_bias[:, None]).relu_()
                hidden = torch.mm(own.hidden, skips).add_(own.hidden_bias[:, None]).relu_()
                torch.addmm(own.output_bias, hidden.T, own.output.T, out=params[at])
                if kept:
                    between += [skips, hidden]
        if kept:
            ctx.save_for_backward(units, *weights, *between)
        return params

    @staticmethod
    def backward(ctx: Any, d_params: Tensor) -> Any:  # noqa: ANN401
        if torch.is_grad_enabled():
            raise RuntimeError(
                "the output of a WaveNet as one operation has no second derivative: give its "
                "stack taps=taps_of, or differentiate without create_graph"
            )
        units, *rest = ctx.saved_tensors
        count = len(Weights._fields)
        weights, between = Weights(*rest[:count]), rest[count:]
        found = Weights(*(torch.zeros_like(weight) for weight in weights))
        d_units = torch.empty_like(units)
        # Products with a transposed matrix on the left are slow; these matrices are small.
        skip, hidden, output = (
            weight.to(units.dtype).T.contiguous()
            for weight in (weights.skip, weights.hidden, weights.output)
        )
        for at, low, high in zip(_blocks(units), between[::2], between[1::2], strict=True):
            gradient = d_params[at].T
            found.output.add_(gradient @ high.T)
            found.output_bias.add_(gradient.sum(1))
            gradient = _rectified(output @ gradient, high)
            found.hidden.add_(gradient @ low.T)
            found.hidden_bias.add_(gradient.sum(1))
            gradient = _rectified(hidden @ gradient, low)
            found.skip.add_(gradient @ units[:, at].T)
            found.skip_bias.add_(gradient.sum(1))
            d_units[:, at] = skip @ gradient
        return None, d_units, *found


def _rectified(gradient: Tensor, values: Tensor) -> Tensor:
    """Return the gradient before a rectifier; it takes the place of the one after it."""
    return torch.ops.aten.threshold_backward.grad_input(gradient, values, 0, grad_input=gradient)


def _blocks(units: Float[Tensor, "N n"]) -> list[slice]:
    count = units.shape[1]
    step = COLUMNS if units.is_cpu else max(1, count)
    return [slice(at, min(at + step, count)) for at in range(0, count, step)]
