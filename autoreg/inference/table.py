"""Every sequence that is possible, with its probability under every condition."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from autoreg import scoring
from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.protocol import SequenceModel


@dataclass(frozen=True)
class Table:
    """All sequences that evidence allows: what is read off it is exact.

    Attributes:
        symbols: Shape (P, T), in lexicographic order.
        conditions: Those that are possible, (C,).
        log_joint: log p(y, x), shape (C, P); -inf where an event does not occur.
        scored: Positions that were read for it.
    """

    symbols: Int[Tensor, "P T"]
    conditions: Int[Tensor, " C"]
    log_joint: Float[Tensor, "C P"]
    scored: int


def log_count(evidence: Evidence) -> float:
    """Return the log of the number of sequences that evidence allows."""
    odd = (evidence.which >= 0).nonzero()[:, 0]
    sizes = (evidence.high - evidence.low + 1).double()
    sizes[odd] = evidence.sets.sum(-1)[evidence.which[odd].long()].double()
    return float(sizes.log().sum())


def tabulate(
    model: SequenceModel,
    evidence: Evidence,
    *,
    event: Event | None = None,
    most: int,
    memory: int = scoring.MEMORY,
) -> Table | None:
    """Return the table, or None where there are more than ``most`` sequences to score."""
    conditions = evidence.log_condition.isfinite().nonzero()[:, 0]
    if log_count(evidence) + math.log(max(1, len(conditions))) > math.log(most) + 1e-9:
        return None
    open_at = (evidence.low != evidence.high).nonzero()[:, 0]
    choices = [evidence.mask(at, at + 1)[0].nonzero()[:, 0] for at in open_at.tolist()]
    paths = math.prod(len(choice) for choice in choices)
    symbols = evidence.low.long().expand(paths, -1).clone()
    if choices and paths:
        grids = torch.meshgrid(*choices, indexing="ij")
        symbols[:, open_at] = torch.stack([grid.flatten() for grid in grids], -1)
    joint = torch.zeros(len(conditions), paths, dtype=torch.float64)
    rows = max(1, scoring.chunk_length(model, 1, memory) // max(1, evidence.length))
    with torch.no_grad():
        for number, condition in enumerate(conditions.tolist()):
            for first in range(0, paths, rows):
                batch = symbols[first : first + rows]
                state = model.start(torch.full((len(batch),), condition))
                factors, _ = model.read(state, batch.to(state.next.device))
                joint[number, first : first + rows] = factors.sum(1).cpu()
    joint += evidence.log_condition[conditions, None]
    if event is not None:
        joint = joint.masked_fill(~event.occurs(symbols), -torch.inf)
    return Table(symbols, conditions, joint, paths * evidence.length * len(conditions))
