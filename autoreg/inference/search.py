"""The most likely completion, with a certificate."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

from autoreg import scoring
from autoreg.inference.beam import beam, check_dense
from autoreg.inference.front import Front
from autoreg.inference.moves import Move, moves
from autoreg.inference.problem import Problem

TOGETHER = 32
"""Prefixes taken off the queue at a time."""
WAITING = 2**31
"""Bytes that the states of all prefixes in the queue may take."""


@dataclass(frozen=True)
class Best:
    """The most likely path that was found, and how much more likely another one could be.

    Attributes:
        symbols: The path, (L,); zeros where none was found.
        log_prob: log p(path, what is known); -inf where none was found.
        log_upper: No path is more likely than this; equal to ``log_prob`` where it is proven best.
    """

    symbols: Int[Tensor, " L"]
    log_prob: float
    log_upper: float

    @property
    def proven(self) -> bool:
        """Whether no path is more likely."""
        return self.log_upper <= self.log_prob


class _Choice(NamedTuple):
    """A prefix in the queue: the likelier one first, then the one found earlier."""

    minus_log_prob: float
    serial: int
    done: int
    front: Front
    row: int
    symbol: int


def best_first(problem: Problem, budget: int, *, memory: int = scoring.MEMORY) -> Best:
    """Search the most likely path, the likeliest prefix first, from a beam's on.

    No continuation is more likely than its prefix, which bounds what is still in the queue; the
    likeliest prefix that the beam pruned is a bound too, and the lower one holds.

    Args:
        problem: What is asked. Posed with ``tail``, the path reaches to the end of the sequence.
        budget: Prefixes that may be expanded, about half of them by the beam, whose width is 1 or
            more. A search ends early where the states of the queue outgrow ``WAITING`` bytes.
        memory: Bytes that activations may take at a time.

    Raises:
        ValueError: The budget is below 1, or the alphabet is too large to be written out.
    """
    if budget < 1:
        raise ValueError(f"a search needs a budget of 1 or more; got {budget}")
    check_dense(problem)
    steps = list(moves(problem))
    walked = sum(step.symbols is None for step in steps)
    first = beam(problem, max(1, budget // (2 * max(1, walked))), memory=memory)
    likeliest = int(first.cloud.log_weights[0].argmax())
    symbols = first.cloud.symbols[0, likeliest]
    log_prob = float(first.cloud.log_weights[0, likeliest])
    left = budget - first.expanded
    if first.log_pruned <= log_prob or left < 1:
        return Best(symbols, log_prob, max(log_prob, first.log_pruned))
    search = _Search(problem, steps, symbols, log_prob)
    search.run(Front.begin(problem, memory=memory), left)
    # Whatever is more likely continues a prefix in the queue, and one that the beam pruned.
    log_upper = max(search.log_prob, min(search.log_waiting, first.log_pruned))
    return Best(search.symbols, search.log_prob, log_upper)


class _Search:
    """A queue of prefixes, and the best path so far."""

    def __init__(
        self,
        problem: Problem,
        steps: Sequence[Move],
        symbols: Int[Tensor, " L"],
        log_prob: float,
    ) -> None:
        self.problem = problem
        self.steps = steps
        self.symbols = symbols
        self.log_prob = log_prob
        self.queue: list[_Choice] = []
        self.pushed = 0

    @property
    def log_waiting(self) -> float:
        """The log probability of the likeliest prefix in the queue; -inf if it is empty."""
        return -self.queue[0].minus_log_prob if self.queue else -torch.inf

    def run(self, root: Front, budget: int) -> None:
        """Expand prefixes until none is more likely than the best path, or the budget is spent."""
        size = root.state.bytes_per_row
        held = self._expand(0, root) * size
        budget -= 1
        while budget > 0 and held < WAITING and self.log_waiting > self.log_prob:
            together: dict[int, list[_Choice]] = {}
            for _ in range(min(TOGETHER, budget)):
                if self.log_waiting <= self.log_prob:
                    break
                choice = heapq.heappop(self.queue)
                together.setdefault(choice.done, []).append(choice)
                budget -= 1
            for done, choices in together.items():
                held += self._expand(done, self._chosen(done, choices)) * size

    def _chosen(self, done: int, choices: list[_Choice]) -> Front:
        """Return the prefixes after some choices, all of which were made in the same move."""
        by_front: dict[int, list[_Choice]] = {}
        for choice in choices:
            by_front.setdefault(id(choice.front), []).append(choice)
        move, fronts = self.steps[done - 1], []
        for alike in by_front.values():
            rows = torch.tensor([choice.row for choice in alike])
            symbols = torch.tensor([choice.symbol for choice in alike])
            found = [-choice.minus_log_prob for choice in alike]
            log_probs = torch.tensor(found, dtype=torch.float64)
            fronts.append(alike[0].front.choose(move, rows, symbols, log_probs))
        return Front.join(fronts)

    def _expand(self, done: int, front: Front) -> int:
        """Queue what continues prefixes after so many moves; return how many prefixes are held."""
        while done < len(self.steps) and self.steps[done].symbols is not None and len(front):
            front = front.read(self.steps[done])
            done += 1
        if not len(front):
            return 0
        if done == len(self.steps):
            self._finish(front)
            return 0
        move = self.steps[done]
        rows, symbols, log_probs = front.choices(move)
        better = log_probs > self.log_prob
        rows, symbols, log_probs = rows[better], symbols[better], log_probs[better]
        if done + 1 == len(self.steps):
            self._finish(front.choose(move, rows, symbols, log_probs))
            return 0
        for row, symbol, log_prob in zip(
            rows.tolist(), symbols.tolist(), log_probs.tolist(), strict=True
        ):
            choice = _Choice(-log_prob, self.pushed, done + 1, front, row, symbol)
            heapq.heappush(self.queue, choice)
            self.pushed += 1
        return len(front)

    def _finish(self, front: Front) -> None:
        front = front.accepted(self.problem)
        if len(front) and float(front.log_probs.max()) > self.log_prob:
            likeliest = int(front.log_probs.argmax())
            self.symbols = front.symbols[likeliest]
            self.log_prob = float(front.log_probs[likeliest])
