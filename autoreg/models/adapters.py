"""Any network of next-symbol logits as a sequence model."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from autoreg.models.heads import Categorical
from autoreg.protocol import State


class NextSymbolLogits:
    """A module that maps symbols (B, T) to logits (B, T, Q), as a distribution over sequences.

    Row t of a module may speak of either of two symbols, and ``start`` says of which:

    * ``start=s``: row t is about the symbol *after* input t, as in causal language models. The
      symbol s is put before every sequence, so that row 0 is p(x_0). It may be a symbol of the
      alphabet or one of its own, as the module was trained.
    * ``start=None``: row t is about input t itself and sees the inputs before t only, as in
      masked convolutions over pixels; nothing is put before the sequence.

    Of the first kind without a start symbol, every factor sees its own symbol, which
    ``autoreg.check_sequence_model`` finds. Of the second kind with one, every factor lacks the
    symbol before it: that is a distribution still, a worse one, and no law is broken.

    A module keeps no past of its own, so it is given all of it at every step: a sequence of T
    symbols costs T calls of up to T inputs to draw, one call to score. With a finite ``order``
    and ``stationary``, calls are as long as the order. The memory of a state is ``(position,
    condition, past)``: the number of symbols read, the condition index, the symbols that the next
    call needs.

    Args:
        module: Called as ``module(symbols)``, or as ``module(symbols, condition)`` where there are
            several conditions, condition being (B,). Dropout would give another distribution at
            each call: an ``nn.Module`` has to be in evaluation mode, is refused else, and is
            never switched; of any other callable the caller sees to it.
        num_symbols: Q.
        num_conditions: K.
        start: What stands before the first symbol; see above.
        order: R, if factor t depends on x_{t-R..t-1}, on t and on the condition only.
        stationary: Whether factors no longer depend on t from t = R on.
        length: The most symbols that the module takes, the start symbol not counted.

    Example:
        >>> counts = torch.nn.Embedding.from_pretrained(torch.tensor([[0.5, 0.5], [0.1, 0.9]]))
        >>> chain = NextSymbolLogits(lambda x: counts(x).log(), num_symbols=2, start=0)
        >>> chain.log_probs(torch.tensor([[1, 0]]), torch.tensor([0])).exp()
        tensor([[[0.5000, 0.5000],
                 [0.1000, 0.9000]]])
    """

    def __init__(
        self,
        module: Callable[..., Tensor],
        *,
        num_symbols: int,
        num_conditions: int = 1,
        start: int | None,
        order: int | None = None,
        stationary: bool = False,
        length: int | None = None,
    ) -> None:
        sizes = {"num_symbols": num_symbols, "num_conditions": num_conditions, "length": length}
        for name, size in sizes.items():
            if size is not None and size < 1:
                raise ValueError(f"{name} needs to be at least 1; got {size}")
        self.num_symbols, self.num_conditions = num_symbols, num_conditions
        self.order, self.stationary, self.length = order, stationary, length
        self.module, self.first = module, start
        self.head = Categorical(num_symbols)

    def log_probs(
        self, symbols: Int[Tensor, "B T"], condition: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T Q"]:
        """Return log p(. given x_<t, condition) in row t, t = 0 included."""
        return self.head.log_probs(self._run(self.start(condition), symbols)[:, :-1])

    def start(self, condition: Int[Tensor, " B"]) -> State:
        """Return the state before the first symbol."""
        condition = place(condition, self.num_conditions, self.module)
        nothing = condition.new_empty(len(condition), 0)
        state = State(nothing, (torch.zeros_like(condition), condition, nothing))
        logits = self._run(state, nothing)[:, -1]
        return State(logits, tuple(tensor.to(logits.device) for tensor in state.memory))

    def read(
        self, state: State, symbols: Int[Tensor, "B L"]
    ) -> tuple[Float[Tensor, "B L"], State]:
        """Return the log factors of many symbols, in float64, and the state after them."""
        if symbols.shape[1] == 0:
            return torch.zeros(symbols.shape, dtype=torch.float64, device=symbols.device), state
        position, condition, past = state.memory
        logits = self._run(state, symbols)
        past = torch.cat([past, symbols], 1)
        if self.order is not None and self.stationary:
            past = past[:, max(0, past.shape[1] - self.order) :]
        after = State(logits[:, -1], (position + symbols.shape[1], condition, past))
        return self.head.log_prob(logits[:, :-1], symbols), after

    def step(self, state: State, symbols: Int[Tensor, " B"]) -> State:
        """Return the state after one symbol."""
        return self.read(state, symbols[:, None])[1]

    def _run(self, state: State, symbols: Int[Tensor, "B L"]) -> Float[Tensor, "B L1 Q"]:
        """Return the logits of each symbol and of the one after the last.

        A past of ``order`` symbols stands for all of it: by stationarity, what follows is as if
        these had been the first, which is how the module is shown them.
        """
        position, condition, past = state.memory
        last = check_room(position, symbols.shape[1], self.length)
        edge = symbols.new_full((len(symbols), 1), self.first or 0)
        row = [past, symbols, edge] if self.first is None else [edge, past, symbols]
        # At the end of the module's room nothing follows: the last input and its row are spared.
        inputs = torch.cat(row, 1)[:, : -1 if last else None]
        check_evaluation(self.module)
        logits = self.module(inputs, *([condition] if self.num_conditions > 1 else []))
        wanted = (*inputs.shape, self.num_symbols)
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        if got != wanted:
            raise ValueError(f"module needs to return logits (B, T, Q) = {wanted}; got {got}")
        if last:
            logits = torch.cat([logits, torch.zeros_like(state.next[:, None])], 1)
        return logits[:, past.shape[1] :]


def place(
    condition: Int[Tensor, " B"], num_conditions: int, module: Callable[..., Tensor]
) -> Int[Tensor, " B"]:
    """Return condition indices on a module's device; refuse those that a model does not have."""
    wrong = (condition < 0) | (condition >= num_conditions)
    if bool(wrong.any()):
        raise ValueError(
            f"condition needs indices 0..{num_conditions - 1}; got {int(condition[wrong][0])}"
        )
    weights = module.parameters() if isinstance(module, nn.Module) else iter(())
    return condition.to(getattr(next(weights, None), "device", None)).long()


def check_evaluation(module: Callable[..., Tensor]) -> None:
    """Refuse a module that drops units, or updates statistics, as in training."""
    if isinstance(module, nn.Module) and any(part.training for part in module.modules()):
        raise ValueError("module needs to be in evaluation mode: call module.eval() first")


def check_room(position: Int[Tensor, " B"], count: int, length: int | None) -> bool:
    """Return whether so many symbols reach a model's length; refuse any that lie beyond it."""
    if length is None or not len(position):
        return False
    end = int(position[0]) + count
    if end > length:
        raise ValueError(f"the model knows sequences of {length} symbols; got {end}")
    return end == length


if TYPE_CHECKING:
    from autoreg.protocol import SequenceModel

    _conforms: type[SequenceModel] = NextSymbolLogits
