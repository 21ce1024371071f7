"""What a filter is to do, and what it cannot."""

from dataclasses import dataclass

import pytest
import torch

from autoreg.events import Event
from autoreg.inference.course import Course
from autoreg.inference.problem import pose
from tests.inference.questions import markov, questions, seen


@dataclass(frozen=True)
class Twist:
    event: Event
    log_value: torch.Tensor


def course(problem, **changes):
    options = {"islands": 3, "particles": 4, "threshold": 0.5, "twist": None, **changes}
    return Course(problem, **options, memory=1, generator=None)


def last_symbol(num_symbols):
    table = torch.arange(num_symbols).repeat(num_symbols, 1)
    return Event(((0, table),), torch.ones(num_symbols, dtype=torch.bool))


@pytest.mark.parametrize(
    ("known", "last"),
    [
        ([None, 1, None, None], 2),
        ([None, None, 1, 0], 4),
        ([0, None, None, None], 1),
        ([None, None], 0),
    ],
)
def test_nothing_weighs_after_the_last_restricted_position(known, last):
    problem = pose(markov(2, 1, 0), seen(2, known), 0, tail=True)
    assert course(problem).last == last
    constant = torch.full((2, problem.length + 1), 0.7)
    assert course(problem, twist=Twist(last_symbol(2), constant)).last == last
    ahead = torch.cat([constant[:, :-1], torch.tensor([[0.7], [0.2]])], 1)
    assert course(problem, twist=Twist(last_symbol(2), ahead)).last == problem.stop


def test_an_event_weighs_as_long_as_it_is_open():
    free = seen(2, [None] * 6)
    hit = Event.hit([1], 2)
    assert course(pose(markov(2, 1, 0), free, 0, hit, tail=True)).last == 6
    within = pose(markov(2, 1, 0), free, 0, hit.within(1, 4), tail=True)
    assert course(within).last == 4


def test_joint_states_are_ordered_by_the_event():
    often = Event.count([1], 2, at_least=2)
    problem = pose(markov(2, 1, 0), seen(2, [1, None, None]), 0, often)
    joint = course(problem, twist=Twist(last_symbol(2), torch.zeros(2, 3)))
    assert (joint.first, joint.twist_states) == (2, 2)
    assert joint.log_value.shape == (6, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"islands": 0}, "an island or more.*got 0 and 4"),
        ({"particles": 0}, "a particle or more; got 3 and 0"),
        ({"threshold": 1.5}, r"threshold needs to lie within 0\.\.1; got 1.5"),
        ({"threshold": -0.1}, r"threshold needs to lie within 0\.\.1; got -0.1"),
        (
            {"twist": Twist(last_symbol(2), torch.zeros(2, 2))},
            r"twist needs log_value of shape \(2, 9\); got \(2, 2\)",
        ),
    ],
)
def test_what_makes_no_filter_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        course(questions()["runs"].problem, **changes)
