import pytest
import torch

from autoreg.inference import gibbs
from autoreg.inference.gibbs import gibbs_conditionals, gibbs_sweep
from autoreg.inference.kernels import Moved
from autoreg.inference.problem import pose
from autoreg.models.markov import MarkovTable
from tests.inference.invariance import (
    CAUGHT,
    FAST,
    FULL,
    SAME,
    case,
    cases,
    largest_z,
    seen,
    wavenet,
)

CASES = cases()


def sweep(problem, paths, generator):
    return gibbs_sweep(problem, paths, generator=generator)


def one(at):
    """Return the kernel that updates one position."""

    def kernel(problem, paths, generator):
        return gibbs_sweep(problem, paths, positions=torch.tensor([at]), generator=generator)

    return kernel


@pytest.mark.parametrize("name", CASES)
def test_a_sweep_leaves_the_posterior_as_it_is(name):
    assert largest_z(CASES[name], sweep, FULL) < SAME


@pytest.mark.parametrize("name", ["observed", "event"])
def test_positions_in_any_order_leave_the_posterior_as_it_is(name):
    def scan(problem, paths, generator):
        hidden = problem.hidden
        picked = torch.randint(len(hidden), (4,), generator=generator)
        return gibbs_sweep(problem, paths, positions=hidden[picked], generator=generator)

    assert largest_z(CASES[name], scan, FULL) < SAME


def test_a_sweep_of_a_wavenet_leaves_its_posterior_as_it_is():
    of_wavenet = case(wavenet(), seen(2, [1, None, None, 0, None, 1, 1]))
    assert largest_z(of_wavenet, sweep, FAST) < SAME


@pytest.mark.parametrize("name", CASES)
def test_conditionals_are_those_of_enumeration(name):
    problem, paths, probs = CASES[name].problem, CASES[name].paths, CASES[name].probs
    found = gibbs_conditionals(problem, paths).exp()
    assert found.shape == (len(paths), len(problem.hidden), problem.model.num_symbols)
    for row, path in enumerate(paths):
        for column, at in enumerate((problem.hidden - problem.start).tolist()):
            others = torch.arange(problem.length) != at
            alike = (paths[:, others] == path[others]).all(-1)
            truth = torch.zeros(problem.model.num_symbols, dtype=torch.float64)
            truth = truth.index_add(0, paths[alike, at], probs[alike] / probs[alike].sum())
            assert torch.allclose(found[row, column], truth, rtol=0, atol=1e-12)


def test_their_mean_over_the_posterior_is_the_marginal():
    problem, paths, probs = (
        getattr(CASES["sets"], name) for name in ("problem", "paths", "probs")
    )
    found = (gibbs_conditionals(problem, paths).exp() * probs[:, None, None]).sum(0)
    for column, at in enumerate(problem.hidden.tolist()):
        truth = torch.zeros(3, dtype=torch.float64).index_add(0, paths[:, at], probs)
        assert torch.allclose(found[column], truth, rtol=0, atol=1e-12)


def test_memory_changes_nothing():
    problem, paths = CASES["observed"].problem, CASES["observed"].paths
    assert torch.equal(
        gibbs_conditionals(problem, paths), gibbs_conditionals(problem, paths, memory=1)
    )


def test_mutant_without_the_terms_that_follow_is_caught(monkeypatch):
    monkeypatch.setattr(gibbs, "reach", lambda _, at: at)
    assert largest_z(CASES["observed"], one(1), FULL) > CAUGHT


def test_mutant_with_all_but_one_of_the_terms_that_follow_is_caught(monkeypatch):
    monkeypatch.setattr(
        gibbs, "reach", lambda problem, at: min(at + problem.model.order - 1, problem.stop)
    )
    assert largest_z(CASES["observed"], one(0), FULL) > CAUGHT


def test_mutant_that_forgets_the_event_is_caught(monkeypatch):
    monkeypatch.setattr(
        gibbs, "occurs", lambda _, rest, *__: torch.ones(len(rest), dtype=torch.bool)
    )
    assert largest_z(CASES["event"], sweep, FULL) > CAUGHT


def test_mutant_that_looks_at_old_symbols_throughout_the_sweep_is_caught():
    """Drawing all positions from their conditionals at once is not Gibbs."""

    def at_once(problem, paths, generator):
        laws = gibbs_conditionals(problem, paths).exp().flatten(0, 1)
        drawn = torch.multinomial(laws, 1, generator=generator).reshape(len(paths), -1)
        moved = paths.clone()
        moved[:, problem.hidden - problem.start] = drawn
        return Moved(moved, torch.ones(len(paths), dtype=torch.float64))

    assert largest_z(CASES["event"], at_once, FULL) > CAUGHT


def test_refuses_positions_outside_of_the_problem():
    problem, paths = CASES["event"].problem, CASES["event"].paths
    with pytest.raises(ValueError, match=r"positions need to lie within 1..6; got 0..2"):
        gibbs_sweep(problem, paths, positions=torch.tensor([0, 2]))


def test_refuses_an_alphabet_too_large_to_be_written_out():
    model = MarkovTable(torch.full((2, 1, 4097), 1 / 4097, dtype=torch.float64).log())
    problem = pose(model, seen(4097, [None, 1]), 0)
    with pytest.raises(ValueError, match="4096 symbols or fewer; got 4097"):
        gibbs_sweep(problem, torch.tensor([[5, 1]]))
