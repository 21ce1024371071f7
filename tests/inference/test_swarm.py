"""What a filter asks of a model, and what it tells whoever resamples."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference import swarm
from autoreg.inference.course import Course
from autoreg.inference.meter import Metered
from autoreg.inference.problem import pose, walked_through
from autoreg.inference.resampling import multinomial
from autoreg.inference.swarm import run
from autoreg.models.logistics import LogisticMixture
from autoreg.models.markov import MarkovTable
from autoreg.scoring import MEMORY, log_factors
from tests.inference.questions import markov, questions, seen
from tests.laws.recipes import WaveNetRecipe

QUESTIONS = questions()


def course(problem, threshold=1.0, twist=None, memory=MEMORY):
    chance = torch.Generator().manual_seed(0)
    return Course(problem, 6, 5, threshold, twist, memory, chance)


def plainly(log_weights, _):
    return multinomial(log_weights, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("memory", [1, MEMORY])
@pytest.mark.parametrize("threshold", [0.0, 1.0])
@pytest.mark.parametrize("name", QUESTIONS)
def test_each_hidden_position_is_stepped_and_each_observed_one_read_once(name, threshold, memory):
    problem = QUESTIONS[name].problem
    metered = Metered(problem.model)
    run(course(replace(problem, model=metered), threshold, memory=memory), plainly)
    hidden = len(problem.hidden)
    assert metered.stepped == 30 * hidden
    assert metered.scored == 30 * (problem.length - hidden)


@pytest.mark.parametrize("short", [0, 1, 2, 16])
def test_paths_weigh_what_was_observed_whether_it_was_read_or_stepped_through(short, monkeypatch):
    monkeypatch.setattr("autoreg.inference.problem.SHORT", short)
    model = WaveNetRecipe(3, (2,), None, 2, (1, 2), 1, 0, 0, 9, seed=1).build()
    known = torch.tensor([True, False, True, False, True, True, False, True, True])
    symbols = torch.tensor([0, 0, 1, 0, 2, 1, 0, 0, 2])
    metered = Metered(model)
    problem = pose(metered, Evidence.observe(symbols, 3, where=known, num_conditions=2), 1)
    read = metered.scored
    cloud = run(course(problem, threshold=0.0), plainly)
    between = [gap for gap in (1, 2) if gap <= short]
    assert metered.stepped == 30 * (3 + sum(between))
    assert metered.scored - read == 30 * (5 - sum(between))
    assert walked_through(problem) == 3 + sum(between)
    sequences = torch.cat([torch.zeros(30, 1).long(), cloud.paths], 1)
    assert torch.equal(sequences[:, known], symbols[known].expand(30, -1))
    factors = log_factors(model, sequences, torch.ones(30).long())[:, 1:]
    wanted = factors[:, known[1:]].sum(1) - math.log(5)
    assert torch.allclose(cloud.log_weights.flatten(), wanted, rtol=0, atol=1e-12)


def test_an_island_that_is_dead_stops_no_other():
    """All rows but those of one island are walked in one go, resampling off."""
    calls = []

    class Counting(Metered):
        def step(self, state, symbols):
            calls.append(len(symbols))
            return super().step(state, symbols)

    table = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]], dtype=torch.float64)
    model = Counting(MarkovTable(table.log()))
    evidence = Evidence.free(2, 7).restrict([1, 2, 4, 6], [1])
    chance = torch.Generator().manual_seed(0)
    cloud = run(Course(pose(model, evidence, 0), 40, 1, 1.0, None, MEMORY, chance), plainly)
    assert 0 < int(cloud.log_z.isneginf().sum()) < 40
    assert calls == [40] * 3


@pytest.mark.parametrize("tail", [False, True])
def test_forks_hold_what_led_to_them(tail):
    model = markov(2, 2, 9)
    often = Event.count([1], 2, at_least=2, at_most=4)
    problem = pose(model, seen(2, [1, None, None, 0, None, 1, None]), 0, often, tail=tail)
    forks = []

    def keep(log_weights, fork):
        forks.append((log_weights, fork))
        return plainly(log_weights, None)

    run(course(problem), keep, forks=True)
    assert len(forks) > 1
    for log_weights, fork in forks:
        count = len(fork.chains)
        rows = fork.symbols.reshape(5 * count, -1)
        assert rows.shape[1] == fork.position - problem.start
        assert torch.equal(fork.log_weights, log_weights)
        alive = ~log_weights.flatten().isneginf()
        whole = torch.cat([torch.tensor([[1]]).expand(len(rows), -1), rows], 1)
        state = model.read(model.start(torch.zeros(len(rows)).long()), whole)[1]
        assert torch.equal(state.next[alive], fork.state.next[alive])
        passed = often.after(whole, 0, torch.zeros(len(rows)).long())
        assert torch.equal(passed[alive], fork.rule_state.flatten()[alive])


def test_islands_are_known_by_their_number_in_every_batch():
    seen_chains = []

    def keep(log_weights, fork):
        seen_chains.extend(fork.chains.tolist())
        return plainly(log_weights, None)

    problem = QUESTIONS["runs"].problem
    cloud = run(course(problem, memory=1), keep, forks=True)
    counts = torch.bincount(torch.tensor(seen_chains), minlength=6)
    assert torch.equal(counts, cloud.resamplings)


@pytest.mark.parametrize("memory", [1, MEMORY])
def test_support_counts_the_paths_that_what_is_known_rests_on(memory):
    """Islands without resampling are one big sample: its weights say what the support is."""
    problem = QUESTIONS["runs"].problem
    cloud = run(course(problem, threshold=0.0, memory=memory), plainly)
    hidden = [int(position) for position in problem.hidden]
    log_weights = torch.zeros(30, dtype=torch.float64)
    for t in range(problem.length):
        ess = float((2 * log_weights.logsumexp(0) - (2 * log_weights).logsumexp(0)).exp())
        before = log_weights.logsumexp(0)
        if t not in hidden:
            state = problem.model.start(torch.zeros(30).long())
            state = problem.model.read(state, cloud.paths[:, :t])[1]
            log_weights = log_weights + problem.model.head.log_prob(state.next, cloud.paths[:, t])
        expected = ess * float((log_weights.logsumexp(0) - before).exp())
        assert float(cloud.support[t]) == pytest.approx(expected)


def test_nothing_rests_on_paths_that_are_dead():
    evidence = Evidence.free(2, 3, 2).restrict(1, [0]).restrict(1, [1])
    cloud = run(course(pose(markov(2, 1, 0), evidence, 0)), plainly)
    assert cloud.support.tolist() == pytest.approx([30.0, 0.0])


def test_what_an_island_may_have_missed_is_told_by_its_own_paths():
    """Of a fine scale, no path is said to be more probable than those of its island suggest."""
    factors = torch.tensor([[-20.0], [-30.0], [-50.0], [-40.0]], dtype=torch.float64)
    fine = SimpleNamespace(
        shape=(2, 2),
        course=SimpleNamespace(problem=SimpleNamespace(model=LogisticMixture(9999, 1))),
    )
    found = swarm._Swarm.most(fine, factors)
    alone = [
        swarm._Swarm.most(SimpleNamespace(shape=(1, 2), course=fine.course), two)
        for two in factors.split(2)
    ]
    assert found.equal(torch.cat(alone))
    assert found[0] > found[1]
