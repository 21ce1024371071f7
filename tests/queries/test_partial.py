"""Bayes' rule where parts are hidden."""

import pytest
import torch

from autoreg.conditions import ConditionSpace
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.queries.partial import posterior_given
from autoreg.queries.posterior import posterior
from tests.laws.recipes import MarkovRecipe
from tests.oracles import chain_probs, every

CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=4, seed=10).build()
SPACE = ConditionSpace({"speaker": "ab", "digit": "01"})
PRIOR = torch.tensor([0.1, 0.2, 0.3, 0.4]).double().log()
KNOWN = Evidence.free(3, 6, 4).given(PRIOR).restrict(0, 1).restrict([2, 4], [0, 2])
PARTICLES = Effort(method="particles", particles=64)


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def joint(evidence=KNOWN):
    symbols = every(3, 6)
    return (chain_probs(CHAIN, symbols) * evidence.log_condition.exp())[
        evidence.allows(symbols)
    ].sum(0)


@pytest.mark.parametrize("effort", [Effort(), Effort(most_paths=1)])
def test_exact_posteriors_are_sums_over_sequences(effort):
    answer = posterior_given(CHAIN, KNOWN, SPACE, effort=effort)
    assert answer.kind == "exact"
    wanted = joint() / joint().sum()
    torch.testing.assert_close(answer.probs, wanted, rtol=0, atol=1e-9)
    assert float(answer.log_evidence.exp()) == pytest.approx(float(joint().sum()), abs=1e-12)
    speakers = posterior_given(CHAIN, KNOWN, SPACE, of="speaker", effort=effort)
    torch.testing.assert_close(speakers.probs, wanted.reshape(2, 2).sum(1), rtol=0, atol=1e-9)


@pytest.mark.parametrize("of", [None, "digit"])
def test_estimated_posteriors_are_as_far_off_as_they_say(of):
    answer = posterior_given(CHAIN, KNOWN, SPACE, of=of, effort=PARTICLES, generator=chance())
    wanted = joint() / joint().sum()
    wanted = wanted if of is None else wanted.reshape(2, 2).sum(0)
    z = (answer.value - wanted.log()) / answer.std_error
    assert float(z.abs().max()) < 4
    assert answer.kind == "consistent"
    assert float(answer.probs.sum()) == pytest.approx(1)


def test_a_posterior_that_forgets_its_prior_would_be_wrong():
    answer = posterior_given(CHAIN, KNOWN, SPACE)
    flat = joint(KNOWN.given(torch.full((4,), 0.25).double().log()))
    assert float((answer.probs - flat / flat.sum()).abs().max()) > 0.05


def test_nothing_hidden_is_the_posterior_of_the_sequence():
    symbols = torch.tensor([0, 1, 2, 2])
    seen = Evidence.observe(symbols, 3, num_conditions=4)
    answer = posterior_given(CHAIN, seen, SPACE)
    torch.testing.assert_close(answer.value, posterior(CHAIN, symbols[None], SPACE).value[0])


def test_nothing_seen_is_the_prior():
    answer = posterior_given(CHAIN, Evidence.free(3, 6, 4).given(PRIOR), SPACE)
    torch.testing.assert_close(answer.value, PRIOR)


def test_a_clear_race_ends_before_all_rounds_are_run():
    sure = torch.tensor([1 - 3e-9, 1e-9, 1e-9, 1e-9]).double().log()
    clear = posterior_given(CHAIN, KNOWN.given(sure), SPACE, effort=PARTICLES, generator=chance())
    close = posterior_given(CHAIN, KNOWN, SPACE, effort=PARTICLES, generator=chance())
    assert clear.cost.stepped <= close.cost.stepped
    assert clear.best == ["a/0"]


def test_the_impossible_has_no_posterior():
    answer = posterior_given(CHAIN, KNOWN.restrict(1, []), SPACE)
    assert not answer.reliable
    assert "no probability" in answer.reason
