"""Columns of inputs on their way through a network."""

from typing import NamedTuple

import numpy as np
from numba import njit

from autoreg.walks import vectors
from autoreg.walks.panels import Panels
from autoreg.walks.vectors import copy, gated

WIDTH = vectors.WIDTH

_product4, _product2, _product1 = (vectors.product(height) for height in (4, 2, 1))


class Desk(NamedTuple):
    """Where one thread works: a row for each column of inputs, filled up to whole vectors."""

    stream: np.ndarray
    taps: np.ndarray
    gates: np.ndarray
    units: np.ndarray
    skips: np.ndarray
    hidden: np.ndarray
    logits: np.ndarray

    @staticmethod
    def of(net: Panels, columns: int) -> "Desk":
        """Return a desk for so many columns."""
        residual, gate, skip, hidden, symbols = net.sizes
        taps = max(net.taps, net.input_taps) * net.residual
        widths = residual, taps, 2 * gate, len(net.dilations) * gate, skip, hidden, symbols
        return Desk(*(np.zeros((columns, width), net.embedding.dtype) for width in widths))

    @staticmethod
    def columns_within(net: Panels, memory: int) -> int:
        """Return how many columns fit into so many bytes, at least 1."""
        return max(1, memory // sum(part.nbytes for part in Desk.of(net, 1)))


@njit(nogil=True, cache=True)
def advance(net, rings, desk, symbols, first_row, rows, first, length, number, extra):
    """Take in symbols[rows, first : first + length] of each row; leave the logits on the desk.

    Column r length + t of the desk is row first_row + r at its symbol number first + t, which is
    input number ``number`` + t. A ring is given by its address; ``extra`` says what enters the
    gates: (condition of each row, what the features add (rows, positions, L, 2G), its row for each
    row, the input number of its first position).
    """
    condition, drift, drift_row, drift_first = extra
    residual, gate, skip, hidden, outputs = net.sizes
    size, width, count = net.embedding.itemsize, net.residual, rows * length
    layers = len(net.dilations)
    stream, taps, gates = desk.stream.ctypes.data, desk.taps.ctypes.data, desk.gates.ctypes.data
    units, skips = desk.units.ctypes.data, desk.skips.ctypes.data
    embedding = net.embedding.ctypes.data
    for r in range(rows):
        for t in range(length):
            symbol = symbols[first_row + r, first + t]
            place = stream + (r * length + t) * residual * size
            copy(place, embedding + symbol * width * size, width * size)
    ring = rings[0] + first_row * (net.input_taps - 1) * width * size
    _gather(net, desk, ring, net.input_taps, 1, rows, length, number)
    _multiply(
        net,
        (net.input_weight.ctypes.data, residual, net.input_taps * width),
        count,
        (taps, net.input_taps * width),
        (net.input_bias.ctypes.data, 0),
        (stream, residual),
    )
    for layer in range(layers):
        dilation = net.dilations[layer]
        reach = (net.taps - 1) * dilation
        ring = rings[layer + 1] + first_row * reach * width * size
        _gather(net, desk, ring, net.taps, dilation, rows, length, number)
        for r in range(rows):
            bias = net.biases[condition[first_row + r], layer]
            for t in range(length):
                c = r * length + t
                copy(gates + c * 2 * gate * size, bias.ctypes.data, 2 * gate * size)
                if drift.shape[1] > 0:
                    at = min(number + t - drift_first, drift.shape[1] - 1)
                    desk.gates[c] += drift[drift_row[first_row + r], at, layer]
        _multiply(
            net,
            (net.filters[layer].ctypes.data, 2 * gate, net.taps * width),
            count,
            (taps, net.taps * width),
            (gates, 2 * gate),
            (gates, 2 * gate),
        )
        out = units + layer * gate * size
        for c in range(count):
            target = out + c * layers * gate * size
            gated(net.embedding[0, 0], gates + c * 2 * gate * size, gate, target)
        if layer < layers - 1:
            for c in range(count):
                desk.stream[c] += net.residual_bias[layer]
            _multiply(
                net,
                (net.residual_weight[layer].ctypes.data, residual, net.gate),
                count,
                (out, layers * gate),
                (stream, residual),
                (stream, residual),
            )
    _multiply(
        net,
        (net.skip_weight.ctypes.data, skip, layers * gate),
        count,
        (units, layers * gate),
        (net.skip_bias.ctypes.data, 0),
        (skips, skip),
    )
    _rectify(desk.skips, count)
    _multiply(
        net,
        (net.hidden_weight.ctypes.data, hidden, skip),
        count,
        (skips, skip),
        (net.hidden_bias.ctypes.data, 0),
        (desk.hidden.ctypes.data, hidden),
    )
    _rectify(desk.hidden, count)
    _multiply(
        net,
        (net.output_weight.ctypes.data, outputs, hidden),
        count,
        (desk.hidden.ctypes.data, hidden),
        (net.output_bias.ctypes.data, 0),
        (desk.logits.ctypes.data, outputs),
    )


@njit(nogil=True, cache=True)
def _gather(net, desk, ring, taps, dilation, rows, length, number):
    """Lay out what the filters see of each column, oldest first; then let the ring take it in."""
    size, width = net.embedding.itemsize, net.residual
    bytes_each, reach = width * size, (taps - 1) * dilation
    stream_row, taps_row = desk.stream.strides[0], taps * bytes_each
    for r in range(rows):
        stream = desk.stream.ctypes.data + r * length * stream_row
        past = ring + r * reach * bytes_each
        for t in range(length):
            target = desk.taps.ctypes.data + (r * length + t) * taps_row
            for tap in range(taps - 1):
                at = t - (taps - 1 - tap) * dilation
                if at < 0:
                    source = past + (number + at) % reach * bytes_each
                else:
                    source = stream + at * stream_row
                copy(target + tap * bytes_each, source, bytes_each)
            copy(target + (taps - 1) * bytes_each, stream + t * stream_row, bytes_each)
        for t in range(max(0, length - reach), length):
            slot = (number + t) % max(1, reach)
            if reach > 0:
                copy(past + slot * bytes_each, stream + t * stream_row, bytes_each)


@njit(nogil=True, cache=True)
def _rectify(values, count):
    for c in range(count):
        for i in range(values.shape[1]):
            values[c, i] = max(values[c, i], values.dtype.type(0))


@njit(nogil=True, cache=True)
def _multiply(net, weights, count, x, start, out):
    """Set out[c, :rows] to start[c, :rows] + matrix x[c, :depth] for each of ``count`` columns.

    ``weights`` is (address, rows, depth); the others are addresses with strides.
    """
    matrix, rows, depth = weights
    size, like = net.embedding.itemsize, net.like
    lane, begin = WIDTH // size, 0
    while begin < rows:
        left = (rows - begin) // lane
        a, b = start[0] + begin * size, out[0] + begin * size
        if left >= 4:
            height = 4
            _product4(like, matrix, depth, count, x[0], x[1], a, start[1], b, out[1])
        elif left >= 2:
            height = 2
            _product2(like, matrix, depth, count, x[0], x[1], a, start[1], b, out[1])
        else:
            height = 1
            _product1(like, matrix, depth, count, x[0], x[1], a, start[1], b, out[1])
        matrix += height * lane * net.each * depth
        begin += height * lane
