import numpy as np
import pytest
import torch

from autoreg import plots

# Four answers in the bin 0.6..0.667, of which one is right, and two at the top, both right.
CONFIDENCE = torch.tensor([0.61, 0.62, 0.63, 0.64, 1.0, 0.98])
RIGHT = torch.tensor([True, False, False, False, True, True])


def drawn_points(axes):
    return [np.stack(one.lines[0].get_data(), 1) for one in axes.containers]


def test_points_stand_at_confidence_and_accuracy_of_each_bin():
    above, _ = plots.reliability(CONFIDENCE, RIGHT, title="How sure?").axes
    (points,) = drawn_points(above)
    assert np.allclose(points, [[0.625, 0.25], [0.99, 1.0]])


def test_bars_below_count_the_answers():
    _, below = plots.reliability(CONFIDENCE, RIGHT, title="").axes
    (stairs,) = below.patches
    heights, edges, _ = stairs.get_data()
    assert heights.sum() == 6
    assert heights[9] == 4
    assert heights[14] == 2
    assert np.allclose(edges, np.arange(16) / 15)


def test_key_tells_the_calibration_error():
    above, _ = plots.reliability(CONFIDENCE, RIGHT, title="").axes
    expected = (4 * 0.375 + 2 * 0.01) / 6
    assert above.get_legend().get_texts()[0].get_text() == f"as it comes, ECE {expected:.4f}"


def test_intervals_are_wilsons():
    """Wilson's ends solve (p - p0)^2 = z^2 p0 (1 - p0) / n for p0."""
    above, _ = plots.reliability(CONFIDENCE, RIGHT, title="").axes
    (bars,) = above.containers[0].lines[2]
    for (low, high), share, count in zip(
        (segment[:, 1] for segment in bars.get_segments()), (0.25, 1.0), (4, 2), strict=True
    ):
        for end in (low, high):
            assert (share - end) ** 2 == pytest.approx(1.96**2 * end * (1 - end) / count, abs=1e-9)


def test_calibrated_answers_are_a_second_line_with_marks_of_its_own():
    calibrated = (CONFIDENCE / 2, ~RIGHT)
    above, _ = plots.reliability(CONFIDENCE, RIGHT, calibrated=calibrated, title="").axes
    first, second = drawn_points(above)
    assert np.allclose(second[:, 0], [0.3125, 0.495])
    assert np.allclose(second[:, 1], 1 - first[:, 1])
    lines = [one.lines[0] for one in above.containers]
    assert len({line.get_marker() for line in lines}) == 2
    assert len({line.get_linestyle() for line in lines}) == 2


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"right": RIGHT[:3]}, r"right \(n,\) or not; got \(6,\), \(3,\)"),
        ({"calibrated": (CONFIDENCE, RIGHT[:3])}, r"got \(6,\), \(6,\), \(6,\), \(3,\)"),
        ({"confidence": RIGHT[:0], "right": RIGHT[:0]}, r"got \(0,\), \(0,\)"),
        ({"confidence": CONFIDENCE + 1}, r"confidence needs to lie within 0\.\.1; got 1.61\.\.2"),
        ({"confidence": CONFIDENCE * torch.nan}, "confidence needs to lie within"),
    ],
)
def test_what_is_no_confidence_is_refused(asked, told):
    fine = {"confidence": CONFIDENCE, "right": RIGHT, "title": ""}
    with pytest.raises(ValueError, match=told):
        plots.reliability(**fine | asked)
