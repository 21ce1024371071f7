import pytest
import torch

from autoreg.inference.kernels import (
    check_paths,
    log_after,
    occurs,
    reach,
    read,
    rule_states,
    share_changed,
    state_before,
)
from tests.inference.invariance import case, cases, seen, wavenet

CASES = cases()
WAVENET = case(wavenet(), seen(2, [1, None, None, None, None, None, None, 1]))


@pytest.mark.parametrize("at", range(1, 9))
def test_state_before_is_that_of_the_whole_past(at):
    problem, paths = WAVENET.problem, WAVENET.paths
    whole = torch.cat([torch.ones(len(paths), 1, dtype=torch.int64), paths], dim=1)
    state = state_before(problem, paths, at)
    ahead = torch.tensor([[1, 0, 0]]).expand(len(paths), -1)
    sequences = torch.cat([whole[:, :at], ahead], dim=1)
    start = problem.model.start(torch.zeros(len(paths), dtype=torch.int64))
    with torch.no_grad():
        truth = problem.model.read(start, sequences)[0][:, at:].sum(-1)
        found = log_after(problem.model, state, ahead)
    assert torch.allclose(found, truth, rtol=0, atol=1e-12)


@pytest.mark.parametrize("memory", [1, 3_000, 10_000])
def test_reading_a_few_rows_or_positions_at_a_time_is_reading_all(memory):
    model, paths = WAVENET.problem.model, WAVENET.paths[::20]
    with torch.no_grad():
        start = model.start(torch.zeros(len(paths), dtype=torch.int64))
        whole, after = read(model, start, paths)
        total, state = read(model, start, paths, memory=memory)
        assert torch.allclose(total, whole, rtol=0, atol=1e-12)
        assert torch.allclose(state.next, after.next, rtol=0, atol=1e-12)
        rows = torch.arange(len(paths))
        found = log_after(model, start.at(rows[:1]), paths, rows=rows * 0, memory=memory)
    assert torch.allclose(found, whole, rtol=0, atol=1e-12)


def test_reading_nothing_leaves_the_state_as_it_is():
    problem, paths = WAVENET.problem, WAVENET.paths
    start = problem.model.start(torch.zeros(2, dtype=torch.int64))
    total, state = read(problem.model, start, paths[:2, :0])
    assert total.tolist() == [0, 0]
    assert state is start
    assert log_after(problem.model, start, paths[:2, :0]).tolist() == [0, 0]


def test_no_factor_beyond_reach_sees_what_lies_before():
    problem = WAVENET.problem
    assert [reach(problem, at) for at in (1, 3, 5)] == [5, 7, 8]
    assert problem.model.order == 4


def test_the_event_is_followed_from_anywhere():
    problem, paths = CASES["event"].problem, CASES["event"].paths
    for at in range(problem.start, problem.stop + 1):
        states = rule_states(problem, paths, at)
        assert bool(occurs(problem, paths[:, at - problem.start :], at, states).all())
    assert not bool(occurs(problem, torch.tensor([[1, 1, 1, 1, 1]]), problem.start).any())
    assert rule_states(WAVENET.problem, WAVENET.paths, 3) is None


def test_share_changed_counts_hidden_positions():
    problem = CASES["observed"].problem
    old, new = torch.tensor([[0, 0, 1, 0, 2, 0]] * 2), torch.tensor([[0, 0, 1, 0, 2, 0]] * 2)
    new[1, :2] = 1
    assert share_changed(problem, old, new).tolist() == [0, 2 / 3]


def test_refuses_paths_that_are_impossible():
    problem = CASES["event"].problem
    with pytest.raises(ValueError, match=r"paths need 5 columns, the positions 1\.\.6"):
        check_paths(problem, torch.zeros(1, 6, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"row 0 does not: \[1, 1, 1, 1, 0\]"):
        check_paths(problem, torch.tensor([[1, 1, 1, 1, 0]]))
    with pytest.raises(ValueError, match=r"row 1 does not: \[1, 1, 1, 1, 1\]"):
        check_paths(problem, torch.tensor([[0, 1, 0, 0, 1], [1, 1, 1, 1, 1]]))
