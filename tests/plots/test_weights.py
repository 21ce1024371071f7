import pytest
import torch

from autoreg import plots


def test_weights_are_normalised_and_sorted_and_their_worth_told():
    axes = plots.weighted(torch.tensor([1.0, 2.0, 1.0]).log() - 50, title="Weights").axes[0]
    heights, edges, _ = axes.patches[0].get_data()
    assert heights.tolist() == pytest.approx([0.5, 0.25, 0.25])
    assert edges.tolist() == [0, 1, 2, 3]
    assert axes.get_title(loc="right") == "3 draws, worth 2.7 of equal weight"  # 1 / 0.375
    assert axes.lines[0].get_ydata() == pytest.approx([1 / 3, 1 / 3])


@pytest.mark.parametrize(
    ("log_weights", "told"),
    [
        (torch.zeros(0), r"need shape \(N,\); got \(0,\)"),
        (torch.full((2,), -torch.inf), "need one that is finite"),
        (torch.tensor([0.0, torch.nan]), "none that is nan"),
    ],
)
def test_what_is_no_weight_is_refused(log_weights, told):
    with pytest.raises(ValueError, match=told):
        plots.weighted(log_weights, title="")
