"""Standard errors of whatever is computed from independent islands."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor


def jackknife(
    log_z: Float[Tensor, " M"],
    means: Float[Tensor, " M *S"],
    read: Callable[[Float[Tensor, " N"], Float[Tensor, " N *S"]], Float[Tensor, " N *R"]],
) -> tuple[Float[Tensor, "*R"], Float[Tensor, "*R"]]:
    """Return a function of pooled islands, freed of its leading bias, and its standard error.

    Islands are pooled in proportion to their evidence, and the function computed once from all of
    them and once without each (Efron and Stein, 1981). The bias that is taken off is itself an
    estimate, as uncertain as it is large: where a function is flat, as information is near 0, the
    islands differ by less than that.

    Args:
        log_z: The log evidence of each island.
        means: The weighted mean within each island of what the function is of.
        read: From the log of the mean evidence (N,) and pooled means (N, ...) of N poolings at
            once to the numbers asked for.
    """
    count = len(log_z)
    shares = log_z.softmax(0).reshape(-1, *[1] * (means.ndim - 1))
    weighted = torch.where(shares > 0, shares * means, 0.0)
    rest = (1 - shares).clamp_min(1e-300)
    pooled = weighted.sum(0, keepdim=True)
    # Sums without one island are added up anew: a difference would cancel.
    others = torch.stack([weighted[torch.arange(count) != left].sum(0) for left in range(count)])
    evidence = log_z.logsumexp(0, keepdim=True)
    without = torch.stack(
        [log_z[torch.arange(count) != left].logsumexp(0) for left in range(count)]
    )
    logs = torch.cat(
        [evidence - torch.tensor(count).log(), without - torch.tensor(max(1, count - 1)).log()]
    )
    values = read(logs, torch.cat([pooled, others / rest]))
    value, left_out = values[0], values[1:]
    centre = left_out.mean(0)
    spread = ((left_out - centre) ** 2).sum(0) * (count - 1) / count
    bias = (count - 1) * (centre - value)
    return value - bias, torch.hypot(spread.sqrt(), bias)
