"""The weights of a WaveNet laid out for the GPU."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from autoreg.walks.network import Network

TILE = 256
"""Widths up to this are padded to a power of two, greater ones to a multiple of it."""

LEAST = 16
"""The least edge of a block that matrix units multiply."""


class CudaNetwork(NamedTuple):
    """Weights input by output, every edge padded with zeros to whole blocks.

    What is multiplied has the type of the weights; what is added up, and biases, float32 (float64
    for float64 weights). Sizes ending in p are padded; Up is L Gp, padded once more. Layer l's
    units begin at row l Gp of ``skip``. The last layer's residual is zero: layers are alike.
    """

    embedding: Float[Tensor, "Q1 Rp"]
    input_weight: Float[Tensor, "k0 Rp Rp"]
    input_bias: Float[Tensor, " Rp"]
    filters: Float[Tensor, "L k 2 Rp Gp"]
    biases: Float[Tensor, "K L 2 Gp"]
    residual: Float[Tensor, "L Gp Rp"]
    residual_bias: Float[Tensor, "L Rp"]
    skip: Float[Tensor, "Up Sp"]
    skip_bias: Float[Tensor, " Sp"]
    hidden: Float[Tensor, "Sp Hp"]
    hidden_bias: Float[Tensor, " Hp"]
    output: Float[Tensor, "Hp Qp"]
    output_bias: Float[Tensor, " Qp"]
    drift: Float[Tensor, "rows T Dp"]
    drift_weight: Float[Tensor, "L 2 Dp Gp"]
    dilations: Int[Tensor, " L"]
    reaches: Int[Tensor, " L1"]
    starts: Int[Tensor, " L1"]
    num_symbols: int
    width: int
    slots: int
    kernel_size: int
    input_kernel: int
    horizon: int | None


def pack(network: Network, *, weights: torch.dtype | None = None) -> CudaNetwork:
    """Return a network's weights as the kernel reads them.

    Args:
        network: The weights as a model has them.
        weights: Type of what is multiplied, float32, bfloat16 or float64; the network's own if
            None. The states of a float32 model stay float32 under bfloat16 weights.
    """
    kind = network.embedding.dtype if weights is None else weights
    sums = torch.float64 if kind == torch.float64 else torch.float32
    width, layers = network.embedding.shape[1], len(network.filters)
    gate, taps, k0 = network.filters.shape[1] // 2, network.kernel_size, network.input_kernel
    wide, tall = _padded(width), _padded(gate)
    skip, hidden, outputs = (
        len(bias) for bias in (network.skip_bias, network.hidden_bias, network.output_bias)
    )

    filters = network.filters.reshape(layers, 2, gate, taps, width).permute(0, 3, 1, 4, 2)
    residual = functional.pad(network.residual_weight.mT, (0, 0, 0, 0, 0, 1))
    units = network.skip_weight.reshape(skip, layers, gate).permute(1, 2, 0)
    units = _fit(units, layers, tall, _padded(skip)).flatten(0, 1)
    drift, drift_weight = network.drift, network.drift_weight
    if drift is None or drift_weight is None:
        drift, drift_weight = units.new_zeros(1, 1, 1), units.new_zeros(1, 2 * gate, 1)
    features = _padded(drift.shape[2])
    by_feature = drift_weight.reshape(-1, 2, gate, drift.shape[2]).mT
    reaches = torch.tensor(network.reaches, device=units.device)
    return CudaNetwork(
        embedding=_fit(network.embedding, len(network.embedding), wide).to(kind),
        input_weight=_fit(
            network.input_weight.reshape(width, k0, width).permute(1, 2, 0), k0, wide, wide
        ).to(kind),
        input_bias=_fit(network.input_bias, wide).to(sums),
        filters=_fit(filters, layers, taps, 2, wide, tall).to(kind),
        biases=_fit(network.biases.unflatten(2, (2, gate)), *network.biases.shape[:2], 2, tall).to(
            sums
        ),
        residual=_fit(residual, layers, tall, wide).to(kind),
        residual_bias=_fit(network.residual_bias, layers, wide).to(sums),
        skip=_fit(units, _padded(len(units)), units.shape[1]).to(kind),
        skip_bias=_fit(network.skip_bias, _padded(skip)).to(sums),
        hidden=_fit(network.hidden_weight.mT, _padded(skip), _padded(hidden)).to(kind),
        hidden_bias=_fit(network.hidden_bias, _padded(hidden)).to(sums),
        output=_fit(network.output_weight.mT, _padded(hidden), _padded(outputs)).to(kind),
        output_bias=_fit(network.output_bias, _padded(outputs)).to(sums),
        drift=_fit(drift, *drift.shape[:2], features).to(kind),
        drift_weight=_fit(by_feature, len(by_feature), 2, features, tall).to(kind),
        dilations=torch.tensor(network.dilations, dtype=torch.int32, device=units.device),
        reaches=reaches.int(),
        starts=reaches.cumsum(0) - reaches,
        num_symbols=outputs,
        width=width,
        slots=sum(network.reaches),
        kernel_size=taps,
        input_kernel=k0,
        horizon=None if network.drift is None else network.drift.shape[1],
    )


def _padded(size: int) -> int:
    """Return the least whole number of blocks that holds a width."""
    if size > TILE:
        return -(-size // TILE) * TILE
    return max(LEAST, 1 << (size - 1).bit_length())


def _fit(tensor: Tensor, *shape: int) -> Tensor:
    """Return a tensor with zeros after its entries, of a shape and laid out in order."""
    missing = [
        edge
        for want, have in zip(reversed(shape), reversed(tensor.shape), strict=True)
        for edge in (0, want - have)
    ]
    return functional.pad(tensor.detach(), missing).contiguous()
