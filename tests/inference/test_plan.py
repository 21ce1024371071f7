"""The first method that applies."""

import pytest
import torch

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.effort import METHODS, Effort
from autoreg.inference.plan import EXACT, plan
from autoreg.inference.problem import pose
from tests.laws.asked import Forgotten
from tests.laws.recipes import MarkovRecipe

CHAIN = MarkovRecipe(num_symbols=2, order=2, num_conditions=1, seed=0).build()
FREE = Evidence.free(2, 12)


def planned(evidence, effort=None, *, model=CHAIN, event=None, tail=False):
    return plan(pose(model, evidence, 0, event, tail=tail), effort or Effort())


def test_what_is_all_observed_is_one_score():
    known = Evidence.observe(torch.zeros(5, dtype=torch.int64), 2)
    assert planned(known).method == "nothing hidden"
    assert planned(FREE).method == "nothing hidden"  # what is free at the end counts for nothing


def test_one_open_position_at_the_end_is_one_mass():
    known = Evidence.observe(torch.zeros(5, dtype=torch.int64), 2).relax(4)
    assert planned(known, tail=True).method == "one mass"


def test_the_cheaper_exact_method_is_taken():
    late = FREE.restrict(11, 1)
    assert planned(late).method == "dynamic programming"
    assert planned(late, Effort(most_contexts=1)).method == "enumeration"
    assert planned(late, Effort(most_paths=1)).method == "dynamic programming"


def test_what_costs_too_much_is_estimated():
    late, small = FREE.restrict(11, 1), {"most_paths": 1, "most_contexts": 1}
    assert planned(late, Effort(**small)).method == "particles"
    assert planned(late, Effort(**small, threshold=0.0)).method == "importance"
    assert planned(late, Effort(most_steps=1)).method == "particles"
    forgotten = Forgotten(CHAIN)
    enough, less = (Effort(most_paths=2**power, most_contexts=1) for power in (11, 10))
    assert planned(late, enough, model=forgotten).method == "enumeration"
    assert planned(late, less, model=forgotten).method == "particles"


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_is_asked_for_is_taken(method):
    step = planned(FREE.restrict(11, 1), Effort(method=method))
    assert (step.method, step.reason) == (method, "asked for")
    assert step.stepped > 0


def test_an_event_is_summed_over_by_its_states_too():
    step = planned(FREE, event=Event.count([1], 2, at_least=3))
    assert step.method in EXACT
    assert step.method == "dynamic programming"
    assert "contexts" in step.reason
