"""Standard errors of what weighted paths say, against closed forms and the truth."""

import torch

from autoreg.inference.variance import effective_size, log_mean


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_an_effective_size_counts_equal_weights():
    equal = torch.zeros(3, 8, dtype=torch.float64)
    equal[1, 4:], equal[2] = -torch.inf, -torch.inf
    assert torch.allclose(effective_size(equal - 1e5), torch.tensor([8.0, 4.0, 0.0]).double())


def test_the_log_of_a_mean_and_its_error_follow_the_estimates():
    values = torch.rand(12, 3, dtype=torch.float64, generator=generator())
    value, error = log_mean(values.log() - 800)
    assert torch.allclose(value, values.mean(0).log() - 800)
    assert torch.allclose(error, values.std(0) / 12**0.5 / values.mean(0))


def test_nothing_is_known_of_the_error_of_one_estimate_or_of_none_alive():
    assert log_mean(torch.tensor([-3.0]))[1] == torch.inf
    value, error = log_mean(torch.full((5,), -torch.inf))
    assert value == -torch.inf
    assert error == torch.inf
