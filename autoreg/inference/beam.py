"""Beam search through what evidence allows, with certain bounds."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from autoreg import scoring
from autoreg.inference.cloud import Cloud
from autoreg.inference.front import Front
from autoreg.inference.moves import moves
from autoreg.inference.problem import Problem
from autoreg.protocol import DENSE_LIMIT


@dataclass(frozen=True)
class Beam:
    """Finished paths, and what the sum over all paths lies between.

    Attributes:
        cloud: The finished paths with their own probabilities, (1, N, L). Their sum is less than
            the evidence by what was pruned, unless the cloud is exhaustive.
        lower, upper: Bounds of log p(what is known); equal where nothing was pruned.
        log_pruned: The log probability of the likeliest prefix that was pruned; -inf if none.
        expanded: How many prefixes were expanded.
    """

    cloud: Cloud
    lower: float
    upper: float
    log_pruned: float
    expanded: int


def beam(
    problem: Problem,
    width: int,
    *,
    give_up: float = torch.inf,
    memory: int = scoring.MEMORY,
) -> Beam:
    """Keep the likeliest prefixes at every position, and bound what was lost.

    A pruned prefix is at least as likely as everything that continues it, so that

        log sum p(finished) <= log p(what is known) <= log(sum p(finished) + sum p(pruned)).

    Both are moved apart by what rounding may have done. Prefixes after which the event cannot
    occur are dropped at no loss. Of equally likely prefixes the smaller one is kept.

    Args:
        problem: What is asked.
        width: How many prefixes are kept.
        give_up: Stop as soon as the bounds are sure to end further apart than this, in nats; they
            are then -inf and what is sure by then.
        memory: Bytes that activations may take at a time.

    Raises:
        ValueError: The width is below 1, or the alphabet is too large to be written out.
    """
    if width < 1:
        raise ValueError(f"a beam needs a width of 1 or more; got {width}")
    check_dense(problem)
    front = Front.begin(problem, memory=memory)
    pruned, expanded = [torch.full((1,), -torch.inf).double()], 0
    for move in moves(problem):
        if not len(front):
            break
        if move.symbols is not None:
            front = front.read(move)
            continue
        expanded += len(front)
        rows, symbols, log_probs = front.choices(move)
        if len(rows) > width:
            order = log_probs.sort(descending=True, stable=True).indices
            pruned.append(log_probs[order[width:]])
            kept = order[:width].sort().values
            rows, symbols, log_probs = rows[kept], symbols[kept], log_probs[kept]
            # What is kept can only lose from here on.
            lost, left = torch.cat(pruned).logsumexp(0), log_probs.logsumexp(0)
            if float(torch.logaddexp(lost, left) - left) > give_up:
                return _bounded(
                    problem, front.at(rows[:0]), torch.cat([lost[None], left[None]]), expanded
                )
        front = front.choose(move, rows, symbols, log_probs)
    return _bounded(problem, front.accepted(problem), torch.cat(pruned), expanded)


def check_dense(problem: Problem) -> None:
    """Refuse an alphabet whose distributions are not written out."""
    if problem.model.num_symbols > DENSE_LIMIT:
        raise ValueError(
            f"a search needs an alphabet of at most {DENSE_LIMIT} symbols; "
            f"got {problem.model.num_symbols}"
        )


def _bounded(problem: Problem, front: Front, lost: Float[Tensor, " P"], expanded: int) -> Beam:
    exhaustive = bool(lost.isneginf().all())
    if len(front):
        cloud = Cloud(front.symbols[None], front.log_probs[None], exhaustive=exhaustive)
    else:
        dead = torch.zeros(1, 1, problem.length, dtype=torch.int64)
        nothing = torch.full((1, 1), -torch.inf).double()
        cloud = Cloud(dead, nothing, exhaustive=exhaustive)
    lower = upper = float(cloud.log_z)
    if not exhaustive:
        slack = _slack(problem)
        upper = float(torch.cat([cloud.log_z, lost]).logsumexp(0)) + slack
        lower -= slack
    return Beam(cloud, lower, upper, float(lost.max()), expanded)


def _slack(problem: Problem) -> float:
    """Return by how much rounding may move a log probability of all positions.

    Distributions sum to one up to a few units in the last place of the numbers that they come in,
    which are widened to float32 at least.
    """
    narrow = problem.state.next.dtype != torch.float64
    return 8 * torch.finfo(torch.float32 if narrow else torch.float64).eps * (problem.length + 1)
