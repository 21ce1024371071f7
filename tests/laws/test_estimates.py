"""What is estimated lies about the truth as closely as its standard error says."""

import pytest
import torch

from autoreg.inference.effort import Effort
from autoreg.queries.infill import infill
from tests.laws.asked import Asked
from tests.laws.estimated import QUESTIONS, RESAMPLINGS, tally
from tests.oracles import assert_drawn_from, index_of


def assert_honest(counted):
    """Fail where errors are not what they are said to be, in the mean or far out."""
    assert not counted.wrong, counted.wrong[0]
    assert counted.z, "nothing was estimated"
    assert abs(counted.mean) < 4, counted
    assert counted.beyond <= len(counted.z) / 1000, counted


@pytest.mark.parametrize("name", QUESTIONS)
def test_reliable_estimates_lie_about_the_truth(name):
    assert_honest(tally(name, 10))


@pytest.mark.slow
@pytest.mark.parametrize("name", QUESTIONS)
def test_reliable_estimates_of_many_cases_lie_about_the_truth(name):
    """About a minute each."""
    counted = tally(name, 2000)
    assert_honest(counted)
    assert counted.covered() > 0.93
    # Most is not given up on.
    assert counted.flagged < 0.5 * (len(counted.z) + counted.flagged)


LATE = Asked("table", 2, 3, 7, (2,), "some", "random", 11)


def counts_of(draws, case):
    counts = torch.zeros_like(case.joint)
    rows = index_of(draws.symbols, case.model.num_symbols)
    one = torch.ones(len(rows)).double()
    return counts.index_put_((rows, draws.condition), one, accumulate=True)


@pytest.mark.parametrize("resampling", RESAMPLINGS)
def test_draws_from_paths_come_from_the_posterior(resampling):
    case = LATE.build()
    effort = Effort(
        method="particles", islands=1500, particles=16, sweeps=0, growth=1, resampling=resampling
    )
    generator = torch.Generator().manual_seed(0)
    draws = infill(case.model, case.evidence, 1500, effort=effort, generator=generator)
    assert (draws.kind, draws.method) == ("consistent", "particles")
    # One draw an island, or about that: they are as good as independent.
    assert_drawn_from(counts_of(draws, case), case.shares)


def test_draws_that_are_moved_apart_come_from_the_posterior():
    case = LATE.build()
    effort = Effort(method="particles", islands=300, particles=2, threshold=1.0, growth=1)
    generator = torch.Generator().manual_seed(0)
    draws = infill(case.model, case.evidence, 3000, effort=effort, generator=generator)
    assert draws.method == "particles, moved apart by particle Gibbs"
    # Ten draws an island, which may be copies of each other: as good as a tenth of them.
    assert_drawn_from(counts_of(draws, case) / 10, case.shares)


def test_draws_that_descend_from_many_are_left_as_they_are():
    case = LATE.build()
    effort = Effort(method="particles", islands=8, particles=64, growth=1)
    generator = torch.Generator().manual_seed(0)
    draws = infill(case.model, case.evidence, 4, effort=effort, generator=generator)
    assert draws.method == "particles"
