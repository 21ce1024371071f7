"""How probable something is: P(...) and log P(...)."""

from collections.abc import Sequence
from typing import cast

import torch

from autoreg.answers import Posterior
from autoreg.language.answered import pick
from autoreg.language.automata import event_of
from autoreg.language.case import Case, Job
from autoreg.language.errors import QuestionError
from autoreg.language.places import Name
from autoreg.language.regions import union
from autoreg.language.terms import Before, Both, Count, Hit, Label, Not, Term, Word


def probable(case: Case) -> Job:
    """Find how probable labels, regions, sets or events are, or the posterior of factors."""
    asked = case.question.form.asked
    factors = [
        term for term in asked if isinstance(term, Name) and case.scope.meaning(term) == "factor"
    ]
    labels = [term for term in asked if isinstance(term, Label)]
    if len(factors) == len(asked):
        return posterior(case, case.factors(factors))
    if len(labels) == len(asked):
        return _label(case, labels)
    if factors:
        raise QuestionError(
            f"{factors[0]} is asked for together with more; give it a label, or ask for factors "
            "alone",
            factors[0].at,
        )
    if any(_is_event(term, case) for term in asked):
        return _event(case)
    return _evidence(case)


def posterior(case: Case, of: Sequence[str]) -> Job:
    """Find the posterior of factors."""
    given, what = case.given, f"the posterior of {', '.join(of)}"
    only_seen = given.of_signal and not (given.allowed or given.ranges)
    if only_seen and bool(case.seen.all()) and case.effort is None:
        conditions = len(case.scope.space.select(given.given))
        return Job(
            what=f"{what}: one score of {case.whole} symbols for each of {conditions} conditions",
            run=lambda: case.density.posterior(case.bound, of=of, **case.labels),
        )
    evidence = case.evidence(stop=0)
    return Job(
        what=what,
        run=lambda: case.density.posterior(of=of, evidence=evidence, **case.chance),
        parts=[("what is known", evidence, None)],
    )


def _label(case: Case, labels: Sequence[Label]) -> Job:
    asked = list(case.known(labels).given)
    values = [case.scope.label(label)[1] for label in labels]
    job = posterior(case, case.factors([label.factor for label in labels]))
    index = case.scope.space.joint_labels(asked).index("/".join(values))
    return Job(
        what=f"{job.what}, of which {'/'.join(values)}",
        run=lambda: pick(cast(Posterior, job.run()), index),
        parts=job.parts,
    )


def _evidence(case: Case) -> Job:
    form = case.question.form
    asked = case.known(form.asked)
    observed = bool(asked.seen) and not (asked.given or asked.allowed or asked.ranges)
    whole = observed and bool(union(asked.seen, case.whole).all())
    if whole and not case.given.of_signal and case.effort is None:
        return Job(
            what=f"one score of {case.whole} symbols for each condition",
            run=lambda: case.density.log_prob(case.bound, **case.labels),
        )
    known, target = case.evidence(), case.evidence(asked)
    if asked.given:
        case.factors([term.factor for term in form.asked if isinstance(term, Label)])
        chosen = case.scope.space.select(asked.given)
        target = target.given(known.log_condition, chosen)
    return Job(
        what="the probability of what is asked for, given what is known",
        run=lambda: case.density.probability(target, known, **case.chance),
        parts=[("both", known & target, None), ("what is known", known, None)],
    )


def _event(case: Case) -> Job:
    asked = case.question.form.asked
    for term in asked:
        if isinstance(term, Label) or (isinstance(term, Name) and not _is_event(term, case)):
            raise QuestionError(
                f"{term} is asked for together with an event; P(A, b | c) is P(A | b, c) times "
                "P(b | c)",
                term.at,
            )
    event = event_of(asked[0] if len(asked) == 1 else Both(asked), case.scope, case.whole)
    # The automaton stands still from its last piece on: what follows does not count.
    last, table = event.pieces[-1]
    still = bool((table == torch.arange(event.num_states)[:, None]).all())
    evidence = case.evidence(stop=last if still else case.whole)
    return Job(
        what=f"the probability of {event.name}, an automaton of {event.num_states} states",
        run=lambda: case.density.probability(event, evidence, **case.chance),
        parts=[("the event", evidence, event), ("its contrary", evidence, ~event)],
    )


def _is_event(term: Term, case: Case) -> bool:
    if isinstance(term, Name):
        return case.scope.meaning(term) == "event"
    return isinstance(term, Hit | Count | Word | Before | Not | Both)
