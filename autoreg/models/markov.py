"""A Markov chain given by an exact table."""

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from autoreg.models.heads import Categorical
from autoreg.protocol import State


class MarkovTable:
    """Next-symbol probabilities looked up by the last ``order`` symbols.

    The memory of a state is ``(position, condition, context)``. A context is the last R symbols as
    digits to base Q + 1, oldest first; digit Q means "before the beginning".

    Args:
        log_probs: Shape (K, (Q + 1)^R, Q); each row sums to one in probability within 1e-6, and
            is then normalised to the precision of its type. Zeros, -inf, are allowed.

    Example:
        >>> coin = MarkovTable(torch.tensor([[[0.25, 0.75]]]).log())
        >>> coin.order, coin.log_probs(torch.tensor([[1]]), torch.tensor([0])).exp()
        (0, tensor([[[0.2500, 0.7500]]]))
    """

    stationary = True
    length = None

    def __init__(self, log_probs: Float[Tensor, "K C Q"]) -> None:
        self.num_conditions, contexts, self.num_symbols = log_probs.shape
        self.order = 0
        if not log_probs.numel():
            raise ValueError(f"log_probs needs an entry or more; got {tuple(log_probs.shape)}")
        while (self.num_symbols + 1) ** self.order < contexts:
            self.order += 1
        if (self.num_symbols + 1) ** self.order != contexts:
            raise ValueError(
                f"log_probs needs shape (K, (Q + 1)^R, Q); got {tuple(log_probs.shape)}"
            )
        off = (log_probs.double().logsumexp(-1).abs()).max()
        if not off < 1e-6:
            raise ValueError(
                f"log_probs needs rows that sum to 1 as probabilities; off by {float(off):.3g}"
            )
        self.table = log_probs.log_softmax(-1)
        self.head = Categorical(self.num_symbols)

    @staticmethod
    def random(
        num_symbols: int,
        order: int,
        num_conditions: int = 1,
        *,
        concentration: float = 1.0,
        generator: Generator,
    ) -> "MarkovTable":
        """Return a table whose rows are Dirichlet draws, float64."""
        shape = (num_conditions, (num_symbols + 1) ** order, num_symbols)
        rates = torch.full(shape, concentration, dtype=torch.float64)
        gammas = torch._standard_gamma(rates, generator=generator)
        return MarkovTable(gammas.clamp_min(1e-300).log().log_softmax(-1))

    def log_probs(
        self, symbols: Int[Tensor, "B T"], condition: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T Q"]:
        """Return log p(. given x_<t, condition) in row t, t = 0 included."""
        state = self.start(condition)
        return self.table[condition[:, None], self._contexts(state, symbols)[:, :-1]]

    def start(self, condition: Int[Tensor, " B"]) -> State:
        """Return the state before the first symbol."""
        if condition.numel() and not (
            int(condition.min()) >= 0 and int(condition.max()) < self.num_conditions
        ):
            raise ValueError(
                f"condition needs indices 0..{self.num_conditions - 1}; "
                f"got {int(condition.min())}..{int(condition.max())}"
            )
        context = torch.full_like(condition, (self.num_symbols + 1) ** self.order - 1)
        memory = (torch.zeros_like(condition), condition, context)
        return State(self.table[condition, context], memory)

    def read(
        self, state: State, symbols: Int[Tensor, "B L"]
    ) -> tuple[Float[Tensor, "B L"], State]:
        """Return the log factors of many symbols, in float64, and the state after them."""
        position, condition, _ = state.memory
        contexts = self._contexts(state, symbols)
        factors = self.head.log_prob(self.table[condition[:, None], contexts[:, :-1]], symbols)
        memory = (position + symbols.shape[1], condition, contexts[:, -1])
        return factors, State(self.table[condition, contexts[:, -1]], memory)

    def step(self, state: State, symbols: Int[Tensor, " B"]) -> State:
        """Return the state after one symbol."""
        return self.read(state, symbols[:, None])[1]

    def _contexts(self, state: State, symbols: Int[Tensor, "B L"]) -> Int[Tensor, "B L1"]:
        """Return the context before each symbol and after the last."""
        base, context = self.num_symbols + 1, state.memory[2]
        contexts = [context]
        for column in symbols.unbind(1):
            contexts.append((contexts[-1] * base + column) % base**self.order)
        return torch.stack(contexts, dim=1)


if TYPE_CHECKING:
    from autoreg.protocol import SequenceModel

    _conforms: type[SequenceModel] = MarkovTable
