"""Distributions over the next symbol."""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from autoreg.protocol import DENSE_LIMIT
from autoreg.walks.inversion import invert


class Categorical:
    """One logit per symbol; logits need not be normalised.

    Example:
        >>> head = Categorical(2)
        >>> logits = torch.tensor([[0.0, 0.0]])
        >>> head.log_prob(logits, torch.tensor([1])).exp()
        tensor([0.5000], dtype=torch.float64)
    """

    def __init__(self, num_symbols: int) -> None:
        self.num_symbols = num_symbols

    def log_prob(
        self, params: Float[Tensor, "*S P"], symbols: Int[Tensor, "*S"]
    ) -> Float[Tensor, "*S"]:
        """Return log p(symbol) in float64; the log-sum-exp runs in the logits' own precision."""
        logits = _full(params).reshape(-1, self.num_symbols)
        # cross_entropy gathers before it widens: no (B, T, Q) copy in float64.
        return (
            -functional.cross_entropy(logits, symbols.reshape(-1).long(), reduction="none")
            .double()
            .reshape(symbols.shape)
        )

    def log_mass(
        self, params: Float[Tensor, "*S P"], sets: Bool[Tensor, "*S Q"]
    ) -> Float[Tensor, "*S"]:
        """Return the log probability of each set in float64; an empty set has -inf."""
        log_probs = functional.log_softmax(_full(params), dim=-1).double()
        return log_probs.masked_fill(~sets, -torch.inf).logsumexp(-1)

    def draw(
        self,
        params: Float[Tensor, "*S P"],
        sets: Bool[Tensor, "*S Q"],
        uniforms: Float[Tensor, "*S"],
    ) -> Int[Tensor, "*S"]:
        """Return the smallest symbol whose cumulative mass exceeds u times the set's total."""
        return invert(_full(params).double().masked_fill(~sets, -torch.inf), uniforms)

    def log_probs(self, params: Float[Tensor, "*S P"]) -> Float[Tensor, "*S Q"]:
        """Return every symbol's log probability, in float32 or wider."""
        if self.num_symbols > DENSE_LIMIT:
            raise ValueError(
                f"a distribution is written out for at most {DENSE_LIMIT} symbols; "
                f"this head has {self.num_symbols}"
            )
        return functional.log_softmax(_full(params), dim=-1)

    def log_row(self, params: Float[Tensor, "1 P"]) -> Float[Tensor, "1 Q"]:
        """Return one distribution in float64, however large the alphabet."""
        return functional.log_softmax(_full(params), dim=-1).double()


def _full(params: Float[Tensor, "*S P"]) -> Float[Tensor, "*S P"]:
    return params if params.dtype == torch.float64 else params.float()


if TYPE_CHECKING:
    from autoreg.protocol import Head

    _conforms: type[Head] = Categorical
