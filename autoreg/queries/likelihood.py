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
    located: bool = False,
    memory: int = scoring.MEMORY,
) -> Float[Tensor, "B M"] | Float[Tensor, "B T1 M"]:
    """Return log p(x | y) of each sequence under each condition, float64.

    Pairs of sequence and condition are read in batches, the longest sequences first, and in pieces
    of time, that fit into ``memory`` bytes. A batch is read once, as far as its longest sequence.

    Args:
        model: Any sequence model.
        symbols: Sequences, padded on the right where ``lengths`` says so.
        conditions: Condition indices.
        lengths: Symbols per sequence.
        every_prefix: Return (B, T + 1, M) instead: entry t is that of the first t symbols, from
            the same single pass. Beyond a sequence's length the last entry is repeated.
        located: Sequence i has row i of the bank of the model's features.
        memory: Bytes that activations may take at a time.
    """
    scoring.check_lengths("lengths", lengths, symbols)
    count, length, width = len(symbols), symbols.shape[1], len(conditions)
    lengths = torch.full((count,), length) if lengths is None else lengths.cpu()
    # Sequences of like length are read together, so that little is read of what pads them.
    rows = lengths.argsort(descending=True, stable=True).repeat_interleave(width)
    pairs = torch.stack([rows, torch.arange(width).repeat(count)])
    budget = scoring.chunk_length(model, 1, memory)
    out = torch.zeros(count, width, length + 1 if every_prefix else 1, dtype=torch.float64)
    first = 0
    with torch.no_grad():
        while first < count * width and (longest := int(lengths[rows[first]])):
            row, column = pairs[:, first : first + max(1, budget // longest)]
            first += len(row)
            size = scoring.piece_length(model, len(row), memory)
            pieces = symbols[row, :longest].split(size, dim=1)
            total, at = torch.zeros(len(row), 1, dtype=torch.float64), 0
            own = row if located else None
            for factors in scoring.stream(model, pieces, conditions[column], row=own):
                end = at + factors.shape[1]
                beyond = torch.arange(at, end) >= lengths[row][:, None]
                factors = factors.cpu().masked_fill(beyond, 0.0)
                if every_prefix:
                    sums = total + factors.cumsum(1)
                    out[row, column, at + 1 : end + 1], total = sums, sums[:, -1:]
                else:
                    total += factors.sum(1, keepdim=True)
                at = end
            if every_prefix:
                out[row, column, at + 1 :] = total
            else:
                out[row, column] = total
    return out.transpose(1, 2) if every_prefix else out[..., 0]


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
