"""The weights of a network, packed for vectors of rows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from autoreg.walks import llvm, vectors
from autoreg.walks.network import Network

HEAVY = 2**15
"""Bytes of a layer's filters, from which on two threads are faster than one."""


class Panels(NamedTuple):
    """A network for compiled loops; numbers of rows are filled up with zeros to whole vectors.

    A matrix is a row of panels, of four vectors of rows each, and at last of two and one: for
    every column of the matrix, the weights of all the panel's rows lie side by side. 16-bit
    weights hold two such vectors in one of words.

    Attributes:
        like: A number whose type says what the weights are; see ``autoreg.walks.vectors``.
        net: Sizes and addresses.
        arrays: What lies at the addresses.
    """

    like: np.generic
    net: "Net"
    arrays: dict[str, np.ndarray]

    @property
    def real(self) -> np.dtype[Any]:
        """The type of activations."""
        return self.arrays["embedding"].dtype

    @property
    def weight_bytes(self) -> int:
        """Bytes that one step reads: all matrices."""
        names = ("input_weight", "filters", "residual_weight", "skip_weight", "hidden_weight")
        return sum(self.arrays[name].nbytes for name in (*names, "output_weight"))


class Net(NamedTuple):
    """Sizes and addresses of a packed network: whole numbers, which cost a call nothing.

    Attributes:
        layers, taps, input_taps, width, units, symbols: L, k, k0, R, G, Q.
        residual, gate, skip, hidden, outputs: R, G, S, H, Q filled up to whole quanta.
        quantum: Rows that are never parted.
        size, each: Bytes of an activation, of a weight.
        heavy: 1 if one layer's filters are worth splitting among threads, else 0.
    """

    layers: int
    taps: int
    input_taps: int
    width: int
    units: int
    symbols: int
    residual: int
    gate: int
    skip: int
    hidden: int
    outputs: int
    quantum: int
    size: int
    each: int
    heavy: int
    dilations: int
    embedding: int
    input_weight: int
    input_bias: int
    filters: int
    biases: int
    residual_weight: int
    residual_bias: int
    skip_weight: int
    skip_bias: int
    hidden_weight: int
    hidden_bias: int
    output_weight: int
    output_bias: int


def pack(network: Network) -> Panels:
    """Pack a network on the CPU: float64, float32, or 16-bit weights if it is bfloat16."""
    halves = network.embedding.dtype == torch.bfloat16
    double = network.embedding.dtype == torch.float64
    like = np.int16(0) if halves else np.float64(0) if double else np.float32(0)
    quantum = llvm.lanes(8 if double else 4) * (2 if halves else 1)
    layers = len(network.filters)
    units = network.filters.shape[1] // 2
    residual, gate = _up(network.embedding.shape[1], quantum), _up(units, quantum)
    skip, hidden = (_up(len(b), quantum) for b in (network.skip_bias, network.hidden_bias))
    symbols, outputs = len(network.output_bias), _up(len(network.output_bias), quantum)

    def panels(*matrices: Tensor) -> np.ndarray:
        return np.stack([_panels(_numbers(m), quantum, halves) for m in matrices])

    # Units lie side by side as the gates leave them, filled up.
    skips = network.skip_weight.unflatten(1, (layers, units))
    columns = _filled(skips, (len(skips), layers, gate)).flatten(1)
    more = len(network.residual_weight)
    arrays = {
        "dilations": np.array(network.dilations, np.int64),
        "embedding": _numbers(network.embedding),
        "input_weight": panels(network.input_weight),
        "input_bias": _numbers(_filled(network.input_bias, (residual,))),
        "filters": panels(*_halves(network.filters.mT, gate).mT),
        "biases": _numbers(_halves(network.biases, gate)),
        "residual_weight": panels(*network.residual_weight) if more else np.zeros(0),
        "residual_bias": _numbers(_filled(network.residual_bias, (more, residual))),
        "skip_weight": panels(columns),
        "skip_bias": _numbers(_filled(network.skip_bias, (skip,))),
        "hidden_weight": panels(_filled(network.hidden_weight, (len(network.hidden_bias), skip))),
        "hidden_bias": _numbers(_filled(network.hidden_bias, (hidden,))),
        "output_weight": panels(_filled(network.output_weight, (symbols, hidden))),
        # What is filled up is no symbol: its probability is 0.
        "output_bias": _numbers(_filled(network.output_bias, (outputs,), -torch.inf)),
    }
    net = Net(
        layers=layers,
        taps=network.kernel_size,
        input_taps=network.input_kernel,
        width=network.embedding.shape[1],
        units=units,
        symbols=symbols,
        residual=residual,
        gate=gate,
        skip=skip,
        hidden=hidden,
        outputs=outputs,
        quantum=quantum,
        size=8 if double else 4,
        each=like.itemsize,
        heavy=int(arrays["filters"][0].nbytes >= HEAVY),
        **{name: array.ctypes.data for name, array in arrays.items()},
    )
    return Panels(like, net, arrays)


def halves_filled(values: Float[Tensor, "rows T L 2G"], biases: np.ndarray) -> np.ndarray:
    """Return what is added to the gates, filled up as the packed biases (K, L, .) are."""
    return _numbers(_halves(values, biases.shape[-1] // 2)).astype(biases.dtype)


def _halves(values: Tensor, width: int) -> Tensor:
    """Fill up both halves of the last axis."""
    halves = values.unflatten(-1, (2, -1))
    return _filled(halves, (*halves.shape[:-1], width)).flatten(-2)


def _panels(matrix: np.ndarray, quantum: int, halves: bool) -> np.ndarray:  # noqa: FBT001
    """Return the panels of a matrix (rows, columns), one after the other, flat."""
    rows = _up(len(matrix), quantum)
    filled = np.zeros((rows, matrix.shape[1]), matrix.dtype)
    filled[: len(matrix)] = matrix
    lanes = llvm.lanes(matrix.itemsize)
    pieces, begin = [], 0
    while begin < rows:
        height = min(vectors.VECTORS * lanes, rows - begin)
        # Panels of four, two and one vectors are all there are.
        height = 1 << (height // lanes).bit_length() - 1 << lanes.bit_length() - 1
        pieces.append(_piece(filled[begin : begin + height].T, lanes, halves))
        begin += height
    return np.concatenate(pieces)


def _piece(columns: np.ndarray, lanes: int, halves: bool) -> np.ndarray:  # noqa: FBT001
    if not halves:
        return np.ascontiguousarray(columns).reshape(-1)
    bits = np.ascontiguousarray(columns).view(np.uint32).reshape(len(columns), -1, 2, lanes)
    return ((bits[:, :, 0] >> 16) | (bits[:, :, 1] & 0xFFFF0000)).reshape(-1)


def _numbers(tensor: Tensor) -> np.ndarray:
    """Return a tensor's numbers; those of bfloat16 as float32, which holds them all."""
    wide = tensor.float() if tensor.dtype == torch.bfloat16 else tensor
    return np.ascontiguousarray(wide.detach().cpu().numpy())


def _filled(tensor: Tensor, shape: Sequence[int], value: float = 0.0) -> Tensor:
    filled = tensor.new_full(tuple(shape), value)
    filled[tuple(slice(size) for size in tensor.shape)] = tensor
    return filled


def _up(count: int, quantum: int) -> int:
    return -(-count // quantum) * quantum
