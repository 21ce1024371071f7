"""Terms are printed with the parentheses that they need, and no others."""

import pytest

from autoreg.language.places import Name, Place, Position, Range, Symbols
from autoreg.language.terms import Among, Before, Both, Count, Hit, Label, Not, Within, Word

A, B, C = (Name(text) for text in "abc")
X, SET = Place(Name("x")), Symbols((Range(0, 3),))


@pytest.mark.parametrize(
    ("term", "text"),
    [
        (Label(A, Name("7")), "a=7"),
        (Among(X, SET), "x in 0..3"),
        (Among(X, SET, outside=True), "x not in 0..3"),
        (Within(X, -0.1, 1.0), "x within -0.1..1"),
        (Hit(X, SET), "hit(x, 0..3)"),
        (Count(X, SET, ">=", Position(((False, 3),))), "count(x, 0..3) >= 3"),
        (Count(X, SET, "==", Position(((False, 3),)), run=True), "run(x, 0..3) == 3"),
        (Word(X, (1, 2)), "word(x, [1, 2])"),
        (Before(A, Position(((False, 50),))), "a before 50"),
        (Before(Not(A), Before(A, B)), "(not a) before (a before b)"),
        (Not(Before(A, B)), "not a before b"),
        (Not(Not(A)), "not not a"),
        (Not(Both((A, B))), "not (a and b)"),
        (Both((Not(A), B)), "not a and b"),
        (Both((Both((A, B)), C), either=True), "a and b or c"),
        (Both((Both((A, B), either=True), C)), "(a or b) and c"),
        (Both((Both((A, B)), C)), "(a and b) and c"),
        (Both((A, Both((B, C), either=True)), either=True), "a or (b or c)"),
    ],
)
def test_terms_are_printed_as_they_are_read(term, text):
    assert str(term) == text
