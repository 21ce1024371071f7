import numpy as np
import pytest
import torch

from autoreg import plots
from autoreg.queries.bands import bands

TRUTH = torch.arange(10.0)
DRAWS = torch.stack([torch.arange(101.0) + 1000 * step for step in range(4)], dim=1)  # (101, 4)


def edges_of(band):
    """Return the times, lowest and highest values of a filled band."""
    corners = band.get_paths()[0].vertices
    times = np.unique(corners[:, 0])
    heights = [corners[corners[:, 0] == time, 1] for time in times]
    return times, np.array([h.min() for h in heights]), np.array([h.max() for h in heights])


def test_bands_hold_their_share_of_the_draws_from_the_origin_on():
    figure = plots.bands(TRUTH, DRAWS, 5, levels=(0.5, 0.9), title="What follows?")
    wide, narrow = figure.axes[0].collections
    steps = 1000 * np.arange(4)
    for band, low, high in ((wide, 4, 96), (narrow, 24, 76)):
        times, lowest, highest = edges_of(band)
        assert times.tolist() == [5, 6, 7, 8]
        assert np.allclose(lowest, steps + low)
        assert np.allclose(highest, steps + high)


def test_few_draws_make_no_band_narrower_than_what_it_is_said_to_hold():
    few = torch.arange(1.0, 20.0).flip(0)[:, None].repeat(1, 2)
    for draws, middle in ((few, 10), (few[1:], 9)):
        level = 0.9 if len(draws) == 19 else 0.8
        axes = plots.bands(TRUTH, draws, 5, levels=[level], title="").axes[0]
        times, lowest, highest = edges_of(axes.collections[0])
        found = bands(draws, [level])
        assert lowest.tolist() == found.lower[0].tolist() == [1, 1]
        assert highest.tolist() == found.upper[0].tolist() == [len(draws)] * 2
        assert axes.lines[0].get_ydata().tolist() == [middle, middle]
        assert times.tolist() == [5, 6]


def test_median_begins_at_the_origin_and_truth_is_all_of_it():
    axes = plots.bands(TRUTH, DRAWS, 5, title="What follows?").axes[0]
    median, truth = axes.lines[:2]
    assert median.get_xdata().tolist() == [5, 6, 7, 8]
    assert np.allclose(median.get_ydata(), 50 + 1000 * np.arange(4))
    assert truth.get_ydata().tolist() == TRUTH.tolist()
    assert axes.get_figure().get_suptitle() == "What follows?"


def test_narrow_band_is_darker_and_told_in_the_key():
    axes = plots.bands(TRUTH, DRAWS, 5, title="What follows?").axes[0]
    wide, narrow = (band.get_facecolor()[0, :3].sum() for band in axes.collections)
    assert narrow < wide - 0.2
    key = [text.get_text() for text in axes.get_legend().get_texts()]
    assert key == ["90 % of draws", "50 % of draws", "median", "truth"]


def test_draws_may_begin_at_once_and_outlast_the_truth():
    axes = plots.bands(TRUTH[:2], DRAWS, 0, title="").axes[0]
    assert axes.get_xlim() == (0, 3)
    assert plots.bands(TRUTH, DRAWS, 10, title="").axes[0].get_xlim() == (0, 13)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"truth": DRAWS}, r"series \(T,\) and draws \(N, H\).*got \(101, 4\) and \(101, 4\)"),
        ({"draws": DRAWS[:0]}, r"one or more of both; got \(10,\) and \(0, 4\)"),
        ({"draws": DRAWS / 0}, "draws need to be finite"),
        ({"origin": 11}, r"origin needs to lie within 0\.\.10; got 11"),
        ({"origin": -1}, "got -1"),
        ({"levels": (0.5, 1.5)}, "levels need to lie between 0 and 1; got 1.5"),
        ({"levels": ()}, "bands need a level or more"),
        ({"draws": DRAWS[:18]}, "a band of 0.9 needs 19 draws or more; got 18"),
    ],
)
def test_what_is_no_forecast_is_refused(asked, told):
    fine = {"truth": TRUTH, "draws": DRAWS, "origin": 5, "title": ""}
    with pytest.raises(ValueError, match=told):
        plots.bands(**fine | asked)
