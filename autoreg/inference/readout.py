"""Answers read off solutions."""

import time
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from autoreg.answers import Answer, Cost
from autoreg.inference.chains import beginnings
from autoreg.inference.cloud import Cloud
from autoreg.inference.meter import Metered
from autoreg.inference.solution import Solution
from autoreg.inference.variance import (
    effective_size,
    log_mean,
    log_upper,
    reliable,
    unseen,
)

IMPOSSIBLE = "what is known has no probability in the model"
LOST = "no path survived what is known; more of them might"


def evidence_answer(solution: Solution) -> Answer:
    """Return log p(what is known), the conditions summed out."""
    if solution.evidence.impossible:
        return Answer(
            value=torch.tensor(-torch.inf, dtype=torch.float64),
            method="nothing to do",
            reason="the evidence leaves some position, or the condition, nothing to be",
        )
    log_z = solution.log_joint.logsumexp(0)
    if solution.exact:
        return Answer(value=log_z[0], method=solution.method, cost=solution.cost)
    if (bounds := solution.bounds) is not None:
        lower, upper = (bound.logsumexp(0) for bound in bounds)
        return Answer(
            value=lower,
            kind="bounds",
            method=solution.method,
            lower=lower,
            upper=upper,
            cost=solution.cost,
        )
    doubt = unseen_share(solution)
    value, error = log_mean(log_z, unseen=doubt)
    if bool(value.isneginf()):
        return _all_dead(solution)
    fine, reason = reliable(log_z, unseen=doubt)
    # A beam's sum, within a tolerance of what it bounds, is no estimate without bias.
    bounded = any(part.bounds for parts in solution.parts for part in parts)
    return Answer(
        value=value,
        kind="consistent" if bounded else "unbiased",
        method=solution.method,
        std_error=error,
        ess=effective_size(log_z) / len(log_z) * _paths(solution, _size),
        reliable=fine,
        reason=reason,
        cost=solution.cost,
    )


def log_share(part: Solution, rest: Solution, *, within: bool = False) -> Answer:
    """Return the log of what share one solution's evidence has.

    Args:
        part: The numerator.
        rest: What is not in it; or, ``within``, all of it.
        within: Whether the second solution counts the first in.
    """
    one, two = evidence_answer(part), evidence_answer(rest)
    methods = dict.fromkeys((one.method, two.method))
    method = ", ".join(name for name in methods if name != "nothing to do") or one.method

    def share(a: Tensor, b: Tensor) -> Tensor:
        if within:
            return (a - b).clamp_max(0) if bool(b.isfinite()) else b * torch.nan
        return (
            a - torch.logaddexp(a, b) if bool((a > -torch.inf) | (b > -torch.inf)) else a * 0 / 0
        )

    value = share(one.value, two.value)
    if bool(value.isnan()):
        proven = two.kind == "exact" and (within or one.kind == "exact")
        return Answer(
            value=value,
            kind="exact" if proven else "consistent",
            method=method,
            reliable=False,
            reason=IMPOSSIBLE if proven else LOST,
        )
    certain = [a.kind == "exact" and bool(a.value.isneginf()) for a in (one, two)]
    if one.kind == two.kind == "exact" or any(certain):
        return Answer(value=value, method=method)
    if one.std_error is None and two.std_error is None:
        least, most = _ends(one), _ends(two)
        return Answer(
            value=share(least[0], most[0]),
            kind="bounds",
            method=method,
            lower=share(least[0], most[1]),
            upper=share(least[1], most[0]),
        )
    # d log(a / (a + b)) = (1 - share) (d log a - d log b); within, d log a - d log b.
    slope = torch.ones(()) if within else -torch.expm1(value)
    spread = sum((a.std_error**2 for a in (one, two) if a.std_error is not None), torch.zeros(()))
    fine, reason = one.reliable and two.reliable, one.reason or two.reason
    upper, confidence = None, None
    if bool(value.isneginf()):
        upper = None if one.upper is None else share(one.upper, two.value)
        confidence = one.confidence
    return Answer(
        value=value,
        kind="unbiased" if within and two.kind == "exact" else "consistent",
        method=method,
        std_error=None if bool(value.isneginf()) else slope * spread.sqrt(),
        upper=upper,
        confidence=confidence,
        ess=one.ess if one.ess is not None else two.ess,
        reliable=fine,
        reason=reason,
    )


def unseen_share(solution: Solution) -> float:
    """Return what paths that were never met may change of a solution's evidence, relatively."""
    shares = solution.log_joint.logsumexp(1).softmax(0)
    pairs = zip(shares.tolist(), unseen_by_condition(solution), strict=True)
    return sum((share * doubt for share, doubt in pairs if share), 0.0)


def unseen_by_condition(solution: Solution) -> list[float]:
    """Return the same of each condition's."""
    clouds = [
        [part.cloud for part in row if part.cloud is not None and not part.exact]
        for row in solution.parts
    ]
    return [sum(map(unseen, row), 0.0) for row in clouds]


def exact_answer(value: Tensor, method: str, metered: Metered, begin: float) -> Answer:
    """Return an answer without chance, and what it took since ``begin``."""
    return Answer(value=value, method=method, cost=spent(metered, begin))


def dead(log_joint: Float[Tensor, "C P"]) -> bool:
    """Whether nothing that is known has any probability."""
    return not bool(log_joint.isfinite().any())


def undefined(
    shape: Sequence[int], method: str, metered: Metered, begin: float, *, exact: bool = True
) -> Answer:
    """Return what can be said of what follows from the impossible: no number, and why.

    Args:
        shape: Of the numbers that were asked for.
        method: How that was found.
        metered: What the model was asked.
        begin: When that began.
        exact: Whether it is certain; else only no path was found.
    """
    return Answer(
        value=torch.full(tuple(shape), torch.nan, dtype=torch.float64),
        kind="exact" if exact else "consistent",
        method=method,
        reliable=False,
        reason=IMPOSSIBLE if exact else LOST,
        cost=spent(metered, begin),
    )


def expected_answer(
    value: Tensor,
    std_error: Tensor,
    log_z: Float[Tensor, " M"],
    solution: Solution,
    metered: Metered,
    begin: float,
    *,
    reach: Tensor,
    count: Tensor | float | int,
) -> Answer:
    """Return an average over draws from a solution, and how far to trust it.

    Draws that are all alike say nothing of a sequence that none of them is, which may have as much
    weight as one of them: the standard error is no less than what that would change.

    Args:
        value: The average.
        std_error: As the islands differ.
        log_z: The log evidence of each island.
        solution: What was drawn from.
        metered: What the model was asked.
        begin: When that began.
        reach: How much the average would change if such a sequence had all the weight.
        count: Over how many draws it was taken; infinity for all paths of the solution.
    """
    fine, reason, share = True, "", 0.0
    count = torch.as_tensor(count, dtype=torch.float64)
    if not solution.exact:
        share = unseen_share(solution)
        fine, reason = reliable(log_z, unseen=share)
        count = count.clamp_max(_paths(solution, beginnings))
    std_error = torch.maximum(std_error, reach * (1 / count + share))
    method = "draws" if solution.exact else f"draws after {solution.method}"
    return Answer(
        value=value,
        kind="consistent",
        method=method,
        std_error=std_error,
        ess=count.min() if count.numel() else None,
        reliable=fine,
        reason=reason,
        cost=spent(metered, begin),
    )


def spent(metered: Metered, begin: float) -> Cost:
    """Return what a model was asked since it was metered, and the time since ``begin``."""
    return Cost(metered.stepped, metered.scored, time.perf_counter() - begin)


def _ends(answer: Answer) -> Sequence[Tensor]:
    if answer.lower is None or answer.upper is None:
        return answer.value, answer.value
    return answer.lower, answer.upper


def _paths(solution: Solution, count: Callable[[Cloud], float]) -> float:
    """Return the smallest number of effective paths that any estimated piece rests on."""
    shares = solution.log_joint.logsumexp(1).softmax(0).tolist()
    return min(
        count(part.cloud)
        for share, parts in zip(shares, solution.parts, strict=True)
        for part in parts
        if share and part.cloud is not None and not part.exact
    )


def _size(cloud: Cloud) -> float:
    return float(effective_size(cloud.log_weights.flatten()))


def _all_dead(solution: Solution) -> Answer:
    """Return what can be said where no path survived.

    Weights lie within 0..1, so that P(known) is at most the chance that a path survives, of which
    N dead ones say that it is at most log(1 / 0.05) / N, about 3 / N, with confidence 0.95; where
    there are C conditions, each is held to a C-th of the doubt.
    """
    known = [
        solution.evidence.log_condition[condition]
        + sum(part.step.problem.log_before for part in row)
        + sum(float(part.log_z[0]) for part in row if part.exact)
        for condition, row in zip(solution.conditions.tolist(), solution.parts, strict=True)
    ]
    if all(float(log) == -torch.inf for log in known):
        value = torch.tensor(-torch.inf, dtype=torch.float64)
        return Answer(value=value, method=solution.method, cost=solution.cost)
    clouds = [part.cloud for row in solution.parts for part in row if part.cloud is not None]
    plain = all(cloud.resamplings is None or not bool(cloud.resamplings.any()) for cloud in clouds)
    plain = plain and all(
        part.step.method == "importance"
        for row in solution.parts
        for part in row
        if not part.exact
    )
    upper = None
    if plain:
        doubt = 0.05 / max(1, len(solution.conditions))
        joint = [
            log
            + sum(
                log_upper(part.cloud.log_weights.numel(), 1 - doubt)
                for part in row
                if part.cloud is not None and not part.exact
            )
            for log, row in zip(known, solution.parts, strict=True)
        ]
        upper = torch.stack(joint).logsumexp(0)
    return Answer(
        value=torch.tensor(-torch.inf, dtype=torch.float64),
        kind="unbiased",
        method=solution.method,
        upper=upper,
        confidence=None if upper is None else 0.95,
        ess=torch.zeros((), dtype=torch.float64),
        reliable=False,
        reason=LOST,
        cost=solution.cost,
    )
