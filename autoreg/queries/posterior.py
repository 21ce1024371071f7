"""Bayes' rule over the global condition."""

import time
from collections.abc import Sequence

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from autoreg import scoring
from autoreg.answers import Cost, Posterior
from autoreg.conditions import ConditionSpace, Given, Prior
from autoreg.protocol import SequenceModel
from autoreg.queries.likelihood import check_space, log_likelihoods

EARLY = 64
"""Symbols that are read between two looks at the posterior."""


def posterior(
    model: SequenceModel,
    symbols: Integer[Tensor, "B T"],
    space: ConditionSpace | None = None,
    *,
    of: str | Sequence[str] | None = None,
    given: Given | None = None,
    prior: Prior | None = None,
    lengths: Int[Tensor, " B"] | None = None,
    every_prefix: bool = False,
    memory: int = scoring.MEMORY,
) -> Posterior:
    r"""Return :math:`\log p(y \mid x) = \log p(y) + \log p(x \mid y) - \log p(x)`.

    Exact under the model, which says nothing of calibration: a sum of a thousand correlated
    factors is over-confident. How long a sequence is does not count as evidence. Where the model
    gives a sequence no probability under any condition, there is no posterior: the values are nan
    and the answer is not reliable.

    Args:
        model: Any sequence model.
        symbols: Sequences, padded on the right where ``lengths`` says so. After length 0 the
            posterior is the prior.
        space: Names of the model's conditions.
        of: The factor or factors asked for, the others summed out under the prior; all if None.
        given: Labels that are known.
        prior: Of the conditions; see ``ConditionSpace.log_prior``.
        lengths: Symbols per sequence.
        every_prefix: Give the posterior after every prefix, from the same single pass per
            condition: shape (B, T + 1, K), row t from the first t symbols, row 0 the prior.
        memory: Bytes that activations may take at a time.

    Example:
        >>> coins = MarkovTable(torch.tensor([[[0.5, 0.5]], [[0.1, 0.9]]]).log())
        >>> posterior(coins, torch.tensor([[0, 0]]), every_prefix=True).probs[0, :, 0]
        tensor([0.5000, 0.8333, 0.9615], dtype=torch.float64)
    """
    begin = time.perf_counter()
    space = check_space(model, space)
    names = space.names if of is None else ((of,) if isinstance(of, str) else tuple(of))
    labels = space.joint_labels(names)
    log_prior = space.log_prior(prior, given)
    possible = log_prior.isfinite().nonzero()[:, 0]
    likelihoods = log_likelihoods(
        model, symbols, possible, lengths, every_prefix=every_prefix, memory=memory
    )
    joint = likelihoods + log_prior[possible]
    log_evidence = joint.logsumexp(-1)
    value = log_sum_by_label(joint, space, names, possible) - log_evidence[..., None]
    impossible = bool(log_evidence.isneginf().any())
    counts = symbols.shape[1] * len(symbols) if lengths is None else int(lengths.sum())
    return Posterior(
        value=value,
        of=names,
        labels=labels,
        log_evidence=log_evidence,
        method=f"one score for each of {len(possible)} conditions",
        reliable=not impossible,
        reason="the model gives a sequence no probability" if impossible else "",
        cost=Cost(scored=counts * len(possible), seconds=time.perf_counter() - begin),
    )


def decide(
    model: SequenceModel,
    symbols: Integer[Tensor, " T"],
    space: ConditionSpace | None = None,
    *,
    threshold: float,
    of: str | Sequence[str] | None = None,
    given: Given | None = None,
    prior: Prior | None = None,
    memory: int = scoring.MEMORY,
) -> Posterior:
    """Read a sequence until one label is probable enough, and no further.

    Args:
        model: Any sequence model.
        symbols: One sequence, (T,).
        space: Names of the model's conditions.
        threshold: The posterior probability at which to stop, within (0, 1].
        of: The factor or factors asked for; all if None.
        given: Labels that are known.
        prior: Of the conditions; see ``ConditionSpace.log_prior``.
        memory: Bytes that activations may take at a time.

    Returns:
        The exact posterior after the first ``num_symbols`` symbols: the fewest after which a label
        reaches the threshold, or all of them.

    Example:
        >>> coins = MarkovTable(torch.tensor([[[0.5, 0.5]], [[0.1, 0.9]]]).log())
        >>> early = decide(coins, torch.tensor([0, 0, 1, 0]), threshold=0.9)
        >>> early.num_symbols.item(), early.best, round(early.probs.max().item(), 4)
        (2, ['0'], 0.9615)
    """
    begin = time.perf_counter()
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold needs to lie within (0, 1]; got {threshold}")
    space = check_space(model, space)
    names = space.names if of is None else ((of,) if isinstance(of, str) else tuple(of))
    labels = space.joint_labels(names)
    log_prior = space.log_prior(prior, given)
    possible = log_prior.isfinite().nonzero()[:, 0]
    joint, read, scored = log_prior[possible][None], 0, 0
    size = min(EARLY, scoring.chunk_length(model, len(possible), memory))
    with torch.no_grad():
        for factors in scoring.stream(model, symbols[None].split(size, dim=1), possible):
            scored += factors.shape[1]
            joint = torch.cat([joint[-1:], joint[-1] + factors.cpu().T.cumsum(0)])
            by_label = log_sum_by_label(joint, space, names, possible).softmax(-1).amax(-1)
            if bool((enough := by_label >= threshold).any()):
                read += int(enough.int().argmax())
                joint = joint[int(enough.int().argmax())][None]
                break
            read += factors.shape[1]
    log_evidence = joint[-1].logsumexp(-1)
    return Posterior(
        value=log_sum_by_label(joint[-1], space, names, possible) - log_evidence,
        of=names,
        labels=labels,
        log_evidence=log_evidence,
        method=f"one score for each of {len(possible)} conditions, as far as needed",
        reliable=not bool(log_evidence.isneginf()),
        reason="the model gives the sequence no probability" if log_evidence.isneginf() else "",
        num_symbols=torch.tensor(read),
        cost=Cost(scored=scored * len(possible), seconds=time.perf_counter() - begin),
    )


def log_sum_by_label(
    joint: Float[Tensor, "*B M"],
    space: ConditionSpace,
    names: Sequence[str],
    conditions: Int[Tensor, " M"],
) -> Float[Tensor, "*B K"]:
    """Add up, in logs, the entries of the conditions that share the labels of some factors."""
    codes, label = space.codes()[conditions], torch.zeros(len(conditions), dtype=torch.int64)
    size = 1
    for name in names:
        own = len(space.labels(name))
        label = label * own + codes[:, space.names.index(name)]
        size *= own
    sums = [joint[..., label == number].logsumexp(-1) for number in range(size)]
    return torch.stack(sums, dim=-1)
