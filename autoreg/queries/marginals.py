"""What each hidden symbol may be."""

import time

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from autoreg.answers import Answer
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.inference.jackknife import jackknife
from autoreg.inference.meter import Metered
from autoreg.inference.predictive import check_dense, predictive
from autoreg.inference.readout import dead, exact_answer, expected_answer, undefined
from autoreg.inference.solution import Part, Solution, work_out, work_out_whole
from autoreg.inference.spread import Spread, spread
from autoreg.inference.table import tabulate
from autoreg.protocol import SequenceModel


def marginals(
    model: SequenceModel,
    evidence: Evidence,
    *,
    effort: Effort | None = None,
    generator: Generator | None = None,
) -> Answer:
    r"""Return :math:`\log p(x_t = v \mid \text{evidence})` of every hidden position at once.

    Positions after the last known one, k steps ahead of it, are averages of the model's own
    distributions over drawn paths (Rao-Blackwell), not counts; positions before it are counts of
    weighted paths. An entry that no path supports is -inf with an infinite standard error. Where
    the evidence has no probability all entries are nan.

    Args:
        model: Any sequence model.
        evidence: What is known; ``evidence.hidden`` lists the positions.
        effort: How much work it may be.
        generator: Source of all chance.

    Raises:
        ValueError: The alphabet is too large to be written out.

    Returns:
        ``value`` of shape (H, Q), one row for each of ``evidence.hidden``, in nats.

    Example:
        >>> chain = MarkovTable(torch.tensor([[[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]]]).log())
        >>> marginals(chain, Evidence.free(2, 3).restrict([0, 2], [1])).value.exp()
        tensor([[0.0303, 0.9697]], dtype=torch.float64)
    """
    check_dense(model.num_symbols, "marginals", "Ask for the probability of ranges of symbols.")
    begin, effort, metered = time.perf_counter(), effort or Effort(), Metered(model)
    hidden = evidence.hidden
    shape = len(hidden), model.num_symbols
    if effort.method is None:
        table = tabulate(metered, evidence, most=effort.most_paths, memory=effort.memory)
        if table is not None:
            if dead(table.log_joint):
                return undefined(shape, "enumeration", metered, begin)
            shares = table.log_joint.logsumexp(0)
            rows = [
                torch.stack(
                    [
                        shares.masked_fill(table.symbols[:, at] != v, -torch.inf).logsumexp(0)
                        for v in range(model.num_symbols)
                    ]
                )
                for at in hidden.tolist()
            ]
            value = torch.stack(rows) if rows else torch.zeros(shape).double()
            return exact_answer(value - shares.logsumexp(0), "enumeration", metered, begin)
    whole = work_out_whole(metered, evidence, effort)
    if whole is not None:
        if dead(whole.log_joint):
            return undefined(shape, whole.method, metered, begin)
        own = (whole.log_joint[:, 0] - whole.log_joint[:, 0].logsumexp(0)).exp()
        law = sum(
            (
                share * _law(parts, evidence)
                for share, parts in zip(own, whole.parts, strict=True)
                if share > 0
            ),
            torch.zeros(evidence.length, model.num_symbols, dtype=torch.float64),
        )
        return exact_answer(law[hidden].log(), whole.method, metered, begin)
    solution = work_out(metered, evidence, effort, generator=generator)
    if dead(solution.log_joint):
        return undefined(shape, solution.method, metered, begin, exact=solution.exact)
    drawn = spread(metered, solution, effort, generator=generator)
    means = _means(metered, evidence, solution, drawn, effort)
    value, error = jackknife(drawn.log_z, means[:, hidden], lambda _, pooled: pooled)
    value = value.clamp(0, 1)
    logs = torch.where(means[:, hidden].sum(0) > 0, value.log(), -torch.inf)
    count = torch.where(hidden < drawn.stop, torch.inf, len(drawn.log_z) * effort.draws)
    # The first one open after all that is known has the same distribution in all draws.
    known = (hidden >= drawn.stop) & (hidden == hidden[:1])
    return expected_answer(
        logs,
        torch.where(logs.isfinite(), error / value, torch.inf),
        drawn.log_z,
        solution,
        metered,
        begin,
        reach=torch.where(known[:, None], 0.0, 1 / value),
        count=count[:, None],
    )


def _law(parts: tuple[Part, ...], evidence: Evidence, island: int = 0) -> Float[Tensor, "T Q"]:
    """Return p(x_t = v | evidence, condition), from the paths of one island."""
    law = evidence.mask().double()
    for part in parts:
        problem = part.step.problem
        if problem.length:
            law[problem.start : problem.stop] = part.law(island)
    return law


def _means(
    model: SequenceModel,
    evidence: Evidence,
    solution: Solution,
    drawn: Spread,
    effort: Effort,
) -> Float[Tensor, "M T Q"]:
    """Return each island's p(x_t = v | evidence): weighted paths, and beyond them draws."""
    islands = len(drawn.log_z)
    length, alphabet = evidence.length, model.num_symbols
    means = torch.zeros(islands, length, alphabet, dtype=torch.float64)
    shares = solution.log_joint.expand(-1, islands).softmax(0)
    for number, parts in enumerate(solution.parts):
        for island in range(islands):
            if shares[number, island] > 0:
                law = _law(parts, evidence, island)
                means[island] += shares[number, island] * law
    if drawn.stop < length:
        paths = drawn.symbols.flatten(0, 1)
        tails = [
            logs[:, drawn.stop :].exp()
            for _, logs, _ in predictive(
                model, paths, evidence.log_condition, memory=effort.memory
            )
        ]
        tail = torch.cat(tails).unflatten(0, (islands, -1)).mean(1)
        means[:, drawn.stop :] = tail
    return means
