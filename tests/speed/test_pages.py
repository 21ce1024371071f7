from autoreg.speed import pages
from autoreg.speed.trial import Spread


def test_a_page_has_every_row_and_effect_and_what_grows(report):
    page = pages.page(report)
    assert page.startswith("## Speed\n\na processor, 2 cores")
    assert "| generation | B | float32 | 1 | 1 | 40,000 samples/s (39,000 to 41,000) |" in page
    assert "met: 120x plain; missed: within 1.3x reading the weights" in page
    assert "| B | scoring, bfloat16 | 0.001 | 0.01 | -1e-05 |" in page
    assert "Seconds, as layers grow:\n\n| layers | generation |" in page
    assert "None" not in page


def test_the_small_table_says_how_many_times_as_fast(report):
    assert pages.brief(report).splitlines()[2:] == [
        "| draw, 1 at a time | 40,000 (200x) |",
        "| score | 40,000 (200x) |",
        "| train | 40,000 (200x) |",
    ]


def test_numbers_have_three_digits():
    shown = [pages.told(Spread(value, value, value, 1)) for value in (0, 1234, 0.01234, 3e-7)]
    assert shown == ["0", "1,230", "0.0123", "3e-07"]
    assert pages.told(None) == "-"
