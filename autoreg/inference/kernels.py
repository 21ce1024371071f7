"""What Markov kernels on the paths of a problem are made of."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from autoreg import scoring
from autoreg.inference.problem import Problem
from autoreg.protocol import SequenceModel, State


class Moved(NamedTuple):
    """Chains after a kernel was applied to each of them.

    Attributes:
        paths: Symbols of the positions start..stop, (C, L).
        accepted: How much of the offer each chain took, in 0..1, float64 (C,): whether the block
            was accepted, or the share of the hidden positions whose symbol is a new one.
    """

    paths: Int[Tensor, "C L"]
    accepted: Float[Tensor, " C"]


def check_paths(problem: Problem, paths: Int[Tensor, "C L"]) -> None:
    """Refuse paths that what is known rules out."""
    if paths.shape[1] != problem.length:
        raise ValueError(
            f"paths need {problem.length} columns, the positions {problem.start}.."
            f"{problem.stop}; got {tuple(paths.shape)}"
        )
    whole, at = problem.evidence, slice(problem.start, problem.stop)
    known = replace(whole, low=whole.low[at], high=whole.high[at], which=whole.which[at])
    possible = known.allows(paths) & occurs(problem, paths, problem.start)
    if not bool(possible.all()):
        row = int((~possible).nonzero()[0])
        raise ValueError(
            "paths need to take allowed symbols, on which the event occurs; "
            f"row {row} does not: {paths[row].tolist()}"
        )


def reach(problem: Problem, at: int) -> int:
    """Return the position behind the last whose factor sees symbols before ``at``."""
    order = problem.model.order
    return problem.stop if order is None else min(at + order, problem.stop)


def state_before(
    problem: Problem, paths: Int[Tensor, "C L"], at: int, *, memory: int = scoring.MEMORY
) -> State:
    """Return the model's states before a position, each path read up to there.

    Only the last R symbols are read where that is less and the model is stationary: they are a
    crop, which its factors do not tell from the whole.
    """
    model, first, stop = problem.model, problem.state, at - problem.start
    start = 0
    if model.order is not None and model.stationary and model.order < stop:
        start = stop - model.order
        first = model.start(torch.tensor([problem.condition]))
    rows = torch.zeros(len(paths), dtype=torch.int64, device=first.next.device)
    return read(model, first.at(rows), paths[:, start:stop], memory=memory)[1]


def read(
    model: SequenceModel,
    state: State,
    symbols: Int[Tensor, "B L"],
    *,
    memory: int = scoring.MEMORY,
) -> tuple[Float[Tensor, " B"], State]:
    """Return the log probability of symbols in parallel, on the CPU, and the states after them."""
    if not symbols.shape[1]:
        return torch.zeros(len(symbols), dtype=torch.float64), state
    totals, states = zip(*_pieces(model, state, symbols, None, memory), strict=True)
    memories = zip(*(piece.memory for piece in states), strict=True)
    after = State(
        torch.cat([piece.next for piece in states]),
        tuple(torch.cat(tensors) for tensors in memories),
    )
    return torch.cat(totals), states[0] if len(states) == 1 else after


def log_after(
    model: SequenceModel,
    state: State,
    symbols: Int[Tensor, "B L"],
    *,
    rows: Int[Tensor, " B"] | None = None,
    memory: int = scoring.MEMORY,
) -> Float[Tensor, " B"]:
    """Return the log probability of symbols that follow states, on the CPU.

    Args:
        model: Any sequence model.
        state: Where the symbols begin.
        symbols: Read in parallel, as many rows at a time as fit.
        rows: Which row of the state each row of the symbols follows; its own if None.
        memory: Bytes that activations may take at a time.
    """
    if not symbols.shape[1]:
        return torch.zeros(len(symbols), dtype=torch.float64)
    return torch.cat([total for total, _ in _pieces(model, state, symbols, rows, memory)])


def rule_states(problem: Problem, paths: Int[Tensor, "C L"], at: int) -> Int[Tensor, " C"] | None:
    """Return where the event's automaton stands before a position; None without an event."""
    if problem.event is None:
        return None
    first = torch.full((len(paths),), problem.rule_state, dtype=torch.int64)
    return problem.event.after(paths[:, : at - problem.start], problem.start, first)


def occurs(
    problem: Problem,
    rest: Int[Tensor, "B l"],
    at: int,
    states: Int[Tensor, " B"] | None = None,
) -> Bool[Tensor, " B"]:
    """Return whether the event occurs when these symbols, to the end, follow a position.

    Args:
        problem: What is asked; without an event all is well.
        rest: The symbols at..stop.
        at: Where they begin.
        states: The automaton's before them; the problem's own if None.
    """
    if problem.event is None:
        return torch.ones(len(rest), dtype=torch.bool)
    if states is None:
        states = torch.full((len(rest),), problem.rule_state, dtype=torch.int64)
    return problem.event.accept[problem.event.after(rest, at, states)]


def share_changed(
    problem: Problem, old: Int[Tensor, "C L"], new: Int[Tensor, "C L"]
) -> Float[Tensor, " C"]:
    """Return the share of the hidden positions where two paths of each chain differ."""
    count = max(1, len(problem.hidden))
    return (old != new).sum(-1).double() / count


def _pieces(
    model: SequenceModel,
    state: State,
    symbols: Int[Tensor, "B L"],
    rows: Int[Tensor, " B"] | None,
    memory: int,
) -> Iterator[tuple[Float[Tensor, " b"], State]]:
    """Yield totals and states of as many rows at a time as the memory takes."""
    device = state.next.device
    # A model may lay out the past that it sees before what it reads.
    width = symbols.shape[1] + (model.order or 0)
    many = max(1, scoring.chunk_length(model, 1, memory) // width)
    for index in torch.arange(len(symbols)).split(many):
        whole = rows is None and len(index) == len(symbols)
        taken = index if rows is None else rows[index]
        after = state if whole else state.at(taken.to(device))
        total = torch.zeros(len(index), dtype=torch.float64)
        for piece in symbols[index].split(scoring.chunk_length(model, len(index), memory), dim=1):
            factors, after = model.read(after, piece.to(device))
            total += factors.sum(-1).cpu()
        yield total, after
