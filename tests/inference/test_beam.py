import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.beam import beam
from autoreg.inference.meter import Metered
from autoreg.inference.problem import pose
from autoreg.models.markov import MarkovTable
from tests.inference.tiny import close, questions


@given(questions(), st.integers(1, 40))
def test_bounds_hold_at_every_width(question, width):
    problem, oracle = question.build()
    found = beam(problem, width)
    if found.cloud.exhaustive:
        assert found.lower == found.upper
        assert close(found.lower, oracle.z)
    else:
        assert math.exp(found.lower) <= float(oracle.z) <= math.exp(found.upper)
        assert found.log_pruned > -torch.inf
    assert found.cloud.symbols.shape[1] <= max(1, width)


@given(questions(), st.integers(1, 40))
def test_finished_paths_have_their_own_probability(question, width):
    problem, oracle = question.build()
    cloud = beam(problem, width).cloud
    for path, weight in zip(cloud.paths, cloud.log_weights[0], strict=True):
        assert weight == -torch.inf or close(weight, oracle.prob(path))


@given(questions())
def test_a_wide_beam_is_exhaustive(question):
    problem, oracle = question.build()
    found = beam(problem, 3**6)
    assert found.cloud.exhaustive
    assert found.log_pruned == -torch.inf
    assert close(found.lower, oracle.z)


@pytest.mark.parametrize("width", [1, 2, 5, 50])
def test_what_is_kept_and_what_is_pruned_make_one(width):
    model = MarkovTable.random(3, 2, generator=torch.Generator().manual_seed(1))
    found = beam(pose(model, Evidence.free(3, 6), 0, tail=True), width)
    assert found.upper == pytest.approx(0, abs=1e-12)
    assert found.lower < -0.1


def test_wider_beams_have_closer_bounds():
    model = MarkovTable.random(3, 2, generator=torch.Generator().manual_seed(1))
    evidence = Evidence.free(3, 8).restrict(7, 1).restrict(4, [0, 2])
    found = [beam(pose(model, evidence, 0), width) for width in (2, 20, 200)]
    gaps = [one.upper - one.lower for one in found]
    assert gaps == sorted(gaps, reverse=True)


@given(questions(), st.integers(1, 9), st.floats(0, 3))
def test_a_beam_that_gives_up_would_have_ended_further_apart(question, width, give_up):
    problem, oracle = question.build()
    whole, found = beam(problem, width), beam(problem, width, give_up=give_up)
    assert math.exp(found.lower) <= float(oracle.z) * (1 + 1e-9)
    assert float(oracle.z) <= math.exp(found.upper) * (1 + 1e-9)
    assert found.expanded <= whole.expanded
    if found.expanded < whole.expanded:
        assert whole.lower == -torch.inf or whole.upper - whole.lower > give_up


def test_prefixes_that_cannot_be_accepted_are_dropped_at_no_loss():
    model = MarkovTable.random(3, 1, generator=torch.Generator().manual_seed(1))
    # Only one path is left: 1 2 1 2.
    problem = pose(model, Evidence.free(3, 4), 0, Event.word([1, 2, 1, 2], 3))
    found = beam(problem, 1)
    assert found.cloud.exhaustive
    assert found.cloud.paths.tolist() == [[1, 2, 1, 2]]


def test_expanded_prefixes_are_counted():
    model = Metered(MarkovTable.random(2, 1, generator=torch.Generator().manual_seed(1)))
    problem = pose(model, Evidence.free(2, 5), 0, tail=True)
    assert beam(problem, 3).expanded == 1 + 2 + 3 + 3 + 3
    assert model.stepped == 2 + 3 + 3 + 3  # the last symbol is not stepped over


def test_bounds_of_single_precision_allow_for_its_rounding():
    table = MarkovTable.random(3, 1, generator=torch.Generator().manual_seed(1)).table
    evidence = Evidence.free(3, 60).restrict(59, 1)
    wide = beam(pose(MarkovTable(table), evidence, 0), 5)
    narrow = beam(pose(MarkovTable(table.float()), evidence, 0), 5)
    assert wide.upper < narrow.upper < wide.upper + 1e-3


def test_a_width_below_one_is_refused():
    model = MarkovTable.random(2, 1, generator=torch.Generator().manual_seed(1))
    with pytest.raises(ValueError, match="width of 1 or more; got 0"):
        beam(pose(model, Evidence.free(2, 5), 0, tail=True), 0)


def test_a_large_alphabet_is_refused():
    model = MarkovTable(torch.zeros(1, 1, 5000).log_softmax(-1))
    with pytest.raises(ValueError, match="at most 4096 symbols; got 5000"):
        beam(pose(model, Evidence.free(5000, 2), 0, tail=True), 3)
