"""The distribution of each next symbol, the condition summed out along the way."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from autoreg import scoring
from autoreg.protocol import DENSE_LIMIT, SequenceModel


def check_dense(num_symbols: int, asked: str, instead: str) -> None:
    """Refuse an alphabet that is not written out for every position.

    Args:
        num_symbols: Q.
        asked: What would take that.
        instead: What answers something like it.
    """
    if num_symbols > DENSE_LIMIT:
        raise ValueError(
            f"{asked} need a dense head: a distribution of at most {DENSE_LIMIT} symbols is "
            f"written out for every position; the model has {num_symbols}. {instead}"
        )


def log_mixed(
    model: SequenceModel,
    symbols: Int[Tensor, "B T"],
    log_condition: Float[Tensor, " K"],
    *,
    memory: int = scoring.MEMORY,
) -> Float[Tensor, " B"]:
    r"""Return :math:`\log \sum_y p(y) p(x \mid y)`, of any alphabet; p(y) as it is given."""
    totals = []
    with torch.no_grad():
        for condition in log_condition.isfinite().nonzero()[:, 0].tolist():
            rows = max(1, scoring.chunk_length(model, max(1, symbols.shape[1]), memory))
            parts = [
                scoring.log_factors(model, some, torch.full((len(some),), condition)).sum(1).cpu()
                for some in symbols.split(rows)
            ]
            totals.append(torch.cat(parts) + log_condition[condition])
    return torch.stack(totals).logsumexp(0)


def predictive(
    model: SequenceModel,
    symbols: Int[Tensor, "B T"],
    log_condition: Float[Tensor, " K"],
    *,
    memory: int = scoring.MEMORY,
) -> Iterator[tuple[slice, Float[Tensor, "b T Q"], Float[Tensor, "b C"]]]:
    r"""Yield, in batches of rows, log p(x_t = v | x_<t) for every t and v.

    .. math:: p(v \mid x_{<t}) = \sum_y p(y \mid x_{<t})\, p(v \mid x_{<t}, y)

    Args:
        model: Any sequence model with a dense head.
        symbols: Sequences.
        log_condition: log p(y), (K,), unnormalised; -inf for those that are ruled out.
        memory: Bytes that activations may take at a time.

    Yields:
        The rows, their distributions in float64, and log p(y, x) of the C possible conditions.
    """
    possible = log_condition.isfinite().nonzero()[:, 0]
    log_prior = log_condition[possible] - log_condition[possible].logsumexp(0)
    length = symbols.shape[1]
    # Beside the model's own activations stand the distributions themselves, in float64.
    room = 4 * int(getattr(model, "floats_per_symbol", 0)) + 32 * model.num_symbols
    rows = max(1, memory // max(1, room * max(1, length) * len(possible)))
    for first in range(0, len(symbols), rows):
        batch = symbols[first : first + rows]
        with torch.no_grad():
            parts = [
                model.log_probs(batch, torch.full((len(batch),), condition)).cpu().double()
                for condition in possible.tolist()
            ]
        logs = torch.stack(parts, 2)  # (b, T, C, Q)
        taken = batch.cpu()[:, :, None, None].expand(-1, -1, len(possible), 1)
        factors = logs.gather(-1, taken)[..., 0]
        # No differences: where a condition dies they would be nan.
        before = log_prior + torch.nn.functional.pad(factors.cumsum(1), (0, 0, 1, 0))[:, :-1]
        total = log_prior + factors.sum(1)
        mixed = (logs + before[..., None]).logsumexp(2)
        yield (
            slice(first, first + len(batch)),
            mixed - before.logsumexp(-1, keepdim=True),
            total,
        )
