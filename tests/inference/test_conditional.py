"""Filters that keep a path: the posterior stays, and the inverse evidence is unbiased."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
import torch

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference import conditional
from autoreg.inference.conditional import conditional_filter
from autoreg.inference.problem import pose
from autoreg.inference.resampling import RESAMPLINGS
from autoreg.walks.inversion import invert
from tests.inference.invariance import CAUGHT, FAST, SAME, case, cases, largest_z
from tests.inference.invariance import markov as chain
from tests.inference.questions import ask, markov, questions, seen
from tests.inference.test_resampling import appended, overwritten

CASES = cases()


@dataclass(frozen=True)
class Twist:
    event: Event
    log_value: torch.Tensor


def kernel(**options):
    """Return the step of particle Gibbs: filter with the path, go on from one of the cloud."""

    def move(problem, starts, generator):
        twist = options.get("twist")
        given = options | ({"twist": twist(problem)} if twist else {})
        cloud = conditional_filter(problem, starts, **given, generator=generator)
        uniforms = torch.rand(len(starts), dtype=torch.float64, generator=generator)
        chosen = invert(cloud.log_weights, uniforms)
        return SimpleNamespace(paths=cloud.symbols[torch.arange(len(starts)), chosen])

    return move


def random_twist(problem):
    q = problem.model.num_symbols
    event = Event(((0, torch.arange(q).repeat(q, 1)),), torch.ones(q, dtype=torch.bool))
    shape = (q, problem.length + 1)
    value = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return Twist(event, value)


def exact_ancestor(problem, kept, generator):
    """Return the choice of another past, by weight times p(the kept future | that past)."""

    def choose(fork):
        c, n, length = fork.symbols.shape
        future = kept[fork.chains][:, None, length:].expand(c, n, -1)
        factors, _ = problem.model.read(fork.state, future.reshape(c * n, -1))
        logs = fork.log_weights + factors.sum(-1).reshape(c, n)
        if problem.event is not None:
            ends = problem.event.after(
                future.reshape(c * n, -1), fork.position, fork.rule_state.flatten()
            )
            logs = logs.masked_fill(~problem.event.accept[ends].reshape(c, n), -torch.inf)
        return invert(logs, torch.rand(c, dtype=torch.float64, generator=generator))

    return choose


@pytest.mark.parametrize("threshold", [0.6, 1.0])
@pytest.mark.parametrize("resampling", sorted(RESAMPLINGS))
@pytest.mark.parametrize("name", ["observed", "event"])
def test_a_step_leaves_the_posterior_as_it_is(name, resampling, threshold):
    move = kernel(particles=3, resampling=resampling, threshold=threshold)
    assert largest_z(CASES[name], move, FAST) < SAME


@pytest.mark.parametrize("name", CASES)
def test_a_step_of_two_paths_and_a_twist_leaves_the_posterior(name):
    move = kernel(particles=2, threshold=1.0, twist=random_twist)
    assert largest_z(CASES[name], move, FAST) < SAME


@pytest.mark.parametrize("resampling", ["systematic", "stratified"])
@pytest.mark.parametrize("name", ["observed", "event"])
def test_another_past_of_the_kept_path_leaves_the_posterior(name, resampling):
    def move(problem, starts, generator):
        choose = exact_ancestor(problem, starts, generator)
        step = kernel(
            particles=3,
            resampling=resampling,
            threshold=1.0,
            ancestor=choose,
            twist=random_twist if name == "event" else None,
        )
        return step(problem, starts, generator)

    assert largest_z(CASES[name], move, FAST) < SAME


def test_an_ancestor_by_weight_alone_is_caught():
    def move(problem, starts, generator):
        def choose(fork):
            uniforms = torch.rand(len(fork.chains), dtype=torch.float64, generator=generator)
            return invert(fork.log_weights, uniforms)

        step = kernel(particles=3, threshold=1.0, ancestor=choose)
        return step(problem, starts, generator)

    assert largest_z(CASES["observed"], move, FAST) > CAUGHT


@pytest.mark.parametrize(("wrong", "count"), [(None, 8), (overwritten, 3), (appended, 8)])
def test_only_the_conditional_law_keeps_a_path_rightly(wrong, count, monkeypatch):
    def instead(name, log_weights, *, kept, generator):
        return wrong(log_weights, generator)

    if wrong is not None:
        monkeypatch.setattr(conditional, "conditional_resampling", instead)
    sets = torch.tensor([[True, True, False], [True, False, True], [False, True, True]])
    sharp = case(chain(3, 1, 3), Evidence.among(sets.repeat(2, 1), 2))
    largest = largest_z(sharp, kernel(particles=count, threshold=1.0), 2 * FAST)
    assert largest < SAME if wrong is None else largest > CAUGHT


@pytest.mark.parametrize("name", questions())
def test_the_inverse_evidence_is_unbiased_from_posterior_draws(name):
    question, generator = questions()[name], torch.Generator().manual_seed(2)
    picked = torch.multinomial(question.probs, 4000, replacement=True, generator=generator)
    cloud = conditional_filter(
        question.problem, question.paths[picked], particles=4, threshold=1.0, generator=generator
    )
    found = (question.log_z - cloud.log_z).exp()
    assert abs(found.mean() - 1) < 4 * found.std() / 4000**0.5


@pytest.mark.parametrize("memory", [1, 2**28])
def test_slot_0_keeps_its_path(memory):
    question, generator = questions()["event"], torch.Generator().manual_seed(0)
    cloud = conditional_filter(
        question.problem,
        question.paths[:20],
        particles=6,
        threshold=1.0,
        memory=memory,
        generator=generator,
    )
    assert torch.equal(cloud.symbols[:, 0], question.paths[:20])
    assert (cloud.eves[:, 0] == 0).all()
    assert (cloud.symbols[:, 1:] != question.paths[:20, None]).any()


def test_a_path_alone_stays():
    question, generator = questions()["sets"], torch.Generator().manual_seed(0)
    cloud = conditional_filter(
        question.problem, question.paths[:3], particles=1, generator=generator
    )
    assert torch.equal(cloud.symbols[:, 0], question.paths[:3])


def test_a_path_of_no_positions_is_kept():
    problem = pose(markov(2, 1, 0), seen(2, [0, 1]), 0)
    cloud = conditional_filter(
        problem, torch.zeros(2, 0).long(), particles=3, generator=torch.Generator()
    )
    assert cloud.symbols.shape == (2, 3, 0)


def test_what_is_no_path_of_the_problem_is_refused():
    question = ask(markov(2, 1, 0), seen(2, [None, None, 1, None, 0]))
    problem, path = question.problem, question.paths[:1]
    chance = {"particles": 2, "generator": torch.Generator().manual_seed(0)}
    with pytest.raises(ValueError, match=r"path needs shape \(C, 5\).*from 0 to 5; got \(1, 4\)"):
        conditional_filter(problem, path[:, 1:], **chance)
    with pytest.raises(ValueError, match="path needs what was observed at the positions from 2"):
        conditional_filter(problem, 1 - path, **chance)
    with pytest.raises(ValueError, match="resampling needs to be one of"):
        conditional_filter(problem, path, **chance, resampling="best")
    event = pose(markov(2, 1, 0), seen(2, [None, None]), 0, Event.hit([1], 2))
    with pytest.raises(ValueError, match="path forces symbol 0 at position 1"):
        conditional_filter(event, torch.tensor([[0, 0]]), **chance)
