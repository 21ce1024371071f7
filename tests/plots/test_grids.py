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


def test_draws_stand_in_columns_below_their_label():
    figure = plots.drawn(IMAGES, ["a", "b", "c"], title="Draws")
    frames = figure.axes
    assert len(frames) == 3 * 4
    assert [frame.get_title() for frame in frames[:4]] == ["a", "b", "c", ""]
    assert figure.get_suptitle() == "Draws"
    darkness = -pixels_of(frames[3 * 2 + 1]).sum(-1).ravel()
    assert np.corrcoef(darkness, IMAGES[1, 2].flatten())[0, 1] > 0.99


def test_completions_tell_what_was_given_from_what_was_drawn():
    kept = torch.arange(20).reshape(4, 5) < 10
    figure = plots.completed(IMAGES[:, 0], IMAGES[:, 1:], kept, title="Completed")
    image, given, one = (pixels_of(frame) for frame in figure.axes[:3])
    assert len(figure.axes) == 3 * 5
    assert np.array_equal(image[:2], given[:2])
    assert np.ptp(given[2:], axis=(0, 1)).max() == 0
    blueness = one[..., 2] - one[..., 0]
    assert blueness[2:].min() > 0.04 > blueness[:2].max()


def test_images_of_nothing_but_zeros_are_blank():
    figure = plots.drawn(torch.zeros(1, 1, 4, 5), ["zero"], title="Nothing")
    assert np.ptp(pixels_of(figure.axes[0]), axis=(0, 1)).max() == pytest.approx(0)


def test_pictures_stand_row_by_row_below_their_captions():
    images = IMAGES[:, 0]
    frames = plots.pictured(images, ["a", "b", "c"], columns=2, title="Three").axes
    assert [frame.get_title() for frame in frames] == ["a", "b", "c", ""]
    for frame, image in zip(frames, images, strict=False):
        darkness = -pixels_of(frame).sum(-1).ravel()
        assert np.corrcoef(darkness, image.flatten())[0, 1] > 0.99
    assert not frames[3].images
    assert len(plots.pictured(images[:1], columns=4, title="One of four").axes) == 4


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda: plots.pictured(IMAGES, title=""), r"images \(N, H, W\).*got \(3, 4, 4, 5\)"),
        (lambda: plots.pictured(IMAGES[0], "ab", title=""), r"\(4, 4, 5\) and 2 captions"),
        (lambda: plots.drawn(IMAGES, "ab", title=""), r"\(2, N, H, W\).*got \(3, 4, 4, 5\)"),
        (
            lambda: plots.completed(IMAGES[:, 0], IMAGES[:2], IMAGES[0, 0] > 0, title=""),
            r"got \(3, 4, 5\), \(2, 4, 4, 5\)",
        ),
        (
            lambda: plots.completed(IMAGES[:, 0], IMAGES, IMAGES[0] > 0, title=""),
            r"is kept \(H, W\); got .* and \(4, 4, 5\)",
        ),
    ],
)
def test_images_that_do_not_fit_are_refused(draw, told):
    with pytest.raises(ValueError, match=told):
        draw()
