"""Standard errors of what weighted paths say, and when these errors can be trusted."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from autoreg.inference.cloud import Cloud

LARGEST = 0.2
"""The greatest standard error of a log that is trusted. The log of a mean is too low by half its
variance on average: here by a tenth of the standard error, which grows more skewed beyond."""
FEWEST = 20
"""The fewest islands that are trusted: Student's t of 19 degrees of freedom goes beyond 1.96 in
6.5 % of all cases, and beyond 4 in 0.08 %; with fewer islands the normal law says too little."""


def effective_size(log_weights: Float[Tensor, "*S N"]) -> Float[Tensor, "*S"]:
    """Return (sum w)^2 / sum w^2 (Kong, Liu and Wong, 1994); 0 where there is no weight.

    Example:
        >>> effective_size(torch.tensor([[0.5, 0.5, 0.0, 0.0]]).log())
        tensor([2.])
    """
    total, squares = log_weights.logsumexp(-1), (2 * log_weights).logsumexp(-1)
    return torch.where(total == -torch.inf, 0.0, torch.exp(2 * total - squares))


def log_mean(
    log_values: Float[Tensor, " M *S"], *, unseen: float = 0.0
) -> tuple[Float[Tensor, "*S"], Float[Tensor, "*S"]]:
    """Return the log of the mean of M independent estimates, and its standard error.

    By the delta method the error of the log is sd / (sqrt(M) mean). Of one estimate, or of a mean
    that is 0, nothing is known of the error: it is infinite.

    Args:
        log_values: The estimates, such as ``log_z`` of a cloud.
        unseen: What paths that were never met may change, relative to the mean; see ``unseen``.
            It is an error of its own, beside that by which the estimates differ.

    Example:
        >>> log_mean(torch.tensor([1.0, 3.0], dtype=torch.float64).log())[1]
        tensor(0.5000, dtype=torch.float64)
    """
    count = len(log_values)
    value = log_values.logsumexp(0) - math.log(count)
    if count < 2:
        return value, torch.full_like(value, torch.inf)
    error = (log_values - value).exp().std(0) / math.sqrt(count)
    return value, torch.hypot(error.nan_to_num(torch.inf), error.new_tensor(unseen))


def log_ratio(
    log_numerators: Float[Tensor, " M *S"],
    log_z: Float[Tensor, " M"],
    *,
    unseen: float = 0.0,
) -> tuple[Float[Tensor, "*S"], Float[Tensor, "*S"]]:
    """Return the log of sum_m A_m / sum_m Z_m over islands, and its standard error.

    By the delta method, with the influence (A_m - r Z_m) / mean Z of each island. What has no
    weight anywhere is at -inf with an infinite error.

    Args:
        log_numerators: log A_m, such as the log weight of the paths that take a symbol.
        log_z: log Z_m.
        unseen: As in ``log_mean``. Such a path is in the numerator with probability r, so that it
            changes log r by unseen * sqrt((1 - r) / r), to which as much is added as it could take
            from a ratio of one: unseen / sqrt(r) in all.
    """
    count = len(log_z)
    mean_z = log_z.logsumexp(0) - math.log(count)
    mean = log_numerators.logsumexp(0) - math.log(count)
    value = torch.where(mean.isneginf(), -torch.inf, mean - mean_z)
    if count < 2:
        return value, torch.full_like(value, torch.inf)
    shares = (log_z - mean_z).exp().reshape(-1, *[1] * mean.ndim)
    influence = (log_numerators - mean).exp() - shares
    error = influence.std(0) / math.sqrt(count)
    other = unseen * torch.exp(-value / 2)
    total = torch.hypot(error, other)
    return value, total.masked_fill(value.isneginf() | total.isnan(), torch.inf)


def mean_ratio(
    log_weights: Float[Tensor, "M N"], values: Float[Tensor, " M N *S"]
) -> tuple[Float[Tensor, "*S"], Float[Tensor, "*S"]]:
    """Return the weighted mean of real values of paths, and its standard error by islands.

    The self-normalised mean r = sum w f / sum w, with the influence sum_i w_mi (f_mi - r) / mean Z
    of island m. Values of paths without weight do not count, nan included.
    """
    count = len(log_weights)
    shape = (*log_weights.shape, *[1] * (values.ndim - 2))
    total = log_weights.logsumexp((0, 1))
    shares = (log_weights - total).exp().reshape(shape)
    values = torch.where(shares > 0, values, 0.0).to(shares.dtype)
    mean = (shares * values).sum((0, 1))
    if count < 2:
        return mean, torch.full_like(mean, torch.inf)
    influence = count * (shares * (values - mean)).sum(1)
    return mean, influence.std(0) / math.sqrt(count)


def singly(cloud: Cloud) -> Cloud:
    """Return the cloud with each path an island of its own, where none was ever resampled.

    Then all paths are independent, and the standard error of M N islands of one is the one of
    plain importance sampling, with so many more degrees of freedom.

    Raises:
        ValueError: Paths of the cloud depend on each other.
    """
    if cloud.resamplings is not None:
        raise ValueError("paths that were resampled are not independent; take islands")
    paths = cloud.log_weights.numel()
    return Cloud(
        cloud.paths[:, None],
        # An island's weights sum to its evidence: they hold a factor 1 / N.
        cloud.log_weights.reshape(paths, 1) + math.log(cloud.log_weights.shape[1]),
        cloud.exhaustive,
        support=cloud.support,
    )


def unseen(cloud: Cloud) -> float:
    """Return how much, relatively, the evidence may be off for want of paths never met.

    Say that what is known at a position has probability p on average over the paths so far, whose
    effective number is n. One path more, on which it is certain, adds 1 / (n p): that is 1 / the
    ``support`` of the position, and its greatest value over positions is returned. Islands that
    agree show nothing of it. 0 where all paths were enumerated.
    """
    if cloud.exhaustive or cloud.support is None or not cloud.support.numel():
        return 0.0
    return 1.0 / float(cloud.support.min()) if bool((cloud.support > 0).all()) else math.inf


def reliable(
    log_z: Float[Tensor, " M"], *, unseen: float = 0.0, std_error: float | None = None
) -> tuple[bool, str]:
    """Return whether value +- 1.96 standard errors can be trusted, and otherwise why not.

    The standard error of ``log_mean``, ``unseen`` included, has to be at most ``LARGEST``; the
    islands at least ``FEWEST``. Measured on 3000 random Markov chains each of two or three
    symbols, up to nine positions and order seven, with random evidence and events, by 32 islands
    of 16 or 64 paths, importance sampling and filters: 7 to 12 % are called unreliable; of the
    others the interval covers 95.4 to 96.4 %, the mean error is within 0.03 standard errors of 0,
    and 0 to 0.07 % are more than four off. A late observation that only rare paths explain, of
    prior probability 1e-4 to 0.1, is called unreliable in 50 to 75 % of all cases and the rest is
    covered as well (94 to 95 %, none beyond four); by the spread of islands alone, 28 to 74 % of
    what looks reliable would be more than four errors off, nearly all of it too low. A twist of
    random potentials, N(0, 1) nats each, is covered by 94.5 %, with 0.3 % beyond four: no twist
    should be that wrong.

    Args:
        log_z: The log evidence of each island.
        unseen: Of the cloud, or of all clouds that ``log_z`` is made of; see ``unseen``.
        std_error: Of the log, where it is of another number than the mean of ``log_z``.
    """
    if bool(log_z.isneginf().all()):
        return False, "every path is dead"
    if len(log_z) < FEWEST:
        return False, f"{len(log_z)} islands say too little of their spread; {FEWEST} would do"
    if not unseen <= LARGEST:
        return False, (
            "something that is known is so improbable on all paths that rarer ones may explain "
            f"it: it rests on {1 / unseen:.2g} effective paths, where {1 / LARGEST:.0f} would do"
        )
    error = float(log_mean(log_z, unseen=unseen)[1]) if std_error is None else std_error
    if not error <= LARGEST:
        heavy = float(log_z.softmax(0).max())
        return False, (
            f"the standard error, {error:.2g} nats, is too large for itself to be trusted: one of "
            f"{len(log_z)} islands holds {heavy:.0%} of the weight"
        )
    return True, ""


def log_upper(paths: int, confidence: float = 0.95) -> float:
    """Return an upper bound of a log probability of which no trial among so many had any weight.

    Weights of plain importance sampling lie within [0, 1], so that what they estimate is at most
    the probability of one that is not 0; with n independent ones, all of them 0, this is at most
    -log(1 - confidence) / n: the rule of three (Hanley and Lippman-Hand, 1983). Nothing of the
    kind holds after resampling, or with a twist.

    Example:
        >>> round(log_upper(300), 3)
        -4.607
    """
    return min(0.0, math.log(-math.log1p(-confidence) / paths))


def genealogical_variance(cloud: Cloud) -> Float[Tensor, " M"]:
    """Return an estimate of Var(Z) / Z^2 of each island from it alone (Lee and Whiteley, 2018).

    With the share W_i of path i, and n resamplings, it is 1 - (N / (N - 1))^(n + 1) (1 - sum_k
    (sum_{i: eve i = k} W_i)^2): equation 7, for multinomial resampling. Paths that descend from
    one eve alone say nothing: nan, as where all are dead.
    """
    islands, count = cloud.log_weights.shape
    if count < 2:
        return torch.full((islands,), torch.nan, dtype=torch.float64)
    shares = cloud.log_weights.softmax(-1)
    eves = torch.arange(count).repeat(islands, 1) if cloud.eves is None else cloud.eves
    generations = 1 if cloud.resamplings is None else cloud.resamplings + 1
    by_eve = torch.zeros_like(shares).scatter_add(1, eves, shares)
    kept = (count / (count - 1)) ** generations * (1 - by_eve.square().sum(-1))
    alone = (eves == eves[:, :1]).all(-1)
    return (1 - kept).masked_fill(alone, torch.nan)
