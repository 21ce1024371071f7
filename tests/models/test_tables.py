"""The vectors of conditions."""

import itertools

import torch

from autoreg.conditions import ConditionSpace
from autoreg.models.tables import ConditionTable, FixedTable, normal


def table(*sizes, width=3):
    with torch.random.fork_rng(devices=[]):
        return ConditionTable(sizes, width)


def test_a_condition_is_the_sum_of_its_factors_row_major():
    learned = table(2, 3, 2)
    vectors = learned()
    assert vectors.shape == (12, 3)
    for row, codes in enumerate(itertools.product(range(2), range(3), range(2))):
        wanted = sum(factor[code] for factor, code in zip(learned.factors, codes, strict=True))
        assert torch.allclose(vectors[row], wanted)


def test_rows_are_numbered_as_the_conditions_are():
    space = ConditionSpace({"speaker": "ab", "digit": "012"})
    learned = table(*space.sizes)
    index = space.index(speaker="b", digit="1")
    assert torch.equal(learned()[index], learned.factors[0][1] + learned.factors[1][1])


def test_each_label_learns_from_all_conditions_it_is_part_of():
    learned = table(2, 3)
    learned()[[0, 1]].sum().backward()  # both of label 0 of the first factor
    assert learned.factors[0].grad[:, 0].tolist() == [2, 0]
    assert learned.factors[1].grad[:, 0].tolist() == [1, 1, 0]


def test_numbers_are_those_of_torchs_own_chance_and_without_storage_a_shape():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        drawn = normal(3, 50, std=0.5)
        torch.manual_seed(0)
        assert torch.equal(drawn, 0.5 * torch.randn(3, 50))
        before = torch.get_rng_state()
        with torch.device("meta"):
            shape = normal(10**6, 10**6)
        assert (shape.is_meta, shape.shape) == (True, (10**6, 10**6))
        assert torch.equal(before, torch.get_rng_state())


def test_fixed_vectors_are_stored_and_not_learned():
    vectors = torch.ones(4, 2)
    fixed = FixedTable(vectors)
    assert torch.equal(fixed(), vectors)
    assert list(fixed.parameters()) == []
    assert list(fixed.state_dict()) == ["vectors"]
