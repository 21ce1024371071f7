"""How much is unknown, and what would tell most."""

import math

import pytest
import torch

import autoreg as ar
from autoreg.conditions import ConditionSpace
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.models.markov import MarkovTable
from autoreg.queries import information as queries
from autoreg.queries.information import entropy, information, learning_curve, uncertainty
from tests.laws.recipes import MarkovRecipe
from tests.oracles import chain_probs, every

CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=4, seed=7).build()
SPACE = ConditionSpace({"speaker": "ab", "digit": "01"})
KNOWN = Evidence.free(3, 5, 4).restrict(0, 1).restrict(3, [0, 2])


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def joint(evidence):
    """Return the allowed sequences and p(x, y | evidence), (P, K)."""
    symbols = every(3, evidence.length)
    symbols = symbols[evidence.allows(symbols)]
    probs = chain_probs(CHAIN, symbols) * evidence.log_condition.exp()
    return symbols, probs / probs.sum()


def plain(probs):
    probs = probs[probs > 0]
    return float(-(probs * probs.log()).sum())


def as_far_off_as_it_says(answer, wanted):
    z = (answer.value - wanted) / answer.std_error
    return float(z.abs().max()) < 4


@pytest.mark.parametrize("evidence", [KNOWN, Evidence.free(3, 4, 4), KNOWN.restrict([1, 2, 4], 0)])
def test_entropy_is_that_of_all_that_is_hidden(evidence):
    wanted = plain(joint(evidence)[1].sum(1))
    assert float(entropy(CHAIN, evidence)) == pytest.approx(wanted, abs=1e-9)
    one = evidence.given(torch.tensor([-torch.inf, 0, -torch.inf, -torch.inf]).double())
    exact = entropy(CHAIN, one, effort=Effort(most_paths=1))
    assert exact.kind == "exact"
    assert float(exact) == pytest.approx(plain(joint(one)[1].sum(1)), abs=1e-9)


@pytest.mark.parametrize("evidence", [KNOWN, Evidence.free(3, 4, 4).restrict(0, 1)])
def test_estimated_entropy_counts_what_is_free_at_the_end_once(evidence):
    effort = Effort(method="particles", particles=128, draws=64)
    answer = entropy(CHAIN, evidence, effort=effort, generator=chance())
    assert as_far_off_as_it_says(answer, plain(joint(evidence)[1].sum(1)))


@pytest.mark.parametrize("evidence", [KNOWN, Evidence.free(3, 4, 4).restrict(0, 1)])
def test_mutant_that_counts_the_entropy_of_what_is_free_twice_is_caught(evidence, monkeypatch):
    effort = Effort(method="particles", particles=128, draws=64)
    once = queries._plain
    monkeypatch.setattr(queries, "_plain", lambda logs: 2 * once(logs))
    answer = entropy(CHAIN, evidence, effort=effort, generator=chance())
    assert not as_far_off_as_it_says(answer, plain(joint(evidence)[1].sum(1)))


def test_entropies_of_parts_add_up():
    free = Evidence.free(3, 3, 4).given(torch.tensor([0.0, *[-torch.inf] * 3]).double())
    whole = float(entropy(CHAIN, free))
    symbols, probs = joint(free)
    conditional = sum(
        float(probs[symbols[:, 0] == v].sum()) * float(entropy(CHAIN, free.restrict(0, v)))
        for v in range(3)
    )
    marginal = plain(torch.stack([probs[symbols[:, 0] == v].sum() for v in range(3)]))
    assert whole == pytest.approx(marginal + conditional, abs=1e-9)


@pytest.mark.parametrize("of", [None, "speaker", ("digit", "speaker")])
def test_information_is_what_a_symbol_tells_of_the_condition(of):
    answer = information(CHAIN, KNOWN, SPACE, of=of)
    symbols, probs = joint(KNOWN)
    if of == "speaker":
        probs = torch.stack([probs[:, :2].sum(1), probs[:, 2:].sum(1)], 1)
    wanted = []
    for t in KNOWN.hidden.tolist():
        tables = [probs[symbols[:, t] == v].sum(0) for v in range(3)]
        left = sum(float(row.sum()) * plain(row / row.sum()) for row in tables if row.sum() > 0)
        wanted.append(plain(probs.sum(0)) - left)
    assert answer.value.tolist() == pytest.approx(wanted, abs=1e-9)
    assert bool((answer.value > -1e-12).all())


def test_information_of_nobody_is_nothing():
    same = MarkovTable(torch.full((2, 1, 2), 0.5).double().log())
    answer = information(same, Evidence.free(2, 3, 2))
    assert answer.value.tolist() == pytest.approx([0, 0, 0], abs=1e-12)


def test_a_learning_curve_rises_from_nothing_to_what_all_symbols_tell():
    answer = learning_curve(CHAIN, 4, SPACE)
    symbols, probs = joint(Evidence.free(3, 4, 4))
    whole = math.log(4) - float(
        sum(row.sum() * plain(row / row.sum()) for row in probs if row.sum() > 0)
    )
    assert float(answer.value[0]) == pytest.approx(0, abs=1e-9)
    assert float(answer.value[-1]) == pytest.approx(whole, abs=1e-9)
    assert bool((answer.value.diff() > -1e-12).all())
    effort = Effort(method="particles", draws=64)
    drawn = learning_curve(CHAIN, 4, SPACE, effort=effort, generator=chance())
    z = (drawn.value - answer.value)[1:] / drawn.std_error[1:]
    assert float(z.abs().max()) < 4
    assert symbols.shape == (81, 4)


def test_uncertainty_is_the_entropy_of_a_posterior():
    found = ar.posterior(CHAIN, torch.tensor([[0, 1, 2]]), SPACE)
    assert float(uncertainty(found).value) == pytest.approx(plain(found.probs[0]))
    known = KNOWN.given(torch.tensor([0.1, 0.2, 0.3, 0.4]).double().log())
    effort = Effort(method="particles", particles=128)
    drawn = ar.posterior_given(CHAIN, known, SPACE, effort=effort, generator=chance())
    wanted = plain(joint(known)[1].sum(0))
    assert abs(float(uncertainty(drawn).value) - wanted) < 5 * float(uncertainty(drawn).std_error)


def test_a_factor_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="no factor 'hue'"):
        information(CHAIN, KNOWN, SPACE, of="hue")
