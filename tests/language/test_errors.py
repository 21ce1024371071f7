"""An error shows the text, and points."""

import pytest

from autoreg.language.errors import QuestionError, Source, pointing


@pytest.mark.parametrize(
    ("source", "at", "told"),
    [
        (Source("P(q)"), 2, "column 3: no q\n    P(q)\n      ^"),
        (Source("P(\n q)"), 4, "line 2, column 2: no q\n     q)\n     ^"),
        (Source("P(q)", 7), 2, "line 7, column 3: no q\n    P(q)\n      ^"),
        (Source("P(q)", 7, "a.aq"), 2, "a.aq:7:3: no q\n    P(q)\n      ^"),
        (Source("P(\tq)"), 3, "column 4: no q\n    P( q)\n       ^"),
    ],
)
def test_a_caret_stands_below_what_is_meant(source, at, told):
    with pytest.raises(QuestionError) as caught, pointing(source):
        raise QuestionError("no q", at)
    assert str(caught.value) == told


def test_what_has_no_place_gets_one():
    with pytest.raises(QuestionError) as caught, pointing(Source("P(q)"), 2):
        raise ValueError("no q")
    assert (caught.value.column, caught.value.what) == (3, "no q")
    assert isinstance(caught.value.__cause__, ValueError)
    told = r"^column 1: q\.png: No such file or directory"
    with pytest.raises(QuestionError, match=told), pointing(Source("P(q)")):
        raise FileNotFoundError(2, "No such file or directory", "q.png")


def test_the_first_text_counts():
    with pytest.raises(QuestionError) as caught, pointing(Source("outer")), pointing(Source("in")):
        raise QuestionError("no", 0)
    assert caught.value.source.text == "in"


def test_without_a_text_an_error_says_what_it_can():
    error = QuestionError("no q", 4)
    assert (str(error), error.line, error.column) == ("no q", 1, 5)


def test_defects_are_not_hidden():
    with pytest.raises(KeyError), pointing(Source("P(q)")):
        raise KeyError("q")
