"""A distribution over symbols written out, however many there are."""

import torch
from jaxtyping import Float
from torch import Tensor

from autoreg.protocol import DENSE_LIMIT, Head

ENTRIES = 2**24
"""Numbers that may be held while a row of a large alphabet is written out."""


def log_row(head: Head, params: Float[Tensor, "1 P"]) -> Float[Tensor, "1 Q"]:
    """Return the log probability of every symbol, of one row, in float64."""
    if head.num_symbols <= DENSE_LIMIT:
        return head.log_probs(params).double()
    if (own := getattr(head, "log_row", None)) is not None:
        return torch.as_tensor(own(params)).double()
    every = torch.arange(head.num_symbols, device=params.device)
    # A head may write out its parameters, or its whole distribution, for each symbol asked of it.
    pieces = every.split(max(1, ENTRIES // max(head.num_symbols, params.shape[-1])))
    found = [head.log_prob(params.expand(len(some), -1), some) for some in pieces]
    return torch.cat(found)[None].double()
