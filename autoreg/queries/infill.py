"""Filling what is hidden with what belongs there."""

import time
from typing import NoReturn

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from autoreg.answers import Answer, Draws
from autoreg.conditions import ConditionSpace
from autoreg.evidence import Evidence
from autoreg.inference.draws import draw
from autoreg.inference.effort import Effort
from autoreg.inference.meter import Metered
from autoreg.inference.readout import evidence_answer, spent
from autoreg.inference.solution import Solution, work_out
from autoreg.protocol import SequenceModel
from autoreg.queries.likelihood import check_space

LOST = 0.01
"""The share of the probability up to which draws may leave out what a beam has pruned."""


def infill(
    model: SequenceModel,
    evidence: Evidence,
    count: int,
    space: ConditionSpace | None = None,
    *,
    effort: Effort | None = None,
    generator: Generator | None = None,
) -> Draws:
    """Draw sequences, and their conditions, from p(x, y | evidence).

    All that is known counts, also what lies behind a gap. Where the evidence was worked out
    exactly the draws are exact and independent. Else they are drawn from the paths of a particle
    filter in proportion to their weights; where these descend from few ancestors, Markov kernels
    that leave the posterior as it is move them apart. Those of a beam are of what it kept alone;
    where it may have pruned more than a hundredth they are not ``reliable``. ``log_evidence`` says
    how probable the evidence is, and how well that is known.

    Args:
        model: Any sequence model.
        evidence: What is known, of the symbols and of the condition.
        count: How many draws.
        space: Names of the model's conditions.
        effort: How much work it may be.
        generator: Source of all chance.

    Raises:
        ValueError: The evidence is impossible, or count is not positive.

    Example:
        >>> fair = MarkovTable(torch.tensor([[[0.5, 0.5]]]).log())
        >>> known = Evidence.free(num_symbols=2, length=3).restrict([0, 2], [1])
        >>> draws = infill(fair, known, 4, generator=torch.Generator().manual_seed(0))
        >>> draws.symbols[:, [0, 2]].unique(), draws.log_evidence.value.exp()
        (tensor([1]), tensor(0.2500, dtype=torch.float64))
    """
    begin, effort = time.perf_counter(), effort or Effort()
    space = check_space(model, space)
    if count < 1:
        raise ValueError(f"count needs to be at least 1; got {count}")
    metered = Metered(model)
    solution = work_out(metered, evidence, effort, generator=generator)
    known = evidence_answer(solution)
    if evidence.impossible or not bool(solution.log_joint.logsumexp(0).isfinite().any()):
        refuse_impossible(evidence, known)
    condition, symbols, moved = drawn_from(
        metered, solution, count, effort=effort, generator=generator
    )
    fine, reason = _covered(known)
    method = f"{solution.method}, moved apart by particle Gibbs" if moved else solution.method
    return Draws(
        symbols=symbols,
        condition=condition,
        labels=tuple(space.describe(index) for index in condition.tolist()),
        log_weights=torch.zeros(count, dtype=torch.float64),
        kind="exact" if solution.exact else "consistent",
        method=method,
        log_evidence=known,
        ess=known.ess,
        reliable=fine,
        reason=reason,
        cost=spent(metered, begin),
    )


def drawn_from(
    model: SequenceModel,
    solution: Solution,
    count: int,
    *,
    effort: Effort,
    generator: Generator | None = None,
) -> tuple[Int[Tensor, " N"], Int[Tensor, "N T"], bool]:
    """Return conditions and sequences from a solution, and whether kernels moved them apart."""
    return draw(
        model,
        solution,
        _islands(solution.log_joint.logsumexp(0), count, generator),
        sweeps=effort.sweeps,
        memory=effort.memory,
        generator=generator,
    )


def refuse_impossible(evidence: Evidence, known: Answer) -> NoReturn:
    """Raise the error that says why nothing can be drawn given what has no probability."""
    why = "rules everything out" if evidence.impossible else "has no probability in the model"
    if known.kind != "exact":
        why = "is such that no path survived it"
    raise ValueError(f"the evidence {why}: nothing can be drawn")


def _covered(known: Answer) -> tuple[bool, str]:
    """Return whether draws can be trusted; a beam's are only of what it kept."""
    if known.kind != "bounds" or known.lower is None or known.upper is None:
        return known.reliable, known.reason
    lost = float(-torch.expm1(known.lower - known.upper))
    return lost <= LOST, f"up to {lost:.2g} of the probability was pruned" * (lost > LOST)


def _islands(log_z: torch.Tensor, count: int, generator: Generator | None) -> torch.Tensor:
    """Draw an island for each draw, as often as its evidence is a share of all, or once more."""
    offset = torch.rand(1, dtype=torch.float64, generator=generator)
    points = (torch.arange(count) + offset) / count
    chosen = torch.searchsorted(log_z.softmax(0).cumsum(0), points).clamp_max(len(log_z) - 1)
    return chosen[torch.randperm(count, generator=generator)]
