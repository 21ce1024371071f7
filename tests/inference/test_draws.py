"""Whole sequences drawn from a solution."""

import pytest
import torch

from autoreg.evidence import Evidence
from autoreg.inference.draws import draw
from autoreg.inference.effort import Effort
from autoreg.inference.solution import work_out
from tests.laws.recipes import MarkovRecipe
from tests.oracles import assert_drawn_from, chain_probs, every, index_of

CHAIN = MarkovRecipe(num_symbols=2, order=2, num_conditions=2, seed=3).build()
KNOWN = Evidence.free(2, 6, 2).restrict(0, 1).restrict(3, 0)
COUNT = 20_000


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def law():
    symbols = every(2, 6)
    probs = chain_probs(CHAIN, symbols).T / 2 * KNOWN.allows(symbols)
    return probs / probs.sum()


def counts(condition, symbols):
    return (condition * 64 + index_of(symbols, 2)).bincount(minlength=128)


@pytest.mark.parametrize("effort", [Effort(), Effort(most_paths=1)])
def test_exact_draws_follow_the_joint_posterior(effort):
    solution = work_out(CHAIN, KNOWN, effort)
    island = torch.zeros(COUNT, dtype=torch.int64)
    condition, symbols, moved = draw(CHAIN, solution, island, generator=chance())
    assert_drawn_from(counts(condition, symbols), law().flatten())
    assert not moved


@pytest.mark.parametrize("sweeps", [0, 2])
def test_draws_of_many_islands_come_near_it(sweeps):
    effort = Effort(method="particles", islands=4000, particles=8, growth=1)
    solution = work_out(CHAIN, KNOWN, effort, generator=chance())
    log_z = solution.log_joint.logsumexp(0)
    island = log_z.softmax(0).multinomial(4000, replacement=True, generator=chance(1))
    condition, symbols, _ = draw(CHAIN, solution, island, sweeps=sweeps, generator=chance(2))
    assert bool(KNOWN.allows(symbols).all())
    found = counts(condition, symbols).double() / 4000
    # Four standard errors of a share of one half, twice: of islands, and of draws from them.
    assert float((found - law().flatten()).abs().max()) < 8 * 0.5 / 4000**0.5


def test_draws_whose_paths_have_merged_are_moved_apart():
    effort = Effort(method="particles", islands=2, particles=2, threshold=1.0, growth=1)
    solution = work_out(CHAIN, KNOWN, effort, generator=chance())
    island = torch.zeros(50, dtype=torch.int64)
    same = draw(CHAIN, solution, island, generator=chance(1))[1][:, :3]
    _, apart, moved = draw(CHAIN, solution, island, sweeps=3, generator=chance(1))
    assert moved
    assert len(apart[:, :3].unique(dim=0)) >= len(same.unique(dim=0))
    assert bool(KNOWN.allows(apart).all())


def test_memory_changes_nothing_but_batches():
    solution = work_out(CHAIN, KNOWN)
    island = torch.zeros(40, dtype=torch.int64)
    wanted = draw(CHAIN, solution, island, generator=chance())[1]
    assert torch.equal(draw(CHAIN, solution, island, memory=1, generator=chance())[1], wanted)


def test_nothing_known_is_plain_sampling():
    solution = work_out(CHAIN, Evidence.free(2, 3, 2))
    island = torch.zeros(COUNT, dtype=torch.int64)
    condition, symbols, _ = draw(CHAIN, solution, island, generator=chance())
    probs = chain_probs(CHAIN, every(2, 3)).T / 2
    found = (condition * 8 + index_of(symbols, 2)).bincount(minlength=16)
    assert_drawn_from(found, probs.flatten())
