"""How far apart two conditions, or two models, are."""

import time

import torch
from jaxtyping import Float, Integer
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.answers import Answer, Cost
from autoreg.conditions import ConditionSpace, Given, Prior
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.inference.jackknife import jackknife
from autoreg.inference.meter import Metered
from autoreg.inference.predictive import log_mixed, predictive
from autoreg.inference.readout import dead, exact_answer, expected_answer, undefined
from autoreg.inference.solution import work_out
from autoreg.inference.spread import Spread, spread
from autoreg.inference.table import tabulate
from autoreg.protocol import DENSE_LIMIT, SequenceModel
from autoreg.queries.likelihood import log_prob


def divergence(
    model: SequenceModel,
    evidence: Evidence,
    other: Evidence,
    *,
    other_model: SequenceModel | None = None,
    effort: Effort | None = None,
    generator: Generator | None = None,
) -> Answer:
    r"""Return the Kullback-Leibler divergence of what follows a beginning, in nats.

    .. math:: KL(p \| q) = E_{x \sim p} \sum_t KL(p(\cdot \mid x_{<t}) \| q(\cdot \mid x_{<t}))

    p is the model where the first evidence holds, q the same or another model where the other
    holds; both know the same symbols, at the beginning alone. Conditions are averaged
    over, on each side by its own prior.

    Args:
        model: p's model.
        evidence: What p knows: a beginning, a condition.
        other: What q knows: the same beginning, another condition.
        other_model: q's model, of the same symbols; p's if None.
        effort: How much work it may be.
        generator: Source of all chance.

    Example:
        >>> coins = MarkovTable(torch.tensor([[[0.5, 0.5]], [[0.1, 0.9]]]).log())
        >>> free = Evidence.free(num_symbols=2, length=2)
        >>> one = free.given(torch.tensor([1.0, 0.0]).log())
        >>> two = free.given(torch.tensor([0.0, 1.0]).log())
        >>> divergence(coins, one, two).value
        tensor(1.0217, dtype=torch.float64)
    """
    begin, effort, metered = time.perf_counter(), effort or Effort(), Metered(model)
    second = metered if other_model is None else Metered(other_model)
    if model.num_symbols != second.num_symbols:
        raise ValueError(
            "a divergence needs models of as many symbols; "
            f"got {model.num_symbols} and {second.num_symbols}"
        )
    known = (evidence.low, evidence.high, evidence.which)
    same = all(
        torch.equal(a, b) for a, b in zip(known, (other.low, other.high, other.which), strict=True)
    )
    start = int(evidence.observed.sum())
    if not same or not bool(evidence.observed[:start].all() & evidence.unknown[start:].all()):
        raise ValueError(
            "a divergence needs the same beginning observed on both sides and nothing "
            f"else known; got {evidence!r} and {other!r}"
        )
    table = None
    if effort.method is None:
        table = tabulate(metered, evidence, most=effort.most_paths, memory=effort.memory)
    if table is not None:
        beyond = tabulate(second, other, most=2**62, memory=effort.memory)
        if dead(table.log_joint) or beyond is None or dead(beyond.log_joint):
            return undefined((), "enumeration", metered, begin)
        logs = table.log_joint.logsumexp(0)
        logs = logs - logs.logsumexp(0)
        others = beyond.log_joint.logsumexp(0)
        others = others - others.logsumexp(0)
        gaps = torch.where(logs.isfinite(), logs.exp() * (logs - others), 0.0)
        return exact_answer(gaps.sum(), "enumeration", metered, begin)
    solution = work_out(metered, evidence, effort, generator=generator)
    outside = work_out(second, other, effort, generator=generator)
    if dead(solution.log_joint) or dead(outside.log_joint):
        return undefined((), solution.method, metered, begin)
    drawn = spread(metered, solution, effort, generator=generator)
    paths = drawn.symbols.flatten(0, 1)
    if model.num_symbols > DENSE_LIMIT:
        # A large alphabet is not written out: log ratios of whole sequences are averaged.
        mine = log_mixed(metered, paths, evidence.log_condition, memory=effort.memory)
        others = log_mixed(second, paths, other.log_condition, memory=effort.memory)
        gap = solution.log_joint.logsumexp(0)[0] - outside.log_joint.logsumexp(0)[0]
        means = (mine - others - gap).unflatten(0, (len(drawn.log_z), -1)).mean(1)
    else:
        means = _by_position(metered, second, evidence, other, drawn, start, effort.memory)
    value, error = jackknife(torch.zeros_like(means), means, lambda _, mean: mean)
    return expected_answer(
        value,
        error,
        drawn.log_z,
        solution,
        metered,
        begin,
        reach=1 + means.max(),
        count=len(paths),
    )


def _by_position(
    model: SequenceModel,
    second: SequenceModel,
    evidence: Evidence,
    other: Evidence,
    drawn: Spread,
    start: int,
    memory: int,
) -> Float[Tensor, " M"]:
    """Return each island's mean sum of the divergences of all next symbols from a position on."""
    paths, sums = drawn.symbols.flatten(0, 1), []
    for rows, logs, _ in predictive(model, paths, evidence.log_condition, memory=memory // 2):
        theirs = predictive(second, paths[rows], other.log_condition, memory=memory // 2)
        others = torch.cat([batch for _, batch, _ in theirs])
        terms = torch.where(logs.isfinite(), logs.exp() * (logs - others), 0.0)
        sums.append(terms[:, start:].sum((1, 2)))
    return torch.cat(sums).unflatten(0, (len(drawn.log_z), -1)).mean(1)


def log_odds(
    model: SequenceModel,
    symbols: Integer[Tensor, "B T"],
    space: ConditionSpace,
    first: Given,
    second: Given,
    *,
    prior: Prior | None = None,
    memory: int = scoring.MEMORY,
) -> Answer:
    r"""Return the weight of evidence :math:`\log p(x \mid a) - \log p(x \mid b)` for labels a, b.

    The prior of the two does not count, that of factors which they leave open does.

    Args:
        model: Any sequence model.
        symbols: Sequences, (B, T).
        space: Names of the model's conditions.
        first: The labels a.
        second: The labels b.
        prior: Of the conditions.
        memory: Bytes that activations may take at a time.
    """
    one = log_prob(model, symbols, space, given=first, prior=prior, memory=memory)
    two = log_prob(model, symbols, space, given=second, prior=prior, memory=memory)
    cost = Cost(
        scored=one.cost.scored + two.cost.scored, seconds=one.cost.seconds + two.cost.seconds
    )
    return Answer(value=one.value - two.value, method=one.method, cost=cost)
