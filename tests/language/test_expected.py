"""What may stand somewhere, in words."""

import pytest

from autoreg.language import parser
from autoreg.language.expected import _ALONE, _THINGS, expected


@pytest.mark.parametrize(
    ("accepted", "got", "before", "told"),
    [
        ({"RPAR"}, "x", "", "expected ')'; got 'x'"),
        ({"RSQB", "COMMA"}, "", "", "expected ',' or ']'; got the end"),
        ({"RPAR", "AND", "OR"}, "x", "", "expected ')'; got 'x'"),
        ({"NAME", "STRING"}, "", "KL(", "expected a label such as digit=7; got the end"),
        ({"NAME", "STRING"}, "", "H(", "expected a region such as x[:392] or a factor such as"),
        ({"COLON"}, "..", "P(x[3", "expected ':'; got '..' (regions are half open"),
        ({"RPAR"}, "..", "P(x[3]", "expected ')'; got '..'"),
    ],
)
def test_terminals_are_told_as_what_a_person_writes(accepted, got, before, told):
    assert expected(accepted, got, before).startswith(told)


def test_whatever_the_grammar_wants_has_a_word():
    """What continues an event or a sum needs none, where something else ends it."""
    grammar = parser._grammar()
    silent = {"AND", "OR", "BEFORE", "NOT", "PLUS", "MINUS", *grammar.ignore_tokens}
    told = {name for names, _ in _THINGS for name in names.split()} | set(_ALONE)
    assert {terminal.name for terminal in grammar.terminals} - silent <= told
    assert told <= {terminal.name for terminal in grammar.terminals} | {"$END"}
