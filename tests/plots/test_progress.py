import numpy as np
import pytest
import torch

from autoreg import plots

GENERATOR = torch.Generator().manual_seed(0)
IMAGES = torch.randint(17, (3, 4, 4, 5), generator=GENERATOR, dtype=torch.uint8)


def pixels_of(axes):
    """Return what one frame of a figure shows, layer upon layer."""
    seen = np.ones((4, 5, 3))
    for layer in axes.images:
        colours = np.asarray(layer.get_array())
        seen = colours[..., 3:] * colours[..., :3] + (1 - colours[..., 3:]) * seen
    return seen


def test_posterior_grows_while_the_image_is_revealed():
    probs = torch.full((1, 21, 2), 0.5)
    probs[0, 10:] = torch.tensor([0.99, 0.01])
    order = torch.arange(19, -1, -1)
    figure = plots.progressive(IMAGES[:1, 0], order, probs, ["yes", "no"], title="Which?")
    *thumbnails, bands = figure.axes
    first, last = pixels_of(thumbnails[0]), pixels_of(thumbnails[-1])
    assert np.ptp(first[:3], axis=(0, 1)).max() == 0  # of a reversed scan, the top comes last
    assert np.array_equal(first[3], last[3])
    assert {text.get_text() for text in bands.texts} == {"yes", "no"}
    assert bands.get_xlim() == (0, 20)


def test_label_without_room_is_not_written():
    probs = torch.tensor([0.05, 0.95]).expand(1, 21, 2)
    figure = plots.progressive(IMAGES[:1, 0], torch.arange(20), probs, ["a", "b"], title="Which?")
    assert [text.get_text() for text in figure.axes[-1].texts] == ["b"]


@pytest.mark.parametrize(
    ("images", "rows", "told"),
    [
        (IMAGES[:1, 0], 20, r"\(M, T \+ 1, 2\); got \(1, 4, 5\), \(20,\) and \(1, 20, 2\)"),
        (IMAGES[:0, 0], 21, "one or more"),
        (IMAGES[:1, 0, 1:], 21, r"T = H W pixels .* got \(1, 3, 5\)"),
    ],
)
def test_images_that_do_not_fit_are_refused(images, rows, told):
    probs = torch.full((1, rows, 2), 0.5)
    with pytest.raises(ValueError, match=told):
        plots.progressive(images, torch.arange(20), probs, ["a", "b"], title="")
