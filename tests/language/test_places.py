"""Positions and symbols are printed as they are read."""

import pytest

from autoreg.language.places import (
    Masked,
    Name,
    Place,
    Position,
    Range,
    Seconds,
    Span,
    Symbols,
    number,
    quoted,
)


def at(*parts):
    return Position(tuple((False, part) for part in parts))


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (Name("digit"), "digit"),
        (Name("7"), "7"),
        (Name("digit", quoted=True), '"digit"'),
        (Name("van Gogh"), '"van Gogh"'),
        (Seconds(0.2), "0.2s"),
        (Seconds(3.0), "3s"),
        (Position(((True, 1), (False, Name("t")), (True, Seconds(0.5)))), "-1 + t - 0.5s"),
        (Span(None, at(3)), ":3"),
        (Span(at(1), None, 2), "1::2"),
        (Place(Name("x")), "x"),
        (Place(Name("x"), (at(1), Span())), "x[1, :]"),
        (Place(Name("x"), (Masked(Name("mask")),)), "x[not mask]"),
        (Range(3, 3), "3"),
        (Range(None, 3), "..3"),
        (Symbols((Range(0, 3),)), "0..3"),
        (Symbols((Range(0, 3), Name("S"))), "{0..3, S}"),
        (Symbols(()), "{}"),
    ],
)
def test_parts_are_printed_as_they_are_written(part, text):
    assert str(part) == text


def test_where_a_part_stands_does_not_count():
    assert Name("x", at=3) == Name("x", at=7)
    assert len({Seconds(1.0, at=0), Seconds(1.0, at=1)}) == 1
    assert Name("x") != Name("x", quoted=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5"), (-2.0, "-2"), (1e-7, "1e-07"), (1e22, "1e+22"), (-0.0, "0")],
)
def test_numbers_lose_nothing(value, text):
    assert number(value) == text
    assert float(text) == value


def test_quotes_are_escaped():
    assert quoted('a "b"\\\n') == '"a \\"b\\"\\\\\\n"'
