"""Vectors that stand for conditions."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn


def normal(*size: int, std: float = 1.0) -> Tensor:
    """Return normal numbers drawn by torch's own chance, or without storage a shape alone.

    To draw or to multiply without storage, torch loads its compiler: longer than torch itself.
    """
    numbers = torch.empty(*size)
    return numbers if numbers.is_meta else numbers.normal_(std=std)


class ConditionTable(nn.Module):
    """The vector of every condition: the sum of one embedding per factor."""

    def __init__(self, sizes: Sequence[int], width: int) -> None:
        super().__init__()
        self.factors = nn.ParameterList(normal(size, width, std=0.3) for size in sizes)

    def forward(self) -> Float[Tensor, "K D"]:
        """Return all K vectors, row-major over the factors."""
        total, *others = self.factors
        for factor in others:
            total = (total[:, None] + factor).flatten(0, 1)
        return total


class FixedTable(nn.Module):
    """Vectors of conditions that were given, not learned."""

    def __init__(self, vectors: Float[Tensor, "K D"]) -> None:
        super().__init__()
        self.register_buffer("vectors", vectors)
        self.vectors: Tensor

    def forward(self) -> Float[Tensor, "K D"]:
        """Return all K vectors."""
        return self.vectors
