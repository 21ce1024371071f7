import numpy as np
import pytest
import torch

from autoreg import plots

IMAGE = torch.tensor([[8, 0, 8], [0, 8, 0]])
HIDDEN = torch.tensor([[False, False, True], [False, True, True]])
DRAWS = torch.stack([torch.full((2, 3), 2), torch.full((2, 3), 6)])


def layers(axes):
    return [np.asarray(layer.get_array()) for layer in axes.images]


def test_mean_and_deviation_are_the_draws_own():
    log_weights = torch.tensor([0.75, 0.25]).log()
    figure = plots.infilled(IMAGE, HIDDEN, DRAWS, log_weights=log_weights, title="What is hidden?")
    seen, first, second, mean, deviation, _ = figure.axes
    assert seen.get_title(loc="left") == "seen"
    spread = np.ma.masked_invalid(deviation.images[-1].get_array())
    assert np.allclose(spread[HIDDEN], 3**0.5)  # of 2 and 6 with weights 3/4 and 1/4
    assert spread.mask.tolist() == (~HIDDEN).tolist()
    blue = [layers(axes)[1][0, 2] for axes in (first, mean, second)]
    assert blue[0][0] > blue[1][0] > blue[2][0]  # 2, then 3, then 6: the darker the higher
    assert np.allclose(blue[1][0] - blue[0][0], (blue[2][0] - blue[0][0]) / 4, atol=0.01)


def test_seen_pixels_are_ink_and_hidden_ones_blue():
    figure = plots.infilled(IMAGE, HIDDEN, DRAWS, title="")
    for axes in figure.axes[1:4]:
        under, over = layers(axes)
        assert (over[..., 3] == HIDDEN.numpy()).all()
        red, blue = under[..., 0], under[..., 2]
        assert np.abs(red - blue)[~HIDDEN].max() < 0.04
        assert (over[..., 2] - over[..., 0])[HIDDEN].min() > 0.04


def test_what_is_hidden_of_the_image_is_not_looked_at():
    one, other = (
        plots.infilled(image, HIDDEN, DRAWS, title="").axes
        for image in (IMAGE, torch.where(HIDDEN, 200, IMAGE))
    )
    for first, second in zip(one[:-1], other[:-1], strict=True):
        for left, right in zip(layers(first), layers(second), strict=True):
            assert np.array_equal(left, right, equal_nan=True)


def test_heaviest_draws_are_shown_first():
    draws = torch.arange(6)[:, None, None].expand(6, 2, 3) + 1
    log_weights = torch.tensor([0.0, 1.0, 2.0, -torch.inf, 4.0, 3.0])
    figure = plots.infilled(IMAGE, HIDDEN, draws, log_weights=log_weights, title="")
    shades = [-layers(axes)[1][0, 2, 0] for axes in figure.axes[1:5]]
    assert np.argsort(np.argsort(shades)).tolist() == [2, 3, 1, 0]  # draws 5, 6, 3, 2


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"hidden": HIDDEN[:1]}, r"size \(2, 3\); got \(1, 3\) and \(2, 2, 3\)"),
        ({"draws": DRAWS[:0]}, r"got \(2, 3\) and \(0, 2, 3\)"),
        ({"log_weights": torch.zeros(3)}, r"log weights need shape \(2,\)"),
        ({"log_weights": torch.full((2,), -torch.inf)}, "one of them finite"),
    ],
)
def test_what_does_not_fit_is_refused(asked, told):
    fine = {"image": IMAGE, "hidden": HIDDEN, "draws": DRAWS, "title": ""}
    with pytest.raises(ValueError, match=told):
        plots.infilled(**fine | asked)
