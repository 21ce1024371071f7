"""A question, with its clauses; a name that a script gives.

Every part is a value, and ``str`` writes it as it is read. ``at`` is the offset of its text, which
errors point at: two parts that say the same are equal wherever they stand.
"""

from dataclasses import dataclass, field

from autoreg.language.places import Name, Position, Symbols, number, quoted
from autoreg.language.terms import Term


@dataclass(frozen=True)
class Form:
    """What is asked: ``verb(asked | given)``, and what else some verbs need.

    Attributes:
        verb: "P", "log P", "sample", "marginal", "argmax", "H", "surprise", "look", "I", "KL",
            "log odds" or "hitting".
        asked: Left of the bar.
        given: Right of it.
        second: After the semicolon of I, the two bars of KL, the colon of log odds.
        count: How many draws.
    """

    verb: str
    asked: tuple[Term, ...]
    given: tuple[Term, ...] = ()
    second: tuple[Term, ...] = ()
    count: int | None = None
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        told = _listed(self.asked)
        if self.verb == "hitting":
            told = str(self.asked[0])[len("hit(") : -1]
        if self.second:
            told += _SEPARATORS[self.verb] + _listed(self.second)
        if self.given:
            told += f" | {_listed(self.given)}"
        return f"{self.verb}({told})" + ("" if self.count is None else f" * {self.count}")


_SEPARATORS = {"I": "; ", "KL": " || ", "log odds": " : "}


@dataclass(frozen=True)
class Belief:
    """A prior by its name, or the probabilities of labels of some factors."""

    name: Name | None = None
    factors: tuple[tuple[Name, tuple[tuple[Name, float], ...]], ...] = ()
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        if self.name is not None:
            return f"prior {self.name}"
        told = [
            f"{factor}: {{{', '.join(f'{label}: {number(p)}' for label, p in labels)}}}"
            for factor, labels in self.factors
        ]
        return f"prior({', '.join(told)})"


@dataclass(frozen=True)
class Loop:
    """A name that takes values from one to another, both included, in steps."""

    name: Name
    start: Position
    stop: Position
    step: Position | None = None
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        told = f"for {self.name} in {self.start}..{self.stop}"
        return told if self.step is None else f"{told} step {self.step}"


@dataclass(frozen=True)
class Question:
    """A form with its clauses.

    Attributes:
        length: Of the signal, where the model leaves it open.
        prior: Of the conditions.
        method: The one that is to be used.
        paths: How many an estimate may take.
        loop: The values that the question is asked for, one after another.
    """

    form: Form
    length: Position | None = None
    prior: Belief | None = None
    method: Name | None = None
    paths: int | None = None
    loop: Loop | None = None
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        clauses = [
            None if self.length is None else f"length {self.length}",
            None if self.prior is None else str(self.prior),
            None if self.method is None else f"by {self.method}",
            None if self.paths is None else f"with {self.paths} paths",
            None if self.loop is None else str(self.loop),
        ]
        return " ".join([str(self.form), *(clause for clause in clauses if clause is not None)])


@dataclass(frozen=True)
class File:
    """A file by its name."""

    name: str
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        return quoted(self.name)


@dataclass(frozen=True)
class Binding:
    """A name for a file, a set or an event."""

    name: Name
    value: File | Symbols | Term
    at: int = field(default=0, compare=False, repr=False)

    def __str__(self) -> str:
        told = str(self.value)
        if isinstance(self.value, Symbols) and not told.startswith("{"):
            told = f"{{{told}}}"  # a bare name would be that of an event
        return f"{self.name} = {told}"


def _listed(terms: tuple[Term, ...]) -> str:
    return ", ".join(map(str, terms))
