"""Probabilities of evidence and of events."""

import math

import pytest
import torch

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.models.markov import MarkovTable
from autoreg.queries.probability import explain, probability, solve
from tests.laws.recipes import MarkovRecipe
from tests.oracles import chain_probs, every

CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=2, seed=5).build()
FREE = Evidence.free(3, 6, 2)
KNOWN = FREE.restrict(0, 1).restrict(4, [0, 2])
ROUTES = [Effort(), Effort(most_paths=1), Effort(method="particles", particles=256)]


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def mass(evidence, event=None):
    symbols = every(3, evidence.length)
    probs = (chain_probs(CHAIN, symbols) * evidence.log_condition.exp()).sum(1)
    allowed = evidence.allows(symbols)
    return float(probs[allowed if event is None else allowed & event.occurs(symbols)].sum())


def assert_is(answer, wanted):
    if answer.kind == "exact":
        assert float(answer.value) == pytest.approx(wanted, abs=1e-9)
    else:
        assert abs(float(answer.value) - wanted) < 4 * float(answer.std_error)


@pytest.mark.parametrize("effort", ROUTES)
@pytest.mark.parametrize("event", [None, Event.hit([2], 3), Event.word([0, 2], 3).within(1, 5)])
def test_evidence_and_events_have_the_mass_of_their_sequences(effort, event):
    answer = solve(CHAIN, KNOWN, event, effort=effort, generator=chance())
    assert_is(answer, math.log(mass(KNOWN, event)))


@pytest.mark.parametrize("effort", ROUTES)
def test_an_event_and_its_contrary_share_all_probability(effort):
    event = Event.count([1], 3, at_least=2)
    parts = [
        probability(CHAIN, some, KNOWN, effort=effort, generator=chance())
        for some in (event, ~event)
    ]
    assert_is(parts[0], math.log(mass(KNOWN, event) / mass(KNOWN)))
    total = sum(float(part.value.exp()) for part in parts)
    assert total == pytest.approx(1, abs=1e-9 if parts[0].kind == "exact" else 0.1)


@pytest.mark.parametrize("effort", ROUTES)
def test_the_probability_of_a_range_is_that_of_its_symbols_together(effort):
    def share(symbols):
        return probability(
            CHAIN, FREE.restrict(2, symbols), KNOWN, effort=effort, generator=chance()
        )

    assert_is(share([0, 2]), math.log(mass(KNOWN.restrict(2, [0, 2])) / mass(KNOWN)))
    if effort.method is None:
        both = float(share(0).value.exp()) + float(share(2).value.exp())
        assert both == pytest.approx(float(share([0, 2]).value.exp()), abs=1e-12)


def test_a_target_alone_is_asked_of_its_own_prior():
    answer = probability(CHAIN, KNOWN)
    assert float(answer) == pytest.approx(math.log(mass(KNOWN)), abs=1e-9)


def test_what_is_known_may_make_an_event_certain():
    answer = probability(CHAIN, Event.hit([1], 3), KNOWN)
    assert (float(answer.value), answer.kind) == (0, "exact")
    assert answer.reason == "what is known makes it certain"
    never = probability(CHAIN, ~Event.hit([1], 3), KNOWN)
    assert (float(never.value), never.kind) == (-math.inf, "exact")


def test_the_impossible_has_probability_0_and_conditions_nothing():
    nothing = KNOWN.restrict(1, [])
    assert float(solve(CHAIN, nothing).value) == -math.inf
    given = probability(CHAIN, FREE.restrict(2, 0), nothing)
    assert math.isnan(float(given.value))
    assert not given.reliable


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: probability(CHAIN, Event.hit([1], 3)), "needs evidence, which says how long"),
        (lambda: solve(CHAIN, Evidence.free(2, 3, 2)), "3 symbols; got evidence of 2"),
        (lambda: solve(CHAIN, Evidence.free(3, 3, 1)), "2 conditions; got evidence of 1"),
        (lambda: solve(CHAIN, FREE, Event.hit([1], 2)), "3 symbols; got an event of 2"),
    ],
)
def test_questions_about_other_symbols_are_refused(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()


def test_a_plan_is_told_and_then_followed():
    for effort in ROUTES:
        told = explain(CHAIN, KNOWN, effort=effort)
        answer = solve(CHAIN, KNOWN, effort=effort, generator=chance())
        assert answer.method in told
    assert explain(CHAIN, KNOWN.restrict(1, [])) != ""


def test_a_long_memoryless_gap_is_exact():
    coin = MarkovTable(torch.tensor([[[0.25, 0.75]]]).double().log())
    answer = solve(coin, Evidence.free(2, 500), Event.hit([0], 2))
    assert float(answer.value.exp()) == pytest.approx(1, abs=1e-12)
    late = solve(coin, Evidence.free(2, 500).restrict(499, 0))
    assert float(late.value.exp()) == pytest.approx(0.25, abs=1e-12)


def test_an_event_automaton_whose_state_is_dropped_at_a_gap_would_be_wrong(monkeypatch):
    # Mutant: cut at observed runs, as without an event, and begin each piece in state 0.
    event = Event.count([1], 3, at_least=3)
    gap = FREE.restrict(0, 0).restrict([2, 3], 1)
    wanted = math.log(mass(gap, event))
    assert float(solve(CHAIN, gap, event)) == pytest.approx(wanted, abs=1e-9)
    whole = Event.after
    monkeypatch.setattr(
        Event,
        "after",
        lambda self, symbols, start, states: whole(self, symbols, start, states * 0),
    )
    assert abs(float(solve(CHAIN, gap, event)) - wanted) > 1e-3
