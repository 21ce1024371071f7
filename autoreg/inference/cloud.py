"""Weighted paths through what is not known."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Cloud:
    """Paths in M independent islands of N, properly weighted.

    The weights are absolute: for every function f of a path, sum_i w_i f(x_i) of each island has
    the expectation sum_x p(x, what is known) f(x). With f = 1 that is the evidence, and its log is
    ``log_z``. A cloud that is ``exhaustive`` holds every path once with its own probability, so
    that these sums are no estimates.

    Attributes:
        symbols: Shape (M, N, L), of the positions start..stop of a problem.
        log_weights: Shape (M, N).
        exhaustive: Whether there is no chance in it.
        eves: Which path of its island, at the beginning, each one descends from, (M, N); None
            where nothing was resampled.
        resamplings: How often each island was resampled, (M,); None where none was.
        support: How many paths, by their weights, what is known of each position rests on, (L,):
            the effective number of paths of all islands before it, times the mean probability
            that they give it; None where that was not counted.
    """

    symbols: Int[Tensor, "M N L"]
    log_weights: Float[Tensor, "M N"]
    exhaustive: bool = False
    eves: Int[Tensor, "M N"] | None = None
    resamplings: Int[Tensor, " M"] | None = None
    support: Float[Tensor, " L"] | None = None

    @property
    def log_z(self) -> Float[Tensor, " M"]:
        """The log of each island's sum of weights; -inf where all paths are dead."""
        return self.log_weights.logsumexp(-1)

    @property
    def paths(self) -> Int[Tensor, "P L"]:
        """All paths, island after island."""
        return self.symbols.flatten(0, 1)

    @property
    def shares(self) -> Float[Tensor, " P"]:
        """The log of each path's share of the weight of all islands; nan where none has any."""
        flat = self.log_weights.flatten()
        return flat - flat.logsumexp(0)
