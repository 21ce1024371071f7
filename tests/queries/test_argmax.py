"""What is most likely."""

import pytest
import torch

from autoreg.conditions import ConditionSpace
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.queries.argmax import argmax
from tests.laws.recipes import MarkovRecipe
from tests.oracles import chain_probs, every

CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=2, seed=8).build()
SPACE = ConditionSpace({"speaker": "ab"})
PRIOR = torch.tensor([0.3, 0.7]).double().log()
KNOWN = Evidence.free(3, 6, 2).given(PRIOR).restrict(0, 1).restrict(3, [0, 2])


def best_of_all():
    symbols = every(3, 6)
    probs = chain_probs(CHAIN, symbols) * PRIOR.exp() * KNOWN.allows(symbols)[:, None]
    row, condition = divmod(int(probs.flatten().argmax()), 2)
    return symbols[row], condition, probs.max()


@pytest.mark.parametrize("effort", [Effort(), Effort(most_contexts=1)])
def test_the_best_is_found_and_proven(effort):
    symbols, condition, prob = best_of_all()
    best = argmax(CHAIN, KNOWN, SPACE, effort=effort)
    assert best.proven
    assert best.symbols.tolist() == symbols.tolist()
    assert (best.condition, best.labels) == (condition, {"speaker": "ab"[condition]})
    assert float(best.value.exp()) == pytest.approx(float(prob), abs=1e-12)
    wanted = "dynamic programming" if effort.most_contexts > 1 else "best-first search"
    assert best.method == wanted


def test_what_is_not_proven_says_by_how_much_something_may_be_better():
    best = argmax(CHAIN, KNOWN, SPACE, effort=Effort(most_contexts=1, most_steps=1))
    truth = best_of_all()[2].log()
    assert not best.proven
    assert best.kind == "bounds"
    assert float(best.lower) <= float(truth) <= float(best.upper)


def test_what_is_all_observed_is_best_under_its_best_condition():
    seen = Evidence.observe(torch.tensor([0, 2, 1]), 3, num_conditions=2)
    best = argmax(CHAIN, seen, SPACE)
    probs = chain_probs(CHAIN, torch.tensor([[0, 2, 1]]))[0]
    assert best.symbols.tolist() == [0, 2, 1]
    assert best.condition == int(probs.argmax())


def test_nothing_is_most_likely_of_the_impossible():
    with pytest.raises(ValueError, match="nothing is most likely"):
        argmax(CHAIN, KNOWN.restrict(1, []))
