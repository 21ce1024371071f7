"""Vector instructions against the same arithmetic by numpy."""

import math

import numpy as np
import pytest
from numba import njit

from autoreg.walks import llvm, vectors

TYPES = [np.float32, np.float64]
PRODUCTS = {height: vectors.product(height) for height in (4, 2, 1)}


@njit
def exponentials(logs, out, shift):
    return vectors.exponentials(logs[0], logs.ctypes.data, out.ctypes.data, len(logs), shift)


@njit
def gated(signals, gates, out):
    start = signals.ctypes.data
    vectors.gated(signals[0], start, gates.ctypes.data, len(signals), out.ctypes.data)


@njit
def peak(values):
    return vectors.peak(values[0], values.ctypes.data, len(values))


@njit
def rectify(values):
    vectors.rectify(values[0], values.ctypes.data, len(values))


@njit
def add(target, source):
    vectors.add(target[0], target.ctypes.data, source.ctypes.data, len(target))


@njit
def copy(target, source, count):
    vectors.copy(target.ctypes.data, source.ctypes.data, count)


@njit
def count_up(counter, amount):
    vectors.announce(counter.ctypes.data, amount)
    vectors.announce(counter.ctypes.data, amount)
    return vectors.watched(counter.ctypes.data), vectors.whole(counter.ctypes.data + 8)


def multiplier(height):
    product = PRODUCTS[height]

    @njit
    def multiply(like, panel, stride, x, start, out):
        count, depth = x.shape
        product(
            like,
            panel.ctypes.data,
            stride,
            depth,
            count,
            x.ctypes.data,
            x.strides[0] // x.itemsize,
            start.ctypes.data,
            start.strides[0] // x.itemsize,
            out.ctypes.data,
            out.strides[0] // x.itemsize,
        )

    return multiply


def filled(values, kind):
    """Return numbers as an array of whole vectors of either type, the last of them repeated."""
    values = np.array(values, np.float64).astype(kind)
    more = -len(values) % (llvm.WIDTH // 4)
    return np.concatenate([values, np.full(more, values[-1])])


def ulps(got, wanted, kind):
    """Return how many units of the last place of a type numbers are off."""
    return np.abs(got - wanted) / np.spacing(np.abs(wanted).astype(kind)).astype(np.float64)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("least", [-1.0, -700.0])
def test_exponentials_are_right_to_two_units_of_float64(kind, least):
    drawn = np.random.default_rng(0).uniform(least, 0, 20_000)
    logs = filled(np.concatenate([drawn, drawn / 1e6, [0.0, -1e-300]]), kind)
    out = np.empty(len(logs))
    total = exponentials(logs, out, 0.0)
    # Their sum is added up in some order, each addition off by half a unit.
    assert total == pytest.approx(math.fsum(out), rel=len(out) * 2**-53)
    assert ulps(out, np.exp(logs.astype(np.float64)), np.float64).max() <= 2


def test_weights_are_right_beside_the_largest_of_them():
    logs = filled(np.linspace(-700.0, 40.0, 999), np.float64)
    out = np.empty(len(logs))
    exponentials(logs, out, 40.0)
    assert np.abs(out - np.exp(logs - 40.0)).max() <= 2**-53
    assert out[998] == 1.0


@pytest.mark.parametrize("kind", TYPES)
def test_what_has_no_exponential_vanishes_or_stays_no_number(kind):
    logs = filled([-math.inf, -1e30, -800.0, -708.5, math.nan, 0.0, -0.0], kind)
    out = np.empty(len(logs))
    exponentials(logs, out, 0.0)
    assert out[:4].tolist() == [0.0] * 4
    assert math.isnan(out[4])
    assert out[5:7].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("kind", TYPES)
def test_gated_units_are_right_to_a_few_units(kind):
    generator = np.random.default_rng(1)
    # Both signs and all magnitudes: near 0 the difference exp(2a) - 1 cancels.
    signals = filled(generator.choice([-1, 1], 9000) * 10 ** generator.uniform(-8, 2, 9000), kind)
    gates = filled(generator.choice([-1, 1], 9000) * 10 ** generator.uniform(-8, 2, 9000), kind)
    out = np.empty(len(signals), kind)
    gated(signals, gates, out)
    wide = signals.astype(np.float64), gates.astype(np.float64)
    wanted = np.tanh(wide[0]) / (1 + np.exp(-wide[1]))
    # Of 1, the greatest that a unit is, not of the unit itself: it is added to others.
    assert np.abs(out - wanted).max() <= 8 * np.finfo(kind).eps


@pytest.mark.parametrize("kind", TYPES)
def test_gated_units_have_limits(kind):
    signals = filled([math.inf, -math.inf, 1e30, -1e30, 0.0, math.nan, 1.0, 0.5], kind)
    gates = filled([math.inf, math.inf, 1e30, 1e30, 3.0, 1.0, math.nan, -math.inf], kind)
    out = np.empty(len(signals), kind)
    gated(signals, gates, out)
    assert out[:5].tolist() == [1.0, -1.0, 1.0, -1.0, 0.0]
    assert np.isnan(out[5:7]).all()
    assert 0 <= out[7] < 1e-25


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("place", [0, 1, 17, 40])
def test_the_peak_is_the_largest(kind, place):
    values = filled(np.linspace(-9.0, -2.0, 41), kind)
    values[place] = -0.5
    assert peak(values) == -0.5
    values[:] = -math.inf
    assert peak(values) == -math.inf


@pytest.mark.parametrize("kind", TYPES)
def test_sums_and_rectified_numbers_are_exact(kind):
    one, two = (filled(np.random.default_rng(n).normal(size=50), kind) for n in (0, 1))
    wanted = one + two
    add(one, two)
    assert np.array_equal(one, wanted)
    rectify(one)
    assert np.array_equal(one, np.maximum(wanted, 0))


@pytest.mark.parametrize("count", [0, 1, 7, 64, 100])
def test_bytes_are_copied_to_the_last_and_no_further(count):
    source = np.arange(1, 129, dtype=np.uint8)
    target = np.zeros(128, np.uint8)
    copy(target, source, count)
    assert np.array_equal(target[:count], source[:count])
    assert not target[count:].any()


def test_counters_are_read_as_they_stand():
    counter = np.array([5, 11], np.int64)
    assert count_up(counter, 3) == (11, 11)
    assert counter.tolist() == [11, 11]


@pytest.mark.parametrize(
    ("height", "kind"), [(4, np.float32), (2, np.float64), (1, np.float32)], ids=str
)
def test_products_are_sums_of_products(height, kind):
    lanes, generator = llvm.lanes(np.dtype(kind).itemsize), np.random.default_rng(height)
    rows, multiply = height * lanes, multiplier(height)
    # Whole numbers: their sums are exact in any order. Rows of x and out lie further apart.
    for count in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 25):
        for depth in (0, 1, 2, 5):
            panel = generator.integers(-9, 9, (depth, rows + lanes)).astype(kind)
            x = generator.integers(-9, 9, (count, depth + 3)).astype(kind)[:, :depth]
            start = generator.integers(-9, 9, (count, rows)).astype(kind)
            out = np.full((count + 1, rows + 2), 99, kind)
            multiply(x.dtype.type(0), panel, rows + lanes, x, start, out)
            assert np.array_equal(out[:count, :rows], start + x @ panel[:, :rows])
            assert (out[:, rows:] == 99).all()
            assert (out[count] == 99).all()


@pytest.mark.parametrize("height", [4])
def test_16_bit_weights_multiply_as_what_they_stand_for(height):
    lanes, generator = llvm.lanes(4), np.random.default_rng(height)
    weights = generator.integers(-9, 9, (5, height, lanes)).astype(np.float32)
    bits = weights.view(np.uint32)
    words = np.ascontiguousarray((bits[:, ::2] >> 16) | bits[:, 1::2])
    x = generator.integers(-9, 9, (7, 5)).astype(np.float32)
    start, out = np.zeros((2, 7, height * lanes), np.float32)
    multiplier(height)(np.int16(0), words, height * lanes, x, start, out)
    assert np.array_equal(out, x @ weights.reshape(5, -1))
