"""Answers read off solutions."""

import math

import pytest
import torch

from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.inference.readout import (
    evidence_answer,
    log_share,
    unseen_by_condition,
    unseen_share,
)
from autoreg.inference.solution import work_out
from autoreg.models.markov import MarkovTable
from tests.laws.recipes import MarkovRecipe
from tests.oracles import chain_probs, every

CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=2, seed=3).build()
KNOWN = Evidence.free(3, 5, 2).restrict(0, 1).restrict(3, [0, 2])
PARTICLES = Effort(method="particles", particles=64)


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def truth(evidence):
    symbols = every(3, evidence.length)
    probs = chain_probs(CHAIN, symbols) * evidence.log_condition.exp()
    return float(probs[evidence.allows(symbols)].sum())


def test_an_exact_solution_gives_an_exact_answer():
    answer = evidence_answer(work_out(CHAIN, KNOWN))
    assert math.exp(float(answer)) == pytest.approx(truth(KNOWN), abs=1e-12)
    assert (answer.kind, answer.std_error, answer.reliable) == ("exact", None, True)


def test_bounds_give_bounds_that_hold_the_truth():
    answer = evidence_answer(work_out(CHAIN, KNOWN, Effort(method="beam", beams=1)))
    assert answer.kind == "bounds"
    assert float(answer.lower.exp()) <= truth(KNOWN) <= float(answer.upper.exp())
    assert torch.equal(answer.value, answer.lower)


def test_an_estimate_says_how_far_it_may_be_off():
    answer = evidence_answer(work_out(CHAIN, KNOWN, PARTICLES, generator=chance()))
    assert (answer.kind, answer.reliable, answer.reason) == ("unbiased", True, "")
    assert abs(float(answer.value) - math.log(truth(KNOWN))) < 4 * float(answer.std_error)
    assert 0 < float(answer.ess) <= 32 * 64


def test_what_was_hardly_met_is_in_the_error_and_in_the_verdict():
    few = Effort(method="particles", particles=1, growth=1)
    solution = work_out(CHAIN, KNOWN, few, generator=chance())
    doubts = unseen_by_condition(solution)
    share = solution.log_joint.logsumexp(1).softmax(0).tolist()
    assert unseen_share(solution) == pytest.approx(
        sum(s * d for s, d in zip(share, doubts, strict=True))
    )
    answer = evidence_answer(solution)
    assert float(answer.std_error) >= unseen_share(solution) > 0
    exact = work_out(CHAIN, KNOWN)
    assert unseen_by_condition(exact) == [0.0, 0.0]


def test_evidence_without_anything_possible_has_probability_0_and_says_so():
    answer = evidence_answer(work_out(CHAIN, KNOWN.restrict(2, [])))
    assert (float(answer.value), answer.kind) == (-math.inf, "exact")
    assert "leaves some position, or the condition, nothing to be" in answer.reason


def test_where_all_paths_die_there_is_a_bound_only_without_resampling():
    # The last symbol needs a first one that is drawn once in a million.
    rare = torch.full((1, 4, 3), 1e-300).double()
    rare[0, :, 0] = 1.0
    rare[0, 3] = torch.tensor([1 - 1e-6, 1e-6, 1e-300])
    rare[0, 1] = torch.tensor([1e-300, 1.0, 1e-300])
    model = MarkovTable((rare / rare.sum(-1, keepdim=True)).log().clamp_min(-690))
    forbidding = model.table.masked_fill(model.table < -600, -torch.inf)
    model = MarkovTable(forbidding)
    late = Evidence.free(3, 4).restrict(3, 1)
    plain = evidence_answer(work_out(model, late, Effort(method="importance"), generator=chance()))
    assert float(plain.value) == -math.inf
    assert not plain.reliable
    assert plain.confidence == 0.95
    # 32 islands of 32 paths, times four after the pilot run: the rule of three.
    assert float(plain.upper) == pytest.approx(math.log(-math.log(0.05) / 4096))
    assert math.log(1e-6) < float(plain.upper)
    resampled = evidence_answer(
        work_out(model, late, Effort(method="particles", threshold=1.0), generator=chance())
    )
    assert not resampled.reliable


def test_shares_are_of_what_is_in_and_what_is_not():
    inside, outside = KNOWN.restrict(1, 0), KNOWN.restrict(1, [1, 2])
    wanted = math.log(truth(inside) / truth(KNOWN))
    exact = log_share(work_out(CHAIN, inside), work_out(CHAIN, outside))
    assert float(exact) == pytest.approx(wanted, abs=1e-9)
    within = log_share(work_out(CHAIN, inside), work_out(CHAIN, KNOWN), within=True)
    assert float(within) == pytest.approx(wanted, abs=1e-9)
    for rest, options in ((outside, {}), (KNOWN, {"within": True})):
        answer = log_share(
            work_out(CHAIN, inside, PARTICLES, generator=chance(1)),
            work_out(CHAIN, rest, PARTICLES, generator=chance(2)),
            **options,
        )
        assert answer.kind == "consistent"
        assert abs(float(answer.value) - wanted) < 4 * float(answer.std_error)
        bounds = log_share(
            work_out(CHAIN, inside, Effort(method="beam", beams=1)),
            work_out(CHAIN, rest, Effort(method="beam", beams=1)),
            **options,
        )
        assert bounds.kind == "bounds"
        assert float(bounds.lower) <= wanted <= float(bounds.upper)


def test_a_share_of_nothing_is_no_number():
    nothing = work_out(CHAIN, KNOWN.restrict(2, []))
    answer = log_share(nothing, nothing)
    assert math.isnan(float(answer.value))
    assert not answer.reliable
