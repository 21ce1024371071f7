"""The gap of bounds on sequences that the model wrote itself."""

import pytest
import torch

from autoreg.inference.effort import Effort
from autoreg.queries.certify import certify
from tests.laws.recipes import MarkovRecipe

CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=2, seed=0).build()
GAP = torch.tensor([True, False, False, True, False, True, True])


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def test_more_paths_close_the_gap():
    few, many = (
        certify(
            CHAIN,
            GAP,
            count=100,
            effort=Effort(islands=2, particles=particles, threshold=0.0),
            generator=chance(),
        )
        for particles in (2, 200)
    )
    assert float(few.value) > 4 * float(few.std_error)
    assert abs(float(many.value)) < 0.1 * float(few.value)


def test_nothing_hidden_leaves_no_gap():
    gap = certify(CHAIN, torch.ones(5, dtype=torch.bool), generator=chance())
    assert (float(gap.value), float(gap.std_error)) == (0, 0)


def test_what_is_free_at_the_end_leaves_no_gap():
    gap = certify(CHAIN, torch.arange(5) < 3, generator=chance())
    assert float(gap.value) == 0


def test_equal_generators_give_equal_gaps():
    options = {"count": 3, "effort": Effort(islands=2, particles=4)}
    one, two = (certify(CHAIN, GAP, generator=chance(1), **options) for _ in range(2))
    assert torch.equal(one.value, two.value)


def test_a_condition_without_prior_is_never_drawn():
    certain = torch.tensor([0.0, -torch.inf], dtype=torch.float64)
    free = certify(CHAIN, GAP, count=5, log_condition=certain, generator=chance())
    assert free.cost.stepped > 0


def test_one_sequence_says_nothing_of_the_error():
    with pytest.raises(ValueError, match=r"count needs to be at least 2.*got 1"):
        certify(CHAIN, GAP, count=1)
