import pytest
import torch

from autoreg.evidence import Evidence
from autoreg.inference.front import Front
from autoreg.inference.meter import Metered
from autoreg.inference.moves import moves
from autoreg.inference.problem import pose
from autoreg.models.markov import MarkovTable
from tests.oracles import chain_probs


def posed(length=3, zeros=False):
    model = MarkovTable.random(2, 2, generator=torch.Generator().manual_seed(0))
    if zeros:
        gone = torch.zeros_like(model.table, dtype=torch.bool)
        gone[0, 1, 0] = True  # never 0 after 0 1
        model = MarkovTable(model.table.masked_fill(gone, -torch.inf).log_softmax(-1))
    evidence = Evidence.free(2, length).restrict(length - 1, 0)
    return pose(Metered(model), evidence, 0)


def grown(problem):
    fronts = [Front.begin(problem)]
    for move in moves(problem):
        front = fronts[-1]
        if move.symbols is None:
            fronts.append(front.choose(move, *front.choices(move)))
        else:
            fronts.append(front.read(move))
    return fronts


def test_prefixes_have_their_probability():
    problem = posed()
    front = grown(problem)[-1]
    assert front.symbols.tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0]]
    expected = chain_probs(problem.model.model, front.symbols)[:, 0]
    assert torch.allclose(front.log_probs.exp(), expected, rtol=1e-12)


def test_impossible_prefixes_are_left_out():
    assert grown(posed(zeros=True))[-1].symbols.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0]]


def test_the_model_steps_only_where_it_is_asked():
    problem = posed()
    front = grown(problem)[1]
    front = front.choose(list(moves(problem))[1], *front.choices(list(moves(problem))[1]))
    before = problem.model.stepped
    some = front.at(torch.tensor([3]))
    assert problem.model.stepped == before
    assert torch.equal(some.state.next, front.state.next[3:])
    assert problem.model.stepped == before + 1 + 4


def test_joined_fronts_go_on_as_each_does():
    problem = posed(4)
    walked = list(moves(problem))
    front = grown(problem)[2]
    halves = Front.join([front.at(torch.tensor([0, 1])), front.at(torch.tensor([2, 3]))])
    whole, parts = front.choices(walked[2]), halves.choices(walked[2])
    assert all(torch.equal(one, two) for one, two in zip(whole, parts, strict=True))


def test_only_what_was_observed_is_read():
    problem = posed()
    with pytest.raises(ValueError, match="has been observed"):
        Front.begin(problem).read(next(moves(problem)))
