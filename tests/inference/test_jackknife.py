"""Standard errors of whatever is computed from islands."""

import math

import pytest
import torch

from autoreg.inference.jackknife import jackknife


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_of_equal_islands_it_is_the_mean_and_its_standard_error():
    means = noise(20, 3)
    value, error = jackknife(torch.zeros(20).double(), means, lambda _, pooled: pooled)
    torch.testing.assert_close(value, means.mean(0))
    torch.testing.assert_close(error, means.std(0) / math.sqrt(20))


def test_islands_count_by_their_evidence():
    log_z = torch.tensor([0.1, 0.3, 0.6]).double().log()
    means = torch.tensor([1.0, 2.0, 3.0]).double()
    logs = []

    def read(log, pooled):
        logs.append(log)
        return pooled

    jackknife(log_z, means, read)
    # All, then without each in turn.
    pooled = [(0.1 + 0.6 + 1.8) / 1.0, (0.6 + 1.8) / 0.9, (0.1 + 1.8) / 0.7, (0.1 + 0.6) / 0.4]
    wanted = [1 / 3, 0.9 / 2, 0.7 / 2, 0.4 / 2]
    assert logs[0].exp().tolist() == pytest.approx(wanted)
    value, _ = jackknife(log_z, means, lambda _, pooled: pooled)
    assert float(value) == pytest.approx(3 * pooled[0] - 2 * sum(pooled[1:]) / 3)


def test_it_frees_a_square_of_its_bias_and_covers_it():
    means = 1 + noise(4000, 25)
    squares, errors = zip(
        *(jackknife(torch.zeros(25).double(), row, lambda _, pooled: pooled**2) for row in means),
        strict=True,
    )
    squares, errors = torch.stack(squares), torch.stack(errors)
    # The plain square is 1 / 25 too large on average.
    spread = float(squares.std()) / math.sqrt(4000)
    assert abs(float(squares.mean()) - 1) < 4 * spread
    assert float((means.mean(1) ** 2).mean()) - 1 > 4 * spread
    covered = float(((squares - 1).abs() < 1.96 * errors).double().mean())
    assert 0.9 < covered < 0.96


def test_an_island_without_evidence_counts_for_nothing():
    log_z = torch.tensor([0.0, -torch.inf, 0.0]).double()
    means = torch.tensor([1.0, torch.nan, 3.0]).double()
    value, error = jackknife(log_z, means, lambda _, pooled: pooled)
    assert float(value) == pytest.approx(2)
    assert math.isfinite(float(error))
