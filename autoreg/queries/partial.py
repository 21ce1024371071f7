"""Bayes' rule over the condition where parts of a sequence are hidden."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from autoreg.answers import Cost, Posterior
from autoreg.conditions import ConditionSpace
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.inference.meter import Metered
from autoreg.inference.readout import unseen_by_condition
from autoreg.inference.solution import work_out
from autoreg.inference.variance import log_mean, reliable
from autoreg.protocol import SequenceModel
from autoreg.queries.likelihood import check_space
from autoreg.queries.posterior import log_sum_by_label

ROUNDS = 4
"""How often, at most, the conditions that may still win are worked out anew."""
NEGLIGIBLE = 1e-3
"""The posterior probability below which a condition may be in doubt without the others being."""
CLEAR = 3.0
"""Standard errors by which a condition leads or falls behind for good."""


def posterior_given(
    model: SequenceModel,
    evidence: Evidence,
    space: ConditionSpace | None = None,
    *,
    of: str | Sequence[str] | None = None,
    effort: Effort | None = None,
    generator: Generator | None = None,
) -> Posterior:
    r"""Return :math:`\log p(y \mid E) = \log p(y) + \log p(E \mid y) - \log p(E)`.

    Each condition's :math:`p(E \mid y)` is exact where it can be, else estimated by islands of
    paths of its own; then conditions race: those that may still win get fresh islands, of more
    paths where that is needed, until one leads clearly or four rounds are over. What
    is hidden is taken to be hidden at random: that it is says nothing of what it is.

    Args:
        model: Any sequence model.
        evidence: What is known; its prior over conditions is the prior.
        space: Names of the model's conditions.
        of: The factor or factors asked for, the others summed out; all if None.
        effort: How much work it may be.
        generator: Source of all chance.

    Example:
        >>> coins = MarkovTable(torch.tensor([[[0.5, 0.5]], [[0.1, 0.9]]]).log())
        >>> seen = Evidence.free(num_symbols=2, length=3, num_conditions=2).restrict([0, 2], 0)
        >>> posterior_given(coins, seen).probs
        tensor([0.9615, 0.0385], dtype=torch.float64)
    """
    begin, effort, metered = time.perf_counter(), effort or Effort(), Metered(model)
    space = check_space(model, space)
    names = space.names if of is None else ((of,) if isinstance(of, str) else tuple(of))
    space.joint_labels(names)  # wrong here, before anything is worked out
    answer = posterior_of(race(metered, evidence, effort, generator), space, names)
    cost = Cost(metered.stepped, metered.scored, time.perf_counter() - begin)
    return replace(answer, cost=cost)


@dataclass(frozen=True)
class Field:
    """What is known of each of some conditions.

    Attributes:
        conditions: Their indices; one may be there again, with another share of its probability.
        log_joint: log p(y, E).
        variance: Of that.
        exact: Whether there is no chance in it.
        reason: Why variances are not to be trusted, if they are not.
        method: How it was found.
    """

    conditions: Int[Tensor, " C"]
    log_joint: Float[Tensor, " C"]
    variance: Float[Tensor, " C"]
    exact: bool
    reason: str
    method: str


def posterior_of(field: Field, space: ConditionSpace, names: Sequence[str]) -> Posterior:
    """Return what a field says of some factors' labels."""
    joint, variance, conditions = field.log_joint, field.variance, field.conditions
    log_evidence = joint.logsumexp(0)
    value = log_sum_by_label(joint, space, names, conditions) - log_evidence
    impossible = bool(log_evidence.isneginf())
    error = None if field.exact else _delta(joint, variance, space, names, conditions)
    reason = "the model gives the evidence no probability" if impossible else field.reason
    return Posterior(
        value=value,
        kind="exact" if field.exact else "consistent",
        of=tuple(names),
        labels=space.joint_labels(names),
        log_evidence=log_evidence,
        method=field.method,
        std_error=error,
        reliable=not reason,
        reason=reason,
    )


def race(
    model: SequenceModel, evidence: Evidence, effort: Effort, generator: Generator | None
) -> Field:
    """Work out p(y, E) of each condition, as exactly as who wins depends on it."""
    conditions = evidence.log_condition.isfinite().nonzero()[:, 0]
    if not len(conditions):
        nothing = evidence.log_condition[conditions]
        return Field(conditions, nothing, nothing, exact=True, reason="", method="nothing to do")
    first = replace(effort, growth=1)
    solution = work_out(model, evidence, first, generator=generator)
    exact, method = solution.exact, solution.method
    known = [all(part.exact for part in row) for row in solution.parts]
    runs, doubts = list(solution.log_joint), unseen_by_condition(solution)
    for _ in range(ROUNDS):
        joint, variance = _pooled(runs, doubts, known)
        if exact or not bool(joint.isfinite().any()):
            break
        contested = _contested(joint, variance)
        if not bool(contested.any()):
            break
        again = evidence.given(evidence.log_condition, conditions[contested])
        solution = work_out(model, again, effort, generator=generator)
        for number, log_joint, doubt in zip(
            contested.nonzero()[:, 0].tolist(),
            solution.log_joint,
            unseen_by_condition(solution),
            strict=True,
        ):
            runs[number] = torch.cat([runs[number], log_joint])
            # Paths of both runs stand for what neither may have met.
            doubts[number] = (
                1 / (1 / doubts[number] + 1 / doubt) if doubts[number] and doubt else 0.0
            )
    joint, variance = _pooled(runs, doubts, known)
    if exact:
        return Field(conditions, joint, variance, exact, "", method)
    share, reasons = joint.softmax(0), []
    for number, (run, doubt) in enumerate(zip(runs, doubts, strict=True)):
        fine, reason = (True, "") if known[number] else reliable(run, unseen=doubt)
        if fine:
            continue
        if NEGLIGIBLE > float(share[number]) > 0:
            # Of a condition that hardly counts only its own probability is in doubt.
            variance[number] = torch.inf
        else:
            reasons.append(reason)
    return Field(conditions, joint, variance, exact, reasons[0] if reasons else "", method)


def _pooled(
    runs: list[Tensor], doubts: list[float], known: list[bool]
) -> tuple[Float[Tensor, " C"], Float[Tensor, " C"]]:
    """Return the log of each condition's mean joint probability, and the variance of that log."""
    pairs = [
        (run[0], run.new_zeros(())) if fixed else log_mean(run, unseen=doubt)
        for run, doubt, fixed in zip(runs, doubts, known, strict=True)
    ]
    value = torch.stack([pair[0] for pair in pairs])
    return value, torch.stack([pair[1] for pair in pairs]) ** 2


def _contested(joint: Float[Tensor, " C"], variance: Float[Tensor, " C"]) -> Tensor:
    """Return who may still win, the leader included; nobody once that is clear."""
    leader = int(joint.argmax())
    apart = CLEAR * (variance + variance[leader]).sqrt()
    near = joint + apart > joint[leader]
    near[leader] = True
    return near & (near.sum() > 1) & (variance > 0)


def _delta(
    joint: Float[Tensor, " C"],
    variance: Float[Tensor, " C"],
    space: ConditionSpace,
    names: Sequence[str],
    conditions: Tensor,
) -> Float[Tensor, " K"]:
    """Return standard errors of log posteriors by the delta method, conditions independent."""
    share = joint.softmax(0)
    own = torch.eye(len(joint), dtype=torch.float64).log()
    within = log_sum_by_label((joint + own), space, names, conditions)  # (C, K): joint or -inf
    within = within - log_sum_by_label(joint, space, names, conditions)
    slope = torch.where(within.isnan(), 0.0, within.exp()) - share[:, None]
    lost = variance.isinf()
    error = (slope**2 * variance.masked_fill(lost, 0.0)[:, None]).sum(0).sqrt()
    return error.masked_fill((within[lost].exp() > NEGLIGIBLE).any(0), torch.inf)
