"""Lists of dilations, and what they reach."""

import pytest
import torch

from autoreg.models.dilations import doubling, image_dilations
from autoreg.models.wavenet import WaveNet
from autoreg.training.config import preset
from tests.laws.recipes import randomise


def reached(dilations, taps=2):
    """Return how far back gated layers see, over an input filter of two taps."""
    sums = {0, 1}
    for dilation in dilations:
        sums = {total + tap * dilation for total in sums for tap in range(taps)}
    return sums


@pytest.mark.parametrize(("stacks", "depth"), [(1, 1), (1, 5), (2, 3), (3, 4)])
def test_doubling_stacks_see_every_symbol_back_to_their_reach(stacks, depth):
    dilations = doubling(stacks, depth)
    assert len(dilations) == stacks * depth
    assert max(dilations) == 2 ** (depth - 1)
    assert reached(dilations) == set(range(1 + 1 + stacks * (2**depth - 1)))


def test_a_wavenet_sees_what_sums_of_its_dilations_reach():
    dilations = image_dilations(6)
    with torch.random.fork_rng(devices=[]):
        shape = {"kernel_size": 4, "residual": 4, "skip": 9, "hidden": 9}
        model = WaveNet(2, dilations=dilations, **shape).double()
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
    assert {count - 2 - position for position in seen} == reached(dilations, 4)


def test_nothing_doubles_to_nothing():
    assert doubling(0, 5) == doubling(3, 0) == ()


@pytest.mark.parametrize("width", [5, 8, 28])
def test_images_are_seen_in_a_fan_that_widens_upwards(width):
    # Factor t takes in x_{t-1} at distance 0; the pixel right above it is x_{t-width}.
    seen = reached(image_dilations(width), 4)
    above = width - 1
    assert set(range(min(width, 14))) <= seen
    assert set(range(above - 2, above + 5)) <= seen
    assert set(range(2 * width - 1 - min(5, width - 1), 2 * width + 5)) <= seen
    assert max(seen) >= 16 * width


def test_widths_of_a_pixel_or_two_have_dilations_too():
    assert image_dilations(1) == (1, 1, 1, 2, 2, 1, 1, 1)


@pytest.mark.parametrize("name", ["mnist-binary-cpu", "mnist-256-cpu"])
def test_presets_of_mnist_have_the_dilations_of_its_width(name):
    model = preset(name).model
    assert (model.dilations, model.kernel_size) == (image_dilations(28), 4)
