import numpy as np
import pytest
import torch

from autoreg import plots

DEGREES = torch.tensor([-90.0, 0.0, 90.0])
LOG_PROBS = torch.tensor([[-9.0, -7.0], [-1.0, -2.0], [-8.0, -6.0]])
IMAGES = torch.tensor([[[0, 1], [0, 0]], [[1, 0], [0, 0]], [[0, 0], [1, 0]]])


def test_each_line_is_a_column_against_the_angle_below_its_images():
    *pictures, axes = plots.turned(DEGREES, LOG_PROBS, ["3", "8"], IMAGES, title="Turned").axes
    for line, name, column in zip(axes.lines, "38", LOG_PROBS.T, strict=False):
        assert line.get_label() == name
        assert line.get_xdata().tolist() == DEGREES.tolist()
        assert line.get_ydata().tolist() == column.tolist()
    assert axes.lines[2].get_xdata() == [0, 0]  # as it was
    assert [one.get_xlabel() for one in pictures] == ["-90°", "0°", "90°"]
    dark = [np.asarray(one.images[0].get_array())[..., 0] < 0.5 for one in pictures]
    assert np.array_equal(dark, IMAGES == 1)


def test_histograms_share_their_bins_and_each_sums_to_one():
    values = {"digits": torch.tensor([-10.0, -10.0, -30.0]), "noise": torch.tensor([-90.0])}
    axes = plots.histograms(values, title="How likely?").axes[0]
    (digits, edges, _), (noise, same, _) = (patch.get_data() for patch in axes.patches)
    assert np.array_equal(edges, same)
    assert (edges[0], edges[-1]) == (-90, -10)
    assert digits.sum() == pytest.approx(1)
    assert noise.sum() == pytest.approx(1)
    assert digits[-1] == pytest.approx(2 / 3)
    assert noise[0] == 1
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["digits", "noise"]


def test_equal_numbers_fall_into_one_bin():
    axes = plots.histograms({"same": torch.ones(4)}, title="").axes[0]
    heights, *_ = axes.patches[0].get_data()
    assert sorted(heights)[-2:] == [0, 1]


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (
            lambda: plots.turned(DEGREES, LOG_PROBS, ["3"], IMAGES, title=""),
            r"shape \(3, 1\), .*; got \(3, 2\) and 3 images",
        ),
        (
            lambda: plots.turned(DEGREES, LOG_PROBS, ["3", "8"], IMAGES[:2], title=""),
            "got .* and 2 images",
        ),
        (lambda: plots.histograms({}, title=""), "need 1 to 6 names; got 0"),
        (
            lambda: plots.histograms({"a": torch.tensor([torch.inf])}, title=""),
            "finite numbers, one or more; 'a' has others",
        ),
    ],
)
def test_what_does_not_fit_is_refused(draw, told):
    with pytest.raises(ValueError, match=told):
        draw()
