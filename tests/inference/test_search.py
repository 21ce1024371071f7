import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.evidence import Evidence
from autoreg.inference.exact import dynamic_programme
from autoreg.inference.meter import Metered
from autoreg.inference.problem import pose
from autoreg.inference.search import best_first
from autoreg.models.markov import MarkovTable
from tests.inference.tiny import close, questions


@given(questions())
def test_a_large_budget_proves_the_best_path(question):
    problem, oracle = question.build()
    best = best_first(problem, 5000)
    assert best.proven
    assert best.log_upper == best.log_prob
    assert close(best.log_prob, oracle.probs.max())
    assert oracle.z == 0 or close(best.log_prob, oracle.prob(best.symbols))


@given(questions(num_symbols=2, length=6, known="none"))
def test_a_budget_for_every_prefix_proves_what_a_narrow_beam_does_not(question):
    # The beam keeps 10 prefixes and expands 35 at most; there are 63 to be expanded.
    problem, oracle = question.build()
    best = best_first(problem, 130)
    assert best.proven
    assert close(best.log_prob, oracle.probs.max())


@given(questions(), st.integers(1, 60))
def test_bounds_hold_at_every_budget(question, budget):
    problem, oracle = question.build()
    best = best_first(problem, budget)
    top = float(oracle.probs.max())
    assert math.exp(best.log_prob) <= top * (1 + 1e-12)
    assert top <= math.exp(best.log_upper) * (1 + 1e-12)
    assert best.symbols.shape == (problem.length,)
    assert best.log_prob == -torch.inf or close(best.log_prob, oracle.prob(best.symbols))


def test_the_queue_finds_what_a_beam_misses():
    # The likeliest first symbol, 0, leads to nothing likely; a beam of one follows it.
    first, spread, certain = [0.6, 0.4, 0.0], [0.4, 0.3, 0.3], [0.0, 1.0, 0.0]
    rows = torch.tensor([spread, certain, spread, first], dtype=torch.float64)
    problem = pose(MarkovTable(rows.log()[None]), Evidence.free(3, 3), 0, tail=True)
    for budget in (3, 4, 5, 6):
        best = best_first(problem, budget)
        assert (best.symbols.tolist(), best.proven) == ([0, 0, 0], False)
        assert math.log(0.4) <= best.log_upper + 1e-12
    best = best_first(problem, 7)
    assert (best.symbols.tolist(), best.proven) == ([1, 1, 1], True)
    assert math.exp(best.log_prob) == pytest.approx(0.4)


def test_viterbi_agrees_on_a_longer_path():
    table = MarkovTable.random(3, 2, concentration=0.1, generator=torch.Generator().manual_seed(5))
    problem = pose(table, Evidence.free(3, 40).restrict(39, 1), 0)
    best, truth = best_first(problem, 20000), dynamic_programme(problem).best()
    assert best.proven
    assert best.log_prob == pytest.approx(truth[1], abs=1e-10)
    assert torch.equal(best.symbols, truth[0])


@pytest.mark.parametrize("budget", [10, 41, 300])
def test_the_budget_is_kept(budget):
    model = Metered(MarkovTable.random(2, 1, generator=torch.Generator().manual_seed(1)))
    problem = pose(model, Evidence.free(2, 10), 0, tail=True)
    best_first(problem, budget)
    assert model.stepped <= budget


def test_a_budget_below_one_is_refused():
    model = MarkovTable.random(2, 1, generator=torch.Generator().manual_seed(1))
    with pytest.raises(ValueError, match="budget of 1 or more; got 0"):
        best_first(pose(model, Evidence.free(2, 5), 0, tail=True), 0)
