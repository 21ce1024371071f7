"""Lists of dilations, and what they reach."""

import itertools

import pytest
import torch

from autoreg.models.dilations import doubling, image_dilations
from autoreg.models.wavenet import WaveNet
from tests.laws.recipes import randomise


def reached(dilations):
    """Return how far back gated layers of two taps see, over an input filter of two."""
    sums = {0}
    for dilation in (1, *dilations):
        sums |= {total + dilation for total in sums}
    return sums


@pytest.mark.parametrize(("stacks", "depth"), [(1, 1), (1, 5), (2, 3), (3, 4)])
def test_doubling_stacks_see_every_symbol_back_to_their_reach(stacks, depth):
    dilations = doubling(stacks, depth)
    assert len(dilations) == stacks * depth
    assert max(dilations) == 2 ** (depth - 1)
    assert reached(dilations) == set(range(1 + 1 + stacks * (2**depth - 1)))


def test_a_wavenet_sees_what_sums_of_its_dilations_reach():
    dilations = image_dilations(6, 1, 2)
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(2, dilations=dilations, residual=4, skip=9, hidden=9).double()
    model = randomise(model, torch.Generator().manual_seed(0))
    count = model.order + 1
    symbols = torch.zeros(1, count, dtype=torch.int64)
    flipped = torch.eye(count, dtype=torch.int64)
    condition = torch.zeros(count, dtype=torch.int64)
    with torch.no_grad():
        rows = model.log_probs(symbols, condition[:1])[0, -1]
        others = model.log_probs(flipped, condition)[:, -1]
    seen = (others != rows).any(-1).nonzero()[:, 0].tolist()
    # The last factor takes in symbol count - 2 at distance 0.
    assert {count - 2 - position for position in seen} == reached(dilations)


def test_nothing_doubles_to_nothing():
    assert doubling(0, 5) == doubling(3, 0) == ()


CASES = list(itertools.product([2, 8, 28], [1, 2], [2, 8]))


@pytest.mark.parametrize(("width", "stacks", "rows"), CASES)
def test_image_stacks_are_equal_and_go_up_by_doubling_rows(width, stacks, rows):
    dilations = image_dilations(width, stacks, rows)
    stack = dilations[: len(dilations) // stacks]
    assert dilations == stack * stacks
    upward = [2**power for power in range(10) if 2**power < rows]
    assert [up * width in stack for up in upward] == [True] * len(upward)
    assert max(stack) == upward[-1] * width


def test_image_stacks_see_the_pixels_around():
    # Factor t takes in x_{t-1}, the left neighbour; the pixel right above it is x_{t-28}.
    above, left, right = 27, 28, 26
    assert {above, left} <= reached(image_dilations(28, 1, 8))
    assert {above, left, right} <= reached(image_dilations(28, 2, 8))
    assert set(range(28)) <= reached(image_dilations(28, 2, 8))
