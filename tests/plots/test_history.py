import pytest

from autoreg import plots

ROWS = [
    {"step": 0, "nats_per_symbol": None, "valid": 2.0, "learning_rate": 0.0},
    {"step": 5, "nats_per_symbol": 1.5, "valid": None, "learning_rate": 0.1},
    {"step": 9, "nats_per_symbol": 0.5, "valid": 0.25, "learning_rate": 0.2},
]


def test_each_line_has_the_steps_at_which_it_was_measured():
    above, below = plots.trained(ROWS, title="Training").axes
    lines = {line.get_label(): line for line in above.lines}
    assert lines["training"].get_xdata().tolist() == [5, 9]
    assert lines["training"].get_ydata().tolist() == [1.5, 0.5]
    assert lines["validation"].get_xdata().tolist() == [0, 9]
    assert lines["validation"].get_ydata().tolist() == [2, 0.25]
    assert below.lines[0].get_ydata().tolist() == [0, 0.1, 0.2]
    assert above.get_ylabel() == "nats a symbol"


def test_ticks_of_nats_are_plain_numbers():
    figure = plots.trained(ROWS, title="Training")
    figure.draw_without_rendering()
    axis = figure.axes[0].yaxis
    texts = [
        tick.get_text() for tick in (*axis.get_majorticklabels(), *axis.get_minorticklabels())
    ]
    assert len([float(text) for text in texts if text]) > 2  # no powers of ten


@pytest.mark.parametrize("rows", [[], [{"valid": 1.0}]])
def test_what_is_no_history_is_refused(rows):
    with pytest.raises(ValueError, match=f"lines with a step each; got {len(rows)} lines"):
        plots.trained(rows, title="")
