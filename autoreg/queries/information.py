"""How much is still unknown, and what would tell most."""

import math
import time
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from autoreg.answers import Answer, Posterior
from autoreg.conditions import ConditionSpace
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.inference.jackknife import jackknife
from autoreg.inference.meter import Metered
from autoreg.inference.predictive import check_dense, log_mixed, predictive
from autoreg.inference.readout import dead, exact_answer, expected_answer, undefined
from autoreg.inference.solution import work_out, work_out_whole
from autoreg.inference.spread import Spread, spread
from autoreg.inference.table import tabulate
from autoreg.protocol import DENSE_LIMIT, SequenceModel
from autoreg.queries.likelihood import check_space, log_likelihoods
from autoreg.queries.posterior import log_sum_by_label


def entropy(
    model: SequenceModel,
    evidence: Evidence,
    *,
    effort: Effort | None = None,
    generator: Generator | None = None,
) -> Answer:
    r"""Return the entropy of all that is hidden, :math:`H(x \mid \text{evidence})`, in nats.

    The condition is summed out, unless the evidence names it. What lies after the last known
    position enters by the entropies of the model's own distributions (Rao-Blackwell), what lies
    before it by :math:`\log p(\text{evidence}) - E \log p(x, \text{evidence})`.

    Example:
        >>> coin = MarkovTable(torch.tensor([[[0.25, 0.75]]]).log())
        >>> entropy(coin, Evidence.free(num_symbols=2, length=2)).value
        tensor(1.1247, dtype=torch.float64)
    """
    begin, effort, metered = time.perf_counter(), effort or Effort(), Metered(model)
    if effort.method is None:
        table = tabulate(metered, evidence, most=effort.most_paths, memory=effort.memory)
        if table is not None:
            if dead(table.log_joint):
                return undefined((), "enumeration", metered, begin)
            value = _plain(table.log_joint.logsumexp(0))
            return exact_answer(value, "enumeration", metered, begin)
        if int(evidence.log_condition.isfinite().sum()) == 1:
            whole = work_out_whole(metered, evidence, effort)
            if whole is not None:
                if dead(whole.log_joint):
                    return undefined((), whole.method, metered, begin)
                value = torch.stack([part.entropy() for part in whole.parts[0]]).sum()
                return exact_answer(value, whole.method, metered, begin)
    solution = work_out(metered, evidence, effort, generator=generator)
    if dead(solution.log_joint):
        return undefined((), solution.method, metered, begin, exact=solution.exact)
    drawn = spread(metered, solution, effort, generator=generator)
    means = _surprise(metered, evidence, drawn, effort).mean(1)
    if solution.exact:
        log_z = drawn.log_z[0]
        value, error = jackknife(torch.zeros_like(means), means, lambda _, mean: log_z + mean)
    else:
        value, error = jackknife(drawn.log_z, means, lambda logs, mean: logs + mean)
    count = drawn.condition.numel()
    return expected_answer(
        value,
        error,
        drawn.log_z,
        solution,
        metered,
        begin,
        reach=torch.tensor(1 + math.log(count)),
        count=count,
    )


def information(
    model: SequenceModel,
    evidence: Evidence,
    space: ConditionSpace | None = None,
    *,
    of: str | Sequence[str] | None = None,
    effort: Effort | None = None,
    generator: Generator | None = None,
) -> Answer:
    r"""Return how much each hidden symbol would tell of the condition, in nats.

    .. math:: I(y; x_t \mid E) = H(y \mid E) - \sum_v p(v \mid E)\, H(y \mid E, x_t = v)

    The largest is the position to look at next. Draws of all that is hidden are weighed with the
    posterior over the condition that each of them would give (Rao-Blackwell).

    Args:
        model: Any sequence model.
        evidence: What is known; ``evidence.hidden`` lists the positions.
        space: Names of the model's conditions.
        of: The factor or factors that are asked for; all if None.
        effort: How much work it may be.
        generator: Source of all chance.

    Raises:
        ValueError: The alphabet is too large to be written out.

    Returns:
        ``value`` of shape (H,), one for each of ``evidence.hidden``.
    """
    instead = "Compare posteriors given ranges of symbols."
    check_dense(model.num_symbols, "tables of symbols and labels", instead)
    begin, effort, metered = time.perf_counter(), effort or Effort(), Metered(model)
    space = check_space(model, space)
    names = _names(space, of)
    hidden = evidence.hidden
    conditions = evidence.log_condition.isfinite().nonzero()[:, 0]
    table = None
    if effort.method is None:
        table = tabulate(metered, evidence, most=effort.most_paths, memory=effort.memory)
    if table is not None:
        if dead(table.log_joint):
            return undefined((len(hidden),), "enumeration", metered, begin)
        by_label = log_sum_by_label(table.log_joint.T, space, names, conditions)  # (P, K)
        share = (by_label - by_label.flatten().logsumexp(0)).exp()
        joint = _by_symbol(table.symbols[:, hidden], share, model.num_symbols)
        return exact_answer(_mutual(joint), "enumeration", metered, begin)
    solution = work_out(metered, evidence, effort, generator=generator)
    if dead(solution.log_joint):
        return undefined((len(hidden),), solution.method, metered, begin, exact=solution.exact)
    drawn = spread(metered, solution, effort, generator=generator)
    paths = drawn.symbols.flatten(0, 1)
    likelihoods = log_likelihoods(metered, paths, conditions, memory=effort.memory)
    joint = log_sum_by_label(
        likelihoods + evidence.log_condition[conditions], space, names, conditions
    )
    share = joint.softmax(-1) / effort.draws
    islands = len(drawn.log_z)
    tables = torch.stack(
        [
            _by_symbol(symbols[:, hidden], own, model.num_symbols)
            for symbols, own in zip(drawn.symbols, share.unflatten(0, (islands, -1)), strict=True)
        ]
    )
    value, error = jackknife(drawn.log_z, tables, lambda _, pooled: _mutual(pooled))
    most = torch.full((len(hidden),), math.log(joint.shape[-1]))
    return expected_answer(
        value,
        error,
        drawn.log_z,
        solution,
        metered,
        begin,
        reach=most,
        count=drawn.condition.numel(),
    )


def learning_curve(
    model: SequenceModel,
    length: int,
    space: ConditionSpace | None = None,
    *,
    of: str | Sequence[str] | None = None,
    log_condition: Float[Tensor, " K"] | None = None,
    effort: Effort | None = None,
    generator: Generator | None = None,
) -> Answer:
    r"""Return :math:`I(y; x_{<t})`, what the first t symbols tell of the condition on average.

    Sequences are drawn from the model, and every prefix of each answered exactly.

    Args:
        model: Any sequence model.
        length: T.
        space: Names of the model's conditions.
        of: The factor or factors that are asked for; all if None.
        log_condition: log p(y), (K,); uniform if None.
        effort: How much work it may be.
        generator: Source of all chance.

    Returns:
        ``value`` of shape (T + 1,) in nats, entry t for the first t symbols.
    """
    begin, effort, metered = time.perf_counter(), effort or Effort(), Metered(model)
    space = check_space(model, space)
    names = _names(space, of)
    evidence = Evidence.free(model.num_symbols, length, model.num_conditions)
    if log_condition is not None:
        evidence = evidence.given(log_condition)
    conditions = evidence.log_condition.isfinite().nonzero()[:, 0]
    prior = log_sum_by_label(evidence.log_condition[conditions], space, names, conditions)
    table = None
    if effort.method is None:
        table = tabulate(metered, evidence, most=effort.most_paths, memory=effort.memory)
    if table is not None:
        paths, weights = table.symbols, table.log_joint.logsumexp(0).exp()
    else:
        solution = work_out(metered, evidence, effort, generator=generator)
        drawn = spread(metered, solution, effort, generator=generator)
        paths = drawn.symbols.flatten(0, 1)
    joint = (
        log_likelihoods(metered, paths, conditions, every_prefix=True, memory=effort.memory)
        + evidence.log_condition[conditions]
    )
    after = log_sum_by_label(joint, space, names, conditions)
    left = _plain(after - after.logsumexp(-1, keepdim=True))  # (n, T + 1)
    if table is not None:
        # What is impossible leaves nothing that can be said, nor counted.
        left = torch.where(weights[:, None] > 0, left, 0.0)
        value = _plain(prior) - (weights[:, None] * left)[weights > 0].sum(0)
        return exact_answer(value, "enumeration", metered, begin)
    # Nothing is learnt before the first symbol, for certain.
    most = torch.full((length + 1,), math.log(len(prior)))
    most[0] = 0.0
    gain = _plain(prior) - left.unflatten(0, (len(drawn.log_z), -1)).mean(1)
    value, error = jackknife(torch.zeros_like(drawn.log_z), gain, lambda _, mean: mean)
    return expected_answer(
        value,
        error,
        drawn.log_z,
        solution,
        metered,
        begin,
        reach=most,
        count=drawn.condition.numel(),
    )


def uncertainty(posterior: Posterior) -> Answer:
    """Return the entropy of a posterior over labels, in nats, with its standard error.

    Example:
        >>> coins = MarkovTable(torch.tensor([[[0.5, 0.5]], [[0.1, 0.9]]]).log())
        >>> uncertainty(ar.posterior(coins, torch.zeros(1, 0).long())).value
        tensor([0.6931], dtype=torch.float64)
    """
    value = _plain(posterior.value)
    error = None
    if posterior.std_error is not None:
        # dH = -sum p (log p + H) d log p; the entries' errors are taken as independent.
        probs = posterior.probs
        slope = torch.where(probs > 0, probs * (posterior.value + value[..., None]), 0.0)
        spread = posterior.std_error.masked_fill(probs == 0, 0.0)
        error = ((slope * spread) ** 2).sum(-1).sqrt()
    return Answer(
        value=value,
        kind=posterior.kind if posterior.kind == "exact" else "consistent",
        method=posterior.method,
        cost=posterior.cost,
        std_error=error,
        reliable=posterior.reliable,
        reason=posterior.reason,
    )


def _names(space: ConditionSpace, of: str | Sequence[str] | None) -> tuple[str, ...]:
    names = space.names if of is None else ((of,) if isinstance(of, str) else tuple(of))
    space.joint_labels(names)
    return names


def _plain(logs: Float[Tensor, "*S K"]) -> Float[Tensor, "*S"]:
    """Return the entropy of normalised, or normalisable, log probabilities."""
    logs = logs - logs.logsumexp(-1, keepdim=True)
    return torch.special.entr(logs.exp()).sum(-1)


def _mutual(joint: Float[Tensor, "*N H Q K"]) -> Float[Tensor, "*N H"]:
    """Return the mutual information of a table of symbols and labels."""
    total = joint.sum((-2, -1), keepdim=True)
    joint = joint / total
    both = joint.flatten(-2).clamp_min(0).log()
    symbol, label = joint.sum(-1).log(), joint.sum(-2).log()
    return _plain(symbol) + _plain(label) - _plain(both)


def _by_symbol(
    symbols: Int[Tensor, "n H"], share: Float[Tensor, "n K"], num_symbols: int
) -> Float[Tensor, "H Q K"]:
    """Add up shares of labels by the symbol at each position."""
    count, width = symbols.shape
    table = torch.zeros(width, num_symbols, share.shape[1], dtype=torch.float64)
    index = symbols.T[..., None].expand(-1, -1, share.shape[1])
    return table.scatter_add_(1, index, share.expand(width, count, -1))


def _surprise(
    model: SequenceModel, evidence: Evidence, drawn: Spread, effort: Effort
) -> Float[Tensor, "M n"]:
    """Return -log p(front, evidence) plus the entropies of what follows, of each draw."""
    paths, stop = drawn.symbols.flatten(0, 1), drawn.stop
    found = []
    possible = evidence.log_condition.isfinite()
    if model.num_symbols > DENSE_LIMIT:
        # A large alphabet is not written out: what follows enters by its own log probability.
        logs = log_mixed(model, paths, evidence.log_condition, memory=effort.memory)
        return -logs.unflatten(0, (len(drawn.log_z), -1))
    outside = evidence.log_condition[possible].logsumexp(0)
    for rows, logs, _ in predictive(model, paths, evidence.log_condition, memory=effort.memory):
        taken = logs.gather(-1, paths[rows][..., None])[..., 0]
        front = outside + taken[:, :stop].sum(1)
        found.append(_plain(logs[:, stop:]).sum(1) - front)
    return torch.cat(found).unflatten(0, (len(drawn.log_z), -1))
