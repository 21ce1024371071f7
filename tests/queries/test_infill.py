"""Filling what is hidden."""

import math

import pytest
import torch

from autoreg.conditions import ConditionSpace
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.queries.infill import infill
from tests.laws.recipes import MarkovRecipe
from tests.oracles import assert_drawn_from, chain_probs, every, index_of

CHAIN = MarkovRecipe(num_symbols=2, order=2, num_conditions=2, seed=2).build()
SPACE = ConditionSpace({"coin": ("fair", "bent")})
KNOWN = Evidence.free(2, 6, 2).restrict(0, 1).restrict(3, 0)


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def law():
    symbols = every(2, 6)
    return chain_probs(CHAIN, symbols).T / 2 * KNOWN.allows(symbols)


@pytest.mark.parametrize("effort", [Effort(), Effort(most_paths=1)])
def test_exact_draws_follow_the_posterior_given_both_sides(effort):
    draws = infill(CHAIN, KNOWN, 20_000, SPACE, effort=effort, generator=chance())
    index = draws.condition * 64 + index_of(draws.symbols, 2)
    assert_drawn_from(index.bincount(minlength=128), (law() / law().sum()).flatten())
    assert draws.kind == "exact"
    assert float(draws.log_evidence) == pytest.approx(math.log(float(law().sum())), abs=1e-9)
    assert draws.labels[0] == SPACE.describe(int(draws.condition[0]))
    assert draws.log_weights.tolist() == [0] * 20_000


@pytest.mark.parametrize(("width", "fine"), [(1, False), (64, True)])
def test_draws_of_a_beam_are_trusted_where_it_kept_what_there_is(width, fine):
    effort = Effort(method="beam", beams=width)
    draws = infill(CHAIN, KNOWN, 5, SPACE, effort=effort, generator=chance())
    assert draws.reliable is fine
    assert ("of the probability was pruned" in draws.reason) is not fine


def test_estimated_draws_come_with_their_evidence_and_how_far_to_trust_it():
    effort = Effort(method="particles", particles=64)
    draws = infill(CHAIN, KNOWN, 40, SPACE, effort=effort, generator=chance())
    assert draws.kind == "consistent"
    assert bool(KNOWN.allows(draws.symbols).all())
    known = draws.log_evidence
    wanted = math.log(float(law().sum()))
    assert abs(float(known.value) - wanted) < 4 * float(known.std_error)
    assert float(draws.ess) == float(known.ess)
    assert draws.reliable
    assert draws.cost.stepped > 0


def test_pasting_what_is_seen_over_draws_of_the_beginning_alone_would_be_wrong():
    # What follows a gap counts: the law of the symbol before the observed one is another.
    draws = infill(CHAIN, KNOWN, 20_000, SPACE, generator=chance()).symbols[:, 2]
    pasted = infill(CHAIN, KNOWN.relax(3), 20_000, SPACE, generator=chance()).symbols[:, 2]
    z = (draws.double().mean() - pasted.double().mean()) / math.sqrt(0.5 / 20_000)
    assert abs(float(z)) > 6


def test_equal_generators_give_equal_draws():
    effort = Effort(method="particles")
    one, two = (infill(CHAIN, KNOWN, 9, effort=effort, generator=chance(4)) for _ in range(2))
    assert torch.equal(one.symbols, two.symbols)


@pytest.mark.parametrize(
    ("evidence", "count", "message"),
    [
        (KNOWN, 0, "count needs to be at least 1; got 0"),
        (KNOWN.restrict(1, []), 2, "rules everything out: nothing can be drawn"),
    ],
)
def test_draws_that_cannot_be_are_refused(evidence, count, message):
    with pytest.raises(ValueError, match=message):
        infill(CHAIN, evidence, count)
