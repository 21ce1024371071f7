"""The probability of whatever can be said of a sequence."""

import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Generator

from autoreg.answers import Answer, Cost
from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.inference.plan import Step
from autoreg.inference.readout import evidence_answer, log_share
from autoreg.inference.solution import lay_out, possible, work_out
from autoreg.protocol import SequenceModel

NEARLY = -0.7
"""The log of a share from which on what is missing of it is worked out too: it may be little."""
PIECES = 64
"""Restricted positions up to which that is an event worth asking for."""


def solve(
    model: SequenceModel,
    evidence: Evidence,
    event: Event | None = None,
    *,
    effort: Effort | None = None,
    generator: Generator | None = None,
) -> Answer:
    r"""Return :math:`\log \sum_y p(y) \sum_{x \in E} p(x \mid y)`, an event occurring besides.

    Exact where exactness is to be had: what was observed at the beginning is read, what is free at
    the end is left out, a run of as many observed symbols as the model's order makes what lies on
    both sides independent, small gaps are enumerated, and short memories are summed over by
    dynamic programming. Beams give certain bounds; what remains is an unbiased estimate by a
    particle filter. ``explain`` says which of these it will be.

    Args:
        model: Any sequence model.
        evidence: What is known, of the symbols and of the condition.
        event: What occurs besides.
        effort: How much work it may be; ``Effort(method=...)`` forces a method.
        generator: Source of all chance.

    Example:
        >>> coin = MarkovTable(torch.tensor([[[0.25, 0.75]]]).log())
        >>> nothing = Evidence.free(num_symbols=2, length=3)
        >>> solve(coin, nothing.restrict(0, [1])).value.exp()
        tensor(0.7500, dtype=torch.float64)
        >>> solve(coin, nothing, Event.count([1], 2, at_least=3)).value.exp()
        tensor(0.4219, dtype=torch.float64)
    """
    solution = work_out(model, evidence, effort, event=event, generator=generator)
    return evidence_answer(solution)


def probability(
    model: SequenceModel,
    target: Evidence | Event,
    evidence: Evidence | None = None,
    *,
    effort: Effort | None = None,
    generator: Generator | None = None,
) -> Answer:
    r"""Return :math:`\log P(\text{target} \mid \text{evidence})`.

    A target that may well fail is compared with all that is known. An event, or a target that
    nearly all of that lies within, is worked out side by side with what contradicts it, and their
    shares are compared, so that little can be missing of it for certain.

    Args:
        model: Any sequence model.
        target: An event, or evidence: sets of symbols at some positions, conditions.
        evidence: What is known; nothing if None, where the target is evidence itself.
        effort: How much work it may be.
        generator: Source of all chance.

    Example:
        >>> coins = MarkovTable(torch.tensor([[[0.5, 0.5]], [[0.1, 0.9]]]).log())
        >>> nothing = Evidence.free(num_symbols=2, length=2, num_conditions=2)
        >>> probability(coins, nothing.restrict(1, 1), nothing.restrict(0, 1)).value.exp()
        tensor(0.7571, dtype=torch.float64)
    """
    begin, effort = time.perf_counter(), effort or Effort()
    if evidence is None:
        if isinstance(target, Event):
            raise ValueError(
                "the probability of an event needs evidence, which says how long "
                "sequences are; Evidence.free(...) knows nothing else"
            )
        evidence = target.relax().given(_prior_of(target))
    if isinstance(target, Event):
        certain = not possible(model, evidence, ~target, effort)
    else:
        certain = evidence <= target
    if certain and not evidence.impossible:
        return Answer(
            value=torch.tensor(0.0, dtype=torch.float64),
            method="nothing to do",
            reason="what is known makes it certain",
            cost=Cost(seconds=time.perf_counter() - begin),
        )
    if isinstance(target, Event):
        inside = work_out(model, evidence, effort, event=target, generator=generator)
        outside = work_out(model, evidence, effort, event=~target, generator=generator)
        return replace(log_share(inside, outside), cost=_cost(begin, inside.cost, outside.cost))
    inside = work_out(model, evidence & target, effort, generator=generator)
    whole = work_out(model, evidence, effort, generator=generator)
    costs = [inside.cost, whole.cost]
    answer = log_share(inside, whole, within=True)
    if answer.std_error is not None and float(answer.value) > NEARLY:
        missed = _missed(evidence, target)
        if missed is not None:
            outside = work_out(model, evidence, effort, event=missed, generator=generator)
            costs.append(outside.cost)
            answer = log_share(inside, outside)
    return replace(answer, cost=_cost(begin, *costs))


def explain(
    model: SequenceModel,
    evidence: Evidence,
    event: Event | None = None,
    *,
    effort: Effort | None = None,
) -> str:
    """Return how ``solve`` would go about it and what that would cost, without doing it.

    What was observed at the beginning is read, since the plan depends on nothing else of it.

    Example:
        >>> coins = MarkovTable(torch.tensor([[[0.5, 0.5]], [[0.1, 0.9]]]).log())
        >>> print(explain(coins, Evidence.free(2, 9, 2), Event.hit([1], 2)))
        conditions 0..1, each:
          positions 0..8, 9 of them open: dynamic programming (2 contexts, at most 8192);
            at most 17 positions stepped, 0 read
    """
    effort = effort or Effort()
    plans: list[tuple[list[int], str]] = []
    with torch.no_grad():
        for condition in evidence.log_condition.isfinite().nonzero()[:, 0].tolist():
            steps = lay_out(model, evidence, condition, effort, event=event)
            told = "\n".join(_told(step, effort) for step in steps)
            if plans and plans[-1] == (list(range(plans[-1][0][0], condition)), told):
                plans[-1][0].append(condition)
            else:
                plans.append(([condition], told))
    return "\n".join(f"{_headed(of)}\n{told}" for of, told in plans) or (
        "nothing is possible: the probability is 0"
    )


def _headed(conditions: Sequence[int]) -> str:
    if len(conditions) == 1:
        return f"condition {conditions[0]}:"
    return f"conditions {conditions[0]}..{conditions[-1]}, each:"


def _told(step: Step, effort: Effort) -> str:
    """Tell what one piece would take; of an estimate, before it takes more paths."""
    problem = step.problem
    if not problem.length:
        return f"  all that counts is observed: one score of {problem.start}"
    chance = step.method in ("importance", "particles", "twisted")
    more = f", up to {effort.growth} times that where paths disagree" * (effort.growth > 1)
    return (
        f"  positions {problem.start}..{problem.stop - 1}, {len(problem.hidden)} of them "
        f"open: {step.method} ({step.reason});\n"
        f"    {'about' if chance else 'at most'} {step.stepped} positions stepped, "
        f"{step.scored} read{more * chance}"
    )


def _missed(evidence: Evidence, target: Evidence) -> Event | None:
    """Return the event that some position takes what a target forbids, if it can be told."""
    both = evidence & target
    if not torch.equal(both.log_condition, evidence.log_condition):
        return None
    known = (evidence.low, evidence.high, evidence.which)
    differs = sum(
        (one != two).int()
        for one, two in zip(known, (both.low, both.high, both.which), strict=True)
    )
    restricted = torch.as_tensor(differs).nonzero()[:, 0].tolist()
    # A row of ``sets`` may be renumbered where nothing changed: that costs a piece, no more.
    if not restricted or len(restricted) > PIECES:
        return None
    still = torch.tensor([[0], [1]]).expand(-1, evidence.num_symbols)
    pieces = {0: still}
    for at in restricted:
        allowed = target.mask(at, at + 1)[0]
        pieces[at] = torch.stack([(~allowed).long(), torch.ones_like(allowed).long()])
        pieces[at + 1] = still
    moves = tuple(sorted(pieces.items()))
    return Event(moves, torch.tensor([False, True]), "not within the target")


def _prior_of(target: Evidence) -> torch.Tensor:
    """Return the prior that a target restricts, if it is whole."""
    total = float(target.log_condition.exp().sum())
    if abs(total - 1) > 1e-9:
        raise ValueError(
            "a target that restricts the condition needs evidence, which holds the whole prior"
        )
    return target.log_condition


def _cost(begin: float, *parts: Cost) -> Cost:
    return Cost(
        sum(part.stepped for part in parts),
        sum(part.scored for part in parts),
        time.perf_counter() - begin,
    )
