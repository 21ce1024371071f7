"""The gated unit is two convolutions; what its filters see; how it begins."""

import math

import pytest
import torch
from torch.nn.functional import conv1d, pad

from autoreg.models.layers import (
    GatedLayer,
    InputFilter,
    Stack,
    roll,
    taps_of,
    taps_of_ring,
    unroll,
)


def gated(**changes):
    sizes = {"width": 6, "gate": 4, "kernel_size": 3, "dilation": 2, "context": 5, "last": False}
    with torch.random.fork_rng(devices=[]):
        layer = GatedLayer(**{**sizes, **changes})
    return layer.double()


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def convolved(weights, inputs, dilation):
    """Return a causal convolution (B, T, out) of inputs (B, T, in), weights (out, in, k)."""
    reach = (weights.shape[2] - 1) * dilation
    return conv1d(pad(inputs.mT, (reach, 0)), weights, dilation=dilation).mT


def halves(layer):
    """Return the two filters as torch has them, (gate, width, k)."""
    taps = layer.filters.unflatten(1, (layer.kernel_size, -1)).mT
    return taps.chunk(2)


@pytest.mark.parametrize(("kernel_size", "dilation"), [(1, 1), (2, 1), (2, 4), (3, 2), (4, 3)])
def test_one_stacked_product_is_two_convolutions_to_the_bit(kernel_size, dilation):
    # Small whole numbers are added exactly in any order, so that every bit can be compared.
    layer = gated(kernel_size=kernel_size, dilation=dilation, context=0)
    generator = torch.Generator().manual_seed(0)
    layer.filters.data.copy_(torch.randint(-3, 4, layer.filters.shape, generator=generator) / 64)
    layer.bias.data.copy_(torch.randint(-3, 4, layer.bias.shape, generator=generator) / 64)
    inputs = torch.randint(-3, 4, (2, 9, 6), generator=generator).double() / 8
    taps, _ = taps_of(layer, inputs.new_zeros(2, layer.reach, 6), inputs)
    two = [
        convolved(weights, inputs, dilation) + bias
        for weights, bias in zip(halves(layer), layer.bias.chunk(2), strict=True)
    ]
    # Side by side in memory: tanh of a vector may differ from that of a number in its last bit.
    signal, gate = torch.cat(two, -1).chunk(2, -1)
    assert torch.equal(layer(taps, []), torch.tanh(signal) * torch.sigmoid(gate))


def test_the_two_filters_are_not_one_that_is_shared():
    layer = gated(context=0)
    inputs = random(2, 9, 6)
    taps, _ = taps_of(layer, inputs.new_zeros(2, layer.reach, 6), inputs)
    first, second = (convolved(weights, inputs, 2) for weights in halves(layer))
    units = layer(taps, [])
    assert torch.allclose(units, torch.tanh(first) * torch.sigmoid(second), rtol=0, atol=1e-14)
    for shared in (first, second):
        assert (units - torch.tanh(shared) * torch.sigmoid(shared)).abs().max() > 0.1


def test_each_half_begins_with_its_own_xavier_spread():
    layer = gated(width=64, gate=128, kernel_size=2, context=0)
    fan_in, fan_out = 2 * 64, 128
    own, stacked = math.sqrt(2 / (fan_in + fan_out)), math.sqrt(2 / (fan_in + 2 * fan_out))
    assert stacked < 0.85 * own
    count = layer.filters[:128].numel()
    # The variance of a uniform draw's square is 4/5 of its square.
    margin = 5 * own * math.sqrt(4 / 5 / count) / 2
    for half in layer.filters.chunk(2):
        assert abs(half.std().item() - own) < margin
        assert abs(half.mean().item()) < 5 * own / math.sqrt(count)
        assert half.abs().max() <= math.sqrt(3) * own
    assert (layer.bias == 0).all()


def test_contexts_are_projected_without_a_bias_and_broadcast():
    layer = gated()
    taps = random(2, 4, 18)
    per_row, per_time = random(2, 1, 5, seed=1), random(1, 4, 5, seed=2)
    both = layer(taps, [per_row, per_time])
    spelled_out = layer(taps, [(per_row + per_time).expand(2, 4, 5)])
    assert torch.allclose(both, spelled_out, rtol=0, atol=1e-14)
    assert torch.equal(layer(taps, [per_row * 0]), layer(taps, []))
    signal, gate = (taps @ layer.filters.T + (per_row @ layer.context.T)).chunk(2, -1)
    by_hand = torch.tanh(signal) * torch.sigmoid(gate)
    assert torch.allclose(layer(taps, [per_row]), by_hand, rtol=0, atol=1e-14)


def test_a_layer_without_contexts_or_after_which_nothing_comes_has_no_such_parameters():
    names = {name for name, _ in gated(context=0, last=True).named_parameters()}
    assert names == {"filters", "bias"}
    names = {name for name, _ in gated().named_parameters()}
    assert names == {"filters", "bias", "context", "residual.weight", "residual.bias"}


@pytest.mark.parametrize("kernel_size", [1, 2, 3])
def test_the_input_filter_is_a_convolution(kernel_size):
    with torch.random.fork_rng(devices=[]):
        layer = InputFilter(width=4, kernel_size=kernel_size).double()
    inputs = random(2, 7, 4)
    taps, past = taps_of(layer, inputs.new_zeros(2, layer.reach, 4), inputs)
    weights = layer.filters.weight.unflatten(1, (kernel_size, 4)).mT
    wanted = convolved(weights, inputs, 1) + layer.filters.bias
    assert torch.allclose(layer(taps), wanted, rtol=0, atol=1e-14)
    assert torch.equal(past, inputs[:, 7 - layer.reach :])


@pytest.mark.parametrize(("kernel_size", "dilation"), [(1, 3), (2, 1), (2, 3), (3, 2)])
@pytest.mark.parametrize("length", [0, 1, 2, 9])
def test_what_filters_see_is_continued_from_the_past(kernel_size, dilation, length):
    layer = gated(kernel_size=kernel_size, dilation=dilation)
    inputs, past = random(2, 9 + length, 6), torch.zeros(2, layer.reach, 6).double()
    whole, last = taps_of(layer, past, inputs)
    first, middle = taps_of(layer, past, inputs[:, :9])
    second, end = taps_of(layer, middle, inputs[:, 9:])
    assert torch.equal(torch.cat([first, second], 1), whole)
    assert torch.equal(end, last)
    assert torch.equal(whole[..., -6:], inputs)  # the newest tap comes last


@pytest.mark.parametrize(("kernel_size", "dilation"), [(1, 3), (2, 1), (2, 3), (3, 2)])
def test_a_ring_holds_each_input_in_the_slot_of_its_number(kernel_size, dilation):
    layer = gated(kernel_size=kernel_size, dilation=dilation)
    inputs = random(2, 11, 6)
    ring = torch.zeros(2, layer.reach, 6).double()
    whole, _ = taps_of(layer, ring, inputs)
    for number in range(11):
        at = torch.full((2,), number)
        before = ring.clone()
        taps, after = taps_of_ring(layer, ring, inputs[:, number : number + 1], number=at)
        assert torch.equal(taps, whole[:, number : number + 1])
        assert torch.equal(ring, before), "the old ring changed"
        ring = after
        for back in range(min(layer.reach, number + 1)):
            slot = (number - back) % layer.reach
            assert torch.equal(ring[:, slot], inputs[:, number - back])
        seen = torch.cat([torch.zeros(2, layer.reach, 6).double(), inputs[:, : number + 1]], 1)
        oldest_first = seen[:, len(seen[0]) - layer.reach :]
        assert torch.equal(unroll(ring, at), oldest_first)
        assert torch.equal(roll(oldest_first, at), ring)


def test_rings_without_slots_or_rows_pass_through():
    for shape in ((2, 0, 3), (0, 4, 3)):
        ring = torch.zeros(shape)
        position = torch.zeros(shape[0], dtype=torch.int64)
        assert unroll(ring, position).shape == roll(ring, position).shape == shape


def stack(**changes):
    sizes = {
        "width": 4,
        "gate": 3,
        "skip": 5,
        "hidden": 6,
        "outputs": 7,
        "input_kernel": 2,
        "kernel_size": 2,
        "dilations": (1, 2),
        "context": 0,
        "dropout": 0.0,
    }
    with torch.random.fork_rng(devices=[]):
        return Stack(**{**sizes, **changes}).double()


def pasts(layers, rows):
    return [torch.zeros(rows, reach, 4).double() for reach in layers.reaches]


def test_a_fresh_stack_says_nothing():
    layers = stack()
    params, _ = layers(random(2, 9, 4), pasts(layers, 2), [])
    assert params.shape == (2, 9, 7)
    assert (params == 0).all()


def test_skips_of_all_layers_are_the_sum_of_one_product_each():
    layers = stack()
    layers.output.weight.data.copy_(random(7, 6))
    inputs = random(2, 9, 4)
    params, _ = layers(inputs, pasts(layers, 2), [])
    taps, _ = taps_of(layers.input_filter, torch.zeros(2, 1, 4).double(), inputs)
    stream, total = layers.input_filter(taps), layers.skip.bias
    for layer, weights in zip(layers.layers, layers.skip.weight.split(3, 1), strict=True):
        taps, _ = taps_of(layer, torch.zeros(2, layer.reach, 4).double(), stream)
        units = layer(taps, [])
        total = total + units @ weights.T
        stream = stream if layer.residual is None else stream + layer.residual(units)
    wanted = layers.output(torch.relu(layers.hidden(torch.relu(total))))
    assert torch.allclose(params, wanted, rtol=0, atol=1e-13)


def test_the_last_layer_alone_has_no_residual_projection():
    layers = stack(dilations=(1, 2, 4)).layers
    assert [layer.residual is None for layer in layers] == [False, False, True]


def test_dropout_acts_in_training_only():
    layers = stack(dropout=0.5)
    layers.output.weight.data.copy_(random(7, 6))
    inputs = random(2, 9, 4)

    def run():
        with torch.random.fork_rng(devices=[]):
            return layers(inputs, pasts(layers, 2), [])[0]

    plain = stack()
    plain.load_state_dict(layers.state_dict())
    layers.eval()
    assert torch.equal(run(), plain(inputs, pasts(plain, 2), [])[0])
    layers.train()
    assert not torch.equal(run(), plain(inputs, pasts(plain, 2), [])[0])


def test_the_stream_keeps_its_precision_under_autocast():
    layers = stack().float()
    with torch.autocast("cpu", torch.bfloat16):
        rings = [past.float() for past in pasts(layers, 2)]
        _, after = layers(random(2, 9, 4).float(), rings, [])
    assert {past.dtype for past in after} == {torch.float32}
