"""What tests compare with: enumeration and closed forms, written as plainly as can be."""

import itertools
import math

import torch
from scipy.stats import chi2

UNLIKELY = 1e-6
"""How rarely a correct sampler may fail a test of chance, were its seed not fixed."""


def every(num_symbols, length):
    """Return all sequences of a length, shape (Q^T, T)."""
    sequences = list(itertools.product(range(num_symbols), repeat=length))
    return torch.tensor(sequences, dtype=torch.int64).reshape(len(sequences), length)


def chain_prob(probs, order, symbols, condition):
    """Return p(symbols | condition) of a Markov chain, one factor after the other.

    Args:
        probs: Shape (K, (Q + 1)^order, Q), as in MarkovTable, but no logs; nested lists.
        order: How many past symbols a factor sees.
        symbols: A list of symbols.
        condition: An index.
    """
    num_symbols = len(probs[0][0])
    past, total = [num_symbols] * order, 1.0
    for symbol in symbols:
        context = 0
        for digit in past:
            context = context * (num_symbols + 1) + digit
        total *= probs[condition][context][symbol]
        past = [*past, symbol][1:] if order else []
    return total


def chain_probs(model, symbols):
    """Return p(x | y) of every row under every condition of a Markov table, shape (B, K)."""
    probs = model.table.exp().tolist()
    return torch.tensor(
        [
            [chain_prob(probs, model.order, row, y) for y in range(model.num_conditions)]
            for row in symbols.tolist()
        ],
        dtype=torch.float64,
    ).reshape(len(symbols), model.num_conditions)


def assert_drawn_from(counts, probs):
    """Fail where counts are too far from a law, by Pearson's chi-square.

    Cells in which fewer than five are expected are taken together.
    """
    counts, probs = counts.double().flatten(), probs.double().flatten()
    assert math.isclose(float(probs.sum()), 1, rel_tol=1e-9)
    assert (counts[probs == 0] == 0).all(), "something impossible was drawn"
    expected = counts.sum() * probs
    rare = expected < 5
    if rare.any():
        counts = torch.cat([counts[~rare], counts[rare].sum()[None]])
        expected = torch.cat([expected[~rare], expected[rare].sum()[None]])
    counts, expected = counts[expected > 0], expected[expected > 0]
    statistic = float(((counts - expected) ** 2 / expected).sum())
    assert len(counts) == 1 or statistic < chi2.ppf(1 - UNLIKELY, len(counts) - 1)


def index_of(symbols, num_symbols):
    """Return the row of ``every`` that each sequence is, shape (B,)."""
    index = torch.zeros(len(symbols), dtype=torch.int64)
    for column in symbols.unbind(1):
        index = index * num_symbols + column
    return index
