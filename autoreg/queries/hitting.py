"""When something first happens."""

import time
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from autoreg.answers import Answer
from autoreg.events import Rules
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.inference.jackknife import jackknife
from autoreg.inference.meter import Metered
from autoreg.inference.problem import pose
from autoreg.inference.readout import dead, exact_answer, expected_answer, undefined
from autoreg.inference.solution import lay_out, work_out
from autoreg.inference.spread import spread
from autoreg.inference.table import tabulate
from autoreg.protocol import SequenceModel
from autoreg.walks.inversion import invert
from autoreg.walks.walking import walk


def hitting(
    model: SequenceModel,
    among: Sequence[int],
    evidence: Evidence,
    *,
    effort: Effort | None = None,
    generator: Generator | None = None,
) -> Answer:
    r"""Return the law of the first position, after the beginning, at which a set is hit.

    Where nothing is known after the beginning, one run gives it all: paths avoid the set and
    weigh how probable that was, and the chance to hit it next is read off the model at each
    position (Boyd et al., 2022). Each path's law sums to one, hence so does their mean.

    Args:
        model: Any sequence model.
        among: The symbols that count as a hit.
        evidence: What is known; symbols observed at the beginning are not looked at.
        effort: How much work it may be.
        generator: Source of all chance.

    Returns:
        ``value`` of shape (L + 1,): log P(first hit at position start + i), with start the first
        position that is not observed; the last entry is "not hit".

    Example:
        >>> fair = MarkovTable(torch.tensor([[[0.5, 0.5]]]).log())
        >>> hitting(fair, [1], Evidence.free(num_symbols=2, length=3)).value.exp()
        tensor([0.5000, 0.2500, 0.1250, 0.1250], dtype=torch.float64)
    """
    begin, effort, metered = time.perf_counter(), effort or Effort(), Metered(model)
    known = evidence.observed.logical_not()
    start = int(known.int().argmax()) if bool(known.any()) else evidence.length
    hit = evidence.relax().restrict(slice(start, None), list(among))
    shape = (evidence.length - start + 1,)
    nothing = torch.zeros(model.num_symbols).bool()
    inside = hit.mask(hit.length - 1)[0] if start < hit.length else nothing
    if effort.method is None:
        table = tabulate(metered, evidence, most=effort.most_paths, memory=effort.memory)
        if table is not None:
            if dead(table.log_joint):
                return undefined(shape, "enumeration", metered, begin)
            first = _first(inside[table.symbols[:, start:]])
            shares = table.log_joint.logsumexp(0)
            rows = [
                shares.masked_fill(first != at, -torch.inf).logsumexp(0)
                for at in range(evidence.length - start + 1)
            ]
            value = torch.stack(rows) - shares.logsumexp(0)
            return exact_answer(value, "enumeration", metered, begin)
        if _exactly(metered, evidence, inside, start, effort):
            return _by_parts(metered, evidence, inside, start, effort, begin)
    solution = work_out(metered, evidence, effort, generator=generator)
    if dead(solution.log_joint):
        return undefined(shape, solution.method, metered, begin, exact=solution.exact)
    drawn = None
    if solution.exact and bool(evidence.unknown[start:].all()):
        laws = _one_run(metered, evidence, inside, start, effort, generator)
        log_z = torch.zeros(len(laws), dtype=torch.float64)
    else:
        drawn = spread(metered, solution, effort, generator=generator)
        first = _first(inside[drawn.symbols[:, :, start:]])
        ends = torch.arange(evidence.length - start + 1)
        laws, log_z = (first[..., None] == ends).double().mean(1), drawn.log_z
    pooled, error = jackknife(log_z, laws, lambda _, means: means)
    logs = torch.where(laws.sum(0) > 0, pooled.clamp_min(0).log(), -torch.inf)
    error = torch.where(logs.isfinite(), error / pooled, torch.inf)
    count = effort.particles if drawn is None else effort.draws
    return expected_answer(
        logs,
        error,
        log_z,
        solution,
        metered,
        begin,
        reach=1 / pooled,
        count=len(log_z) * count,
    )


def _first(hits: Tensor) -> Tensor:
    """Return the index of the first True along the last axis, or its length."""
    length = hits.shape[-1]
    if not length:
        return torch.zeros(hits.shape[:-1], dtype=torch.int64)
    return torch.where(hits.any(-1), hits.int().argmax(-1), length)


def _avoiding(evidence: Evidence, inside: Tensor, start: int, stop: int) -> Evidence:
    return evidence.restrict(slice(start, stop), ~inside)


def _exactly(
    model: SequenceModel, evidence: Evidence, inside: Tensor, start: int, effort: Effort
) -> bool:
    """Whether working out every entry by itself is exact, and cheap enough."""
    length = evidence.length - start
    longest = _avoiding(evidence, inside, start, evidence.length)
    if longest.impossible:
        return length <= 64
    cost = 0
    for condition in evidence.log_condition.isfinite().nonzero()[:, 0].tolist():
        for step in lay_out(model, longest, condition, effort):
            if step.method in ("particles", "importance", "ancestral"):
                return False
            cost += step.stepped + step.scored
    return (length + 1) * cost <= effort.most_steps


def _by_parts(
    model: Metered, evidence: Evidence, inside: Tensor, start: int, effort: Effort, begin: float
) -> Answer:
    """Return the law from one exact answer for each entry."""
    entries = []
    for at in range(start, evidence.length + 1):
        known = _avoiding(evidence, inside, start, at)
        if at < evidence.length:
            known = known.restrict(at, inside)
        entries.append(work_out(model, known, effort).log_joint.logsumexp(0)[0])
    value = torch.stack(entries)
    if bool(value.isneginf().all()):
        return undefined(value.shape, "dynamic programming", model, begin)
    return exact_answer(value - value.logsumexp(0), "dynamic programming", model, begin)


def _one_run(
    model: SequenceModel,
    evidence: Evidence,
    inside: Tensor,
    start: int,
    effort: Effort,
    generator: Generator | None,
) -> Float[Tensor, "M L1"]:
    """Return each island's law, from paths that avoid the set."""
    conditions = evidence.log_condition.isfinite().nonzero()[:, 0]
    posed = [
        pose(model, evidence, condition, tail=True, memory=effort.memory)
        for condition in conditions.tolist()
    ]
    joint = evidence.log_condition[conditions] + torch.tensor(
        [problem.log_before for problem in posed], dtype=torch.float64
    )
    count, length = effort.islands * effort.particles, evidence.length - start
    uniforms = torch.rand(count, length + 1, dtype=torch.float64, generator=generator)
    chosen = invert(joint.expand(count, -1), uniforms[:, 0])
    anywhere = Rules.free(model.num_symbols, length)
    rules = Rules(anywhere.next, anywhere.which, ~inside[None])
    masses = torch.zeros(count, length, dtype=torch.float64)
    with torch.no_grad():
        for number in chosen.unique().tolist():
            rows = (chosen == number).nonzero()[:, 0]
            state = posed[number].state
            for batch in rows.split(max(1, effort.memory // (4 * state.bytes_per_row))):
                forked = state.at(torch.zeros_like(batch).to(state.next.device))
                walked = walk(model, forked, rules, uniforms[batch, 1:])
                masses[batch] = walked.log_mass.cpu()
    survival = torch.cat([torch.zeros(count, 1).double(), masses.cumsum(1)], 1).exp()
    # log_mass is -inf once where the set is certain to be hit, then 0.
    law = torch.cat([survival[:, :-1] * -masses.expm1(), survival[:, -1:]], 1)
    return law.unflatten(0, (effort.islands, -1)).mean(1)
