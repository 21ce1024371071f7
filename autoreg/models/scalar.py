"""Symbols as the levels that they are."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class ScalarInput(nn.Module):
    """Symbol v as the number 2 v / (Q - 1) - 1, within -1..1; the start symbol as a vector learnt.

    In place of a table of embeddings: it takes no more weights for 65,536 levels than for two, and
    neighbouring levels look alike from the beginning. Every symbol has (level, 0), the start
    symbol, number Q, at first (0, 1): none of the levels.
    """

    def __init__(self, num_symbols: int) -> None:
        super().__init__()
        if num_symbols < 2:
            raise ValueError(f"levels need 2 symbols or more; got {num_symbols}")
        self.num_symbols = num_symbols
        self.weight = nn.Parameter(torch.tensor([[0.0, 1.0]]))

    def forward(self, symbols: Int[Tensor, "*S"]) -> Float[Tensor, "*S C"]:
        """Return the vectors that stand for symbols."""
        level = (2 * symbols.double() / (self.num_symbols - 1) - 1).to(self.weight.dtype)
        vectors = torch.stack([level, torch.zeros_like(level)], -1)
        return torch.where((symbols == self.num_symbols)[..., None], self.weight[0], vectors)
