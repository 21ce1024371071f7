import pytest
import torch
from hypothesis import assume, given

from autoreg.evidence import Evidence
from autoreg.inference.exact import dynamic_programme
from autoreg.inference.problem import pose
from autoreg.models.markov import MarkovTable
from tests.inference.tiny import Question, close, questions
from tests.oracles import assert_drawn_from, index_of


def chain(probs):
    """Return a lattice of three free symbols of a chain of order 0."""
    model = MarkovTable(torch.tensor([[probs]], dtype=torch.float64).log())
    return dynamic_programme(pose(model, Evidence.free(len(probs), 3), 0, tail=True))


@given(questions())
def test_marginals_are_those_of_all_paths(question):
    problem, oracle = question.build()
    marginals = dynamic_programme(problem).marginals()
    if oracle.z == 0:
        assert marginals.shape == (problem.length, question.num_symbols)
        assert marginals.isnan().all()
    else:
        assert close(marginals, oracle.marginals())


@given(questions())
def test_best_path_is_the_most_likely_one(question):
    problem, oracle = question.build()
    symbols, log_prob = dynamic_programme(problem).best()
    assert symbols.shape == (problem.length,)
    assert close(log_prob, oracle.probs.max())
    if oracle.z > 0:
        assert close(log_prob, oracle.prob(symbols))


@given(questions())
def test_entropy_is_that_of_all_paths(question):
    problem, oracle = question.build()
    entropy = dynamic_programme(problem).entropy()
    assert torch.isclose(entropy, oracle.entropy(), rtol=1e-9, atol=1e-12, equal_nan=True)


@given(questions())
def test_draws_are_possible_and_share_the_evidence(question):
    problem, oracle = question.build()
    generator = torch.Generator().manual_seed(question.seed)
    cloud = dynamic_programme(problem).draws(5, generator=generator)
    assert cloud.symbols.shape == (1, 5, problem.length)
    assert close(cloud.log_z[0], oracle.z)
    assume(oracle.z > 0)
    assert all(oracle.prob(path) > 0 for path in cloud.paths)


@pytest.mark.parametrize("known", ["none", "some"])
@pytest.mark.parametrize("event", ["nothing", "both", "count"])
@pytest.mark.parametrize("kind", ["zeros", "wavenet"])
def test_draws_have_the_law_of_the_paths(known, event, kind):
    problem, oracle = Question(kind, 2, 2, 6, known, event, tail=True, seed=14).build()
    generator = torch.Generator().manual_seed(0)
    paths = dynamic_programme(problem).draws(4000, generator=generator).paths
    cells = 2 ** (problem.stop - problem.start)
    law = torch.zeros(cells, dtype=torch.float64)
    law.index_add_(0, index_of(oracle.paths[:, problem.start :], 2), oracle.shares)
    assert (law > 0).sum() > 3
    assert_drawn_from(torch.bincount(index_of(paths, 2), minlength=cells), law)


def test_the_smaller_symbol_comes_first_of_equally_likely_paths():
    symbols, log_prob = chain([0.25, 0.25, 0.5 / 2, 0.25]).best()
    assert symbols.tolist() == [0, 0, 0]
    assert log_prob == pytest.approx(3 * torch.tensor(0.25).log().item())


def test_entropy_does_not_cancel_where_almost_all_is_certain():
    rare = 1e-18
    expected = 3 * (rare - rare * torch.tensor(rare).double().log().item())
    assert chain([1 - rare, rare]).entropy().item() == pytest.approx(expected, rel=1e-9)


def test_log_space_holds_what_is_rarer_than_any_number():
    rare = torch.tensor([[[0.0, -400.0, -500.0]]], dtype=torch.float64)
    model = MarkovTable(rare.log_softmax(-1))
    problem = pose(model, Evidence.free(3, 3).restrict(slice(0, 3), [1, 2]), 0)
    lattice = dynamic_programme(problem)
    assert float(lattice.log_z) == pytest.approx(-1200)
    assert torch.allclose(lattice.marginals()[:, 1:], torch.tensor([0.0, -100.0]).double())
