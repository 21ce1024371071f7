"""The table as a model: contexts, and what is no table."""

import itertools
import math

import pytest
import torch

from autoreg.data.markov import markov
from autoreg.models.markov import MarkovTable
from autoreg.scoring import log_factors
from tests.oracles import chain_probs, every


def random(*shape, seed=0):
    return MarkovTable.random(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_a_row_is_found_by_the_last_symbols_oldest_first(order):
    model = random(2, order, 3)
    symbols = every(2, 5)
    for condition in range(3):
        factors = log_factors(model, symbols, torch.full((32,), condition))
        wanted = chain_probs(model, symbols)[:, condition]
        assert torch.allclose(factors.sum(1).exp(), wanted, rtol=1e-12, atol=0)


def test_memory_is_position_condition_and_context():
    model = random(2, 3, 2)
    state = model.start(torch.tensor([1, 0]))
    assert [tensor.tolist() for tensor in state.memory] == [[0, 0], [1, 0], [26, 26]]
    _, state = model.read(state, torch.tensor([[1, 0], [0, 0]]))
    # Base 3, oldest first: (before the beginning, 1, 0) and (before the beginning, 0, 0).
    assert [tensor.tolist() for tensor in state.memory] == [[2, 2], [1, 0], [21, 18]]
    assert torch.equal(state.next[0], model.table[1, 21])


def test_order_and_sizes_are_those_of_the_table():
    for num_symbols, order, conditions in itertools.product([1, 2, 4], [0, 1, 2], [1, 3]):
        model = random(num_symbols, order, conditions)
        assert (model.num_symbols, model.order, model.num_conditions) == (
            num_symbols,
            order,
            conditions,
        )
        assert model.stationary
        assert model.length is None


def test_the_corpus_of_chains_comes_with_a_table_in_this_layout():
    corpus, log_probs = markov(20, 6, num_symbols=3, order=2, num_conditions=2)
    model, part = MarkovTable(log_probs), corpus.parts["train"]
    symbols, condition, lengths = part.pad(range(len(part)))
    factors = log_factors(model, symbols, condition, lengths)
    wanted = chain_probs(model, symbols)[torch.arange(20), condition]
    assert torch.allclose(factors.sum(1).exp(), wanted, rtol=1e-12, atol=0)


def test_random_rows_are_dirichlet_draws():
    # Under Dirichlet(a, ..., a) over Q symbols the variance is (Q - 1) / (Q^2 (Q a + 1)).
    for concentration in (0.2, 1.0, 5.0):
        generator = torch.Generator().manual_seed(0)
        model = MarkovTable.random(3, 7, concentration=concentration, generator=generator)
        probs = model.table.exp().reshape(-1, 3)
        count, variance = len(probs), 2 / 9 / (3 * concentration + 1)
        assert (probs.mean(0) - 1 / 3).abs().max() < 5 * math.sqrt(variance / count)
        assert probs.var(0).mean() == pytest.approx(variance, rel=0.05)


def test_a_tiny_concentration_leaves_no_nan():
    generator = torch.Generator().manual_seed(0)
    model = MarkovTable.random(4, 2, concentration=1e-4, generator=generator)
    assert model.table.isfinite().all()
    assert model.table.logsumexp(-1).abs().max() < 1e-12


def test_rows_are_normalised_to_the_last_digit():
    rounded = torch.tensor([[[0.1, 0.2, 0.7]]]).log()  # float32
    model = MarkovTable(rounded.double())
    assert model.table.logsumexp(-1).abs().max() < 1e-15


def test_zeros_stay_zeros():
    model = MarkovTable(torch.tensor([[[0.0, 1.0]]]).log())
    assert model.table.tolist() == [[[-math.inf, 0.0]]]
    factors = log_factors(model, torch.tensor([[1, 0]]), torch.tensor([0]))
    assert factors.tolist() == [[0, -math.inf]]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 2, 2), r"shape \(K, \(Q \+ 1\)\^R, Q\); got \(1, 2, 2\)"),
        ((1, 0, 2), r"an entry or more; got \(1, 0, 2\)"),
        ((0, 3, 2), r"an entry or more; got \(0, 3, 2\)"),
        ((1, 3, 0), r"an entry or more; got \(1, 3, 0\)"),
    ],
)
def test_what_is_no_table_is_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        MarkovTable(torch.zeros(shape).log_softmax(-1))


@pytest.mark.parametrize("value", [0.0, math.nan, -math.inf])
def test_rows_that_are_no_distribution_are_refused(value):
    with pytest.raises(ValueError, match=r"rows that sum to 1 as probabilities; off by"):
        MarkovTable(torch.full((1, 3, 2), value))
