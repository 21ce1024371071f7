"""How far to trust what was estimated from weighted paths."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def effective_size(log_weights: Float[Tensor, "*S N"]) -> Float[Tensor, "*S"]:
    """Return (sum w)^2 / sum w^2 (Kong, Liu and Wong, 1994); 0 where there is no weight.

    Example:
        >>> effective_size(torch.tensor([[0.5, 0.5, 0.0, 0.0]]).log())
        tensor([2.])
    """
    total, squares = log_weights.logsumexp(-1), (2 * log_weights).logsumexp(-1)
    return torch.where(total == -torch.inf, 0.0, torch.exp(2 * total - squares))


def log_mean(
    log_values: Float[Tensor, " M *S"],
) -> tuple[Float[Tensor, "*S"], Float[Tensor, "*S"]]:
    """Return the log of the mean of M independent estimates, and its standard error.

    By the delta method the error of the log is sd / (sqrt(M) mean). Of one estimate, or of a mean
    that is 0, nothing is known of the error: it is infinite.

    Example:
        >>> log_mean(torch.tensor([1.0, 3.0], dtype=torch.float64).log())[1]
        tensor(0.5000, dtype=torch.float64)
    """
    count = len(log_values)
    value = log_values.logsumexp(0) - math.log(count)
    if count < 2:
        return value, torch.full_like(value, torch.inf)
    error = (log_values - value).exp().std(0) / math.sqrt(count)
    return value, error.nan_to_num(torch.inf)
