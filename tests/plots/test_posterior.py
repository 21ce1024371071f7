import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex

from autoreg import plots
from autoreg.plots.style import ACCENT, INK

PROBS = torch.tensor([0.125, 0.625, 0.25])
LABELS = ("ann", "ben", "eve")
EVERY = torch.tensor([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25], [0.0, 0.75, 0.25]])


def test_bars_are_as_high_as_the_probabilities():
    axes = plots.bars(PROBS, LABELS, title="Who?").axes[0]
    assert [bar.get_height() for bar in axes.patches] == PROBS.tolist()
    assert [text.get_text() for text in axes.get_xticklabels()] == [*LABELS]
    assert axes.get_ylim() == (0, 1)


def test_best_bar_is_blue_and_the_true_one_framed():
    axes = plots.bars(PROBS, LABELS, truth="eve", title="Who?").axes[0]
    assert [to_hex(bar.get_facecolor()) == ACCENT for bar in axes.patches] == [False, True, False]
    framed = [to_hex(bar.get_edgecolor(), keep_alpha=True) == f"{INK}ff" for bar in axes.patches]
    assert framed == [False, False, True]


def test_standard_errors_reach_both_ways():
    axes = plots.bars(PROBS, LABELS, std_error=PROBS / 10, title="Who?").axes[0]
    (lines,) = axes.containers[1].errorbar.lines[2]
    ends = np.array([segment[:, 1] for segment in lines.get_segments()])
    assert np.allclose(ends, np.stack([0.9 * PROBS, 1.1 * PROBS], 1))


def test_curves_begin_with_the_prior_and_count_in_steps():
    axes = plots.curves(EVERY, LABELS, step=0.5, across="seconds", title="Who?").axes[0]
    named = {line.get_label(): line for line in axes.lines}
    for index, label in enumerate(LABELS):
        assert named[label].get_xdata().tolist() == [0, 0.5, 1]
        assert named[label].get_ydata().tolist() == EVERY[:, index].tolist()
    assert axes.get_xlabel() == "seconds"


def test_only_those_that_were_ever_probable_are_named():
    rows = torch.full((3, 9), 0.01)
    rows[0] = 1.0  # a prior tells nothing
    rows[1, [8, 1]] = 0.5
    rows[2, [2, 3, 5, 6]] = 0.2
    axes = plots.curves(rows, "abcdefghi", title="Which?").axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [*"bcdfgi"]
    assert len(axes.lines) == 9


def test_wave_stands_above_its_posterior():
    above, below = plots.curves(EVERY, LABELS, wave=torch.tensor([3.0, -1.0]), title="Who?").axes
    assert above.lines[0].get_ydata().tolist() == [3, -1]
    assert above.lines[0].get_xdata().tolist() == [1, 2]
    assert above.get_xlim() == below.get_xlim()


def test_posterior_of_no_symbol_is_drawn():
    assert plots.curves(EVERY[:1], LABELS, title="").axes[0].get_xlim() == (0, 1)


def test_table_is_dark_where_probable_and_tells_numbers():
    probs = torch.tensor([[0.7, 0.0], [0.1, 0.2]])
    axes = plots.table(probs, ["a", "b"], ["0", "1"], title="Both").axes[0]
    assert np.allclose(axes.images[0].get_array(), probs)
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {(0, 0): "0.70", (0, 1): "0.10", (1, 1): "0.20"}
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a", "b"]


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda: plots.bars(EVERY, LABELS, title=""), r"need shape \(3\).*got \(3, 3\)"),
        (lambda: plots.bars(PROBS, LABELS, truth="joe", title=""), "ann, ben, eve; got 'joe'"),
        (lambda: plots.curves(PROBS, LABELS, title=""), r"need shape \(T \+ 1, 3\).*got \(3,\)"),
        (
            lambda: plots.curves(EVERY, LABELS, wave=PROBS, title=""),
            r"a wave needs 2 samples; got shape \(3,\)",
        ),
        (
            lambda: plots.table(EVERY, LABELS, ["0"], title=""),
            r"needs probabilities \(3, 1\).*got \(3, 3\)",
        ),
    ],
)
def test_probabilities_that_do_not_fit_are_refused(draw, told):
    with pytest.raises(ValueError, match=told):
        draw()
