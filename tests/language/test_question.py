"""Questions are printed in one order of clauses."""

import pytest

from autoreg.language.places import Name, Place, Position, Range, Seconds, Symbols
from autoreg.language.question import Belief, Binding, File, Form, Loop, Question
from autoreg.language.terms import Hit, Label

X, DIGIT = Name("x"), Name("digit")
HIT = Hit(Place(X), Symbols((Range(3, 3),)))


def number(value):
    return Position(((False, value),))


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Form("P", (X,)), "P(x)"),
        (Form("log P", (X, DIGIT), (Label(DIGIT, Name("7")),)), "log P(x, digit | digit=7)"),
        (Form("sample", (X,), count=3), "sample(x) * 3"),
        (Form("I", (DIGIT,), (X,), (X,)), "I(digit; x | x)"),
        (Form("KL", (Label(DIGIT, Name("7")),), (), (Label(DIGIT, X),)), "KL(digit=7 || digit=x)"),
        (Form("log odds", (X,), (X,), (X,)), "log odds(x : x | x)"),
        (Form("hitting", (HIT,), (X,)), "hitting(x, 3 | x)"),
    ],
)
def test_forms_are_printed_as_they_are_read(form, text):
    assert str(form) == text


def test_clauses_have_their_order():
    question = Question(
        Form("P", (X,)),
        length=number(Seconds(0.5)),
        prior=Belief(None, ((DIGIT, ((Name("0"), 0.25), (Name("1"), 0.75))),)),
        method=Name("dynamic programming", quoted=True),
        paths=64,
        loop=Loop(Name("t"), number(0), number(9), number(3)),
    )
    assert str(question) == (
        'P(x) length 0.5s prior(digit: {0: 0.25, 1: 0.75}) by "dynamic programming" with 64 paths '
        "for t in 0..9 step 3"
    )
    assert str(Question(Form("P", (X,)), prior=Belief(Name("training")))) == "P(x) prior training"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (File('a "b".wav'), 'n = "a \\"b\\".wav"'),
        (Symbols((Range(3, 5),)), "n = {3..5}"),
        (Symbols((Name("S"),)), "n = {S}"),
        (HIT, "n = hit(x, 3)"),
        (Name("A"), "n = A"),
    ],
)
def test_bindings_tell_sets_from_events(value, text):
    assert str(Binding(Name("n"), value)) == text
