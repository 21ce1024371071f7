"""How likely sequences are."""

import time

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from autoreg import scoring
from autoreg.answers import Answer, Cost
from autoreg.conditions import ConditionSpace, Given, Prior
from autoreg.protocol import SequenceModel


def log_prob(
    model: SequenceModel,
    symbols: Integer[Tensor, "B T"],
    space: ConditionSpace | None = None,
    *,
    given: Given | None = None,
    prior: Prior | None = None,
    lengths: Int[Tensor, " B"] | None = None,
    memory: int = scoring.MEMORY,
) -> Answer:
    r"""Return :math:`\log \sum_y p(y \mid given)\, p(x \mid y)` of each sequence, in nats.

    Args:
        model: Any sequence model.
        symbols: Sequences, padded on the right where ``lengths`` says so. Length 0 has log p = 0.
        space: Names of the model's conditions; needed to name any in ``given``.
        given: Labels that are known; the factors left out are summed over under the prior.
        prior: Of the conditions; see ``ConditionSpace.log_prior``.
        lengths: Symbols per sequence.
        memory: Bytes that activations may take at a time.

    Example:
        >>> coins = MarkovTable(torch.tensor([[[0.5, 0.5]], [[0.1, 0.9]]]).log())
        >>> log_prob(coins, torch.tensor([[1, 1]])).value.exp()
        tensor([0.5300], dtype=torch.float64)
    """
    begin = time.perf_counter()
    space = check_space(model, space)
    log_prior = space.log_prior(prior, given)
    possible = log_prior.isfinite().nonzero()[:, 0]
    likelihoods = log_likelihoods(model, symbols, possible, lengths, memory=memory)
    value = (likelihoods + log_prior[possible]).logsumexp(-1)
    counts = torch.full((len(symbols),), symbols.shape[1]) if lengths is None else lengths
    averaged = f", averaged over {len(possible)} conditions" if len(possible) > 1 else ""
    return Answer(
        value=value,
        method=f"one score{averaged}",
        num_symbols=counts,
        cost=Cost(scored=int(counts.sum()) * len(possible), seconds=time.perf_counter() - begin),
    )


def surprise(
    model: SequenceModel,
    symbols: Integer[Tensor, " T"],
    log_condition: Float[Tensor, " K"] | None = None,
    *,
    memory: int = scoring.MEMORY,
) -> Answer:
    r"""Return :math:`-\log p(x_t \mid x_{<t})` of every symbol of a sequence, in nats.

    Where the condition is not known it is summed out under its posterior after each prefix, so
    that the values add up to minus the log probability of the sequence. An impossible symbol is
    infinitely surprising, what follows it nan.

    Args:
        model: Any sequence model.
        symbols: One sequence, (T,).
        log_condition: log p(y), (K,); uniform if None.
        memory: Bytes that activations may take at a time.

    Example:
        >>> coins = MarkovTable(torch.tensor([[[0.5, 0.5]], [[0.1, 0.9]]]).log())
        >>> surprise(coins, torch.tensor([1, 1])).value
        tensor([0.3567, 0.2782], dtype=torch.float64)
    """
    begin = time.perf_counter()
    if log_condition is None:
        log_condition = check_space(model, None).log_prior()
    possible = log_condition.isfinite().nonzero()[:, 0]
    joint = log_condition[possible] + log_likelihoods(
        model, symbols[None], possible, every_prefix=True, memory=memory
    )
    total = joint[0].logsumexp(-1)
    gone = bool(total[-1].isneginf())
    return Answer(
        value=total[:-1] - total[1:],
        method="one score",
        reliable=not gone,
        reason="nothing can be said of what follows an impossible symbol" if gone else "",
        cost=Cost(scored=len(symbols) * len(possible), seconds=time.perf_counter() - begin),
    )


def log_likelihoods(
    model: SequenceModel,
    symbols: Integer[Tensor, "B T"],
    conditions: Int[Tensor, " M"],
    lengths: Int[Tensor, " B"] | None = None,
    *,
    every_prefix: bool = False,
    memory: int = scoring.MEMORY,
) -> Float[Tensor, "B M"] | Float[Tensor, "B T1 M"]:
    """Return log p(x | y) of each sequence under each condition, float64.

    Pairs of sequence and condition are read in batches, and in pieces of time, that fit into
    ``memory`` bytes.

    Args:
        model: Any sequence model.
        symbols: Sequences, padded on the right where ``lengths`` says so.
        conditions: Condition indices.
        lengths: Symbols per sequence.
        every_prefix: Return (B, T + 1, M) instead: entry t is that of the first t symbols, from
            the same single pass. Beyond a sequence's length the last entry is repeated.
        memory: Bytes that activations may take at a time.
    """
    scoring.check_lengths("lengths", lengths, symbols)
    count, length, width = len(symbols), symbols.shape[1], len(conditions)
    rows = torch.arange(count).repeat_interleave(width)
    pairs = torch.stack([rows, conditions.cpu().repeat(count)])
    fitting = max(1, scoring.chunk_length(model, 1, memory) // max(1, length))
    lengths = torch.full((count,), length) if lengths is None else lengths.cpu()
    entries = length + 1 if every_prefix else 1
    out = torch.zeros(count * width, entries, dtype=torch.float64)
    with torch.no_grad():
        for first in range(0, count * width, fitting):
            batch = slice(first, first + fitting)
            row, condition = pairs[:, batch]
            own = lengths[row]
            longest = int(own.max())
            size = scoring.chunk_length(model, len(row), memory)
            pieces = symbols[row, :longest].split(size, dim=1) if longest else ()
            at = 0
            for factors in scoring.stream(model, pieces, condition):
                end = at + factors.shape[1]
                inside = torch.arange(at, end) < own[:, None]
                factors = factors.cpu().masked_fill(~inside, 0.0)
                if every_prefix:
                    out[batch, at + 1 : end + 1] = out[batch, at : at + 1] + factors.cumsum(1)
                else:
                    out[batch, 0] += factors.sum(1)
                at = end
            if every_prefix:
                out[batch, at + 1 :] = out[batch, at : at + 1]
    table = out.reshape(count, width, entries)
    return table.transpose(1, 2) if every_prefix else table[..., 0]


def check_space(model: SequenceModel, space: ConditionSpace | None) -> ConditionSpace:
    """Return the space, or a nameless one of the model's size; refuse one of another size."""
    if space is None:
        labels = [str(index) for index in range(model.num_conditions)]
        return ConditionSpace({"condition": labels} if model.num_conditions > 1 else {})
    if space.size != model.num_conditions:
        raise ValueError(
            f"the space needs as many conditions as the model, {model.num_conditions}; "
            f"got {space.size} in {space!r}"
        )
    return space
