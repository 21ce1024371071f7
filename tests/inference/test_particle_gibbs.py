import itertools
from dataclasses import dataclass

import pytest
import torch

from autoreg.events import Event
from autoreg.inference import conditional
from autoreg.inference import particle_gibbs as module
from autoreg.inference.particle_gibbs import particle_gibbs
from autoreg.inference.resampling import RESAMPLINGS, conditional_resampling, systematic
from tests.inference.invariance import (
    CAUGHT,
    FAST,
    FULL,
    SAME,
    case,
    cases,
    largest_z,
    markov,
    seen,
    wavenet,
)

CASES = cases()


def gibbs(
    particles, resampling="systematic", *, threshold=1.0, ancestor_sampling=True, **keywords
):
    """Return the kernel that resamples whenever weights differ, unless told."""

    def kernel(problem, paths, generator):
        return particle_gibbs(
            problem,
            paths,
            particles=particles,
            resampling=resampling,
            threshold=threshold,
            ancestor_sampling=ancestor_sampling,
            generator=generator,
            **keywords,
        )

    return kernel


@pytest.mark.parametrize("particles", [2, 3, 4, 8])
@pytest.mark.parametrize("resampling", RESAMPLINGS)
def test_particle_gibbs_leaves_the_posterior_as_it_is(resampling, particles):
    kernel = gibbs(particles, resampling, ancestor_sampling=False)
    assert largest_z(CASES["uneven"], kernel, FAST) < SAME


@pytest.mark.parametrize("particles", [2, 4])
@pytest.mark.parametrize("name", CASES)
def test_ancestor_sampling_leaves_the_posterior_as_it_is(name, particles):
    assert largest_z(CASES[name], gibbs(particles), FAST) < SAME


@pytest.mark.slow
@pytest.mark.parametrize("ancestor_sampling", [False, True])
@pytest.mark.parametrize("threshold", [0.5, 1.0])
@pytest.mark.parametrize("resampling", RESAMPLINGS)
@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_it_leaves_the_posterior_as_it_is(
    name, resampling, threshold, ancestor_sampling
):
    for particles in (2, 3, 4, 8):
        kernel = gibbs(
            particles, resampling, threshold=threshold, ancestor_sampling=ancestor_sampling
        )
        assert largest_z(CASES[name], kernel, FULL, seed=particles) < SAME, particles


def test_it_leaves_the_posterior_of_a_wavenet_as_it_is():
    of_wavenet = case(wavenet(), seen(2, [1, None, None, 0, None, 1]))
    assert largest_z(of_wavenet, gibbs(3), 5_000) < SAME


@dataclass(frozen=True)
class Tilt:
    """A potential of any size, by how many ones there were: a bad guess of what is to come."""

    event: Event
    log_value: torch.Tensor


@pytest.mark.parametrize("ancestor_sampling", [False, True])
@pytest.mark.parametrize("name", ["observed", "sets"])
def test_a_twist_leaves_the_posterior_as_it_is(name, ancestor_sampling):
    length = CASES[name].problem.length
    counts = Event.count([1], 3, at_least=2)
    event = Event(counts.pieces, torch.ones(3, dtype=torch.bool))
    log_value = torch.randn(
        3, length + 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    kernel = gibbs(3, ancestor_sampling=ancestor_sampling, twist=Tilt(event, log_value))
    assert largest_z(CASES[name], kernel, FULL) < SAME


def test_ancestor_sampling_moves_early_symbols_where_the_kept_path_stays():
    changed = []
    for ancestor_sampling in (False, True):
        generator = torch.Generator().manual_seed(0)
        starts = CASES["observed"].starts(5_000, generator)
        kernel = gibbs(2, ancestor_sampling=ancestor_sampling)
        moved = kernel(CASES["observed"].problem, starts, generator)
        assert torch.equal(moved.accepted, (moved.paths != starts).sum(-1).double() / 3)
        changed.append(float((moved.paths[:, 0] != starts[:, 0]).double().mean()))
    assert changed[1] > 1.2 * changed[0] > 0, changed


def test_memory_changes_no_law():
    assert largest_z(CASES["observed"], gibbs(3, memory=50_000), 2_000) < SAME


def overwritten(name, log_weights, *, kept=None, generator=None):
    ancestors = systematic(log_weights, generator=generator)
    ancestors[:, 0] = 0 if kept is None else kept
    return ancestors


def appended(name, log_weights, *, kept=None, generator=None):
    rows, count = log_weights.shape
    offset = torch.rand(rows, 1, dtype=torch.float64, generator=generator)
    teeth = (torch.arange(count - 1) + offset) / (count - 1)
    cumulative = log_weights.softmax(-1).cumsum(-1)
    drawn = torch.searchsorted(cumulative, teeth, right=True).clamp_max(count - 1)
    first = torch.zeros(rows, dtype=torch.int64) if kept is None else kept
    return torch.cat([first[:, None], drawn], dim=1)


@pytest.mark.parametrize("particles", [2, 4])
def test_mutant_that_overwrites_a_slot_of_systematic_resampling_is_caught(particles, monkeypatch):
    monkeypatch.setattr(conditional, "conditional_resampling", overwritten)
    kernel = gibbs(particles, ancestor_sampling=False)
    assert largest_z(CASES["uneven"], kernel, FULL) > CAUGHT


@pytest.mark.parametrize("particles", [3, 4, 8])
def test_mutant_that_appends_the_kept_path_to_systematic_offspring_is_caught(
    particles, monkeypatch
):
    monkeypatch.setattr(conditional, "conditional_resampling", appended)
    kernel = gibbs(particles, ancestor_sampling=False)
    assert largest_z(CASES["sets"], kernel, FULL) > CAUGHT


def test_mutant_that_resamples_strata_with_the_kept_path_always_first_is_caught(monkeypatch):
    def first(name, log_weights, *, kept=None, generator=None):
        """Keep path 0 at the head of the order of weights; no ancestor is sampled here."""
        scaled = len(log_weights[0]) * log_weights.softmax(-1)
        shape = log_weights.shape
        points = torch.arange(shape[1]) + torch.rand(
            shape, dtype=torch.float64, generator=generator
        )
        drawn = torch.searchsorted(scaled.cumsum(-1), points, right=True).clamp_max(shape[1] - 1)
        mark = scaled[:, :1] * torch.rand(shape[0], 1, dtype=torch.float64, generator=generator)
        slot = mark.long()
        drawn = drawn.scatter(1, slot, 0)
        keys = torch.rand(shape, dtype=torch.float64, generator=generator)
        return drawn.gather(1, keys.scatter(1, slot, -1.0).argsort(-1))

    monkeypatch.setattr(conditional, "conditional_resampling", first)
    kernel = gibbs(3, "stratified", ancestor_sampling=False)
    assert largest_z(CASES["uneven"], kernel, FULL) > CAUGHT


def test_mutant_whose_ancestors_ignore_what_follows_is_caught(monkeypatch):
    monkeypatch.setattr(
        module,
        "log_after",
        lambda _, state, symbols, **__: torch.zeros(len(symbols), dtype=torch.float64),
    )
    assert largest_z(CASES["observed"], gibbs(3), FULL) > CAUGHT


def test_mutant_whose_ancestors_see_all_but_one_of_the_terms_is_caught(monkeypatch):
    monkeypatch.setattr(module, "reach", lambda problem, at: at + problem.model.order - 1)
    second = case(markov(3, 2, 4), CASES["sets"].problem.evidence)
    assert second.problem.model.order == 2
    assert largest_z(second, gibbs(3), FULL) > CAUGHT


def test_mutant_whose_ancestors_are_weighted_by_the_next_mass_twice_is_caught(monkeypatch):
    weights = module.ancestor_log_weights

    def twice(problem, kept, fork, **keywords):
        sets = problem.evidence.mask(fork.position, fork.position + 1)
        mass = problem.model.head.log_mass(fork.state.next, sets.expand(len(fork.state.next), -1))
        return weights(problem, kept, fork, **keywords) + mass.reshape(fork.log_weights.shape)

    monkeypatch.setattr(module, "ancestor_log_weights", twice)
    assert largest_z(CASES["sets"], gibbs(3), FULL) > CAUGHT


def test_mutant_whose_ancestors_forget_the_event_is_caught(monkeypatch):
    monkeypatch.setattr(
        module, "occurs", lambda _, rest, *__: torch.ones(len(rest), dtype=torch.bool)
    )
    with pytest.raises(ValueError, match="path"):
        largest_z(CASES["event"], gibbs(3), FULL)


def test_valid_resampling_is_what_the_mutants_are_compared_with():
    assert conditional.conditional_resampling is conditional_resampling
    for particles, name in itertools.product((3, 8), ("uneven", "sets")):
        kernel = gibbs(particles, ancestor_sampling=False)
        assert largest_z(CASES[name], kernel, FAST, seed=1) < SAME


def test_refuses_a_single_particle():
    with pytest.raises(ValueError, match="2 particles or more; got 1"):
        particle_gibbs(CASES["event"].problem, CASES["event"].paths, particles=1)
