"""What packing does to the weights of a network."""

import numpy as np
import pytest
import torch

from autoreg.models.networks import network_of
from autoreg.walks import llvm, panels
from tests.walks.recipes import NetRecipe

DTYPES = [torch.float64, torch.float32, torch.bfloat16]


def unpacked(flat, rows, depth, lanes, halves):
    """Return the matrix that lies in panels, as the docstring says that it does."""
    words, begin, found = flat.reshape(-1), 0, []
    each = 2 if halves else 1
    while begin < rows:
        left = (rows - begin) // lanes
        height = 4 if left >= 4 else 2 if left >= 2 else 1
        size = depth * height * lanes // each
        block, words = words[:size], words[size:]
        if halves:
            pairs = block.reshape(depth, height // 2, lanes)
            low = (pairs << np.uint32(16)).view(np.float32)
            high = (pairs & np.uint32(0xFFFF0000)).view(np.float32)
            columns = np.stack([low, high], 2).reshape(depth, height * lanes)
        else:
            columns = block.reshape(depth, height * lanes)
        found.append(columns.T)
        begin += height * lanes
    assert not len(words)
    return np.concatenate(found)


def numbers(tensor):
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("width", [1, 7, 17, 33, 70])
def test_every_matrix_lies_in_panels_filled_up_with_zeros(dtype, width):
    model = NetRecipe(residual=width, gate=5, skip=width, hidden=9, num_symbols=width).build(dtype)
    network = network_of(model)
    packed = panels.pack(network)
    net, halves = packed.net, dtype == torch.bfloat16
    lanes = llvm.lanes(8 if dtype == torch.float64 else 4)
    units, layers = 5, 3
    skips = np.zeros((width, layers, net.gate), numbers(network.skip_weight).dtype)
    skips[:, :, :units] = numbers(network.skip_weight).reshape(width, layers, units)
    wanted = {
        "input_weight": (net.residual, numbers(network.input_weight)),
        "skip_weight": (net.skip, skips.reshape(width, -1)),
        "hidden_weight": (net.hidden, numbers(network.hidden_weight)),
        "output_weight": (net.outputs, numbers(network.output_weight)),
    }
    for name, (rows, matrix) in wanted.items():
        assert rows % net.quantum == 0
        assert rows - len(matrix) < net.quantum
        flat = packed.arrays[name]
        depth = flat.size * (2 if halves else 1) // rows
        found = unpacked(flat, rows, depth, lanes, halves)
        assert np.array_equal(found[: len(matrix), : matrix.shape[1]], matrix), name
        assert not found[len(matrix) :].any()
        assert not found[:, matrix.shape[1] :].any()
    for layer, filters in enumerate(packed.arrays["filters"]):
        found = unpacked(filters, 2 * net.gate, 2 * width, lanes, halves)
        signal, gate = found[: net.gate], found[net.gate :]
        matrix = numbers(network.filters[layer])
        assert np.array_equal(np.concatenate([signal[:units], gate[:units]]), matrix)
        assert not signal[units:].any()
        assert not gate[units:].any()
    for layer, residual in enumerate(packed.arrays["residual_weight"]):
        found = unpacked(residual, net.residual, units, lanes, halves)
        assert np.array_equal(found[:width], numbers(network.residual_weight[layer]))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_what_fills_up_the_symbols_has_no_probability(dtype):
    network = network_of(NetRecipe(num_symbols=5).build(dtype))
    packed = panels.pack(network)
    bias = packed.arrays["output_bias"]
    assert np.array_equal(bias[:5], numbers(network.output_bias))
    assert (bias[5:] == -np.inf).all()
    assert len(bias) == packed.net.outputs


@pytest.mark.parametrize(
    ("dtype", "each", "kind", "real"),
    [
        (torch.float64, 8, np.float64, np.float64),
        (torch.float32, 4, np.float32, np.float32),
        (torch.bfloat16, 2, np.int16, np.float32),
    ],
    ids=str,
)
def test_a_weight_takes_as_many_bytes_as_its_type(dtype, each, kind, real):
    model = NetRecipe(residual=64, skip=64, hidden=64, num_symbols=64).build(dtype)
    packed = panels.pack(network_of(model))
    assert packed.weight_bytes == each * network_of(model).multiplications
    assert (packed.net.each, type(packed.like), packed.real) == (each, kind, np.dtype(real))
    assert packed.net.size == np.dtype(real).itemsize


def test_addresses_are_those_of_the_arrays():
    packed = panels.pack(network_of(NetRecipe(conditions=(3,)).build()))
    for name, array in packed.arrays.items():
        assert getattr(packed.net, name) == array.ctypes.data
        assert array.flags.c_contiguous
    assert packed.arrays["dilations"].tolist() == [1, 2, 4]


def test_one_layer_has_no_residual():
    packed = panels.pack(network_of(NetRecipe(dilations=(1,)).build()))
    assert not packed.arrays["residual_weight"].size
    assert packed.net.layers == 1


def test_what_features_add_is_filled_up_half_by_half():
    packed = panels.pack(network_of(NetRecipe(gate=3, conditions=(2,)).build(torch.float32)))
    values = torch.arange(2 * 4 * 3 * 6.0).reshape(2, 4, 3, 6)
    found = panels.halves_filled(values, packed.arrays["biases"])
    assert found.shape == (2, 4, *packed.arrays["biases"].shape[1:])
    halves = found.reshape(2, 4, 3, 2, -1)
    assert np.array_equal(halves[..., :3].reshape(2, 4, 3, 6), values.numpy())
    assert not halves[..., 3:].any()


def test_heavy_is_a_layer_whose_filters_are(monkeypatch):
    network = network_of(NetRecipe().build())
    size = panels.pack(network).arrays["filters"][0].nbytes
    for least, heavy in [(size, 1), (size + 1, 0)]:
        monkeypatch.setattr(panels, "HEAVY", least)
        assert panels.pack(network).net.heavy == heavy
