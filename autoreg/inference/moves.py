"""What a problem consists of, move by move: a walked position or an observed run."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from autoreg.events import Rules
from autoreg.inference.problem import Problem, spans
from autoreg.protocol import DENSE_LIMIT


@dataclass(frozen=True)
class Move:
    """A position where paths choose, or an observed run that is read in parallel.

    Attributes:
        start, stop: Its positions, half open.
        next: The automaton state after it, for each before: (D, Q) by the symbol that is chosen,
            (D,) after what was observed.
        symbols: What was observed, (L,); None where paths choose.
        rules: What they may choose; None for a run.
        at: Which position of the rules it is.
    """

    start: int
    stop: int
    next: Int[Tensor, "*D"]
    symbols: Int[Tensor, " L"] | None = None
    rules: Rules | None = None
    at: int = 0

    def allowed(self, rule_state: Int[Tensor, " N"]) -> Bool[Tensor, "N Q"]:
        """Return what paths in some automaton states may choose."""
        if self.rules is None:
            raise ValueError("an observed run leaves no choice")
        return self.rules.sets[self.rules.which[rule_state, self.at]]

    def choices(
        self, rule_state: Int[Tensor, " N"]
    ) -> tuple[Int[Tensor, " E"], Int[Tensor, " E"]]:
        """Return path and symbol of all that paths in some automaton states may choose, in order.

        A large alphabet is not written out for each path.
        """
        if self.rules is None or self.rules.sets.shape[1] <= DENSE_LIMIT:
            rows, symbols = self.allowed(rule_state).nonzero().unbind(1)
            return rows, symbols
        which = self.rules.which[rule_state, self.at]
        listed = [one.nonzero()[:, 0] for one in self.rules.sets]
        taken = [listed[number] for number in which.tolist()]
        counts = torch.tensor([len(symbols) for symbols in taken], dtype=torch.int64)
        nothing = torch.zeros(0, dtype=torch.int64)
        return torch.arange(len(which)).repeat_interleave(counts), torch.cat([nothing, *taken])


def moves(problem: Problem) -> Iterator[Move]:
    """Yield the moves of a problem in order.

    Choices after which the event cannot occur any more are ruled out, see ``spans``.
    """
    for span in spans(problem):
        if span.symbols is not None and span.moves is not None:
            yield Move(span.start, span.stop, span.moves, symbols=span.symbols)
        elif span.rules is not None:
            for at in range(span.stop - span.start):
                position = span.start + at
                yield Move(position, position + 1, span.rules.next, rules=span.rules, at=at)
