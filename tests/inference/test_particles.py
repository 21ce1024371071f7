"""Particle filters: evidence without bias, weights that are proper, nothing lost on the way."""

import math
from dataclasses import dataclass

import pytest
import torch

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference import particles, swarm
from autoreg.inference.particles import particle_filter
from autoreg.inference.problem import pose
from autoreg.inference.resampling import RESAMPLINGS, systematic
from autoreg.models.markov import MarkovTable
from tests.inference.questions import ask, markov, questions, seen

QUESTIONS = questions()
ISLANDS = 1600


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@dataclass(frozen=True)
class Twist:
    event: Event
    log_value: torch.Tensor


def last_symbol(num_symbols):
    """Return the automaton that remembers the last symbol; state 0 before the first."""
    table = torch.arange(1, num_symbols + 1).repeat(num_symbols + 1, 1)
    return Event(((0, table),), torch.ones(num_symbols + 1, dtype=torch.bool))


def random_twist(problem, seed=0, spread=1.0):
    event = last_symbol(problem.model.num_symbols)
    shape = (event.num_states, problem.length + 1)
    return Twist(
        event, spread * torch.randn(shape, dtype=torch.float64, generator=generator(seed))
    )


def assert_mean(values, truth, errors=4.0):
    """Fail where the mean over the first axis is too far from what it should be."""
    error = values.std(0) / len(values) ** 0.5
    assert ((values.mean(0) - truth).abs() <= errors * error + 1e-12).all()


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("resampling", sorted(RESAMPLINGS))
@pytest.mark.parametrize("name", QUESTIONS)
def test_evidence_is_unbiased(name, resampling, threshold):
    question = QUESTIONS[name]
    cloud = particle_filter(
        question.problem,
        islands=ISLANDS,
        particles=6,
        resampling=resampling,
        threshold=threshold,
        generator=generator(3),
    )
    assert_mean((cloud.log_z - question.log_z).exp(), 1.0)
    assert (cloud.resamplings is None) == (cloud.eves is None)
    if threshold == 0:
        assert cloud.resamplings is None


@pytest.mark.parametrize("name", ["late", "runs", "sets"])
def test_mutant_without_the_weights_after_the_last_resampling_is_caught(name, monkeypatch):
    advance = swarm._Swarm.advance

    def forgetful(self, symbols):
        counts = self.counts.clone()
        advance(self, symbols)
        kept = getattr(self, "kept", torch.full_like(self.log_weights, self.level))
        self.kept = torch.where((self.counts > counts)[:, None], self.log_weights, kept)
        if self.position == self.course.problem.stop:
            self.log_weights = self.kept

    def share():
        question = QUESTIONS[name]
        cloud = particle_filter(
            question.problem,
            islands=ISLANDS,
            particles=6,
            threshold=0.5,
            generator=generator(3),
        )
        return (cloud.log_z - question.log_z).exp()

    assert_mean(share(), 1.0)
    monkeypatch.setattr(swarm._Swarm, "advance", forgetful)
    with pytest.raises(AssertionError):
        assert_mean(share(), 1.0)


def properly_weighted(question, cloud):
    """Fail where weighted sums of random functions are not sum_x p(x, known) f(x)."""
    length, q = question.problem.length, question.problem.model.num_symbols
    codes = q ** torch.arange(length)
    values = torch.randn(q**length, 4, dtype=torch.float64, generator=generator(9))
    truth = question.probs @ values[question.paths @ codes]
    found = (cloud.log_weights.exp()[..., None] * values[cloud.symbols @ codes]).sum(1)
    assert_mean(found, truth, 4.5)


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", QUESTIONS)
def test_weighted_sums_of_any_function_are_unbiased(name, threshold):
    question = QUESTIONS[name]
    cloud = particle_filter(
        question.problem, islands=ISLANDS, particles=5, threshold=threshold, generator=generator(4)
    )
    properly_weighted(question, cloud)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
@pytest.mark.parametrize("name", QUESTIONS)
def test_any_twist_leaves_the_weights_proper(name, threshold):
    question = QUESTIONS[name]
    cloud = particle_filter(
        question.problem,
        islands=ISLANDS,
        particles=5,
        threshold=threshold,
        twist=random_twist(question.problem),
        generator=generator(5),
    )
    assert_mean((cloud.log_z - question.log_z).exp(), 1.0)
    properly_weighted(question, cloud)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_constant_twist_changes_no_bit(name):
    problem = QUESTIONS[name].problem
    constant = Twist(last_symbol(problem.model.num_symbols), torch.full((1, 1), math.pi))
    shape = (constant.event.num_states, problem.length + 1)
    constant = Twist(constant.event, constant.log_value.double().expand(shape))
    plain, twisted = (
        particle_filter(
            problem, islands=20, particles=7, threshold=0.9, twist=twist, generator=generator()
        )
        for twist in (None, constant)
    )
    assert torch.equal(plain.symbols, twisted.symbols)
    assert torch.equal(plain.log_weights, twisted.log_weights)


def test_the_exact_twist_leaves_no_variance():
    model = markov(2, 1, 8)
    question = ask(model, seen(2, [None, None, None, None, 0, 1]))
    table, length = model.table[0].exp(), question.problem.length
    # Context digit 2, "nothing yet", is the automaton's state 0.
    rows = table[[2, 0, 1]]
    allowed = question.problem.evidence.mask().double()
    value = torch.ones(3, length + 1, dtype=torch.float64)
    for t in range(length - 1, -1, -1):
        value[:, t] = (rows * allowed[t] * value[1:, t + 1]).sum(-1)
    cloud = particle_filter(
        question.problem,
        islands=3,
        particles=5,
        twist=Twist(last_symbol(2), value.log()),
        generator=generator(),
    )
    assert torch.allclose(cloud.log_weights, question.log_z - math.log(5), rtol=0, atol=1e-12)


def test_the_order_of_paths_does_not_matter(monkeypatch):
    def shuffled(log_weights, *, generator):
        found = systematic(log_weights, generator=generator)
        keys = torch.rand(found.shape, generator=generator)
        return found.gather(1, keys.argsort(-1))

    monkeypatch.setattr(particles, "find_resampling", lambda _: shuffled)
    question = QUESTIONS["runs"]
    cloud = particle_filter(
        question.problem, islands=ISLANDS, particles=5, threshold=1.0, generator=generator(6)
    )
    properly_weighted(question, cloud)


def test_equal_chance_gives_an_equal_cloud():
    one, two, other = (
        particle_filter(
            QUESTIONS["runs"].problem, islands=9, particles=8, generator=generator(seed)
        )
        for seed in (1, 1, 2)
    )
    assert torch.equal(one.symbols, two.symbols)
    assert torch.equal(one.log_weights, two.log_weights)
    assert not torch.equal(one.log_weights, other.log_weights)


def test_weights_stay_proper_where_memory_holds_one_island_and_one_position():
    question = QUESTIONS["event"]
    cloud = particle_filter(
        question.problem,
        islands=100,
        particles=20,
        threshold=0.9,
        memory=1,
        twist=random_twist(question.problem, 1),
        generator=generator(),
    )
    assert cloud.symbols.shape == (100, 20, question.problem.length)
    properly_weighted(question, cloud)


def test_paths_of_one_eve_begin_alike():
    question = QUESTIONS["runs"]
    cloud = particle_filter(
        question.problem, islands=50, particles=9, threshold=1.0, generator=generator()
    )
    assert cloud.resamplings.max() > 1
    first = torch.full((50, 9), -1).scatter(1, cloud.eves, cloud.symbols[..., 0])
    assert torch.equal(first.gather(1, cloud.eves), cloud.symbols[..., 0])
    assert (cloud.eves < 9).all()
    assert len(cloud.eves.unique()) > 1


def test_nothing_is_resampled_after_the_last_restricted_position():
    """Paths through the tail are drawn one by one, whatever their weights."""
    problem = pose(markov(2, 1, 3), seen(2, [None, 1, None, None, None]), 0, tail=True)
    cloud = particle_filter(
        problem, islands=20, particles=16, threshold=1.0, generator=generator(1)
    )
    # At the first position, the only one before the last restricted, all weights are equal.
    assert cloud.resamplings is None
    assert (cloud.log_weights.std(-1) > 0.01).any()


def test_the_last_weights_are_not_resampled_away():
    question = QUESTIONS["runs"]
    cloud = particle_filter(
        question.problem, islands=30, particles=8, threshold=1.0, generator=generator()
    )
    assert cloud.resamplings.min() > 0
    assert (cloud.log_weights.std(-1) > 0.01).any()


def dying():
    """Return a chain in which 0 is followed by 0 for ever, and evidence that 1 comes late."""
    table = torch.tensor([[[1.0, 0.0], [0.4, 0.6], [0.5, 0.5]]], dtype=torch.float64)
    return MarkovTable(table.log()), Evidence.free(2, 6).restrict(slice(3, None), [1])


@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_dead_paths_and_dead_islands_count_as_nothing(threshold):
    model, evidence = dying()
    truth = 0.5 * 0.6**5
    cloud = particle_filter(
        pose(model, evidence, 0),
        islands=ISLANDS,
        particles=3,
        threshold=threshold,
        generator=generator(),
    )
    assert cloud.log_z.isneginf().any(), "some island loses all its paths"
    assert not cloud.log_weights.isnan().any()
    assert_mean(cloud.log_z.exp(), truth)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_what_is_impossible_has_no_weight(threshold):
    evidence = Evidence.free(2, 4, 2).restrict(1, [0]).restrict(1, [1]).restrict(3, [1])
    problem = pose(markov(2, 1, 0), evidence, 0)
    cloud = particle_filter(
        problem, islands=4, particles=3, threshold=threshold, generator=generator()
    )
    assert cloud.log_z.isneginf().all()
    assert cloud.symbols.shape == (4, 3, problem.length)


def test_nothing_to_walk_leaves_one_equal_weight_each():
    for evidence in (Evidence.free(2, 0, 2), seen(2, [0, 1, 1]), Evidence.free(2, 3, 2)):
        problem = pose(markov(2, 1, 0), evidence, 1)
        cloud = particle_filter(problem, islands=3, particles=4, generator=generator())
        assert cloud.symbols.shape == (3, 4, 0)
        assert torch.allclose(cloud.log_z, torch.zeros(3, dtype=torch.float64))


def test_an_event_decided_by_what_was_observed_is_certain_or_impossible():
    for symbols, log_z in (([0, 1], 0.0), ([0, 0], -math.inf)):
        problem = pose(markov(2, 1, 0), seen(2, symbols), 0, Event.hit([1], 2))
        cloud = particle_filter(problem, islands=2, particles=4, generator=generator())
        assert cloud.log_z.tolist() == pytest.approx([log_z] * 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"islands": 0}, "an island or more"),
        ({"resampling": "none"}, "resampling needs to be one of systematic"),
    ],
)
def test_what_makes_no_filter_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        particle_filter(QUESTIONS["runs"].problem, **{"islands": 3, "particles": 4, **changes})
