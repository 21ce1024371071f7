"""What the parser finds, as the parts of a question."""

import math
import re
from typing import Any

from lark import Token, Transformer, Tree, v_args
from lark.exceptions import VisitError
from lark.tree import Meta

from autoreg.language.errors import QuestionError
from autoreg.language.places import (
    Masked,
    Name,
    Place,
    Position,
    Range,
    Seconds,
    Span,
    Symbols,
    Unit,
)
from autoreg.language.question import Belief, Binding, File, Form, Loop, Question
from autoreg.language.terms import (
    Among,
    Before,
    Both,
    Count,
    Hit,
    Label,
    Not,
    Term,
    Within,
    Word,
)

_CLAUSES = {
    "length": "length",
    "prior": "prior",
    "method": "by",
    "paths": "with",
    "loop": "for",
}


Terms = tuple[Term, ...]
Index = tuple[Position | Span | Masked, ...]
Clause = tuple[str, int, Any]
Beliefs = tuple[Name, tuple[tuple[Name, float], ...]]


def build(tree: Tree[Token]) -> Question | Binding | Index:
    """Return the question, binding or region of a parser's tree.

    Raises:
        QuestionError: A clause stands there twice, a number is too great.
    """
    try:
        return _Build().transform(tree)
    except VisitError as error:
        raise error.orig_exc from None
    except RecursionError:
        raise QuestionError("expected fewer parentheses within each other", 0) from None


@v_args(inline=True, meta=True)
class _Build(Transformer[Token, Any]):
    """One method for each rule of the grammar, of the same name."""

    def bind_file(self, meta: Meta, name: Token, file: Token) -> Binding:
        return Binding(_name(name), File(_text(file), _at(file)), meta.start_pos)

    def bind(self, meta: Meta, name: Token, value: Symbols | Term) -> Binding:
        return Binding(_name(name), value, meta.start_pos)

    def question(self, meta: Meta, form: Form, *clauses: Clause) -> Question:
        found = dict[str, Any]()
        for clause, at, value in clauses:
            if clause in found:
                raise QuestionError(f"expected {_CLAUSES[clause]} once; got it again", at)
            found[clause] = value
        return Question(form, **found, at=meta.start_pos)

    def asks(self, meta: Meta, verb: Token, asked: Terms, given: Terms) -> Form:
        return Form(str(verb), asked, given, at=meta.start_pos)

    def log_asks(self, meta: Meta, log: Token, verb: Token, asked: Terms, given: Terms) -> Form:
        return Form(f"{log} {verb}", asked, given, at=meta.start_pos)

    def sample(self, meta: Meta, verb: Token, asked: Terms, given: Terms, count: Token) -> Form:
        number = None if count is None else int(_positive(count, "one draw or more"))
        return Form(str(verb), asked, given, count=number, at=meta.start_pos)

    def information(self, meta: Meta, verb: Token, of: Terms, about: Terms, given: Terms) -> Form:
        return Form(str(verb), of, given, about, at=meta.start_pos)

    def divergence(self, meta: Meta, verb: Token, first: Terms, second: Terms) -> Form:
        return Form(str(verb), first, (), second, at=meta.start_pos)

    def log_odds(
        self, meta: Meta, log: Token, odds: Token, first: Terms, second: Terms, given: Terms
    ) -> Form:
        return Form(f"{log} {odds}", first, given, second, at=meta.start_pos)

    def hitting(self, meta: Meta, verb: Token, place: Place, among: Symbols, given: Terms) -> Form:
        return Form(str(verb), (Hit(place, among, place.at),), given, at=meta.start_pos)

    def given(self, meta: Meta, terms: Terms | None) -> Terms:
        return terms or ()

    def terms(self, meta: Meta, *terms: Term) -> Terms:
        return terms

    parts = labels = terms

    def factor(self, meta: Meta, text: Token) -> Name:
        return _name(text)

    def bare(self, meta: Meta, place: Place) -> Place | Name:
        return place if place.index else place.signal

    def label(self, meta: Meta, factor: Token, label: Token) -> Label:
        return Label(_name(factor), _name(label), meta.start_pos)

    def disjunction(self, meta: Meta, *events: Term) -> Both:
        return Both(events, either=True, at=meta.start_pos)

    def conjunction(self, meta: Meta, *events: Term) -> Both:
        return Both(events, at=meta.start_pos)

    def negation(self, meta: Meta, event: Term) -> Not:
        return Not(event, meta.start_pos)

    def before(self, meta: Meta, first: Term, second: Term | Position) -> Before:
        return Before(first, second, meta.start_pos)

    def hit(self, meta: Meta, hit: Token, place: Place, among: Symbols) -> Hit:
        return Hit(place, among, meta.start_pos)

    def count(
        self,
        meta: Meta,
        counted: Token,
        place: Place,
        among: Symbols,
        comparison: Token,
        number: Position,
    ) -> Count:
        run = counted.type == "RUN"
        return Count(place, among, str(comparison), number, run, meta.start_pos)

    def word(self, meta: Meta, place: Place, *symbols: Token) -> Word:
        return Word(place, tuple(map(int, symbols)), meta.start_pos)

    def among(self, meta: Meta, place: Place, among: Symbols) -> Among:
        return Among(place, among, at=meta.start_pos)

    def outside(self, meta: Meta, place: Place, among: Symbols) -> Among:
        return Among(place, among, outside=True, at=meta.start_pos)

    def within(self, meta: Meta, place: Place, low: float, high: float) -> Within:
        if low > high:
            raise QuestionError(f"expected a range low..high; got {low}..{high}", meta.start_pos)
        return Within(place, low, high, meta.start_pos)

    def place(self, meta: Meta, signal: Token, index: Index | None) -> Place:
        return Place(_name(signal), index or (), meta.start_pos)

    def spans(self, meta: Meta, first: Position | Span, second: Position | Span | None) -> Index:
        return (first,) if second is None else (first, second)

    def masked(self, meta: Meta, name: Token) -> Index:
        return (Masked(_name(name), meta.start_pos),)

    def span(
        self, meta: Meta, start: Position | None, stop: Position | None, step: Token | None
    ) -> Span:
        by = None if step is None else int(_positive(step, "a step above 0"))
        return Span(start, stop, by, meta.start_pos)

    def only(self, meta: Meta, position: Position) -> Position:
        return position

    def position(self, meta: Meta, *tokens: Token) -> Position:
        parts, less = list[tuple[bool, Unit]](), False
        for token in tokens:
            if token.type in ("PLUS", "MINUS"):
                less = token.type == "MINUS"
            else:
                parts.append((less, _unit(token)))
        return Position(tuple(parts), meta.start_pos)

    def named(self, meta: Meta, name: Token) -> Symbols:
        return Symbols((_name(name),), meta.start_pos)

    def literal(self, meta: Meta, *members: Range | Token | None) -> Symbols:
        found = [_name(one) if isinstance(one, Token) else one for one in members]
        return Symbols(tuple(one for one in found if one is not None), meta.start_pos)

    def range(self, meta: Meta, symbol: Token) -> Range:
        return Range(int(symbol), int(symbol), meta.start_pos)

    def since(self, meta: Meta, low: Token, high: Token | None) -> Range:
        if high is not None and int(low) > int(high):
            raise QuestionError(f"expected a range low..high; got {low}..{high}", meta.start_pos)
        return Range(int(low), None if high is None else int(high), meta.start_pos)

    def until(self, meta: Meta, high: Token) -> Range:
        return Range(None, int(high), meta.start_pos)

    def number(self, meta: Meta, *tokens: Token) -> float:
        return _finite("".join(tokens), meta.start_pos)

    def length(self, meta: Meta, number: Token) -> Clause:
        return "length", meta.start_pos, _alone(number)

    def prior_by_name(self, meta: Meta, name: Token) -> Clause:
        return "prior", meta.start_pos, Belief(_name(name), at=meta.start_pos)

    def prior(self, meta: Meta, *factors: Beliefs) -> Clause:
        return "prior", meta.start_pos, Belief(None, factors, meta.start_pos)

    def beliefs(self, meta: Meta, factor: Token, *labels: tuple[Name, float]) -> Beliefs:
        return _name(factor), labels

    def belief(self, meta: Meta, label: Token, probability: Token) -> tuple[Name, float]:
        return _name(label), _finite(probability, _at(probability))

    def method(self, meta: Meta, name: Token) -> Clause:
        return "method", meta.start_pos, _name(name)

    def paths(self, meta: Meta, count: Token) -> Clause:
        return "paths", meta.start_pos, int(_positive(count, "one path or more"))

    def loop(
        self, meta: Meta, name: Token, start: Position, stop: Position, step: Token | None
    ) -> Clause:
        by = None if step is None else _alone(_positive(step, "a step above 0"))
        return "loop", meta.start_pos, Loop(_name(name), start, stop, by, meta.start_pos)


def _at(token: Token) -> int:
    return token.start_pos or 0


def _name(token: Token) -> Name:
    quoted = token.type == "STRING"
    return Name(_text(token) if quoted else str(token), quoted, _at(token))


def _text(token: Token) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], token[1:-1])


def _unit(token: Token) -> Any:  # noqa: ANN401 - a number, a time or a name
    if token.type == "INT":
        return int(token)
    if token.type == "NAME":
        return _name(token)
    if token.endswith("ms"):
        return Seconds(_finite(token[:-2], _at(token)) / 1000, _at(token))
    return Seconds(_finite(token[:-1], _at(token)), _at(token))


def _alone(token: Token) -> Position:
    return Position(((False, _unit(token)),), _at(token))


def _positive(token: Token, needed: str) -> Token:
    if not re.search("[1-9]", token.lower().partition("e")[0]):
        raise QuestionError(f"expected {needed}; got {token}", _at(token))
    return token


def _finite(text: str, at: int) -> float:
    if math.isinf(value := float(text)):
        raise QuestionError(f"expected a number that is finite; got {text}", at)
    return value
