"""One question at one value of its loop's variable; what there is to do for it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from autoreg.answers import Answer, Draws
from autoreg.conditions import Prior
from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.effort import METHODS, Effort
from autoreg.language.asks import Asks
from autoreg.language.errors import QuestionError, said
from autoreg.language.known import Known, known, needed, places
from autoreg.language.places import Name
from autoreg.language.question import Question
from autoreg.language.regions import Area, find, union
from autoreg.language.scope import Scope
from autoreg.language.terms import Term


@dataclass(frozen=True)
class Case:
    """What is asked, of whom, with what is bound.

    Attributes:
        density: Whom.
        question: What.
        scope: What names stand for, the loop's variable included.
        lengths: How many symbols a bound signal has, of those that were read; grows.
        generator: Source of all chance.
    """

    density: Asks
    question: Question
    scope: Scope
    lengths: dict[str, int]
    generator: Generator | None = None

    @cached_property
    def name(self) -> Name:
        """The signal that the question is about."""
        form = self.question.form
        named = [
            place.signal for place in places([*form.asked, *form.second, *form.given], self.scope)
        ]
        for other in named:
            if other.text != named[0].text:
                raise QuestionError(
                    f"a question is about one signal; this one is about {named[0]} and {other}",
                    other.at,
                )
        return named[0] if named else Name("x", at=form.at)

    @cached_property
    def bound(self) -> object:
        """The file or array that the signal is bound to, or None."""
        value = self.scope.value(self.name)
        if value is not None and self.scope.meaning(self.name) != "signal":
            raise QuestionError(
                f"{self.name} is no signal: neither a file nor an array", self.name.at
            )
        return value

    @cached_property
    def known_length(self) -> int | None:
        """The number of symbols of what the signal is bound to, or None."""
        if self.bound is None:
            return None
        if self.name.text not in self.lengths:
            try:
                symbols, _, alone = self.density.encode(self.bound)
            except (ValueError, TypeError, OSError) as error:
                raise QuestionError(f"{self.name}: {said(error)}", self.name.at) from error
            if not alone:
                raise QuestionError(
                    f"{self.name} needs to be one signal; got {len(symbols)}", self.name.at
                )
            self.lengths[self.name.text] = symbols.shape[1]
        return self.lengths[self.name.text]

    @cached_property
    def length(self) -> int | None:
        """T: as the question says, else the only one there is, else that of what is bound."""
        own, told = self.density.signal.length, self.question.length
        if told is None:
            return self.known_length if own is None else own
        length, least = self.scope.count(told), self.known_length or 0
        if (own is not None and length != own) or length < least:
            needs = f"{own}, the only one there is" if own is not None else f"{least} or more"
            raise QuestionError(f"the length needs to be {needs}; got {length}", told.at)
        return length

    @cached_property
    def given(self) -> Known:
        """What stands right of the bar."""
        return self.known(self.question.form.given)

    @cached_property
    def prior(self) -> Prior | None:
        """The prior that the question says; labels that it leaves out have probability 0."""
        belief = self.question.prior
        if belief is None:
            return None
        if belief.name is not None:
            if belief.name.text == "training":
                return "training"
            if belief.name.text == "uniform":
                return "uniform"
            raise QuestionError(
                f"a prior is training or uniform; got {belief.name}", belief.name.at
            )
        prior = dict[str, Mapping[str, float]]()
        for name, labels in belief.factors:
            factor = self.scope.factor(name)
            found = dict.fromkeys(self.scope.space.labels(factor), 0.0)
            for label, probability in labels:
                if label.text not in found:
                    known = ", ".join(found)
                    raise QuestionError(
                        f"the model knows no {factor} {label.text!r}; it knows {known}", label.at
                    )
                found[label.text] = probability
            prior[factor] = found
        try:
            self.scope.space.log_prior(prior)
        except ValueError as error:
            raise QuestionError(str(error), belief.at) from error
        return prior

    @cached_property
    def effort(self) -> Effort | None:
        """How much work it may be and which method is to be used, where the question says so."""
        method, paths = self.question.method, self.question.paths
        if method is None and paths is None:
            return None
        if method is not None and method.text not in METHODS:
            raise QuestionError(
                f"a method is one of {', '.join(METHODS)}; got {method}", method.at
            )
        effort = Effort(memory=self.density.memory, method=None if method is None else method.text)
        if paths is None:
            return effort
        # So many and no more: they are shared out among the islands.
        return replace(effort, particles=-(-paths // effort.islands), growth=1)

    @property
    def chance(self) -> dict[str, Any]:
        """What all estimates are told."""
        return {"effort": self.effort, "generator": self.generator}

    @property
    def labels(self) -> dict[str, Any]:
        """The labels that are given, and the prior of the others."""
        return {"given": self.given.given, "prior": self.prior}

    @property
    def whole(self) -> int:
        """T, needed."""
        return needed(self.length, self.name.at)

    def known(self, terms: Iterable[Term]) -> Known:
        """Return what terms say; what they have seen is in the bound signal."""
        found = known(terms, self.scope, self.length)
        for number, area in enumerate(found.seen):
            if self.known_length is None:
                raise QuestionError(
                    f'{self.name} is not bound: write {self.name} = "file" in a script, '
                    f"--bind {self.name}=file, or ask(..., {self.name}=array)",
                    area.place.at,
                )
            if not bool(area.mask[self.known_length :].any()):
                continue
            if not area.place.index:  # the whole of what it is bound to
                mask = area.mask.clone()
                mask[self.known_length :] = False
                found.seen[number] = Area(area.place, slice(self.known_length), mask)
            else:
                raise QuestionError(
                    f"{area.place} reaches beyond what {self.name} is bound to, "
                    f"{self.known_length} positions",
                    area.place.at,
                )
        return found

    def evidence(self, known: Known | None = None, *, stop: int | None = None) -> Evidence:
        """Return what is known, under the question's prior.

        Args:
            known: What; what stands right of the bar if None.
            stop: Leave out the positions from here on, if nothing is known of them either: they
                are summed out as well as if they were not there.
        """
        said = self.given if known is None else known
        nothing = stop == 0 and not said.of_signal
        evidence = self.density.evidence(
            self.bound if said.seen else None,
            seen=[area.region for area in said.seen] if said.seen else None,
            symbols=[(area.region, among) for area, among in said.allowed],
            ranges=[(area.region, low, high) for area, low, high in said.ranges],
            length=(self.length or 0) if nothing else self.whole,
            given=self.given.given,
            prior=self.prior,
        )
        return evidence if stop is None else trimmed(evidence, stop)

    @cached_property
    def seen(self) -> Bool[Tensor, " T"]:
        """Which positions are seen."""
        return union(self.given.seen, self.whole)

    def factors(self, terms: Iterable[Term]) -> list[str]:
        """Return the factors among terms, none of which may be given."""
        found = list[str]()
        for term in terms:
            if isinstance(term, Name) and self.scope.meaning(term) == "factor":
                factor = self.scope.factor(term)
                if factor in self.given.given or factor in found:
                    twice = "asked for twice" if factor in found else "asked for, and given too"
                    raise QuestionError(f"{term} is {twice}", term.at)
                found.append(factor)
        return found

    def areas(self, terms: Iterable[Term]) -> list[Area]:
        """Return the places among terms, of which nothing may be seen."""
        found = [find(place, self.scope, self.whole) for place in places(list(terms), self.scope)]
        for area in found:
            if bool((area.mask & self.seen).any()):
                raise QuestionError(f"{area.place} is asked for, and given too", area.place.at)
        return found

    def exactly(self, why: str) -> None:
        """Refuse to choose a method where there is but one."""
        if self.question.method is not None:
            raise QuestionError(f"there is no method to choose: {why}", self.question.method.at)


@dataclass(frozen=True, kw_only=True)
class Job:
    """A question, understood.

    Attributes:
        what: The question in words.
        run: Answers it.
        parts: Evidence that is worked out for it, each with what it is called and the event that
            is to occur besides; none where one score of what is seen is all.
        positions: Which positions along the scan the rows of the answer are about.
        besides: What it takes beyond that evidence, which no plan counts.
    """

    what: str
    run: Callable[[], Answer | Draws]
    parts: Sequence[tuple[str, Evidence, Event | None]] = ()
    positions: Sequence[int] | None = None
    besides: str = ""


def trimmed(evidence: Evidence, stop: int) -> Evidence:
    """Return evidence without the positions from ``stop`` on, of which nothing is known."""
    known = evidence.unknown.logical_not().nonzero()[:, 0]
    stop = max(stop, int(known[-1]) + 1 if len(known) else 0)
    parts = {name: getattr(evidence, name)[:stop] for name in ("low", "high", "which")}
    return replace(evidence, **parts)


def positions(mask: Bool[Tensor, " T"]) -> list[int]:
    """Return the positions of a mask."""
    return torch.nonzero(mask)[:, 0].tolist()
