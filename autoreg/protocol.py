"""What a model must offer to be asked questions."""

from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor

DENSE_LIMIT = 4096
"""The largest alphabet whose distribution is ever written out symbol by symbol."""


class State(NamedTuple):
    """A model's whole past, as a value.

    Attributes:
        next: The head's parameters for the coming symbol, shape (B, P).
        memory: Tensors that lead with the batch axis; absolute position and condition included.
            All rows stand at the same position.
    """

    next: Tensor
    memory: tuple[Tensor, ...]

    def at(self, index: Int[Tensor, " N"]) -> "State":
        """Gather rows: resampling, forking and beams are this one operation."""
        return State(self.next[index], tuple(tensor[index] for tensor in self.memory))

    @property
    def bytes_per_row(self) -> int:
        """What one row of the batch takes."""
        tensors = (self.next, *self.memory)
        return 1 + sum(tensor[:1].nbytes // max(1, len(tensor[:1])) for tensor in tensors)


@runtime_checkable
class Head(Protocol):
    """A family of distributions over the next symbol, given its parameters."""

    @property
    def num_symbols(self) -> int:
        """Q: symbols are 0..Q-1."""

    def log_prob(
        self, params: Float[Tensor, "*S P"], symbols: Int[Tensor, "*S"]
    ) -> Float[Tensor, "*S"]:
        """Return log p(symbol), in float64."""

    def log_mass(
        self, params: Float[Tensor, "*S P"], sets: Bool[Tensor, "*S Q"]
    ) -> Float[Tensor, "*S"]:
        """Return the log probability that the symbol falls in its set, in float64."""

    def draw(
        self,
        params: Float[Tensor, "*S P"],
        sets: Bool[Tensor, "*S Q"],
        uniforms: Float[Tensor, "*S"],
    ) -> Int[Tensor, "*S"]:
        """Return the smallest symbol of the set whose cumulative mass exceeds u times the total.

        The cumulative mass is that of the set alone, in float64, over ascending symbols.
        """

    def log_probs(self, params: Float[Tensor, "*S P"]) -> Float[Tensor, "*S Q"]:
        """Return every symbol's log probability; refused above ``DENSE_LIMIT`` symbols."""


@runtime_checkable
class SequenceModel(Protocol):
    """A joint distribution over sequences, factor by factor, given one condition.

    ``autoreg.testing.check_sequence_model`` runs the laws that every implementation obeys.
    """

    @property
    def num_symbols(self) -> int:
        """Q: symbols are 0..Q-1."""

    @property
    def num_conditions(self) -> int:
        """K: the condition is one index 0..K-1; K = 1 means unconditional."""

    @property
    def order(self) -> int | None:
        """R: factor t depends on x_{t-R..t-1}, t and the condition only; None: on all the past."""

    @property
    def stationary(self) -> bool:
        """Whether factors no longer depend on t from t = R on."""

    @property
    def length(self) -> int | None:
        """The only length there is, or None for any."""

    @property
    def head(self) -> Head:
        """What a distribution over the next symbol is made of."""

    def log_probs(
        self, symbols: Int[Tensor, "B T"], condition: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T Q"]:
        """Return log p(. given x_<t, condition) in row t; row 0 comes before any symbol."""

    def start(self, condition: Int[Tensor, " B"]) -> State:
        """Return the state before the first symbol."""

    def read(
        self, state: State, symbols: Int[Tensor, "B L"]
    ) -> tuple[Float[Tensor, "B L"], State]:
        """Return the log factors of many symbols, in float64, and the state after them."""

    def step(self, state: State, symbols: Int[Tensor, " B"]) -> State:
        """Return the state after one symbol."""
