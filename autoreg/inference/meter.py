"""A model that counts how often it is asked."""

from typing import TYPE_CHECKING

from jaxtyping import Float, Int
from torch import Tensor

from autoreg.protocol import Head, SequenceModel, State
from autoreg.walks.request import Request, Walk


class Metered:
    """A sequence model that passes everything on and keeps account of it.

    Attributes:
        model: The model that is asked.
        stepped: Positions advanced one at a time so far, over all rows.
        scored: Positions read in parallel so far, over all rows.
    """

    def __init__(self, model: SequenceModel) -> None:
        self.model = model
        self.stepped = 0
        self.scored = 0
        # What the model says of its size, if it does, decides how much is read at a time.
        if hasattr(model, "floats_per_symbol"):
            self.floats_per_symbol = model.floats_per_symbol
        # A model without a walk of its own is none with one for being metered.
        if hasattr(model, "fast_walk"):
            self.fast_walk = self._fast_walk

    @property
    def num_symbols(self) -> int:
        """Q."""
        return self.model.num_symbols

    @property
    def num_conditions(self) -> int:
        """K."""
        return self.model.num_conditions

    @property
    def order(self) -> int | None:
        """R, or None for all the past."""
        return self.model.order

    @property
    def stationary(self) -> bool:
        """Whether factors no longer depend on t from t = R on."""
        return self.model.stationary

    @property
    def length(self) -> int | None:
        """The only length there is, or None for any."""
        return self.model.length

    @property
    def head(self) -> Head:
        """What a distribution over the next symbol is made of."""
        return self.model.head

    def log_probs(
        self, symbols: Int[Tensor, "B T"], condition: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T Q"]:
        """Return every distribution of the sequences, written out."""
        self.scored += symbols.numel()
        return self.model.log_probs(symbols, condition)

    def start(self, condition: Int[Tensor, " B"]) -> State:
        """Return the state before the first symbol."""
        return self.model.start(condition)

    def read(
        self, state: State, symbols: Int[Tensor, "B L"]
    ) -> tuple[Float[Tensor, "B L"], State]:
        """Return the log factors of many symbols and the state after them."""
        self.scored += symbols.numel()
        return self.model.read(state, symbols)

    def step(self, state: State, symbols: Int[Tensor, " B"]) -> State:
        """Return the state after one symbol."""
        self.stepped += len(symbols)
        return self.model.step(state, symbols)

    def _fast_walk(self, asked: Request) -> Walk | None:
        """Walk as the model itself does, if it does."""
        fast = getattr(self.model, "fast_walk", None)
        walked: Walk | None = None if fast is None else fast(asked)
        if walked is not None:
            self.stepped += walked.symbols.numel()
        return walked


if TYPE_CHECKING:
    _conforms: type[SequenceModel] = Metered
