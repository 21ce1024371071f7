"""Whole sequences drawn from a solution, in islands of equal size."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from autoreg.inference.draws import draw
from autoreg.inference.effort import Effort
from autoreg.inference.solution import Solution
from autoreg.protocol import SequenceModel


@dataclass(frozen=True)
class Spread:
    """n equally weighted draws in each of M independent islands.

    Within an island their mean of f(y, x), times its evidence, is unbiased for
    sum_{y, x} p(y, x, what is known) f(y, x).

    Attributes:
        condition: Shape (M, n).
        symbols: Shape (M, n, T).
        log_z: The log evidence of each island, (M,); all the same where that is exact.
        stop: Positions from here on were drawn freely after the rest.
    """

    condition: Int[Tensor, "M n"]
    symbols: Int[Tensor, "M n T"]
    log_z: Float[Tensor, " M"]
    stop: int


def spread(
    model: SequenceModel,
    solution: Solution,
    effort: Effort,
    *,
    generator: Generator | None = None,
) -> Spread:
    """Draw ``effort.draws`` sequences from each island of a solution without its tail."""
    log_z = solution.log_joint.logsumexp(0)
    islands = effort.islands if len(log_z) == 1 else len(log_z)
    own = torch.arange(islands).repeat_interleave(effort.draws)
    condition, symbols, _ = draw(model, solution, own, memory=effort.memory, generator=generator)
    return Spread(
        condition.reshape(islands, -1),
        symbols.reshape(islands, effort.draws, -1),
        log_z.expand(islands),
        max((parts[-1].step.problem.stop for parts in solution.parts), default=0),
    )
