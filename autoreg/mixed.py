"""Questions to a mixture, answered by its parts."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.answers import Answer, Cost, Draws, Posterior
from autoreg.conditions import ConditionSpace, Given, Prior
from autoreg.data.pictures import FACTOR
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.inference.mean import mean, methods_of, ratio
from autoreg.inference.meter import Metered
from autoreg.inference.readout import evidence_answer
from autoreg.inference.solution import work_out
from autoreg.models.mixture import Mixture
from autoreg.models.wavenet import WaveNet
from autoreg.protocol import SequenceModel
from autoreg.queries import sampling
from autoreg.queries.infill import drawn_from, refuse_impossible
from autoreg.queries.partial import Field, posterior_of, race
from autoreg.queries.probability import solve
from autoreg.walks.inversion import invert


def by_scan(model: WaveNet, space: ConditionSpace, kinds: Sequence[str]) -> dict[str, WaveNet]:
    """Return the model of each scan alone, of one whose conditions name a scan.

    Weights are shared. A condition of a part is one of the labels without the scan.

    Raises:
        ValueError: The conditions name no such scan, or have rows of features in another way.
    """
    table, parts = model.conditions, {}
    for kind in kinds:
        chosen = space.select({FACTOR: kind})
        part = model
        if model.features is not None:
            rows = None if model.rows is None else model.rows.cpu()[chosen]
            if rows is None or bool((rows != rows[0]).any()):
                raise ValueError(
                    f"the conditions of a scan need one row of features; got {rows} of {kind}"
                )
            part = model.with_features(model.features[int(rows[0])][None])
        parts[kind] = part.with_conditions(table()[chosen].detach()) if table is not None else part
    return parts


def log_evidence(
    mixture: Mixture,
    evidence: Evidence,
    *,
    effort: Effort | None = None,
    generator: Generator | None = None,
) -> Answer:
    r"""Return :math:`\log \sum_k w_k\, p_k(E)`; exact where every part's answer is.

    Args:
        mixture: What is asked.
        evidence: What is known, in the mixture's own order.
        effort: How much work each part may take.
        generator: Source of all chance.
    """
    begin = time.perf_counter()
    answers = [
        solve(part, own, effort=effort, generator=generator)
        for part, own in _by_part(mixture, evidence)
    ]
    return replace(mean(answers, mixture.log_weights), cost=_cost(begin, answers))


def log_probability(
    mixture: Mixture,
    target: Evidence,
    evidence: Evidence | None = None,
    *,
    effort: Effort | None = None,
    generator: Generator | None = None,
) -> Answer:
    r"""Return :math:`\log P(\text{target} \mid \text{evidence})`, see ``autoreg.probability``."""
    if evidence is None:
        return log_evidence(mixture, target, effort=effort, generator=generator)
    begin = time.perf_counter()
    inside, whole = (
        log_evidence(mixture, known, effort=effort, generator=generator)
        for known in (evidence & target, evidence)
    )
    return replace(ratio(inside, whole), cost=_cost(begin, (inside, whole)))


def posterior_given(
    mixture: Mixture,
    evidence: Evidence,
    space: ConditionSpace,
    *,
    of: str | Sequence[str] | None = None,
    effort: Effort | None = None,
    generator: Generator | None = None,
) -> Posterior:
    r"""Return :math:`\log p(y \mid E)`, in proportion to :math:`p(y) \sum_k w_k\, p_k(E \mid y)`.

    Each part works it out in its own order, exactly where what is seen comes first there; see
    ``autoreg.posterior_given``. Their errors are independent and combined by the delta method.
    """
    begin = time.perf_counter()
    metered = [Metered(part) for part in mixture.parts]
    names = space.names if of is None else ((of,) if isinstance(of, str) else tuple(of))
    space.joint_labels(names)  # wrong here, before anything is worked out
    fields = [
        race(part, own, effort or Effort(), generator)
        for part, (_, own) in zip(metered, _by_part(mixture, evidence), strict=True)
    ]
    answer = posterior_of(_joined(mixture, fields), space, names)
    cost = Cost(
        sum(one.stepped for one in metered),
        sum(one.scored for one in metered),
        time.perf_counter() - begin,
    )
    return replace(answer, cost=cost)


def infill(
    mixture: Mixture,
    evidence: Evidence,
    count: int,
    space: ConditionSpace,
    *,
    effort: Effort | None = None,
    generator: Generator | None = None,
) -> Draws:
    """Draw sequences from p(x, y | evidence), each from a part chosen by its evidence.

    A part's share is w_k p_k(E), as exact as that is known. Draws come in the mixture's own order,
    their labels with the name of the part.

    Raises:
        ValueError: The evidence is impossible in every part, or count is not positive.
    """
    begin, effort = time.perf_counter(), effort or Effort()
    if count < 1:
        raise ValueError(f"count needs to be at least 1; got {count}")
    metered, solutions = [Metered(part) for part in mixture.parts], []
    for asked, (_, known_to) in zip(metered, _by_part(mixture, evidence), strict=True):
        solutions.append(work_out(asked, known_to, effort, generator=generator))
    answers = [evidence_answer(solution) for solution in solutions]
    known = mean(answers, mixture.log_weights)
    if bool(known.value.isneginf()):
        refuse_impossible(evidence, known)
    shares = torch.stack([answer.value for answer in answers]) + mixture.log_weights
    chosen = _chosen(shares, count, generator)
    symbols = torch.zeros(count, len(evidence.low), dtype=torch.int64)
    condition, moved = torch.zeros(count, dtype=torch.int64), False
    for number, (asked, solution) in enumerate(zip(metered, solutions, strict=True)):
        rows = (chosen == number).nonzero()[:, 0]
        if not len(rows):
            continue
        own, found, kernels = drawn_from(
            asked, solution, len(rows), effort=effort, generator=generator
        )
        condition[rows], moved = own, moved or kernels
        symbols[rows] = _back(mixture, number, found)
    # Parts that were not drawn from count too: their evidence said that they are not.
    exact = all(solution.exact for solution in solutions)
    method = methods_of(answers) + (", moved apart by particle Gibbs" if moved else "")
    return Draws(
        symbols=symbols,
        condition=condition,
        labels=_labels(mixture, space, condition, chosen),
        log_weights=torch.zeros(count, dtype=torch.float64),
        kind="exact" if exact else "consistent",
        method=method,
        log_evidence=known,
        ess=known.ess,
        reliable=known.reliable,
        reason=known.reason,
        cost=Cost(
            sum(one.stepped for one in metered),
            sum(one.scored for one in metered),
            time.perf_counter() - begin,
        ),
    )


def sample(
    mixture: Mixture,
    count: int,
    space: ConditionSpace,
    *,
    given: Given | None = None,
    prior: Prior | None = None,
    temperature: float = 1.0,
    top_p: float = 1.0,
    memory: int = scoring.MEMORY,
    generator: Generator | None = None,
) -> Draws:
    """Draw sequences from p(x, y | given), each from a part chosen by its weight.

    Draws come in the mixture's own order, their labels with the name of the part; the arguments
    are those of ``autoreg.sample``.
    """
    if count < 1:
        raise ValueError(f"count needs to be at least 1; got {count}")
    begin = time.perf_counter()
    chosen = _chosen(mixture.log_weights, count, generator)
    symbols = torch.zeros(count, int(mixture.length or 0), dtype=torch.int64)
    condition, draws = torch.zeros(count, dtype=torch.int64), list[Draws]()
    for number, part in enumerate(mixture.parts):
        rows = (chosen == number).nonzero()[:, 0]
        if not len(rows):
            continue
        draws.append(
            sampling.sample(
                part,
                len(rows),
                space,
                length=mixture.length,
                given=given,
                prior=prior,
                temperature=temperature,
                top_p=top_p,
                memory=memory,
                generator=generator,
            )
        )
        condition[rows] = draws[-1].condition
        symbols[rows] = _back(mixture, number, draws[-1].symbols)
    return Draws(
        symbols=symbols,
        condition=condition,
        labels=_labels(mixture, space, condition, chosen),
        log_weights=torch.zeros(count, dtype=torch.float64),
        method=draws[0].method,
        cost=_cost(begin, draws),
    )


def _by_part(mixture: Mixture, evidence: Evidence) -> Iterator[tuple[SequenceModel, Evidence]]:
    """Yield each part with what is known, in its order."""
    if len(evidence.low) != mixture.length:
        mixture.refuse("a beginning")
    for part, order in zip(mixture.parts, mixture.orders, strict=True):
        yield (
            part,
            replace(
                evidence,
                low=evidence.low[order],
                high=evidence.high[order],
                which=evidence.which[order],
            ),
        )


def _joined(mixture: Mixture, fields: Sequence[Field]) -> Field:
    """Return all conditions of all parts, with their shares of the mixture."""
    weights = mixture.log_weights
    weighted = [one.log_joint + weight for one, weight in zip(fields, weights, strict=True)]
    return Field(
        conditions=torch.cat([field.conditions for field in fields]),
        log_joint=torch.cat(weighted),
        variance=torch.cat([field.variance for field in fields]),
        exact=all(field.exact for field in fields),
        reason=next((field.reason for field in fields if field.reason), ""),
        method=", ".join(dict.fromkeys(field.method for field in fields)),
    )


def _chosen(
    log_shares: Float[Tensor, " S"], count: int, generator: Generator | None
) -> Int[Tensor, " N"]:
    uniforms = torch.rand(count, dtype=torch.float64, generator=generator)
    return invert(log_shares.expand(count, -1), uniforms)


def _back(mixture: Mixture, number: int, symbols: Int[Tensor, "N T"]) -> Int[Tensor, "N T"]:
    """Return a part's sequences in the mixture's own order."""
    return symbols.cpu()[:, mixture.orders[number].argsort()]


def _labels(
    mixture: Mixture, space: ConditionSpace, condition: Int[Tensor, " N"], part: Int[Tensor, " N"]
) -> tuple[dict[str, str], ...]:
    return tuple(
        space.describe(index) | {mixture.factor: mixture.names[number]}
        for index, number in zip(condition.tolist(), part.tolist(), strict=True)
    )


def _cost(begin: float, parts: Sequence[Answer] | Sequence[Draws]) -> Cost:
    return Cost(
        sum(part.cost.stepped for part in parts),
        sum(part.cost.scored for part in parts),
        time.perf_counter() - begin,
    )
