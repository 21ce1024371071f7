"""Drawing a symbol by inverting its cumulative mass."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def invert(log_masses: Float[Tensor, "*S Q"], uniforms: Float[Tensor, "*S"]) -> Int[Tensor, "*S"]:
    """Return the smallest v whose cumulative mass exceeds u times the total (float64).

    Masses need not be normalised; a row without any gives 0.

    Example:
        >>> invert(torch.tensor([0.25, 0.0, 0.75]).log(), torch.tensor(0.25)).item()
        2
    """
    top = log_masses.amax(-1, keepdim=True)
    masses = torch.exp((log_masses - torch.where(top.isfinite(), top, 0.0)).double())
    cumulative = masses.cumsum(-1)
    threshold = (uniforms.double() * cumulative[..., -1])[..., None]
    found = (cumulative <= threshold).sum(-1)
    # A uniform just below 1 may round up to the total: the last symbol with mass is meant.
    last = log_masses.shape[-1] - 1 - (masses > 0).flip(-1).int().argmax(-1)
    return torch.where(cumulative[..., -1] > 0, torch.minimum(found, last), 0)
