import json

from autoreg.speed.rows import ALONE, PLAIN, Row, compared, plainly
from autoreg.speed.trial import Entry, Spread


def test_a_row_survives_being_plain_data(report):
    for row in report.rows:
        assert Row.from_dict(json.loads(json.dumps(row.to_dict()))) == row


def test_a_row_is_compared_with_the_fastest_other_and_the_slowest_bound():
    rates = {
        "ours": [10.0, 12.0],
        PLAIN: [1.0, 1.0],
        ALONE: [2.0, 3.0],
        "gemm": [40.0, 40.0],
        "copying": [20.0, 24.0],
    }
    found = compared(rates, "ours", others=(PLAIN, ALONE), bounds=("gemm", "copying", "none"))
    assert (found["against"], found["ceiling"]) == (ALONE, "copying")
    assert found["ratio"].median == 4.5
    assert found["fraction"] == Spread(0.5, 0.5, 0.5, 2)
    assert set(compared(rates, "ours", others=("none",))) == {"ours"}


def test_plain_code_competes_on_one_thread_too():
    entry = Entry(lambda times: None, 3)
    assert plainly(entry, 1) == {PLAIN: entry}
    both = plainly(entry, 2)
    assert set(both) == {PLAIN, ALONE}
    assert both[ALONE].size == 3
