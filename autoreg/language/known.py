"""What a question says is known."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from autoreg.language.errors import QuestionError
from autoreg.language.places import Name, Place
from autoreg.language.regions import Area, find
from autoreg.language.scope import Deferred, Scope
from autoreg.language.terms import Among, Before, Both, Count, Hit, Label, Not, Term, Within, Word


@dataclass(frozen=True, kw_only=True)
class Known:
    """Labels, observed places, sets and ranges of symbols.

    Attributes:
        given: The labels of factors.
        seen: Places whose symbols are those of the signal.
        allowed: Places whose symbols belong to a set.
        ranges: Places whose values lie within a range of the signal's units.
    """

    given: dict[str, str] = field(default_factory=dict)
    seen: list[Area] = field(default_factory=list)
    allowed: list[tuple[Area, list[int]]] = field(default_factory=list)
    ranges: list[tuple[Area, float, float]] = field(default_factory=list)

    @property
    def of_signal(self) -> bool:
        """Whether anything is known of the signal itself."""
        return bool(self.seen or self.allowed or self.ranges)


def known(terms: Iterable[Term], scope: Scope, length: int | None) -> Known:
    """Return what terms say.

    Args:
        terms: Labels, places, sets, ranges.
        scope: What their names stand for.
        length: T; None where nothing tells, and no term may need it.

    Raises:
        QuestionError: A term is nothing that can be known, or knows a factor twice.
    """
    found = Known()
    for term in terms:
        match term:
            case Label():
                factor, label = scope.label(term)
                if factor in found.given:
                    raise QuestionError(f"{factor} has one label; got another", term.at)
                found.given[factor] = label
            case Name() if scope.meaning(term) == "signal":
                found.seen.append(find(Place(term, at=term.at), scope, needed(length, term.at)))
            case Name() if scope.meaning(term) == "factor":
                label = scope.space.labels(scope.factor(term))[0]
                raise QuestionError(f"{term} needs a label here, such as {term}={label}", term.at)
            case Place():
                found.seen.append(find(term, scope, needed(length, term.at)))
            case Among():
                area = find(term.place, scope, needed(length, term.at))
                found.allowed.append((area, among(term, scope)))
            case Within():
                area = find(term.place, scope, needed(length, term.at))
                found.ranges.append((area, term.low, term.high))
            case Name():
                meant = scope.meaning(term)
                what = (
                    "an event: of events ask P(A and B) and P(B)"
                    if meant == "event"
                    else f"a {meant}"
                )
                raise QuestionError(f"{term} cannot stand here; it is {what}", term.at)
            case _:
                raise QuestionError(
                    f"{term} cannot stand here: what is given are labels, regions and sets of "
                    "symbols; of events ask P(A and B) and P(B)",
                    term.at,
                )
    return found


def among(term: Among, scope: Scope) -> list[int]:
    """Return the symbols that a term allows."""
    symbols = scope.symbols(term.symbols)
    if not term.outside:
        return symbols
    return sorted(set(range(scope.signal.num_symbols)) - set(symbols))


def needed(length: int | None, at: int) -> int:
    """Return the length of a signal.

    Raises:
        QuestionError: Nothing tells it.
    """
    if length is None:
        raise QuestionError(
            "how long the signal is has to be known: bind it, or say length 200 or length 0.5s",
            at,
        )
    return length


def places(terms: Sequence[Term | object], scope: Scope) -> list[Place]:
    """Return all places that terms speak of, those in events too."""
    found = list[Place]()
    for term in terms:
        match term:
            case Place():
                found.append(term)
            case Among() | Within() | Hit() | Count() | Word():
                found.append(term.place)
            case Before():
                found += places([term.first, term.second], scope)
            case Not():
                found += places([term.event], scope)
            case Both():
                found += places(term.events, scope)
            case Name() if scope.meaning(term) == "signal":
                found.append(Place(term, at=term.at))
            case Name() if isinstance(value := scope.values.get(term.text), Deferred):
                found += places([value.event], replace(scope, values=value.values))
    return found
