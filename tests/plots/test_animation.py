import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba
from PIL import Image, ImageSequence

from autoreg import plots
from autoreg.codecs.scan import KINDS, Scan
from autoreg.plots.animation import _picture
from autoreg.plots.style import UNSEEN

IMAGE = torch.tensor([[9, 1, 5], [0, 7, 3]])
GENERATOR = torch.Generator().manual_seed(0)
PROBS = torch.rand(7, 4, generator=GENERATOR).softmax(1)  # a different row at every time


def hidden_in(figure):
    """Return which pixels a frame hides."""
    pixels = np.asarray(figure.axes[0].images[0].get_array())
    return np.isclose(pixels, to_rgba(UNSEEN)).all(-1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seen", [0, 1, 4, 6])
def test_frame_shows_the_pixels_that_its_posterior_knows_and_no_other(kind, seen):
    scan = Scan(kind, 2, 3)
    figure = plots.revealed(IMAGE, scan.order, PROBS, "abcd", seen=seen)
    later = torch.arange(6) >= seen  # x_0, ..., x_{t-1} are seen at time t
    assert np.array_equal(hidden_in(figure), scan.roll(later))
    assert [bar.get_width() for bar in figure.axes[1].patches] == PROBS[seen].tolist()
    assert figure.axes[0].get_xlabel() == f"{seen} of 6 pixels"


def test_animation_goes_from_the_prior_to_the_whole_image(tmp_path):
    order = Scan("raster", 2, 3).order
    moments = plots.animate(tmp_path / "a.gif", IMAGE, order, PROBS, "abcd", every=4, title="T")
    assert moments == [0, 4, 6]
    with Image.open(tmp_path / "a.gif") as film:
        shown = [
            (frame.info["duration"], np.asarray(frame.convert("RGB"), dtype=int))
            for frame in ImageSequence.Iterator(film)
        ]
    assert [time for time, _ in shown] == [120, 120, 2000]
    for seen, (_, pixels) in zip(moments, shown, strict=True):
        figure = plots.revealed(IMAGE, order, PROBS, "abcd", seen=seen, title="T")
        whole = np.asarray(_picture(figure), dtype=int)
        assert np.abs(pixels - whole).mean() < 0.6  # of 255: GIFs have 256 colours


def test_frames_are_few_enough_if_not_told(tmp_path):
    image, order = torch.zeros(13, 10), torch.arange(130)
    probs = torch.full((131, 1), 1.0)
    moments = plots.animate(tmp_path / "a.gif", image, order, probs, "a")
    assert moments == [*range(0, 130, 2), 130]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"probs": PROBS[1:]}, r"probabilities \(7, 4\); got \(2, 3\), \(6,\) and \(6, 4\)"),
        ({"order": torch.arange(5)}, r"an order \(6,\)"),
        ({"image": IMAGE.flatten()}, r"shape \(H, W\)"),
        ({"every": 0}, "every and milliseconds need to be 1 or more; got 0 and 120"),
        ({"path": "a.png"}, r"a file that ends in \.gif; got a\.png"),
    ],
)
def test_what_cannot_move_is_refused(asked, told, tmp_path):
    fine = {"path": tmp_path / "a.gif", "image": IMAGE, "order": torch.arange(6)}
    with pytest.raises(ValueError, match=told):
        plots.animate(**fine | {"probs": PROBS, "labels": "abcd"} | asked)


@pytest.mark.parametrize("seen", [-1, 7])
def test_no_frame_shows_more_than_there_is(seen):
    with pytest.raises(ValueError, match=rf"within 0\.\.6 pixels; got {seen}"):
        plots.revealed(IMAGE, torch.arange(6), PROBS, "abcd", seen=seen)
