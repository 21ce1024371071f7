"""Prefixes that grow side by side, each with its model state."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from autoreg import scoring
from autoreg.inference.batched import absorb, advance, joined, next_log_probs
from autoreg.inference.moves import Move
from autoreg.inference.problem import Problem
from autoreg.protocol import DENSE_LIMIT, SequenceModel, State


@dataclass(frozen=True, eq=False)
class Front:
    """N prefixes of the same length; the model takes their last symbol only when it is asked.

    Attributes:
        model: The model that is asked.
        symbols: From the problem's start on, (N, l).
        log_probs: log p(prefix | what comes before the problem), (N,), never -inf.
        rule_state: The event's automaton state of each, (N,).
        before: The model's state, which still has to take the last symbol if ``rows`` is given.
        rows: The row of ``before`` that each prefix continues.
        memory: Bytes that activations may take at a time.
    """

    model: SequenceModel
    symbols: Int[Tensor, "N l"]
    log_probs: Float[Tensor, " N"]
    rule_state: Int[Tensor, " N"]
    before: State
    rows: Int[Tensor, " N"] | None = None
    memory: int = scoring.MEMORY

    def __len__(self) -> int:
        return len(self.log_probs)

    @staticmethod
    def begin(problem: Problem, *, memory: int = scoring.MEMORY) -> "Front":
        """Return the one empty prefix."""
        return Front(
            problem.model,
            torch.zeros(1, 0, dtype=torch.int64),
            torch.zeros(1, dtype=torch.float64),
            torch.tensor([problem.rule_state]),
            problem.state,
            memory=memory,
        )

    @staticmethod
    def join(fronts: Sequence["Front"]) -> "Front":
        """Return the prefixes of several fronts that stand at the same position."""
        if len(fronts) == 1:
            return fronts[0]
        return replace(
            fronts[0],
            symbols=torch.cat([front.symbols for front in fronts]),
            log_probs=torch.cat([front.log_probs for front in fronts]),
            rule_state=torch.cat([front.rule_state for front in fronts]),
            before=joined([front.state for front in fronts]),
            rows=None,
        )

    @cached_property
    def state(self) -> State:
        """The model's state after each prefix."""
        if self.rows is None:
            return self.before
        last = self.symbols[:, -1]
        return advance(self.model, self.before, self.rows, last, memory=self.memory)

    def read(self, run: Move) -> "Front":
        """Return the prefixes after an observed run, without those that become impossible."""
        if run.symbols is None:
            raise ValueError("what is read has been observed")
        factors, state = absorb(self.model, self.state, run.symbols, memory=self.memory)
        after = replace(
            self,
            symbols=torch.cat([self.symbols, run.symbols.expand(len(self), -1)], 1),
            log_probs=self.log_probs + factors,
            rule_state=run.next[self.rule_state],
            before=state,
            rows=None,
        )
        return after.at((after.log_probs > -torch.inf).nonzero()[:, 0])

    def at(self, rows: Int[Tensor, " M"]) -> "Front":
        """Return some of the prefixes."""
        if torch.equal(rows, torch.arange(len(self))):
            return self
        return replace(
            self,
            symbols=self.symbols[rows],
            log_probs=self.log_probs[rows],
            rule_state=self.rule_state[rows],
            before=self.before if self.rows is not None else self.before.at(self._on(rows)),
            rows=None if self.rows is None else self.rows[rows],
        )

    def choices(
        self, walked: Move
    ) -> tuple[Int[Tensor, " E"], Int[Tensor, " E"], Float[Tensor, " E"]]:
        """Return prefix, symbol and log p(prefix, symbol) of all allowed choices.

        Choices without probability are left out.
        """
        rows, symbols = walked.choices(self.rule_state)
        if self.model.num_symbols > DENSE_LIMIT:
            params = self.state.next[self._on(rows)]
            with torch.no_grad():
                factors = self.model.head.log_prob(params, self._on(symbols)).cpu()
        else:
            factors = next_log_probs(self.model, self.state)[rows, symbols]
        possible = factors > -torch.inf
        rows, symbols = rows[possible], symbols[possible]
        return rows, symbols, self.log_probs[rows] + factors[possible]

    def choose(
        self,
        walked: Move,
        rows: Int[Tensor, " E"],
        symbols: Int[Tensor, " E"],
        log_probs: Float[Tensor, " E"],
    ) -> "Front":
        """Return the prefixes of some choices."""
        return replace(
            self,
            symbols=torch.cat([self.symbols[rows], symbols[:, None]], 1),
            log_probs=log_probs,
            rule_state=walked.next[self.rule_state[rows], symbols],
            before=self.state,
            rows=rows,
        )

    def accepted(self, problem: Problem) -> "Front":
        """Return the prefixes, all grown to the end, on which the event occurs."""
        if problem.event is None:
            return self
        return self.at(problem.event.accept[self.rule_state].nonzero()[:, 0])

    def _on(self, index: Int[Tensor, " E"]) -> Int[Tensor, " E"]:
        return index.to(self.before.next.device)
