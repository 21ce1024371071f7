"""A parser's tree becomes the parts of a question."""

import pytest

from autoreg.language.errors import QuestionError
from autoreg.language.parser import _grammar
from autoreg.language.places import Name, Place, Position, Range, Seconds, Span, Symbols
from autoreg.language.question import Binding, File, Form, Question
from autoreg.language.terms import Before, Both, Hit, Not
from autoreg.language.tree import _Build, build


def read(text, start="question"):
    return build(_grammar().parse(text, start=start))


def test_parts_are_built_from_inside_out():
    hit = Hit(Place(Name("x")), Symbols((Range(1, 1),)))
    until = Position(((False, Seconds(0.5)),))
    asked = Both((Not(Before(hit, until)), Name("b")))
    seen = Place(Name("x"), (Span(None, Position(((True, 2),))),))
    assert read("P(not hit(x, 1) before 500ms and b | x[:-2])") == Question(
        Form("P", (asked,), (seen,))
    )


def test_texts_are_unescaped():
    assert read(r'n = "a \"b\\\n"', "binding") == Binding(Name("n"), File('a "b\\\n'))


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("P(x) length 3 length 3", 14, "expected length once; got it again"),
        ("sample(x) * 00", 12, "expected one draw or more; got 00"),
        ("P(x) with 0 paths", 10, "expected one path or more; got 0"),
        ("P(x[::0])", 6, "expected a step above 0; got 0"),
        ("H(x) for t in 0s..1s step 0.0s", 26, "expected a step above 0; got 0.0s"),
        ("P(x within 3..-1e-3)", 2, "expected a range low..high; got 3.0..-0.001"),
        ("P(x[2e999s])", 4, "expected a number that is finite; got 2e999"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(text, at, message):
    with pytest.raises(QuestionError) as caught:
        read(text)
    assert (caught.value.what, caught.value.at) == (message, at)


def test_every_rule_has_its_method():
    kept = {
        rule.alias or rule.origin.name for rule in _grammar().rules if not rule.options.expand1
    }
    named = {str(getattr(name, "value", name)) for name in kept}
    assert {name for name in named if name[0] != "_"} <= set(dir(_Build))
