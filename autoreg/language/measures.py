"""How much is known, and how far apart things are: H, I, look, surprise, KL, log odds."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from autoreg.answers import Answer, Posterior
from autoreg.language.answered import pick
from autoreg.language.case import Case, Job, positions
from autoreg.language.errors import QuestionError
from autoreg.language.regions import union
from autoreg.language.terms import Label
from autoreg.queries.information import uncertainty


def entropy(case: Case) -> Job:
    """Find the entropy of factors, or of what is hidden."""
    asked = case.question.form.asked
    factors, areas = case.factors(asked), case.areas(asked)
    if factors and areas:
        raise QuestionError(
            "H is of factors or of the signal; H(a, x | b) is H(a | b) + H(x | a, b)",
            asked[0].at,
        )
    if factors:
        evidence = case.evidence(stop=0)
        return Job(
            what=f"the entropy of {', '.join(factors)}",
            run=lambda: case.density.entropy(evidence, of=factors, **case.chance),
            parts=[("what is known", evidence, None)],
        )
    where = positions(union(areas, case.whole))
    if not where:
        raise QuestionError(f"{asked[0]} is an empty region", asked[0].at)
    evidence = case.evidence(stop=where[-1] + 1)
    parts = [("what is known", evidence, None)]
    rest = sorted(set(evidence.hidden.tolist()) - set(where))
    if not rest:
        return Job(
            what=f"the entropy of {len(where)} hidden positions",
            run=lambda: case.density.entropy(evidence, **case.chance),
            parts=parts,
            besides="what is hidden, summed over or drawn",
        )
    if len(where) > 1:
        raise QuestionError(
            f"H of several positions needs all that is hidden up to their end; {len(rest)} are "
            f"left out, position {rest[0]} the first",
            asked[0].at,
        )
    row = evidence.hidden.tolist().index(where[0])
    return Job(
        what="the entropy of the marginal of one hidden position",
        run=lambda: _uncertainty(case.density.marginals(evidence, **case.chance), row),
        parts=parts,
        besides="what is hidden, summed over or drawn",
    )


def information(case: Case) -> Job:
    """Find what one position would tell of factors."""
    form = case.question.form
    of, areas = case.factors(form.asked), case.areas(form.second)
    if not of or len(of) < len(form.asked) or len(areas) < len(form.second):
        raise QuestionError("I is of a factor and a position: I(digit; x[50] | x[:50])", form.at)
    where = positions(union(areas, case.whole))
    if len(where) != 1:
        raise QuestionError(
            f"I is of a factor and one position; got {len(where)}. look(factor | ...) tells it of "
            "each that is hidden",
            areas[0].place.at,
        )
    evidence = case.evidence(stop=where[0] + 1)
    hidden = evidence.hidden.tolist()
    if where[0] not in hidden:
        raise QuestionError(f"{areas[0].place} is known already", areas[0].place.at)
    return Job(
        what=f"what position {where[0]} would tell of {', '.join(of)}",
        run=lambda: pick(
            case.density.information(evidence, of=of, **case.chance), hidden.index(where[0])
        ),
        parts=[("what is known", evidence, None)],
        besides="each hidden symbol under each label, summed over or drawn",
    )


def look(case: Case) -> Job:
    """Find what each hidden position would tell of factors."""
    form = case.question.form
    of, areas = case.factors(form.asked), case.areas(form.asked)
    if not of:
        raise QuestionError("look is of a factor: look(digit | x[:100])", form.at)
    evidence = case.evidence()
    chosen = union(areas, case.whole) if areas else torch.ones(case.whole, dtype=torch.bool)
    rows = chosen[evidence.hidden]
    return Job(
        what=f"what each of {int(rows.sum())} hidden positions would tell of {', '.join(of)}",
        run=lambda: pick(case.density.information(evidence, of=of, **case.chance), rows),
        parts=[("what is known", evidence, None)],
        besides="each hidden symbol under each label, summed over or drawn",
        positions=evidence.hidden[rows].tolist(),
    )


def surprise(case: Case) -> Job:
    """Find -log p of each symbol given those before it."""
    form = case.question.form
    case.exactly("one score tells how surprising each symbol is")
    asked = case.known(form.asked)
    for area in case.given.seen:
        raise QuestionError("surprise is given labels alone, and what came before", area.place.at)
    if case.given.of_signal or not asked.seen:
        raise QuestionError("surprise is of a signal given labels: surprise(x | digit=7)", form.at)
    where = union(asked.seen, case.whole)
    return Job(
        what="one score for each condition",
        run=lambda: pick(case.density.surprise(case.bound, **case.labels), where),
        positions=positions(where),
    )


def divergence(case: Case) -> Job:
    """Find how far apart two conditions are."""
    form = case.question.form
    first, second = case.known(form.asked).given, case.known(form.second).given
    length, parts = case.whole, []
    for name, given in (("the first", first), ("the second", second)):
        known = case.density.evidence(length=length, given=given, prior=case.prior)
        parts.append((name, known, None))
    return Job(
        what=f"the divergence of {length} symbols",
        run=lambda: case.density.divergence(
            first, second, length=length, prior=case.prior, **case.chance
        ),
        parts=parts,
        besides=f"draws of {length} symbols under the first, read under both",
    )


def log_odds(case: Case) -> Job:
    """Find log P(first | given) / P(second | given)."""
    form, space, given = case.question.form, case.scope.space, case.given.given
    first, second = case.known(form.asked).given, case.known(form.second).given
    if set(first) != set(second):
        raise QuestionError("log odds are of two labels of the same factors", form.second[0].at)
    of = case.factors([term.factor for term in form.asked if isinstance(term, Label)])
    chosen = [space.select({**given, **labels}) for labels in (first, second)]
    only_seen = case.given.of_signal and not (case.given.allowed or case.given.ranges)
    if only_seen and bool(case.seen.all()) and case.effort is None:
        log_prior = space.log_prior(case.prior, given)
        before = log_prior[chosen[0]].logsumexp(0) - log_prior[chosen[1]].logsumexp(0)
        pair = {**given, **first}, {**given, **second}
        return Job(
            what=f"one score of {case.whole} symbols for each condition of the two",
            run=lambda: _shifted(
                case.density.log_odds(case.bound, *pair, prior=case.prior), before
            ),
        )
    known = case.evidence(stop=0)
    either = known.given(known.log_condition, torch.cat(chosen))
    labels = space.joint_labels(of)
    pair_at = [labels.index("/".join(named[factor] for factor in of)) for named in (first, second)]
    return Job(
        what="the posterior of the two",
        run=lambda: _odds(case.density.posterior(of=of, evidence=either, **case.chance), pair_at),
        parts=[("what is known", either, None)],
    )


def _shifted(answer: Answer, by: Tensor) -> Answer:
    return replace(answer, value=answer.value + by)


def _odds(posterior: Posterior, pair: Sequence[int]) -> Answer:
    """Return the log odds of two labels where all others are ruled out."""
    first, second = (pick(posterior, index) for index in pair)
    error = None
    if posterior.std_error is not None:
        # With q = 1 - p: d log p = q d log(p / q). The smaller error is that of the larger p.
        better, other = (first, second) if first.value > second.value else (second, first)
        error = (
            better.std_error if other.std_error is None else other.std_error / better.value.exp()
        )
    return replace(first, value=first.value - second.value, std_error=error)


def _uncertainty(marginals: Answer, row: int) -> Answer:
    """Return the entropy of a row of marginals."""
    law = pick(marginals, row)
    parts = {name: getattr(law, name) for name in Answer.__dataclass_fields__}
    symbols = tuple(map(str, range(len(law.value))))
    none = torch.zeros((), dtype=torch.float64)
    return uncertainty(Posterior(**parts, of=("symbol",), labels=symbols, log_evidence=none))
