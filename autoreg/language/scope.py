"""What the names and numbers of a question stand for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from jaxtyping import Bool
from torch import Tensor

from autoreg.conditions import ConditionSpace
from autoreg.events import Event
from autoreg.language.errors import QuestionError, said
from autoreg.language.masks import read_mask
from autoreg.language.places import Name, Position, Range, Seconds, Symbols
from autoreg.language.terms import Label, Term

Number = int | Seconds
Meaning = Literal["signal", "factor", "event", "set", "number"]


class Speaks(Protocol):
    """What positions and symbols mean: as much of a signal as questions need."""

    @property
    def kind(self) -> str:
        """What the signal is, in a word."""

    @property
    def num_symbols(self) -> int:
        """Q: the number of symbols."""

    @property
    def length(self) -> int | None:
        """The only number of symbols there is, or None for any."""

    def where(self, region: Any, length: int) -> Bool[Tensor, " T"]:  # noqa: ANN401
        """Return which of ``length`` positions along the scan a region covers."""

    def between(self, low: float, high: float) -> tuple[int, int]:
        """Return the first and the last symbol whose value lies within low..high."""


@dataclass(frozen=True)
class Deferred:
    """An event that a name stands for, and what its own names stood for then."""

    event: Term
    values: Mapping[str, object]


@dataclass(frozen=True)
class Scope:
    """What names stand for.

    Attributes:
        signal: What positions and symbols mean.
        space: The factors and their labels.
        values: What the text or the caller bound: files, arrays, sets, events, whole numbers.
        loop: The variable of the loop.
    """

    signal: Speaks
    space: ConditionSpace
    values: Mapping[str, object] = field(default_factory=dict)
    loop: Mapping[str, Number] = field(default_factory=dict)

    def meaning(self, name: Name) -> Meaning:
        """Return what sort of thing a bare name stands for; see the parser for the order."""
        if name.quoted:
            self.factor(name)
            return "factor"
        if self._number(name) is not None:
            return "number"
        if name.text in self.values:
            value = self.values[name.text]
            if isinstance(value, Deferred | Event):
                return "event"
            return "signal" if isinstance(value, str | Path | np.ndarray | Tensor) else "set"
        if name.text == "x":
            return "signal"
        if name.text in self.space.names:
            return "factor"
        raise self._unknown(name)

    def factor(self, name: Name) -> str:
        """Return the name of a factor."""
        if name.text not in self.space.names:
            raise self._unknown(name)
        return name.text

    def label(self, label: Label) -> tuple[str, str]:
        """Return a factor and its label."""
        factor, text = self.factor(label.factor), label.label.text
        number = None if label.label.quoted else self._number(label.label)
        text = text if number is None else str(number)
        if text not in self.space.labels(factor):
            known = ", ".join(self.space.labels(factor))
            raise QuestionError(
                f"the model knows no {factor} {text!r}; it knows {known}", label.label.at
            )
        return factor, text

    def value(self, name: Name) -> object:
        """Return what a name is bound to, or None for an ``x`` that is not bound."""
        if name.text in self.values or name.text == "x":
            return self.values.get(name.text)
        raise self._unknown(name)

    def mask(self, name: Name) -> np.ndarray:
        """Return the mask that a name stands for."""
        value = self.value(name)
        try:
            mask = read_mask(value) if isinstance(value, str | Path) else np.asarray(value)
        except (ValueError, OSError) as error:
            raise QuestionError(f"{name}: {said(error)}", name.at) from error
        if mask.dtype != bool:
            raise QuestionError(
                f"{name} needs to be a mask of booleans, or a file of one; got {mask.dtype}",
                name.at,
            )
        return mask

    def is_mask(self, position: Position) -> Name | None:
        """Return the name that alone makes up a position and stands for no number."""
        (less, unit), *rest = position.parts
        if less or rest or not isinstance(unit, Name) or self._number(unit) is not None:
            return None
        return unit

    def number(self, position: Position) -> Number:
        """Return the sum of numbers or of times."""
        whole, time, times = 0, 0.0, 0
        for less, unit in position.parts:
            number = self._number(unit) if isinstance(unit, Name) else unit
            if number is None:
                raise QuestionError(
                    f"{unit} is no number; numbers are the variable of a loop, and what the "
                    "caller binds to one",
                    getattr(unit, "at", position.at),
                )
            sign = -1 if less else 1
            if isinstance(number, Seconds):
                time, times = time + sign * number.value, times + 1
            else:
                whole += sign * number
        if times not in (0, len(position.parts)):
            raise QuestionError(f"positions and seconds do not add up: {position}", position.at)
        return Seconds(time) if times else whole

    def count(self, position: Position) -> int:
        """Return a number of positions, or a position: seconds by the sample rate."""
        number = self.number(position)
        if not isinstance(number, Seconds):
            return number
        rate: int | None = getattr(self.signal, "sample_rate", None)
        if rate is None:
            raise QuestionError(
                f"seconds are for sounds; this is a {self.signal.kind}", position.at
            )
        return round(number.value * rate)

    def symbols(self, symbols: Symbols) -> list[int]:
        """Return the symbols of a set, ascending."""
        found, last = set[int](), self.signal.num_symbols - 1
        for member in symbols.members:
            if isinstance(member, Range):
                low, high = member.low or 0, last if member.high is None else member.high
                if max(low, high) > last:
                    raise QuestionError(f"symbols are 0..{last}; got {member}", member.at)
                found.update(range(low, high + 1))
            else:
                found.update(self._set(member))
        return sorted(found)

    def _set(self, name: Name) -> Iterable[int]:
        if (number := self._number(name)) is not None:
            value: object = [number]
        elif name.text in self.values:
            value = self.values[name.text]
        else:
            raise QuestionError(
                f"{name} is not bound; a set is, such as {name} = {{0..3, 7}}", name.at
            )
        if isinstance(value, np.ndarray | Tensor):
            value = value.tolist()
        last = self.signal.num_symbols - 1
        if isinstance(value, str | Path) or not isinstance(value, Iterable):
            raise QuestionError(f"{name} is no set of symbols", name.at)
        among = list(value)
        for symbol in among:
            if not isinstance(symbol, int) or not 0 <= symbol <= last:
                raise QuestionError(f"symbols are 0..{last}; {name} holds {symbol!r}", name.at)
        return among

    def _number(self, name: Name) -> Number | None:
        if name.text in self.loop:
            return self.loop[name.text]
        value = self.values.get(name.text)
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        return int(value) if whole else None  # type: ignore[call-overload]

    def _unknown(self, name: Name) -> QuestionError:
        factors = ", ".join(self.space.names) or "none"
        bound = ", ".join(sorted({*self.values, *self.loop})) or "nothing"
        if name.quoted:
            return QuestionError(
                f"the model has no factor {name.text!r}; it has {factors}", name.at
            )
        return QuestionError(
            f"{name} is not known: the factors of the model are {factors}; bound is {bound}",
            name.at,
        )
