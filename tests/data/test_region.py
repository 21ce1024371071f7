"""Which positions a region covers; test_signal.py has the laws of every signal's."""

import math

import pytest
import torch

from autoreg.data.region import Seconds, along, along_in_words, masked, steps, union


def test_seconds_become_the_nearest_samples():
    assert Seconds(0.1, 0.26).samples(10) == slice(1, 3)
    assert Seconds(None, 0.24).samples(10) == slice(None, 2)
    assert Seconds(-0.3).samples(10) == slice(-3, None)


@pytest.mark.parametrize(
    "ends", [(0.2, 0.1), (-0.1, -0.2), (None, math.nan), (math.inf, None), (math.nan, 1.0)]
)
def test_seconds_that_run_backwards_or_nowhere_are_refused(ends):
    with pytest.raises(ValueError, match=f"finite start <= stop; got {ends[0]} and {ends[1]}"):
        Seconds(*ends)


def test_from_a_start_to_a_stop_counted_from_the_end_is_a_piece():
    assert Seconds(0.5, -0.1).samples(10) == slice(5, -1)


def test_a_union_of_none_is_nowhere_and_of_several_all_of_them():
    def read(part):
        return along(part, 5)

    assert not union([], 5, read, "a place").any()
    assert union([0, [slice(3, 5)]], 5, read, "a place").tolist() == [
        True,
        *2 * [False],
        *2 * [True],
    ]
    with pytest.raises(ValueError, match=r"a region needs a place, or a list of these; got 5"):
        union([0, [5]], 5, read, "a place")


@pytest.mark.parametrize("region", [slice(2, 2), slice(4, 1), slice(0, 0)])
def test_an_empty_slice_covers_nothing(region):
    assert not along(region, 5).any()


def test_signals_of_no_positions_have_regions():
    assert along(slice(None), 0).shape == (0,)
    assert along(torch.zeros(0, dtype=torch.bool), 0).shape == (0,)
    assert along(0, 0) is None


def test_places_of_a_slice_keep_its_order():
    assert steps(slice(None, None, -2), 5).tolist() == [4, 2, 0]


def test_only_booleans_of_the_shape_are_a_mask():
    mask = torch.eye(2, dtype=torch.bool)
    assert torch.equal(masked(mask, (2, 2)), mask)
    assert torch.equal(masked(mask.numpy(), (2, 2)), mask)
    assert masked(mask, (4,)) is None
    assert masked(mask.int(), (2, 2)) is None
    assert masked([True, False], (2,)) is None


def test_the_words_name_every_bound():
    assert along_in_words(5) == (
        "a boolean mask of shape (5,), a position within -5..4 or a slice within -5..5"
    )
