"""Bad files are left out by name or stop everything, and nothing else is hidden."""

import logging

import pytest

from autoreg.data.badfiles import BadFiles


def halve(number):
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


def test_the_first_bad_file_stops_unless_asked_otherwise():
    with pytest.raises(ValueError, match="3 is odd"):
        BadFiles("stop").kept(halve, [2, 3, 5])


def test_skipped_files_are_named_and_counted(caplog):
    bad = BadFiles("skip")
    with caplog.at_level(logging.WARNING):
        assert bad.kept(halve, [2, 3, 4, 5]) == [1, 2]
        bad.report()
    assert [record.getMessage() for record in caplog.records] == [
        "skipped 3 is odd",
        "skipped 5 is odd",
        "skipped 2 bad sound files in all",
    ]


def test_nothing_is_said_of_good_files(caplog):
    bad = BadFiles("skip")
    bad.kept(halve, [2, 4])
    bad.report()
    assert not caplog.records


def test_defects_are_not_taken_for_bad_files():
    with pytest.raises(ZeroDivisionError):
        BadFiles("skip").kept(lambda number: 1 // number, [0])


def test_what_else_might_be_done_is_refused():
    with pytest.raises(ValueError, match="on_error needs one of stop, skip; got 'ignore'"):
        BadFiles("ignore")
