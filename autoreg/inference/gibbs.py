"""Exact Gibbs updates of one hidden position after the other."""

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.inference.kernels import (
    Moved,
    check_paths,
    log_after,
    occurs,
    reach,
    read,
    share_changed,
    state_before,
)
from autoreg.inference.problem import Problem
from autoreg.protocol import DENSE_LIMIT, State
from autoreg.walks.inversion import invert


def gibbs_sweep(
    problem: Problem,
    paths: Int[Tensor, "C L"],
    *,
    positions: Int[Tensor, " H"] | None = None,
    memory: int = scoring.MEMORY,
    generator: Generator | None = None,
) -> Moved:
    r"""Draw each hidden symbol anew from its law given all other symbols of its path.

    That law needs R + 1 factors for each allowed symbol, which are read in parallel:

    .. math:: p(x_t = v \mid rest) \propto p(v \mid x_{<t}) \prod_{s=t+1}^{t+R} p(x_s \mid ...)

    Each update leaves p(path | what is known) as it is (Geman and Geman, 1984).

    Args:
        problem: What is asked.
        paths: One path of each chain, all of them possible.
        positions: In which order, and which; the hidden ones, ascending, if None: then each state
            is read on from the last. They may be drawn, but without a look at the paths.
        memory: Bytes that activations may take at a time.
        generator: Source of chance.

    Raises:
        ValueError: A position is not within start..stop, a path is impossible, or the alphabet is
            too large to be written out.
    """
    order = _order(problem, paths, positions)
    uniforms = torch.rand(len(order), len(paths), dtype=torch.float64, generator=generator)
    new, cursor = paths.clone(), None
    with torch.no_grad():
        for at, uniform in zip(order, uniforms, strict=True):
            cursor = _move(problem, new, at, cursor, memory)
            logs = _conditional(problem, new, cursor, memory)
            new[:, at - problem.start] = invert(logs, uniform)
    return Moved(new, share_changed(problem, paths, new))


def gibbs_conditionals(
    problem: Problem,
    paths: Int[Tensor, "C L"],
    positions: Int[Tensor, " H"] | None = None,
    *,
    memory: int = scoring.MEMORY,
) -> Float[Tensor, "C H Q"]:
    """Return log p(x_t = v | the other symbols of each path, what is known).

    Their mean over paths of the posterior is the marginal of position t, with less variance than
    the share of paths that are at v (Gelfand and Smith, 1990, equation 2.3).

    Args:
        problem: What is asked.
        paths: All of them possible.
        positions: Which positions; the hidden ones if None.
        memory: Bytes that activations may take at a time.

    Raises:
        ValueError: As ``gibbs_sweep`` says.
    """
    order = _order(problem, paths, positions)
    found = torch.zeros(len(paths), len(order), problem.model.num_symbols, dtype=torch.float64)
    cursor = None
    with torch.no_grad():
        for column, at in enumerate(order):
            cursor = _move(problem, paths, at, cursor, memory)
            found[:, column] = _conditional(problem, paths, cursor, memory)
    return found


_Cursor = tuple[int, State, Tensor]
"""A position, the model's states before it, and the automaton's."""


def _order(
    problem: Problem, paths: Int[Tensor, "C L"], positions: Int[Tensor, " H"] | None
) -> list[int]:
    if problem.model.num_symbols > DENSE_LIMIT:
        raise ValueError(
            f"a Gibbs update needs {DENSE_LIMIT} symbols or fewer; "
            f"got {problem.model.num_symbols}. Take block moves."
        )
    check_paths(problem, paths)
    order = (problem.hidden if positions is None else positions).tolist()
    if order and not problem.start <= min(order) <= max(order) < problem.stop:
        raise ValueError(
            f"positions need to lie within {problem.start}..{problem.stop}; "
            f"got {min(order)}..{max(order)}"
        )
    return order


def _move(
    problem: Problem, paths: Int[Tensor, "C L"], at: int, cursor: _Cursor | None, memory: int
) -> _Cursor:
    """Return the states before a position, read on from the last where that lies before it."""
    begin, before = problem.start, torch.full((len(paths),), problem.rule_state)
    if cursor is None or at < cursor[0]:
        state = state_before(problem, paths, at, memory=memory)
    else:
        begin, state, before = cursor
        passed = paths[:, begin - problem.start : at - problem.start]
        state = read(problem.model, state, passed, memory=memory)[1]
    if problem.event is not None:
        passed = paths[:, begin - problem.start : at - problem.start]
        before = problem.event.after(passed, begin, before)
    return at, state, before


def _conditional(
    problem: Problem, paths: Int[Tensor, "C L"], cursor: _Cursor, memory: int
) -> Float[Tensor, "C Q"]:
    """Return the log law of the symbol at the cursor given all others."""
    at, state, before = cursor
    count, offset = len(paths), at - problem.start
    allowed = problem.evidence.mask(at, at + 1)[0].nonzero()[:, 0]
    rows = torch.arange(count).repeat_interleave(len(allowed))
    tried = allowed.repeat(count)
    ahead = paths[rows, offset + 1 : reach(problem, at + 1) - problem.start]
    symbols = torch.cat([tried[:, None], ahead], dim=1)
    logs = log_after(problem.model, state, symbols, rows=rows, memory=memory)
    if problem.event is not None:
        rest = torch.cat([tried[:, None], paths[rows, offset + 1 :]], dim=1)
        logs = logs.masked_fill(~occurs(problem, rest, at, before[rows]), -torch.inf)
    law = torch.full((count, problem.model.num_symbols), -torch.inf, dtype=torch.float64)
    law[:, allowed] = logs.reshape(count, -1)
    return law.log_softmax(-1)
