"""Columns of inputs on their way through a network."""

from typing import NamedTuple

import numpy as np
from numba import njit

from autoreg.walks import vectors
from autoreg.walks.crews import meet, part
from autoreg.walks.llvm import WIDTH
from autoreg.walks.panels import Net, Panels
from autoreg.walks.vectors import add, copy, fetch, gated, rectify, whole

_product4, _product2, _product1 = (vectors.product(height) for height in (4, 2, 1))


class Desk(NamedTuple):
    """Where one thread works: addresses of a row for each column of inputs, in whole vectors."""

    columns: int
    stream: int
    taps: int
    gates: int
    units: int
    skips: int
    hidden: int
    logits: int

    @staticmethod
    def of(panels: Panels, columns: int) -> tuple["Desk", list[np.ndarray]]:
        """Return a desk for so many columns, and what lies at its addresses."""
        parts = [np.zeros((columns, width), panels.real) for width in _widths(panels.net)]
        return Desk(columns, *(part.ctypes.data for part in parts)), parts

    def shared(self, other: "Desk") -> "Desk":
        """Return this desk with those parts of another that a crew writes together."""
        return self._replace(
            units=other.units, skips=other.skips, hidden=other.hidden, logits=other.logits
        )

    @staticmethod
    def columns_within(net: Net, memory: int) -> int:
        """Return how many columns fit into so many bytes, at least 1."""
        return max(1, memory // (net.size * sum(_widths(net))))


def _widths(net: Net) -> tuple[int, ...]:
    taps = max(net.taps, net.input_taps) * net.width
    units = net.layers * net.gate
    return net.residual, taps, 2 * net.gate, units, net.skip, net.hidden, net.outputs


class Extra(NamedTuple):
    """What enters the gates beside the symbols.

    Attributes:
        condition: Address of the condition of each row.
        drift: Address of what the features add, (rows, positions, L, 2G) filled up; 0 for nothing.
        row: Address of each row's row of it.
        positions: How many positions it has; the last stands in for those that follow.
        first: The input number of its first position.
    """

    condition: int
    drift: int
    row: int
    positions: int
    first: int


@njit(nogil=True, cache=True)
def advance(like, net, rings, desk, crew, symbols, first_row, rows, length, number, extra):
    """Take in some symbols of each row; leave the logits on the desk.

    ``symbols`` is (address of the first row's first symbol, symbols from a row to the next).
    Column r length + t of the desk is row first_row + r at input number ``number`` + t. ``rings``
    is the address of the rings' addresses. See ``crews`` for work that is shared.
    """
    _embed(net, desk, symbols, first_row, rows, length)
    _filter(like, net, whole(rings), desk, first_row, rows, length, number)
    for layer in range(net.layers):
        _layer(like, net, rings, desk, crew, layer, first_row, rows, length, number, extra)
    count, units = rows * length, net.layers * net.gate
    span = part(crew, net.skip, net.quantum)
    weights = net.skip_weight, net.skip, units
    _multiply(
        like,
        net,
        weights,
        span,
        count,
        (desk.units, units),
        (net.skip_bias, 0),
        (desk.skips, net.skip),
    )
    _rectify(like, net, desk.skips, net.skip, span, count)
    meet(crew)
    span = part(crew, net.hidden, net.quantum)
    weights = net.hidden_weight, net.hidden, net.skip
    _multiply(
        like,
        net,
        weights,
        span,
        count,
        (desk.skips, net.skip),
        (net.hidden_bias, 0),
        (desk.hidden, net.hidden),
    )
    _rectify(like, net, desk.hidden, net.hidden, span, count)
    meet(crew)
    span = part(crew, net.outputs, net.quantum)
    weights = net.output_weight, net.outputs, net.hidden
    _multiply(
        like,
        net,
        weights,
        span,
        count,
        (desk.hidden, net.hidden),
        (net.output_bias, 0),
        (desk.logits, net.outputs),
    )
    meet(crew)


@njit(nogil=True, cache=True)
def _embed(net, desk, symbols, first_row, rows, length):
    each = net.width * net.size
    for r in range(rows):
        for t in range(length):
            symbol = whole(symbols[0] + ((first_row + r) * symbols[1] + t) * 8)
            place = desk.stream + (r * length + t) * net.residual * net.size
            copy(place, net.embedding + symbol * each, each)


@njit(nogil=True, cache=True)
def _filter(like, net, ring, desk, first_row, rows, length, number):
    """Pass the inputs through the filter before the first gated layer."""
    place = ring + first_row * (net.input_taps - 1) * net.width * net.size
    _gather(net, desk, place, net.input_taps, 1, rows, length, number)
    depth = net.input_taps * net.width
    weights = net.input_weight, net.residual, depth
    x, start, out = (desk.taps, depth), (net.input_bias, 0), (desk.stream, net.residual)
    _multiply(like, net, weights, (0, net.residual), rows * length, x, start, out)


@njit(nogil=True, cache=True)
def _layer(like, net, rings, desk, crew, layer, first_row, rows, length, number, extra):
    """Set a layer's units, and pass the stream on."""
    size, gate, count, depth = net.size, net.gate, rows * length, net.taps * net.width
    dilation = whole(net.dilations + layer * 8)
    ring = whole(rings + (layer + 1) * 8)
    place = ring + first_row * (net.taps - 1) * dilation * net.width * size
    _gather(net, desk, place, net.taps, dilation, rows, length, number)
    if rows > 1 and layer < net.layers - 1:
        _fetch(net, whole(rings + (layer + 2) * 8), first_row, rows, layer + 1, number)
    _begin_gates(like, net, desk, layer, first_row, rows, length, number, extra)
    span = part(crew, gate, net.quantum) if net.heavy else (0, gate)
    weights = net.filters + layer * 2 * gate * depth * net.each, 2 * gate, depth
    x, gates = (desk.taps, depth), (desk.gates, 2 * gate)
    if span[1] - span[0] == gate:
        _multiply(like, net, weights, (0, 2 * gate), count, x, gates, gates)
    else:
        _multiply(like, net, weights, span, count, x, gates, gates)
        span = span[0] + gate, span[1] + gate
        _multiply(like, net, weights, span, count, x, gates, gates)
        span = span[0] - gate, span[1] - gate
    units = desk.units + layer * gate * size
    for c in range(count):
        signals = desk.gates + (c * 2 * gate + span[0]) * size
        target = units + (c * net.layers * gate + span[0]) * size
        gated(like, signals, signals + gate * size, span[1] - span[0], target)
    if net.heavy:
        meet(crew)
    if layer < net.layers - 1:
        bias = net.residual_bias + layer * net.residual * size
        for c in range(count):
            add(like, desk.stream + c * net.residual * size, bias, net.residual)
        matrix = net.residual_weight + layer * net.residual * net.units * net.each
        stream = desk.stream, net.residual
        weights, x = (matrix, net.residual, net.units), (units, net.layers * gate)
        _multiply(like, net, weights, (0, net.residual), count, x, stream, stream)


@njit(nogil=True, cache=True)
def _gather(net, desk, ring, taps, dilation, rows, length, number):
    """Lay out what the filters see of each column, oldest first; then let the ring take it in."""
    each, reach = net.width * net.size, (taps - 1) * dilation
    for r in range(rows):
        stream = desk.stream + r * length * net.residual * net.size
        past = ring + r * reach * each
        for t in range(length):
            target = desk.taps + (r * length + t) * taps * each
            for tap in range(taps - 1):
                at = t - (taps - 1 - tap) * dilation
                if at < 0:
                    source = past + (number + at) % reach * each
                else:
                    source = stream + at * net.residual * net.size
                copy(target + tap * each, source, each)
            copy(target + (taps - 1) * each, stream + t * net.residual * net.size, each)
        for t in range(max(0, length - reach), length):
            if reach > 0:
                slot = (number + t) % reach
                copy(past + slot * each, stream + t * net.residual * net.size, each)


@njit(nogil=True, cache=True)
def _fetch(net, ring, first_row, rows, layer, number):
    """Ask for what the next layer will see of the past of many rows, which lies far apart."""
    dilation = whole(net.dilations + layer * 8)
    reach, each = (net.taps - 1) * dilation, net.width * net.size
    for r in range(rows):
        for tap in range(net.taps - 1):
            slot = (number - (net.taps - 1 - tap) * dilation) % reach
            place = ring + ((first_row + r) * reach + slot) * each
            for line in range(0, each, 64):
                fetch(place + line)


@njit(nogil=True, cache=True)
def _begin_gates(like, net, desk, layer, first_row, rows, length, number, extra):
    """Set the gates to their biases, and to what the features add."""
    each = 2 * net.gate * net.size
    for r in range(rows):
        condition = whole(extra.condition + (first_row + r) * 8)
        bias = net.biases + (condition * net.layers + layer) * each
        for t in range(length):
            place = desk.gates + (r * length + t) * each
            copy(place, bias, each)
            if extra.drift != 0:
                at = min(number + t - extra.first, extra.positions - 1)
                at += whole(extra.row + (first_row + r) * 8) * extra.positions
                add(like, place, extra.drift + (at * net.layers + layer) * each, 2 * net.gate)


@njit(nogil=True, cache=True)
def _rectify(like, net, values, stride, span, count):
    for c in range(count):
        rectify(like, values + (c * stride + span[0]) * net.size, span[1] - span[0])


@njit(nogil=True, cache=True)
def _multiply(like, net, weights, span, count, x, start, out):
    """Set out[c, span] to start[c, span] + matrix[span] x[c, :depth] for ``count`` columns.

    ``weights`` is (address, rows, depth), ``span`` the rows to do, in whole quanta; the others are
    addresses with strides.
    """
    matrix, rows, depth = weights
    begin, end = span
    lane = WIDTH // net.size
    while begin < end:
        # The panel that row ``begin`` lies in: they are of four vectors, then of two, then of one.
        first = begin // (4 * lane) * 4 * lane
        panel = min(4, (rows - first) // lane)
        if panel == 3:
            first, panel = (first, 2) if begin < first + 2 * lane else (first + 2 * lane, 1)
        height = min(panel - (begin - first) // lane, (end - begin) // lane)
        at = matrix + (first * depth + begin - first) * net.each
        a, b = start[0] + begin * net.size, out[0] + begin * net.size
        stride = panel * lane
        if height == 4:
            _product4(like, at, stride, depth, count, x[0], x[1], a, start[1], b, out[1])
        elif height >= 2:
            height = 2
            _product2(like, at, stride, depth, count, x[0], x[1], a, start[1], b, out[1])
        else:
            height = 1
            _product1(like, at, stride, depth, count, x[0], x[1], a, start[1], b, out[1])
        begin += height * lane
