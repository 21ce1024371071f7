"""Events of a question as automata."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import and_, or_

import torch
from jaxtyping import Int
from torch import Tensor

from autoreg.events import Event
from autoreg.language.errors import QuestionError
from autoreg.language.known import among
from autoreg.language.places import Name, Position
from autoreg.language.regions import find
from autoreg.language.scope import Deferred, Scope
from autoreg.language.terms import Among, Before, Both, Count, Hit, Not, Term, Within, Word


def event_of(term: Term, scope: Scope, length: int) -> Event:
    """Return the automaton that reads the positions of a signal one after another.

    What a place leaves out is not read: the symbols of x[:, 3] are those of one column, each
    followed by the one below.

    Args:
        term: An event, or a set of symbols.
        scope: What names stand for.
        length: T.

    Raises:
        QuestionError: The term is no event.
    """
    found, inside = _resolved(term, scope)
    match found:
        case Event():
            return found
        case Before():
            return _before(found, inside, length)
        case Not():
            return ~event_of(found.event, inside, length)
        case Both():
            events = (event_of(part, inside, length) for part in found.events)
            return reduce(or_ if found.either else and_, events)
        case Hit() | Count() | Word() | Among() | Within():
            return _read(found, inside, length)
    raise QuestionError(
        f"{term} is no event; events are hit(x, 0..3), count(x, 0..3) >= 2, run(x, 0..3) >= 5, "
        "word(x, [1, 2]) and x[3:5] in 0..3",
        term.at,
    )


def _read(term: Hit | Count | Word | Among | Within, scope: Scope, length: int) -> Event:
    """Return the event of the symbols of one place."""
    reads = find(term.place, scope, length).mask
    event = _everywhere(term, scope)
    still = torch.arange(event.num_states)[:, None].expand(-1, event.num_symbols)
    return Event(_pieces(reads.long(), [still, event.table(0)]), event.accept, str(term))


def _everywhere(term: Hit | Count | Word | Among | Within, scope: Scope) -> Event:
    number = scope.signal.num_symbols
    match term:
        case Hit():
            return Event.hit(scope.symbols(term.symbols), number)
        case Count():
            return _counted(term, scope)
        case Word():
            if max(term.symbols) >= number:
                raise QuestionError(f"symbols are 0..{number - 1}; got {term.symbols}", term.at)
            return Event.word(term.symbols, number)
        case Among():
            allowed = set(among(term, scope))
        case Within():
            first, last = scope.signal.between(term.low, term.high)
            allowed = set(range(first, last + 1))
    return ~Event.hit(sorted(set(range(number)) - allowed), number)


def _counted(term: Count, scope: Scope) -> Event:
    limit, symbols = scope.number(term.number), scope.symbols(term.symbols)
    if not isinstance(limit, int) or limit < 0:
        raise QuestionError(f"expected a number of symbols; got {limit}", term.number.at)
    number = scope.signal.num_symbols

    def at_least(count: int) -> Event:
        if term.run:
            return Event.run(symbols, count, number)
        return Event.count(symbols, number, at_least=count)

    match term.comparison:
        case ">=":
            return at_least(limit)
        case ">":
            return at_least(limit + 1)
        case "<":
            return ~at_least(limit)
        case "<=":
            return ~at_least(limit + 1)
    if not term.run:
        return Event.count(symbols, number, at_least=limit, at_most=limit)
    return at_least(limit) & ~at_least(limit + 1)


def _before(term: Before, scope: Scope, length: int) -> Event:
    second = term.second
    if isinstance(second, Name) and scope.meaning(second) == "number":
        second = Position(((False, second),), second.at)
    if isinstance(second, Position):
        stop = scope.count(second)
        if not 0 <= stop <= length:
            raise QuestionError(f"there are {length} positions; got {stop}", second.at)
        return event_of(term.first, scope, length).within(0, stop)
    symbols, masks = list[list[int]](), list[Tensor]()
    for part in (term.first, second):
        hit, inside = _resolved(part, scope)
        if not isinstance(hit, Hit):
            raise QuestionError(
                f"before is between hits, or a hit and a position; got {part}", part.at
            )
        symbols.append(inside.symbols(hit.symbols))
        masks.append(find(hit.place, inside, length).mask)
    (a, b), number = symbols, scope.signal.num_symbols
    if set(a) & set(b) and bool((masks[0] & masks[1]).any()):
        raise QuestionError("what comes first needs to share no symbol with the other", term.at)
    neither = torch.arange(3)[:, None].expand(-1, number)
    both = neither if set(a) & set(b) else Event.before(a, b, number).table(0)
    alone = [Event.before(a, (), number).table(0), Event.before((), b, number).table(0)]
    tables = [neither, *alone, both]
    pieces = _pieces(masks[0].long() + 2 * masks[1].long(), tables)
    return Event(pieces, torch.tensor([False, True, False]), str(term))


def _resolved(term: Term, scope: Scope) -> tuple[Term | Event, Scope]:
    """Return the event that a name stands for, and what its own names stand for."""
    if not isinstance(term, Name) or scope.meaning(term) != "event":
        return term, scope
    value = scope.value(term)
    if isinstance(value, Deferred):
        return _resolved(value.event, replace(scope, values=value.values))
    if isinstance(value, Event):
        return value, scope
    return term, scope


def _pieces(
    which: Int[Tensor, " T"], tables: Sequence[Int[Tensor, "D Q"]]
) -> tuple[tuple[int, Int[Tensor, "D Q"]], ...]:
    """Return the transitions of an automaton that follows one table at each position."""
    changes = (which.diff().nonzero()[:, 0] + 1).tolist()
    starts = [0, *changes] if len(which) else []
    return tuple((at, tables[int(which[at])]) for at in starts) or ((0, tables[0]),)
