"""Rows of a model's state moved on together within a memory budget."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from autoreg import scoring
from autoreg.protocol import SequenceModel, State


def joined(states: Sequence[State]) -> State:
    """Return the rows of several states that stand at the same position as one state."""
    if len(states) == 1:
        return states[0]
    memories = zip(*(state.memory for state in states), strict=True)
    return State(
        torch.cat([state.next for state in states]), tuple(torch.cat(parts) for parts in memories)
    )


def advance(
    model: SequenceModel,
    state: State,
    rows: Int[Tensor, " N"],
    symbols: Int[Tensor, " N"],
    *,
    memory: int = scoring.MEMORY,
) -> State:
    """Return the state of some rows, each after one symbol more."""
    device, size = state.next.device, scoring.chunk_length(model, 1, memory)
    with torch.no_grad():
        parts = [
            model.step(state.at(some.to(device)), taken.to(device))
            for some, taken in zip(rows.split(size), symbols.split(size), strict=True)
        ]
    return joined(parts)


def absorb(
    model: SequenceModel,
    state: State,
    symbols: Int[Tensor, " L"],
    *,
    memory: int = scoring.MEMORY,
) -> tuple[Float[Tensor, " N"], State]:
    """Return log p(the same symbols | each row's past), float64, and the state after them."""
    device, count = state.next.device, len(state.next)
    # Rows go first, for they are independent; what is left of the budget goes to positions.
    rows = scoring.chunk_length(model, 1, memory)
    length = scoring.chunk_length(model, min(count, rows), memory)
    totals, states = [], []
    with torch.no_grad():
        for some in torch.arange(count).split(rows):
            part = state if len(some) == count else state.at(some.to(device))
            total = torch.zeros(len(some), dtype=torch.float64)
            for piece in symbols.to(device).split(length):
                factors, part = model.read(part, piece.expand(len(some), -1))
                total += factors.sum(-1).cpu()
            totals.append(total)
            states.append(part)
    return torch.cat(totals), joined(states)


def next_log_probs(model: SequenceModel, state: State) -> Float[Tensor, "N Q"]:
    """Return every row's distribution over the next symbol, written out, float64."""
    with torch.no_grad():
        return model.head.log_probs(state.next).double().cpu()
