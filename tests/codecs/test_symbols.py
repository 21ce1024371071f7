import pytest
import torch

from autoreg.codecs.symbols import check_levels, check_symbols, symbol_dtype, symbols_between


def test_a_byte_holds_256_symbols_and_no_more():
    assert symbol_dtype(256) == torch.uint8
    assert symbol_dtype(257) == torch.int32


@pytest.mark.parametrize("dtype", [torch.float32, torch.bool, torch.complex64])
def test_symbols_that_are_no_integers_are_refused(dtype):
    with pytest.raises(TypeError, match=f"need an integer type, 0..3; got {dtype}"):
        check_symbols(torch.zeros(2, dtype=dtype), 4)


@pytest.mark.parametrize(("symbols", "found"), [([-1, 2], "-1..2"), ([0, 4], "0..4")])
def test_symbols_out_of_range_are_refused_by_their_extremes(symbols, found):
    with pytest.raises(ValueError, match=rf"codes need values within 0..3; got {found}"):
        check_symbols(torch.tensor(symbols), 4, "codes")


def test_no_symbols_are_symbols():
    check_symbols(torch.zeros(0, dtype=torch.uint8), 2)


@pytest.mark.parametrize("levels", [1, 9])
def test_levels_are_two_or_more_and_bounded(levels):
    with pytest.raises(ValueError, match=f"within 2..8; got {levels}"):
        check_levels(levels, 8)


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(2, 3, (1, 1)), (1, 2, (0, 1)), (3, 3, (2, 1)), (-5, 0, (0, -1)), (9, 9, (3, 2))],
)
def test_symbols_of_a_range_of_values_are_the_first_and_the_last(low, high, found):
    assert symbols_between(torch.tensor([1, 2, 5], dtype=torch.uint8), low, high) == found
