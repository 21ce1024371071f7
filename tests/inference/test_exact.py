import pytest
import torch
from hypothesis import given

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.exact import (
    MANY,
    contexts_within,
    dynamic_programme,
    enumerate_paths,
    paths_within,
)
from autoreg.inference.meter import Metered
from autoreg.inference.problem import pose, split
from autoreg.models.markov import MarkovTable
from tests.inference.tiny import Question, close, questions
from tests.laws.recipes import WaveNetRecipe


def wavenet(dilations, seed=0):
    return WaveNetRecipe(2, (), None, 2, dilations, 1, 0, 0, 1, seed).build()


@given(questions())
def test_enumeration_holds_every_possible_path_once(question):
    problem, oracle = question.build()
    cloud = enumerate_paths(problem)
    assert cloud.exhaustive
    assert close(cloud.log_z[0], oracle.z)
    alive = cloud.paths[cloud.log_weights[0] > -torch.inf]
    assert len(set(map(tuple, alive.tolist()))) == len(alive) == int((oracle.probs > 0).sum())
    for path, weight in zip(alive, cloud.log_weights[0], strict=False):
        assert close(weight, oracle.prob(path))


@given(questions())
def test_dynamic_programme_sums_what_enumeration_sums(question):
    problem, oracle = question.build()
    assert close(dynamic_programme(problem).log_z, oracle.z)


@given(questions(length=6, event="nothing"))
def test_relaxed_evidence_is_the_sum_of_its_parts(question):
    problem, _ = question.build()
    model, evidence, condition = problem.model, problem.evidence.relax(3), problem.condition

    def mass(among):
        part = pose(model, evidence.restrict(3, among), condition)
        return (dynamic_programme(part).log_z + part.log_before).exp()

    assert torch.isclose(mass([0]) + mass([1]), mass([0, 1]), rtol=1e-12, atol=0)


@given(questions())
def test_counts_bound_what_is_met(question):
    problem, oracle = question.build()
    most, total = contexts_within(problem)
    lattice = dynamic_programme(problem)
    assert lattice.num_nodes <= total
    assert max((len(layer.context) for layer in lattice.layers), default=1) <= most
    assert paths_within(problem) >= (oracle.probs > 0).sum()


def test_contexts_are_folded_to_the_order():
    model = MarkovTable.random(2, 3, generator=torch.Generator().manual_seed(0))
    problem = pose(model, Evidence.free(2, 10), 0, tail=True)
    assert paths_within(problem) == 2**10
    assert contexts_within(problem) == (8, 1 + 2 + 4 + 7 * 8)
    assert dynamic_programme(problem).num_nodes == 1 + 2 + 4 + 7 * 8


def test_contexts_of_an_event_are_counted_by_its_states_but_never_beyond_paths():
    model = MarkovTable.random(2, 1, generator=torch.Generator().manual_seed(0))
    problem = pose(model, Evidence.free(2, 4), 0, Event.word([1, 0, 1], 2))
    assert contexts_within(problem) == (8, 1 + 2 + 4 + 8)


def test_counts_stop_before_they_overflow():
    model = MarkovTable.random(3, 2, generator=torch.Generator().manual_seed(0))
    problem = pose(model, Evidence.free(3, 1000), 0, tail=True)
    assert paths_within(problem) == MANY
    assert contexts_within(problem)[0] == 9


def test_an_observed_run_folds_what_lies_behind_it():
    model = wavenet((1, 2))  # order 4
    seen = torch.zeros(40, dtype=torch.bool)
    seen[5:30] = True
    evidence = Evidence.observe(torch.ones(40, dtype=torch.int64), 2, where=seen)
    problem = pose(model, evidence.restrict(39, 1), 0)
    lattice = dynamic_programme(problem)
    pieces = split(problem)
    assert len(pieces) == 2
    parts = sum(piece.log_before + float(dynamic_programme(piece).log_z) for piece in pieces)
    assert float(lattice.log_z) == pytest.approx(parts - problem.log_before, abs=1e-10)


@pytest.mark.parametrize("kind", ["wavenet", "markov"])
def test_a_table_says_what_stepping_says(kind):
    question = Question(kind, 2, 2, 12, "some", "count", tail=True, seed=3)
    generator = torch.Generator().manual_seed(3)
    model = question._model(generator)
    evidence = question._evidence(generator, 2)
    event = Event.count([0], 2, at_least=3)
    table = dynamic_programme(pose(model, evidence, 0, event, tail=True))
    # A model that does not claim to be stationary is stepped through.
    stepped = dynamic_programme(pose(Restless(model), evidence, 0, event, tail=True))
    assert table.log_z == pytest.approx(float(stepped.log_z), abs=1e-12)
    assert torch.allclose(table.marginals(), stepped.marginals(), atol=1e-12)


def test_recurring_contexts_cost_no_more_steps():
    model = Metered(wavenet((1, 2, 4)))
    problem = pose(model, Evidence.free(2, 100).restrict(99, 1), 0)
    dynamic_programme(problem)
    assert model.stepped < 2**9
    assert model.scored == 2**8 * 8


@pytest.mark.parametrize(
    ("dilations", "order", "length"),
    [((1, 2, 2), 6, 200), pytest.param((1, 2, 4, 1, 2, 1), 12, 784, marks=pytest.mark.slow)],
)
def test_a_long_problem_obeys_relaxation(dilations, order, length):
    model = wavenet(dilations)
    assert model.order == order
    evidence = Evidence.free(2, length).restrict(torch.arange(20, length, 31), 1)

    def mass(among):
        return dynamic_programme(pose(model, evidence.restrict(100, among), 0)).log_z

    assert torch.logaddexp(mass([0]), mass([1])) == pytest.approx(float(mass([0, 1])), abs=1e-9)


@pytest.mark.parametrize("rows", [1, 3, 7])
def test_enumeration_in_small_batches_finds_the_same(rows):
    model = wavenet((1, 2))
    problem = pose(model, Evidence.free(2, 8).restrict(4, 1), 0, tail=True)
    memory = rows * 4 * model.floats_per_symbol
    whole, parts = enumerate_paths(problem), enumerate_paths(problem, memory=memory)
    assert torch.equal(whole.symbols, parts.symbols)
    assert torch.allclose(whole.log_weights, parts.log_weights, atol=1e-12)


def test_nothing_left_to_ask_has_one_empty_path():
    model = MarkovTable.random(2, 1, generator=torch.Generator().manual_seed(0))
    evidence = Evidence.observe(torch.tensor([0, 1]), 2)
    for event, log_z in (
        (None, 0.0),
        (Event.hit([1], 2), 0.0),
        (Event.word([1, 1], 2), -torch.inf),
    ):
        problem = pose(model, evidence, 0, event)
        cloud, lattice = enumerate_paths(problem), dynamic_programme(problem)
        assert cloud.symbols.shape == (1, 1, 0)
        assert float(cloud.log_z) == float(lattice.log_z) == log_z


def test_too_many_paths_are_refused_by_number():
    model = MarkovTable.random(2, 1, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=r"enumeration needs at most .* 60 symbols"):
        enumerate_paths(pose(model, Evidence.free(2, 60), 0, tail=True))


def test_too_many_contexts_are_refused_by_number():
    model = wavenet((1, 2, 4, 8, 16))
    with pytest.raises(ValueError, match=r"dynamic programme needs at most .* contexts at once"):
        dynamic_programme(pose(model, Evidence.free(2, 60), 0, tail=True))


def test_a_large_alphabet_is_enumerated_but_not_folded():
    model = MarkovTable(torch.zeros(1, 1, 5000).log_softmax(-1))
    problem = pose(model, Evidence.free(5000, 2).between(0, 0, 9).between(1, 0, 1), 0)
    assert float(enumerate_paths(problem).log_z.exp()) == pytest.approx(20 / 5000**2, rel=1e-5)
    with pytest.raises(ValueError, match="at most 4096 symbols; got 5000"):
        dynamic_programme(problem)


class Restless(Metered):
    stationary = False
