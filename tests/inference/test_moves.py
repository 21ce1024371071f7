import pytest
import torch

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.moves import moves
from autoreg.inference.problem import pose
from autoreg.models.markov import MarkovTable


def posed(evidence, event=None):
    model = MarkovTable.random(3, 1, generator=torch.Generator().manual_seed(0))
    return pose(model, evidence, 0, event)


def test_moves_cover_a_problem_in_order():
    seen = torch.tensor([1, 0, 0, 1, 1, 0, 1]) > 0
    evidence = Evidence.observe(torch.tensor([0, 1, 2, 0, 1, 2, 0]), 3, where=seen)
    found = list(moves(posed(evidence.restrict(2, [0, 2]))))
    assert [(move.start, move.stop) for move in found] == [(1, 2), (2, 3), (3, 5), (5, 6), (6, 7)]
    assert [move.symbols is None for move in found] == [True, True, False, True, False]
    assert found[1].allowed(torch.tensor([0, 0])).tolist() == [[True, False, True]] * 2
    assert found[2].symbols.tolist() == [0, 1]


def test_choices_that_end_the_event_are_not_allowed():
    found = list(moves(posed(Evidence.free(3, 3), Event.word([2, 1], 3))))
    assert found[1].allowed(torch.tensor([0, 1])).tolist() == [
        [False, False, True],
        [False, True, True],
    ]


@pytest.mark.parametrize("event", [None, Event.word([2, 1], 3)])
def test_choices_of_a_large_alphabet_are_those_of_a_small_one(monkeypatch, event):
    """Listed set by set, not written out for each path, in the same order."""
    evidence = Evidence.free(3, 3).restrict(1, [0, 2])
    states = torch.tensor([0, 0] if event is None else [1, 0, 2, 1])
    small = [move.choices(states) for move in moves(posed(evidence, event))]
    monkeypatch.setattr("autoreg.inference.moves.DENSE_LIMIT", 2)
    large = [move.choices(states) for move in moves(posed(evidence, event))]
    for (rows, symbols), (others, also) in zip(small, large, strict=True):
        assert torch.equal(rows, others)
        assert torch.equal(symbols, also)


def test_an_observed_run_leaves_no_choice():
    evidence = Evidence.free(3, 2).restrict(1, 2)
    run = list(moves(posed(evidence)))[1]
    with pytest.raises(ValueError, match="no choice"):
        run.allowed(torch.tensor([0]))
