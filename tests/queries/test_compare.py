"""How far apart conditions and models are."""

import math

import pytest
import torch

from autoreg.conditions import ConditionSpace
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.models.markov import MarkovTable
from autoreg.queries.compare import divergence, log_odds
from autoreg.queries.likelihood import log_prob
from tests.laws.recipes import MarkovRecipe
from tests.oracles import chain_probs, every

CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=3, seed=9).build()
OTHER = MarkovRecipe(num_symbols=3, order=1, num_conditions=2, seed=1).build()
SPACE = ConditionSpace({"speaker": "abc"})
FREE = Evidence.free(3, 5, 3)


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def only(*weights):
    return FREE.given(torch.tensor(weights).double().log())


def gap(model, one, other_model, two):
    symbols = every(3, 5)
    symbols = symbols[one.allows(symbols)]
    p = (chain_probs(model, symbols) * one.log_condition.exp()).sum(1)
    q = (chain_probs(other_model, symbols) * two.log_condition.exp()).sum(1)
    p, q = p / p.sum(), q / q.sum()
    return float((p * (p / q).log()).sum())


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("weights", [((1, 0, 0), (0, 1, 0)), ((0.5, 0.5, 0), (0, 0.1, 0.9))])
def test_a_divergence_is_a_sum_over_sequences(weights, begun):
    one, two = (only(*row) for row in weights)
    if begun:
        one, two = one.restrict([0, 1], 2), two.restrict([0, 1], 2)
    wanted = gap(CHAIN, one, CHAIN, two)
    answer = divergence(CHAIN, one, two)
    assert (float(answer), answer.kind) == (pytest.approx(wanted, abs=1e-9), "exact")
    effort = Effort(method="particles", draws=64)
    drawn = divergence(CHAIN, one, two, effort=effort, generator=chance())
    assert abs(float(drawn) - wanted) < 4 * float(drawn.std_error)
    assert wanted > 0


def test_models_are_compared_too():
    one, two = only(0, 0, 1), Evidence.free(3, 5, 2)
    wanted = gap(CHAIN, one, OTHER, two)
    assert float(divergence(CHAIN, one, two, other_model=OTHER)) == pytest.approx(wanted, abs=1e-9)


def test_nothing_diverges_from_itself():
    assert float(divergence(CHAIN, only(1, 0, 0), only(1, 0, 0))) == pytest.approx(0, abs=1e-12)


def test_a_divergence_of_coins_is_its_closed_form():
    probs = torch.tensor([[[0.5, 0.5]], [[0.1, 0.9]]], dtype=torch.float64)
    coins = MarkovTable(probs.log())
    free = Evidence.free(2, 400, 2)
    one, two = (free.given(torch.tensor(row).double().log()) for row in ([1.0, 0.0], [0.0, 1.0]))
    wanted = 400 * 0.5 * (math.log(5) + math.log(5 / 9))
    # Of a memoryless law each position's divergence is known: no variance is left.
    answer = divergence(coins, one, two, generator=chance())
    assert float(answer) == pytest.approx(wanted, rel=1e-9)


def test_log_odds_are_a_difference_of_log_probabilities():
    symbols = every(3, 3)
    answer = log_odds(CHAIN, symbols, SPACE, {"speaker": "a"}, {"speaker": "c"})
    one, two = (log_prob(CHAIN, symbols, SPACE, given={"speaker": s}).value for s in "ac")
    torch.testing.assert_close(answer.value, one - two)
    assert answer.kind == "exact"


@pytest.mark.parametrize(
    ("one", "two", "options", "message"),
    [
        (FREE.restrict(0, 1), FREE, {}, "same beginning observed on both sides"),
        (FREE.restrict(2, 1), FREE.restrict(2, 1), {}, "same beginning observed on both sides"),
        (FREE, FREE, {"other_model": MarkovRecipe(2, 1, 3, 0).build()}, "3 and 2"),
    ],
)
def test_what_cannot_be_compared_is_refused(one, two, options, message):
    with pytest.raises(ValueError, match=message):
        divergence(CHAIN, one, two, **options)
