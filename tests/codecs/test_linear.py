import pytest
import torch

from autoreg.codecs.linear import Linear

GRIDS = [Linear(q) for q in (2, 3, 16, 255, 256, 1024, 65536)] + [Linear(127, -3.5, 0.25)]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_every_symbol_survives_decoding_and_encoding(grid):
    symbols = torch.arange(grid.levels)
    assert grid.encode(grid.decode(symbols)).tolist() == symbols.tolist()


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_the_ends_are_the_first_and_the_last_symbol(grid):
    assert grid.encode(torch.tensor([grid.low, grid.high])).tolist() == [0, grid.levels - 1]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_decoding_is_within_half_a_step(grid):
    x = torch.linspace(grid.low, grid.high, 10_001, dtype=torch.float64)
    step = (grid.high - grid.low) / (grid.levels - 1)
    assert (grid.decode(grid.encode(x)) - x).abs().max() <= step / 2 + 1e-6


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_a_larger_amplitude_never_has_a_smaller_symbol(grid):
    x = torch.linspace(grid.low - 1, grid.high + 1, 100_001)
    symbols = grid.encode(x).int()
    assert (symbols.diff() >= 0).all()
    assert symbols.aminmax() == (0, grid.levels - 1)


def test_nan_is_refused():
    with pytest.raises(ValueError, match="got 1 NaN or infinite of 2, the first at 1"):
        Linear(4).encode(torch.tensor([0.0, float("nan")]))


@pytest.mark.parametrize(
    ("low", "high"), [(1.0, 1.0), (1.0, -1.0), (0.0, float("inf")), (1e6, 1e6 + 1)]
)
def test_ends_that_float32_cannot_tell_apart_by_levels_are_refused(low, high):
    with pytest.raises(ValueError, match="in float32, 256 levels apart"):
        Linear(256, low, high)


def test_a_tenth_is_the_level_that_decodes_to_it():
    assert Linear(21).between(0.1, 0.3) == (11, 13)


def test_between_two_levels_there_is_no_symbol():
    first, last = Linear(3).between(0.1, 0.9)
    assert (first, last) == (2, 1)


def test_a_range_beyond_what_float32_holds_is_open():
    assert Linear(3).between(-1e300, 1e300) == (0, 2)
