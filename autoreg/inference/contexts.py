"""The pasts that a model of finite order still tells apart."""

from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from autoreg import scoring
from autoreg.inference.batched import absorb, advance, next_log_probs
from autoreg.inference.problem import Problem
from autoreg.protocol import SequenceModel, State


class Stepped:
    """Contexts of any model: each holds the model state of one past that ends in it.

    Args:
        problem: What is asked; its start is where the contexts begin.
        position: Where they stand.
        past: The symbols chosen since, where several were possible and the model still sees them,
            (C, w). Everything else in sight is common to all.
        when: The positions of those, ascending.
        before: The model's state, which still has to take a symbol if ``taken`` is given.
        taken: Row of ``before`` and the symbol that leads to each context, (C,) and (C,).
        memory: Bytes that activations may take at a time.
    """

    def __init__(
        self,
        problem: Problem,
        position: int,
        past: Int[Tensor, "C w"],
        when: list[int],
        before: State,
        taken: tuple[Int[Tensor, " C"], Int[Tensor, " C"]] | None = None,
        *,
        memory: int = scoring.MEMORY,
    ) -> None:
        self.problem = problem
        self.position = position
        self.past = past
        self.when = when
        self.memory = memory
        self._before = before
        self._taken = taken

    @staticmethod
    def begin(problem: Problem, *, memory: int = scoring.MEMORY) -> "Stepped":
        """Return the one context at the problem's start."""
        nothing = torch.zeros(1, 0, dtype=torch.int64)
        return Stepped(problem, problem.start, nothing, [], problem.state, memory=memory)

    @cached_property
    def state(self) -> State:
        """The model's state, one row for each context."""
        if self._taken is None:
            return self._before
        return advance(self.problem.model, self._before, *self._taken, memory=self.memory)

    def log_probs(self) -> Float[Tensor, "C Q"]:
        """Return each one's distribution over the next symbol, float64."""
        return next_log_probs(self.problem.model, self.state)

    def extend(
        self, rows: Int[Tensor, " E"], symbols: Int[Tensor, " E"]
    ) -> tuple["Stepped", Int[Tensor, " E"]]:
        """Return the contexts after one symbol more, and which of them each became."""
        after = self.position + 1
        past = torch.cat([self.past[rows], symbols[:, None]], 1)
        past, when = self._seen(past, [*self.when, self.position], after)
        first, merged = distinct(past, self.problem.model.num_symbols)
        contexts = Stepped(
            self.problem,
            after,
            past[first],
            when,
            self.state,
            (rows[first], symbols[first]),
            memory=self.memory,
        )
        return contexts, merged

    def read(
        self, symbols: Int[Tensor, " L"]
    ) -> tuple[Float[Tensor, " C"], "Stepped", Int[Tensor, " C"]]:
        """Return log p(symbols | context), the contexts after, and which each became.

        Contexts merge as soon as the model loses sight of what distinguishes them.
        """
        contexts: Stepped = self
        total = torch.zeros(len(self.past), dtype=torch.float64)
        index = torch.arange(len(self.past))
        stop = self.position + len(symbols)
        while contexts.position < stop:
            end = min(stop, contexts._until())
            piece = symbols[contexts.position - self.position : end - self.position]
            factors, contexts, merged = contexts._read(piece)
            total += factors[index]
            index = merged[index]
        return total, contexts, index

    def digits(self) -> Int[Tensor, "C R"]:
        """Return the last R symbols of each, oldest first; from position R on."""
        order = self.problem.model.order or 0
        first = self.position - order
        full = self.problem.evidence.low[first : self.position].long()
        full = full.expand(len(self.past), -1).clone()
        for column, at in zip(self.past.unbind(1), self.when, strict=True):
            full[:, at - first] = column
        return full

    def _read(
        self, symbols: Int[Tensor, " L"]
    ) -> tuple[Float[Tensor, " C"], "Stepped", Int[Tensor, " C"]]:
        model, after = self.problem.model, self.position + len(symbols)
        factors, state = absorb(model, self.state, symbols, memory=self.memory)
        past, when = self._seen(self.past, self.when, after)
        first, merged = distinct(past, model.num_symbols)
        # Without the oldest symbol the same contexts may stand in another order.
        if not torch.equal(first, torch.arange(len(past))):
            state = state.at(first.to(state.next.device))
        contexts = Stepped(self.problem, after, past[first], when, state, memory=self.memory)
        return factors, contexts, merged

    def _until(self) -> int:
        """Return where the model next loses sight of a symbol that was chosen."""
        order = self.problem.model.order
        far = self.problem.stop
        return far if order is None or not self.when else self.when[0] + order + 1

    def _seen(
        self, past: Int[Tensor, "E w"], when: list[int], position: int
    ) -> tuple[Int[Tensor, "E v"], list[int]]:
        """Return what of the past the model sees at a position."""
        order = self.problem.model.order
        gone = 0 if order is None else sum(at < position - order for at in when)
        return past[:, gone:], when[gone:]


class Table:
    """Distributions over the next symbol by the last R symbols, filled where they are asked for.

    From position R on those of a stationary model depend on nothing else, so that reading a
    context at the very beginning gives what holds everywhere.
    """

    def __init__(
        self, model: SequenceModel, condition: int, *, memory: int = scoring.MEMORY
    ) -> None:
        if model.order is None or not model.stationary:
            raise ValueError("a table of contexts needs a stationary model of finite order")
        self.model = model
        self.condition = condition
        self.order = model.order
        self.memory = memory
        self.size = model.num_symbols**self.order
        self._log_probs = torch.zeros(self.size, model.num_symbols, dtype=torch.float64)
        self._known = torch.zeros(self.size, dtype=torch.bool)

    def log_probs(self, codes: Int[Tensor, "*S"]) -> Float[Tensor, "*S Q"]:
        """Return the distributions after some contexts, numbers to base Q, oldest first."""
        unknown = codes[~self._known[codes]].unique()
        powers = self.model.num_symbols ** torch.arange(self.order - 1, -1, -1)
        rows = scoring.chunk_length(self.model, max(1, self.order), self.memory)
        for some in unknown.split(rows) if len(unknown) else ():
            with torch.no_grad():
                state = self.model.start(torch.full_like(some, self.condition))
                digits = some[:, None] // powers % self.model.num_symbols
                _, state = self.model.read(state, digits.to(state.next.device))
            self._log_probs[some] = next_log_probs(self.model, state)
        self._known[unknown] = True
        return self._log_probs[codes]


class Tabled:
    """Contexts of a stationary model, looked up in a table; from position R on.

    Args:
        table: Where their distributions are.
        position: Where they stand.
        codes: The last R symbols as numbers to base Q, (C,).
    """

    def __init__(self, table: Table, position: int, codes: Int[Tensor, " C"]) -> None:
        self.table = table
        self.position = position
        self.codes = codes

    @staticmethod
    def begin(table: Table, contexts: Stepped) -> tuple["Tabled", Int[Tensor, " C"]]:
        """Return the same contexts in a table, and which of them each became."""
        codes = torch.zeros(len(contexts.past), dtype=torch.int64)
        for column in contexts.digits().unbind(1):
            codes = codes * table.model.num_symbols + column
        codes, merged = codes.unique(return_inverse=True)
        return Tabled(table, contexts.position, codes), merged

    def log_probs(self) -> Float[Tensor, "C Q"]:
        """Return each one's distribution over the next symbol, float64."""
        return self.table.log_probs(self.codes)

    def extend(
        self, rows: Int[Tensor, " E"], symbols: Int[Tensor, " E"]
    ) -> tuple["Tabled", Int[Tensor, " E"]]:
        """Return the contexts after one symbol more, and which of them each became."""
        codes, merged = self._after(self.codes[rows], symbols).unique(return_inverse=True)
        return Tabled(self.table, self.position + 1, codes), merged

    def read(
        self, symbols: Int[Tensor, " L"]
    ) -> tuple[Float[Tensor, " C"], "Tabled", Int[Tensor, " C"]]:
        """Return log p(symbols | context), the contexts after, and which each became."""
        total = torch.zeros(len(self.codes), dtype=torch.float64)
        index, codes = torch.arange(len(self.codes)), self.codes
        for symbol in symbols.unbind():
            total += self.table.log_probs(codes)[index, symbol]
            codes, merged = self._after(codes, symbol).unique(return_inverse=True)
            index = merged[index]
        return total, Tabled(self.table, self.position + len(symbols), codes), index

    def _after(self, codes: Int[Tensor, " E"], symbols: Int[Tensor, "*E"]) -> Int[Tensor, " E"]:
        return (codes * self.table.model.num_symbols + symbols) % self.table.size


Contexts = Stepped | Tabled
"""C distinct contexts at one position: the last R symbols, or all where R is unknown."""


def distinct(
    rows: Int[Tensor, "N w"], num_symbols: int
) -> tuple[Int[Tensor, " M"], Int[Tensor, " N"]]:
    """Return where each distinct row of symbols is found first, and which of them each row is.

    Example:
        >>> distinct(torch.tensor([[1, 0], [0, 1], [1, 0]]), 2)
        (tensor([1, 0]), tensor([1, 0, 1]))
    """
    index, count = torch.zeros(len(rows), dtype=torch.int64), 1
    for column in rows.unbind(1):
        if count * num_symbols > 2**62:
            _, index = index.unique(return_inverse=True)
            count = len(rows)
        index, count = index * num_symbols + column, count * num_symbols
    values, index = index.unique(return_inverse=True)
    first = torch.full((len(values),), len(rows))
    return first.scatter_reduce(0, index, torch.arange(len(rows)), "amin"), index
