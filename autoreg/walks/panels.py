"""The weights of a network, packed for vectors of rows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from autoreg.walks import vectors
from autoreg.walks.network import Network


class Panels(NamedTuple):
    """A network for compiled loops; numbers of rows are filled up with zeros to whole vectors.

    A matrix is a row of panels, each of up to four vectors of rows: for every column of the
    matrix, the weights of all the panel's rows lie side by side. 16-bit weights hold two such
    vectors in one of words.

    Attributes:
        like: A number whose type says what the weights are; see ``autoreg.walks.vectors``.
        each: Bytes of a weight.
        sizes: Residual, gate, skip, hidden width and number of symbols, each filled up.
        residual, gate: R and G, not filled up: what a ring holds, what goes back to the stream.
    """

    like: np.generic
    each: int
    sizes: tuple[int, int, int, int, int]
    residual: int
    gate: int
    num_symbols: int
    taps: int
    input_taps: int
    dilations: np.ndarray
    embedding: np.ndarray
    input_weight: np.ndarray
    input_bias: np.ndarray
    filters: np.ndarray
    biases: np.ndarray
    residual_weight: np.ndarray
    residual_bias: np.ndarray
    skip_weight: np.ndarray
    skip_bias: np.ndarray
    hidden_weight: np.ndarray
    hidden_bias: np.ndarray
    output_weight: np.ndarray
    output_bias: np.ndarray

    @property
    def weight_bytes(self) -> int:
        """Bytes that one step reads: all matrices."""
        return sum(
            matrix.nbytes
            for matrix in (
                self.input_weight,
                self.filters,
                self.residual_weight,
                self.skip_weight,
                self.hidden_weight,
                self.output_weight,
            )
        )


def pack(network: Network) -> Panels:
    """Pack a network on the CPU: float64, float32, or 16-bit weights if it is bfloat16."""
    halves = network.embedding.dtype == torch.bfloat16
    double = network.embedding.dtype == torch.float64
    like = np.int16(0) if halves else np.float64(0) if double else np.float32(0)
    quantum = vectors.lanes(8 if double else 4) * (2 if halves else 1)
    layers = len(network.filters)
    units = network.filters.shape[1] // 2
    residual, gate = _up(network.embedding.shape[1], quantum), _up(units, quantum)
    skip, hidden = (_up(len(b), quantum) for b in (network.skip_bias, network.hidden_bias))
    symbols = _up(len(network.output_bias), quantum)

    def panels(*matrices: Tensor) -> np.ndarray:
        return np.stack([_panels(_numbers(m), quantum, halves) for m in matrices])

    # Units lie side by side as the gates leave them, filled up.
    skips = network.skip_weight.unflatten(1, (layers, units))
    columns = _filled(skips, (len(skips), layers, gate)).flatten(1)
    none = np.zeros((0, 1), np.uint32 if halves else like.dtype)
    return Panels(
        like=like,
        each=like.itemsize,
        sizes=(residual, gate, skip, hidden, symbols),
        residual=network.embedding.shape[1],
        gate=units,
        num_symbols=len(network.output_bias),
        taps=network.kernel_size,
        input_taps=network.input_kernel,
        dilations=np.array(network.dilations, np.int64),
        embedding=_numbers(network.embedding),
        input_weight=panels(network.input_weight)[0],
        input_bias=_numbers(_filled(network.input_bias, (residual,))),
        filters=panels(*_halves(network.filters.mT, gate).mT),
        biases=_numbers(_halves(network.biases, gate)),
        residual_weight=panels(*network.residual_weight) if layers > 1 else none,
        residual_bias=_numbers(
            _filled(network.residual_bias, (len(network.residual_bias), residual))
        ),
        skip_weight=panels(columns)[0],
        skip_bias=_numbers(_filled(network.skip_bias, (skip,))),
        hidden_weight=panels(_filled(network.hidden_weight, (len(network.hidden_bias), skip)))[0],
        hidden_bias=_numbers(_filled(network.hidden_bias, (hidden,))),
        output_weight=panels(_filled(network.output_weight, (len(network.output_bias), hidden)))[
            0
        ],
        # What is filled up is no symbol: its probability is 0.
        output_bias=_numbers(_filled(network.output_bias, (symbols,), -torch.inf)),
    )


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
    lanes = vectors.lanes(matrix.itemsize)
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
