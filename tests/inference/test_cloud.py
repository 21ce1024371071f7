"""What the weights of paths amount to."""

import math

import pytest
import torch

from autoreg.inference.cloud import Cloud

DEAD = -math.inf
PATHS = torch.arange(12).reshape(2, 3, 2)


def cloud(weights):
    return Cloud(PATHS, torch.tensor(weights, dtype=torch.float64).log())


def test_each_island_has_an_evidence_of_its_own():
    estimates = cloud([[0.5, 0.25, 0.0], [1e-300, 0.0, 0.0]]).log_z
    assert estimates.tolist() == pytest.approx([math.log(0.75), math.log(1e-300)])


def test_an_island_of_dead_paths_has_no_evidence():
    assert cloud([[0.0] * 3, [0.0, 0.5, 0.5]]).log_z.tolist() == [DEAD, 0.0]


def test_paths_and_shares_are_in_the_same_order():
    weighted = cloud([[0.25, 0.0, 0.5], [0.0, 1.25, 0.0]])
    assert weighted.paths.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]
    assert weighted.shares.exp().tolist() == pytest.approx([0.125, 0, 0.25, 0, 0.625, 0])


def test_where_no_path_has_weight_there_are_no_shares():
    assert cloud([[0.0] * 3] * 2).shares.isnan().all()


def test_paths_of_no_positions_have_weights_too():
    empty = Cloud(PATHS[:, :, :0], torch.zeros(2, 3, dtype=torch.float64))
    assert empty.paths.shape == (6, 0)
    assert empty.log_z.tolist() == pytest.approx([math.log(3)] * 2)
