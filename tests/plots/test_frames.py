import numpy as np
import torch
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from autoreg.plots.frames import frames, show
from autoreg.plots.style import GIVEN, UNSEEN

IMAGE = torch.tensor([[0, 4], [8, 2]])


def test_frames_stand_below_the_title_row_by_row():
    figure = Figure(figsize=(6, 5))
    grid = frames(figure, 2, 3, "Title")
    places = np.array([[axes.get_position().p0 for axes in line] for line in grid])
    assert (np.diff(places[..., 0], axis=1) > 0).all()
    assert (np.diff(places[..., 1], axis=0) < 0).all()
    assert figure.get_suptitle() == "Title"


def test_highest_value_is_darkest_and_nought_white():
    axes = frames(Figure(), 1, 1, "")[0][0]
    show(axes, IMAGE, 8, GIVEN)
    shown = np.asarray(axes.images[0].get_array())
    assert np.allclose(shown[0, 0], 1)
    assert (np.argsort(shown[..., 0].ravel()) == [2, 1, 3, 0]).all()


def test_hidden_pixels_are_grey_and_only_the_chosen_are_opaque():
    axes, hidden = frames(Figure(), 1, 1, "")[0][0], torch.tensor([[True, False], [False, False]])
    show(axes, IMAGE, 8, GIVEN, hidden=hidden)
    show(axes, IMAGE, 8, GIVEN, only=hidden)
    grey, chosen = (np.asarray(layer.get_array()) for layer in axes.images)
    assert np.allclose(grey[0, 0], to_rgba(UNSEEN))
    assert chosen[..., 3].tolist() == [[1, 0], [0, 0]]
