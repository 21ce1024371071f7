"""What a text says: the same question however it is printed, or an error that points."""

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoreg.language import parser
from autoreg.language.errors import QuestionError, Source
from autoreg.language.parser import parse, parse_line
from autoreg.language.places import (
    Masked,
    Name,
    Place,
    Position,
    Range,
    Seconds,
    Span,
    Symbols,
)
from autoreg.language.question import Belief, Binding, File, Form, Loop, Question
from autoreg.language.terms import Among, Before, Both, Count, Hit, Label, Not, Within, Word

RESERVED = set(
    re.findall(r'"([A-Za-z]+)"', (Path(parser.__file__).with_name("grammar.lark")).read_text())
)
PLAIN = st.text(string.ascii_letters + "_äλ", min_size=1, max_size=4).filter(
    lambda text: text not in RESERVED
)
QUOTED = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=5)
SMALL = st.integers(0, 99)
names = PLAIN.map(Name)
factors = names | QUOTED.map(lambda text: Name(text, quoted=True))
labels = factors | SMALL.map(lambda number: Name(str(number)))
times = st.floats(0, 1e9, allow_subnormal=False).map(Seconds)
positions = st.lists(st.tuples(st.booleans(), SMALL | times | names), min_size=1, max_size=3).map(
    lambda parts: Position(tuple(parts))
)
spans = st.builds(
    Span, st.none() | positions, st.none() | positions, st.none() | st.integers(1, 9)
)
index = st.one_of(
    st.just(()),
    st.tuples(positions | spans),
    st.tuples(positions | spans, positions | spans),
    st.tuples(st.builds(Masked, names)),
)
places = st.builds(Place, names, index)
parts = st.builds(Place, names, index.filter(bool)) | factors
ranges = st.builds(lambda low, more: Range(low, low + more), SMALL, SMALL) | st.sampled_from(
    [Range(None, 7), Range(3, None)]
)
symbols = st.lists(ranges | names, max_size=3).map(lambda members: Symbols(tuple(members)))
number = st.floats(-1e9, 1e9, allow_subnormal=False)
comparisons = st.sampled_from([">=", "<=", "==", "<", ">"])
label = st.builds(Label, factors, labels)


def joined(events):
    """Return strategies of events made of events."""
    several = st.lists(events, min_size=2, max_size=3).map(tuple)
    return (
        st.builds(Not, events)
        | st.builds(Both, several, either=st.booleans())
        | st.builds(Before, events, events | positions.filter(lambda one: not_name(one)))
    )


def not_name(position):
    """Whether a position is more than a name, which would be that of an event."""
    (less, unit), *rest = position.parts
    return less or rest or not isinstance(unit, Name)


atoms = st.one_of(
    st.builds(Hit, places, symbols),
    st.builds(Count, places, symbols, comparisons, positions, run=st.booleans()),
    st.builds(Word, places, st.lists(SMALL, min_size=1, max_size=3).map(tuple)),
    st.builds(Among, places, symbols, outside=st.booleans()),
    st.builds(lambda place, ends: Within(place, *sorted(ends)), places, st.tuples(number, number)),
    label,
    st.builds(Place, names, index.filter(bool)),
    names,
)
events = st.recursive(atoms, joined, max_leaves=4)
terms = events | QUOTED.map(lambda text: Name(text, quoted=True))


def several(one):
    return st.lists(one, min_size=1, max_size=3).map(tuple)


given_terms = st.just(()) | several(terms)
forms = st.one_of(
    st.builds(Form, st.sampled_from(["P", "log P"]), several(terms), given_terms),
    st.builds(
        Form,
        st.sampled_from(["marginal", "argmax", "H", "surprise", "look"]),
        several(parts),
        given_terms,
    ),
    st.builds(
        Form, st.just("sample"), several(parts), given_terms, count=st.none() | st.integers(1, 99)
    ),
    st.builds(Form, st.just("I"), several(parts), given_terms, several(parts)),
    st.builds(Form, st.just("KL"), several(label), st.just(()), several(label)),
    st.builds(Form, st.just("log odds"), several(label), given_terms, several(label)),
    st.builds(Form, st.just("hitting"), st.tuples(st.builds(Hit, places, symbols)), given_terms),
)
whole = st.integers(1, 999).map(lambda one: Position(((False, one),)))
some_time = times.filter(lambda time: time.value > 0).map(lambda time: Position(((False, time),)))
chances = st.floats(0, 1, allow_subnormal=False)
beliefs = names.map(Belief) | st.lists(
    st.tuples(factors, st.lists(st.tuples(labels, chances), min_size=1, max_size=3).map(tuple)),
    min_size=1,
    max_size=2,
).map(lambda found: Belief(None, tuple(found)))
questions = st.builds(
    Question,
    forms,
    length=st.none() | whole | some_time,
    prior=st.none() | beliefs,
    method=st.none() | factors,
    paths=st.none() | st.integers(1, 9999),
    loop=st.none() | st.builds(Loop, names, positions, positions, st.none() | whole | some_time),
)
bindings = st.builds(Binding, names, QUOTED.map(File) | symbols | events)


@given(questions)
def test_a_question_that_is_printed_and_read_is_the_same(question):
    assert parse(str(question)) == question


@given(questions)
def test_white_space_between_its_parts_does_not_count(question):
    spread = (
        str(question).replace(" | ", "\n |\t").replace(", ", " , ")
        if '"' not in str(question)
        else str(question)
    )
    assert parse(f"  {spread}  # and a comment") == question


@given(bindings)
def test_a_binding_that_is_printed_and_read_is_the_same(binding):
    assert parse_line(Source(str(binding))) == binding


@given(questions, st.data())
def test_a_text_is_a_question_or_an_error_in_words(question, data):
    text = str(question)
    at = data.draw(st.integers(0, len(text)))
    wrong = data.draw(st.sampled_from(["", *"()[]{}|,:;=*&<>.\"'#0x", " x ", "..", "in", "P("]))
    text = text[:at] + wrong + text[at + data.draw(st.integers(0, 3)) :]
    error = error_of(text)
    if error is not None:
        assert "expected " in error.what
        told = error.what.partition("; got")[0].split()
        assert not any(word.isupper() and len(word) > 2 for word in told), "a terminal's name"
        assert 0 <= error.at <= len(text)
        assert error.source.text == text


def error_of(text):
    """Return what is wrong with a text; None of a question."""
    try:
        parse(text)
    except QuestionError as error:
        return error
    return None


@pytest.mark.parametrize(
    "text",
    [
        "log P(x | digit=7)",
        "P(x)",
        "P(digit | x[:392])",
        "P(digit=7, speaker=theo | x)",
        "P(x[100] in 128..255 | x[:100])",
        "P(x[14:28, 3] in 1 | x[:14, :], digit=4)",
        "P(speaker | x[0s:0.2s])",
        "P(x[0.1s:0.15s] within -0.1..0.1 | x[:0.1s])",
        "P(hit(x, 0..3) before 50 | x[:20])",
        "P(hit(x, 0..3) before hit(x, 7..9) | x[:20])",
        "P(count(x, S) >= 3 and not word(x, [1, 2, 3]) or run(x[20:50], S) >= 5)",
        "hitting(x, 0..3 | x[:20])",
        "sample(x[14:28, :] | x[:14, :], digit=4) * 16",
        "sample(x | digit=4) * 16 length 0.5s",
        "marginal(x[14:28, :] | x[:14, :])",
        "argmax(digit, x[400:] | x[:400])",
        "H(digit | x[:t]) for t in 0..784 step 28",
        "H(x[t] | x[:t])",
        "I(digit; x[t] | x[:100])",
        "look(digit | x[mask])",
        "look(digit | x[not mask])",
        "surprise(x | digit=7)",
        "KL(digit=3 || digit=8)",
        "log odds(digit=3 : digit=8 | x)",
        "P(digit | x) prior training by particles with 4096 paths",
        "P(digit | x) prior(digit: {0: 0.5, 1: 0.5})",
        'P("x" | x[-1], speaker="van Gogh")',
    ],
)
def test_questions_are_printed_as_they_are_written(text):
    assert str(parse(text)) == text


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("P(x[200ms])", "P(x[0.2s])"),
        ("P(x in {3})", "P(x in 3..3)"),
        ("P((x[3]))", "P(x[3])"),
        ("P(a and (b) or c)", "P((a and b) or c)"),
        ("P(not a and b)", "P((not a) and b)"),
        ("P(not hit(x, 1) before 5)", "P(not (hit(x, 1) before 5))"),
        ("P(x) by beam length 5", "P(x) length 5 by beam"),
        ("P(x within 0..1.50)", "P(x within 0.0..1.5)"),
    ],
)
def test_there_are_several_ways_to_say_the_same(text, same):
    assert parse(text) == parse(same)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "expected a question such as P(digit | x), log P(x | digit=7)"),
        ("p(x)", 1, "H(digit | x) or sample(x); got 'p'"),
        ("P", 2, "expected '('; got the end"),
        ("P(", 3, "expected a region such as x[:392], a factor such as digit"),
        ("P(digit | x[:392]])", 18, "expected in, within, ',' or ')'; got ']'"),
        ("P(digit | x[])", 13, "expected a position or region such as 3, :392, 0s:0.2s or not"),
        ("P(x[3, ])", 8, "expected a position or region such as 3, :392 or 0s:0.2s; got ']'"),
        ("P(digit 7)", 9, "expected '[', '=', in, within, '|', ',' or ')'; got '7'"),
        ("P(digit==7 | x)", 9, "got '=' (a label is given by one =)"),
        ("P(x | digit=)", 13, "expected a label such as 7, theo or \"van Gogh\"; got ')'"),
        ("P(x[3..5] | x)", 6, "got '..' (regions are half open and written a:b)"),
        ("P(x in 3:5)", 9, "got ':' (a range of values is written a..b)"),
        ("P(x in )", 8, "expected symbols such as 3, 0..3 or {1, 5..9}; got ')'"),
        ("P(x | y | z)", 9, "there is one bar; what is given is separated by commas"),
        ("P(a & b)", 5, "got '&' (write and)"),
        ("P(! b)", 3, "got '!' (write not)"),
        ("P(speaker='theo')", 11, "texts are written in double quotes"),
        ("sample(hit(x, 3))", 11, "got '(' (events stand in P(...) only)"),
        ("sample(x) 16", 11, "expected a clause (length, prior, by, with, for), '*' or the end"),
        ("sample(x) * 0", 13, "expected one draw or more; got 0"),
        ("KL(3 || 4)", 4, "expected a label such as digit=7; got '3'"),
        ("KL(digit=3 | digit=8)", 12, "expected '||'; got '|'"),
        ("log odds(digit=3, 8)", 19, "expected a label such as digit=7; got '8'"),
        ("I(digit, x)", 11, "expected ';'; got ')'"),
        ("P(count(x, 3))", 14, "expected >=, <= or ==; got ')'"),
        ("P(hit(x, 3) before)", 19, "expected a position such as 50, or an event such as hit"),
        ("P(x within 1..0)", 3, "expected a range low..high; got 1.0..0.0"),
        ("P(x within 0..1e999)", 15, "expected a number that is finite; got 1e999"),
        ("P(x in 5..3)", 8, "expected a range low..high; got 5..3"),
        ("P(x[::0])", 7, "expected a step above 0; got 0"),
        ("P(x) length", 12, "expected a number such as 28 or a time such as 0.5s; got the end"),
        ("P(x) prior", 11, "expected training, uniform or (digit: {0: 0.5, 1: 0.5})"),
        ("P(x) prior(digit: 3)", 19, "expected '{'; got '3'"),
        ("P(x) prior(digit: {0: p})", 23, "expected a probability such as 0.5; got 'p'"),
        ("P(x) by beam by beam", 14, "expected by once; got it again"),
        ("H(x) for t in 0..9 step 0", 25, "expected a step above 0; got 0"),
        ("P(x § y)", 5, "got '§'"),
        (f"P({'not ' * 5000}a)", 1, "expected fewer parentheses within each other"),
    ],
)
def test_errors_point_at_what_is_wrong(text, column, message):
    with pytest.raises(QuestionError) as caught:
        parse(text)
    assert message in caught.value.what
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x = ", '4: expected a file such as "clip.wav", a set such as {0..3, 7}, or an event'),
        ("S = 3 4", "7: expected '..' or the end; got '4'"),
        ("S = {1,,2}", "8: expected symbols such as 3 or 0..3; got ','"),
        ("x == 3", "1: expected a question such as"),
    ],
)
def test_errors_of_a_script_tell_its_line(line, message):
    with pytest.raises(QuestionError, match="expected") as caught:
        parse_line(Source(line, 7, "day.aq"))
    assert str(caught.value).startswith(f"day.aq:7:{message}")


@pytest.mark.parametrize("line", ["", "   ", "# nothing", "  # P(x)"])
def test_a_line_may_say_nothing(line):
    assert parse_line(Source(line)) is None


def test_each_part_knows_where_it_stands():
    question = parse("P(digit | x[:t], a=b)")
    digit = question.form.asked[0]
    place, label = question.form.given
    assert (question.at, digit.at, place.at, place.index[0].at) == (0, 2, 10, 12)
    assert (label.at, label.factor.at, label.label.at) == (17, 17, 19)
    assert place.index[0].stop.parts[0][1].at == 13
