"""A question worked out under every condition that is possible."""

import pytest
import torch

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.inference.meter import Metered
from autoreg.inference.solution import possible, work_out, work_out_whole
from tests.laws.recipes import MarkovRecipe
from tests.oracles import assert_drawn_from, chain_probs, every, index_of

CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=2, seed=3).build()
FREE = Evidence.free(3, 6, 2)
GAPS = FREE.restrict(0, 1).restrict(2, [0, 2]).restrict(4, 2)
EXACTLY = [
    Effort(),
    Effort(most_paths=1),
    Effort(most_contexts=1),
    Effort(method="beam", beams=999),
]


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def joint(evidence, event=None):
    """Return p(y, x) of all sequences, nothing where evidence or event rule them out, (P, K)."""
    symbols = every(3, evidence.length)
    probs = chain_probs(CHAIN, symbols) * evidence.log_condition.exp()
    allowed = evidence.allows(symbols)
    return probs * (allowed if event is None else allowed & event.occurs(symbols))[:, None]


@pytest.mark.parametrize("effort", EXACTLY)
@pytest.mark.parametrize("event", [None, Event.word([2, 0], 3), Event.hit([1], 3).within(3, 5)])
def test_exact_routes_agree_with_enumeration(effort, event):
    solution = work_out(CHAIN, GAPS, effort, event=event)
    assert solution.exact
    wanted = joint(GAPS, event).sum(0)
    torch.testing.assert_close(solution.log_joint[:, 0].exp(), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", ["importance", "particles", "twisted"])
def test_estimates_are_unbiased(method):
    effort = Effort(method=method, islands=4000, particles=4, growth=1)
    solution = work_out(CHAIN, GAPS, effort, generator=chance())
    assert solution.log_joint.shape == (2, 4000)
    wanted, found = joint(GAPS).sum(0), solution.log_joint.exp()
    z = (found.mean(1) - wanted) / (found.std(1) / 4000**0.5)
    assert float(z.abs().max()) < 4
    assert not solution.exact
    assert solution.method == method


def test_a_condition_that_is_ruled_out_is_not_worked_out():
    one = GAPS.given(torch.tensor([-torch.inf, -0.5]).double())
    solution = work_out(CHAIN, one)
    assert solution.conditions.tolist() == [1]
    assert len(solution.parts) == len(solution.log_joint) == 1
    nobody = GAPS.given(torch.full((2,), -torch.inf).double())
    assert work_out(CHAIN, nobody).log_joint.shape == (0, 1)


def test_bounds_of_a_narrow_beam_hold_the_truth():
    solution = work_out(CHAIN, GAPS, Effort(method="beam", beams=1))
    lower, upper = solution.bounds
    truth = joint(GAPS).sum(0).log()
    assert bool((lower <= truth).all() & (truth <= upper).all())
    assert not solution.exact


def test_a_beam_answers_unasked_where_its_bounds_are_close():
    small = {"most_paths": 1, "most_contexts": 1}
    close = work_out(CHAIN, GAPS, Effort(**small, beams=999))
    assert (close.method, close.exact) == ("beam", True)
    assert work_out(CHAIN, GAPS, Effort(**small, beams=0), generator=chance()).method != "beam"


def test_laws_and_entropies_of_parts_are_those_of_what_they_are_about():
    whole = work_out_whole(CHAIN, GAPS)
    for number, parts in enumerate(whole.parts):
        probs = joint(GAPS)[:, number]
        probs = probs / probs.sum()
        law = GAPS.mask().double()
        for part in parts:
            problem = part.step.problem
            law[problem.start : problem.stop] = part.law()
        symbols = every(3, 6)
        for t in range(6):
            wanted = torch.stack([probs[symbols[:, t] == v].sum() for v in range(3)])
            torch.testing.assert_close(law[t], wanted, rtol=0, atol=1e-12)
        entropy = sum(float(part.entropy()) for part in parts)
        positive = probs[probs > 0]
        assert entropy == pytest.approx(float(-(positive * positive.log()).sum()))


def test_what_takes_more_than_exact_methods_is_not_worked_out_whole():
    assert work_out_whole(CHAIN, GAPS, Effort(most_paths=1, most_contexts=1)) is None


@pytest.mark.parametrize("effort", [*EXACTLY, Effort(method="particles", islands=2000)])
def test_draws_of_a_part_follow_its_posterior(effort):
    known = GAPS.given(torch.tensor([0.0, -torch.inf]).double())
    solution = work_out(CHAIN, known, effort, generator=chance())
    symbols = known.low.long().expand(20_000, 6).clone()
    for part in solution.parts[0]:
        problem = part.step.problem
        island = torch.arange(20_000) % max(1, len(part.log_z))
        symbols[:, problem.start : problem.stop] = part.draw(island, generator=chance(1))
    # Without the free end; islands differ in weight, so that an estimate is held to less.
    law = joint(known)[:, 0]
    kept = every(3, 5)
    short = torch.stack([law[(every(3, 6)[:, :5] == row).all(1)].sum() for row in kept])
    counts = index_of(symbols[:, :5], 3).bincount(minlength=243)
    if solution.exact:
        assert_drawn_from(counts, short / short.sum())
    else:
        found = counts.double() / counts.sum()
        assert float((found - short / short.sum()).abs().max()) < 0.03


def test_what_an_event_cannot_be_is_told_by_symbols_alone():
    effort = Effort()
    assert possible(CHAIN, GAPS, Event.hit([0], 3), effort)
    assert not possible(CHAIN, GAPS, Event.hit([1], 3).within(2, 3), effort)
    assert not possible(CHAIN, GAPS & FREE.restrict(0, 0), Event.hit([0], 3), effort)


def test_cost_counts_what_the_model_was_asked():
    metered = Metered(CHAIN)
    solution = work_out(metered, GAPS, Effort(method="particles"), generator=chance())
    assert (solution.cost.stepped, solution.cost.scored) == (metered.stepped, metered.scored)
    assert metered.stepped > 0


def test_equal_generators_give_equal_solutions():
    effort = Effort(method="particles")
    one, two = (work_out(CHAIN, GAPS, effort, generator=chance(5)) for _ in range(2))
    assert torch.equal(one.log_joint, two.log_joint)
