"""Looking ahead by a model that reads in another order."""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.problem import Problem, pose, spans
from autoreg.inference.resampling import systematic
from autoreg.inference.twist import Twist
from autoreg.inference.variance import effective_size
from autoreg.protocol import SequenceModel, State
from autoreg.walks.inversion import invert

FLOOR = 1e-3
"""Share of the uniform distribution that is mixed into both sides of a ratio of predictions."""


def reversed_twist(
    problem: Problem,
    backward: SequenceModel,
    *,
    order_map: Int[Tensor, " T"],
    paths: int = 64,
    power: float = 1.0,
    floor: float = FLOOR,
    memory: int = scoring.MEMORY,
    generator: Generator | None = None,
) -> Twist:
    r"""Return what a model of another scan predicts of each symbol, against what it would anyway.

    Let E_{>t} be what is known after position t. A model that reads the sequence from its end has
    met E_{>t} when it comes to x_t: its particle filter tells u_t(v) = p(x_t = v | E_{>t}), an
    average of its predictions over paths weighted by E_{>t} alone, and the same without any
    evidence tells m_t(v) = p(x_t = v). By Bayes' rule

    .. math:: p(E_{>t} \mid x_t) / p(E_{>t}) = u_t(x_t) / m_t(x_t),

    and this is psi_{t+1}, a function of the last symbol: the best one that is, and the exact one
    where the sequence is a Markov chain of order 1. What does not depend on x_t, p(E_{>t}), is the
    same for all paths and leaves every ratio of weights as it is. Of any other scan, such as the
    transposed one, psi_{t+1} is what evidence that this scan meets before x_t says of it. What was
    observed before the problem's start, which paths know anyway, then counts on both sides.

    Both filters share their uniforms: where no evidence was met their ratio is exactly 1.

    Args:
        problem: What is asked.
        backward: A model of the same symbols and conditions, permuted.
        order_map: The main scan's position at each position of the backward model's scan.
        paths: N of the backward filters.
        power: Tempers the twist.
        floor: Share of the uniform distribution in u and m: no ratio is below this by much.
        memory: Bytes that activations may take at a time.
        generator: Source of all chance.

    Raises:
        ValueError: The scans are no permutation of each other, or a number is out of range.
    """
    evidence = problem.evidence
    if not torch.equal(order_map.cpu().sort().values, torch.arange(evidence.length)):
        raise ValueError(
            f"order_map needs each position 0..{evidence.length - 1} once; "
            f"got {len(order_map)} positions"
        )
    if paths < 1 or not 0 < floor < 1:
        raise ValueError(f"paths needs 1 or more, floor 0..1; got {paths} and {floor}")
    order_map = order_map.cpu().long()
    start, stop, size = problem.start, problem.stop, evidence.num_symbols
    wanted = torch.zeros(evidence.length, dtype=torch.bool)
    wanted[problem.hidden] = True
    uniforms = torch.rand(evidence.length, paths, dtype=torch.float64, generator=generator)
    later = torch.arange(evidence.length) >= start
    ratio = torch.zeros(evidence.length, size, dtype=torch.float64)
    for sign, known in ((1, evidence), (-1, evidence.relax(later))):
        posed = pose(backward, _permuted(known, order_map), problem.condition, tail=True)
        with torch.no_grad():
            found = _predictions(posed, wanted[order_map], uniforms, memory, generator)
        ratio[order_map] += sign * ((1 - floor) * found + floor / size).log()
    log_value = torch.zeros(size + 1, problem.length + 1, dtype=torch.float64)
    log_value[1:, 1:] = ratio[start:stop].T
    log_value[:, -1] = 0
    table = torch.arange(1, size + 1).repeat(size + 1, 1)
    last = Event(((0, table),), torch.ones(size + 1, dtype=torch.bool), "the last symbol")
    return Twist(last, log_value, "other scan's twist").tempered(power)


def _permuted(evidence: Evidence, order: Int[Tensor, " T"]) -> Evidence:
    return replace(
        evidence, low=evidence.low[order], high=evidence.high[order], which=evidence.which[order]
    )


def _predictions(
    problem: Problem,
    wanted: Bool[Tensor, " T"],
    uniforms: Float[Tensor, "T N"],
    memory: int,
    generator: Generator | None,
) -> Float[Tensor, "T Q"]:
    """Return the model's distribution of some symbols given what is known before, by a filter.

    Rows that are not wanted are uniform.
    """
    model, size = problem.model, problem.evidence.num_symbols
    found = torch.full((len(wanted), size), 1 / size, dtype=torch.float64)
    last = int(wanted.nonzero()[-1]) if bool(wanted.any()) else -1
    device, count = problem.state.next.device, uniforms.shape[1]
    log_weights = torch.zeros(1, count, dtype=torch.float64, device=device)
    state = problem.state.at(torch.zeros(count, dtype=torch.int64, device=device))
    for span in spans(problem):
        if span.start > last:
            break
        if span.symbols is not None:
            symbols = span.symbols.to(device)
            for piece in symbols.split(scoring.chunk_length(model, count, memory)):
                factors, state = model.read(state, piece.expand(count, -1))
                log_weights = log_weights + factors.sum(-1)
            state, log_weights = _resampled(state, log_weights, generator)
            continue
        sets = problem.evidence.mask(span.start, span.stop).to(device)
        for at, allowed in enumerate(sets, span.start):
            if at > last:
                break
            logs = model.head.log_probs(state.next).double()
            if wanted[at]:
                shares = log_weights[0].softmax(0)
                found[at] = (shares[:, None] * logs.exp()).sum(0).cpu()
            logs = logs.masked_fill(~allowed, -torch.inf)
            if not bool(allowed.all()):
                log_weights = log_weights + logs.logsumexp(-1)
            state = model.step(state, invert(logs, uniforms[at].to(device)))
            state, log_weights = _resampled(state, log_weights, generator)
    return found


def _resampled(
    state: State, log_weights: Float[Tensor, "1 N"], generator: Generator | None
) -> tuple[State, Float[Tensor, "1 N"]]:
    if bool(log_weights.isneginf().all()):
        # The other model rules out what is known: it has no more to say than without it.
        return state, torch.zeros_like(log_weights)
    if float(effective_size(log_weights)) >= log_weights.shape[1] / 2:
        return state, log_weights
    ancestors = systematic(log_weights, generator=generator)[0]
    return state.at(ancestors), torch.zeros_like(log_weights)
