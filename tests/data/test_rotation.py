import numpy as np
import pytest
import torch

from autoreg.data.rotation import rotated

IMAGE = torch.randint(256, (7, 7), generator=torch.Generator().manual_seed(0))


def test_no_degree_is_the_image_itself():
    assert torch.equal(rotated(IMAGE, 0), IMAGE)
    assert torch.equal(rotated(IMAGE, 360), IMAGE)


@pytest.mark.parametrize("quarters", [1, 2, 3, -1])
def test_quarters_of_a_turn_are_counterclockwise_and_exact(quarters):
    assert torch.equal(rotated(IMAGE.numpy(), 90 * quarters), torch.rot90(IMAGE, quarters))


def test_size_stays_and_what_comes_in_is_nought():
    turned = rotated(torch.full((4, 8), 255), 45)
    assert turned.shape == (4, 8)
    assert turned[0, 0] == 0
    assert turned[2, 4] == 255


def test_values_between_pixels_are_interpolated():
    ramp = torch.arange(9).expand(9, 9) * 10  # linear, so that interpolation is exact inside
    angle = np.deg2rad(30)
    turned = rotated(ramp, 30).double()
    row, column = 5, 3  # about the centre (4, 4); rows downwards
    expected = 10 * (4 + (column - 4) * np.cos(angle) - (row - 4) * np.sin(angle))
    assert turned[row, column] == pytest.approx(expected, abs=1)


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (IMAGE[0], r"needs shape \(H, W\).*got shape \(7,\)"),
        (IMAGE[:0], r"got shape \(0, 7\)"),
        (IMAGE * 2, "within 0..255"),
        (IMAGE / 255, "whole values"),
        (IMAGE - 300, "within 0..255"),
    ],
)
def test_what_is_no_grey_image_is_refused(image, told):
    with pytest.raises(ValueError, match=told):
        rotated(image, 10)
