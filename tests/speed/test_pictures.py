from autoreg import plots
from autoreg.speed import pictures


def test_a_run_is_shown(report, tmp_path):
    for draw in (pictures.bars, pictures.curves):
        figure = draw(report)
        plots.save(figure, tmp_path / "figure.png")
        assert (tmp_path / "figure.png").stat().st_size > 0


def test_bars_are_of_what_has_something_plain_beside_it(report):
    left = pictures.bars(report).axes[0]
    assert [text.get_text() for text in left.get_yticklabels()] == [
        "training, float32",
        "scoring, bfloat16",
        "generation, 1 at a time, float32",
    ]
