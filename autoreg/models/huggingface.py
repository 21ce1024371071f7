"""Causal language models of Hugging Face as sequence models."""

from collections.abc import Sequence
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from autoreg.models.adapters import check_evaluation, check_room, place
from autoreg.models.heads import Categorical
from autoreg.protocol import State


class CausalLM:
    """A ``transformers`` model with a key/value cache, as a distribution over sequences.

    Such a model says what follows a symbol, so something has to stand before the first one:
    ``bos``, whose own probability is not counted. Every symbol after it is, x_0 included. No
    symbol ends a sequence: one that means "end" is a symbol like any other. ``bos`` may also be
    one prompt for each condition; ``autoreg.posterior`` then tells which prompt a text follows.

    The memory of a state is ``(position, condition, keys, values, keys, values, ...)``: the number
    of symbols read, the condition index, then of each layer a pair (B, heads, inputs, width) of
    all inputs so far, ``bos`` included. ``transformers`` changes its caches in place; a call is
    therefore given a cache of its own, filled with copies, so that a state stays a value. After
    as many symbols as the model has room for nothing can follow: the last one is counted but not
    fed, and ``next`` is zeros.

    Args:
        model: What ``AutoModelForCausalLM`` returns, in evaluation mode: it is refused else, and
            never switched. Every layer needs to keep keys and values; a model of another memory
            is refused at the first call, and ``NextSymbolLogits(lambda x: model(x).logits, ...)``
            takes it, at the cost of reading the past again for every symbol.
        bos: What stands before the first symbol: a symbol, or a row of symbols per condition, all
            of one length.
        num_symbols: Q: the alphabet is the model's first Q symbols; None is all of them. What the
            model gives to others is cut off: the distribution is that given that none comes.
        length: The most symbols in a sequence; None is what the model has positions for.
    """

    stationary = False

    def __init__(
        self,
        model: nn.Module,
        *,
        bos: int | Sequence[Sequence[int]],
        num_symbols: int | None = None,
        length: int | None = None,
    ) -> None:
        self.model = cast(Any, model)
        # Not at the top: whoever has such a model has loaded the library, nobody else needs it.
        self._new_cache = import_module("transformers").DynamicCache
        # What a cache is passed as has changed within a major version of the library.
        takes = signature(self.model.forward).parameters
        self._cache_argument = "cache" if "cache" in takes else "past_key_values"
        self._config: Any = self.model.config.get_text_config(decoder=True)
        rows = [[bos]] if isinstance(bos, int) else [list(row) for row in bos]
        widths = sorted({len(row) for row in rows})
        if len(widths) != 1 or widths[0] == 0:
            raise ValueError(
                f"bos needs a symbol, or prompts of one length, at least 1; got lengths {widths}"
            )
        vocabulary, room = self._config.vocab_size, length
        if (positions := getattr(self._config, "max_position_embeddings", None)) is not None:
            # The last symbol is not fed, so that a start symbol takes no room.
            room = positions + 1 - widths[0]
            _check_range("the length of bos", [widths[0]], 1, positions)
        _check_range("bos", [symbol for row in rows for symbol in row], 0, vocabulary - 1)
        self.num_symbols = vocabulary if num_symbols is None else num_symbols
        _check_range("num_symbols", [self.num_symbols], 1, vocabulary)
        self.length = room if length is None else length
        if self.length is not None and room is not None:
            _check_range("length", [self.length], 1, room)
        self.order = None
        self.num_conditions = len(rows)
        self.prompts = torch.tensor(rows)
        self.head = Categorical(self.num_symbols)

    @property
    def floats_per_symbol(self) -> int:
        """How many numbers one position of one row occupies while it is read, about."""
        width, layers = self._config.hidden_size, self._config.num_hidden_layers
        return 16 * width + 2 * layers * width + 4 * self._config.vocab_size

    def log_probs(
        self, symbols: Int[Tensor, "B T"], condition: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T Q"]:
        """Return log p(. given x_<t, condition) in row t, t = 0 included."""
        params, _ = self._run(self.start(condition), symbols)
        return self.head.log_probs(params[:, :-1])

    def start(self, condition: Int[Tensor, " B"]) -> State:
        """Return the state before the first symbol."""
        condition = place(condition, self.num_conditions, self.model)
        # A prompt is read once, however many rows follow it.
        distinct, which = condition.unique(return_inverse=True)
        logits, pairs = self._feed(self.prompts.to(distinct.device)[distinct], ())
        state = State(logits[:, -1], pairs).at(which)
        return State(state.next, (torch.zeros_like(condition), condition, *state.memory))

    def read(
        self, state: State, symbols: Int[Tensor, "B L"]
    ) -> tuple[Float[Tensor, "B L"], State]:
        """Return the log factors of many symbols, in float64, and the state after them."""
        if symbols.shape[1] == 0:
            return torch.zeros(symbols.shape, dtype=torch.float64, device=symbols.device), state
        position, condition, *_ = state.memory
        params, pairs = self._run(state, symbols)
        memory = (position + symbols.shape[1], condition, *pairs)
        # A copy of one row: a view would hold the rows of all symbols for as long as the state.
        return self.head.log_prob(params[:, :-1], symbols), State(params[:, -1].clone(), memory)

    def step(self, state: State, symbols: Int[Tensor, " B"]) -> State:
        """Return the state after one symbol."""
        return self.read(state, symbols[:, None])[1]

    def _run(
        self, state: State, symbols: Int[Tensor, "B L"]
    ) -> tuple[Float[Tensor, "B L1 Q"], tuple[Tensor, ...]]:
        """Return the logits of each symbol and of the one after the last, and the cache then."""
        position, _, *known = state.memory
        last = check_room(position, symbols.shape[1], self.length)
        params, pairs = state.next[:, None], tuple(known)
        fed = symbols[:, : -1 if last else None]
        if fed.shape[1]:
            logits, pairs = self._feed(fed, pairs)
            params = torch.cat([params, logits], 1)
        return torch.cat([params, torch.zeros_like(params[:, :1])], 1) if last else params, pairs

    def _feed(
        self, inputs: Int[Tensor, "B L"], pairs: tuple[Tensor, ...]
    ) -> tuple[Float[Tensor, "B L Q"], tuple[Tensor, ...]]:
        """Return the logits after each input, and the keys and values of all inputs so far."""
        check_evaluation(self.model)
        cache = self._new_cache()
        for layer, (keys, values) in enumerate(zip(pairs[::2], pairs[1::2], strict=True)):
            cache.update(keys, values, layer)
        logits = self.model(inputs, **{self._cache_argument: cache}, use_cache=True).logits
        kept = [tensor for layer in cache.layers for tensor in (layer.keys, layer.values)]
        count = sum(isinstance(tensor, Tensor) for tensor in kept)
        if count != 2 * self._config.num_hidden_layers:
            raise ValueError(
                f"model needs to keep keys and values in each of its "
                f"{self._config.num_hidden_layers} layers; {type(self.model).__name__} does so in "
                f"{count // 2}. NextSymbolLogits takes models of any memory."
            )
        return logits[..., : self.num_symbols], tuple(kept)


def _check_range(name: str, values: list[int], least: int, most: int) -> None:
    if wrong := [value for value in values if not least <= value <= most]:
        raise ValueError(f"{name} needs to lie within {least}..{most}; got {wrong[0]}")


if TYPE_CHECKING:
    from autoreg.protocol import SequenceModel

    _conforms: type[SequenceModel] = CausalLM
