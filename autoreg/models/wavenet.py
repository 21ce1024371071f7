"""A WaveNet over symbols, given a condition."""

import copy
import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from autoreg.models import runtimes
from autoreg.models.heads import Categorical
from autoreg.models.layers import Bank, Stack, roll, taps_of_ring, unroll
from autoreg.models.logistics import LogisticMixture
from autoreg.models.scalar import ScalarInput
from autoreg.models.tables import ConditionTable, FixedTable, normal
from autoreg.models.upsampling import Kind, upsampling_of
from autoreg.protocol import Head, State
from autoreg.walks.request import Request, Walk


class WaveNet(nn.Module):
    """Gated dilated convolutions over embedded symbols (https://arxiv.org/abs/1609.03499).

    The input at time t is x_{t-1}; a start symbol of its own stands before x_0, and what lies
    before the start is zero in every layer. The order R, the receptive field, is
    1 + (input_kernel - 1) + the sum of (kernel_size - 1) * dilation.

    The memory of a state is ``(position, condition, row, ring, ring, ...)``: the number of symbols
    read, the condition index, the row of the feature bank, then per layer (input filter first) a
    ring (B, reach, width) of its last inputs. Input number i (the start symbol is number 0)
    lies in slot i mod reach.

    Args:
        num_symbols: Q.
        conditions: Sizes of the condition's factors; none for an unconditional model.
        residual: Width of the residual stream.
        gate: Width of the gated units; the residual width if None.
        skip: Width of the sum of skips.
        hidden: Width between the skips and the output.
        kernel_size: Taps of each gated convolution.
        dilations: One per gated layer.
        input_kernel: Taps of the filter before the first gated layer.
        condition_width: Width D of the vectors that enter the gates.
        num_features: Features per position; ``with_features`` supplies them.
        hop: Positions that share one vector of features, a frame, where features accompany each
            sequence; None where they belong to the positions of all.
        upsampling: How frames become features of positions; see ``Upsampling``.
        dropout: Probability of dropping an input of a gated layer, in training only.
        mixtures: Logistics that make up the distribution of the next symbol, for symbols that are
            levels in order; 0 is a number for each symbol.
        scalar: Give the first filter the levels of the symbols themselves, not vectors from a
            table; of ``input_kernel`` taps, some dozens of them as a rule.
    """

    def __init__(
        self,
        num_symbols: int,
        *,
        dilations: Sequence[int],
        conditions: Sequence[int] = (),
        residual: int = 32,
        gate: int | None = None,
        skip: int = 128,
        hidden: int = 128,
        kernel_size: int = 2,
        input_kernel: int = 2,
        condition_width: int = 32,
        num_features: int = 0,
        hop: int | None = None,
        upsampling: Kind = "repeat",
        dropout: float = 0.0,
        mixtures: int = 0,
        scalar: bool = False,
    ) -> None:
        super().__init__()
        self._config: dict[str, Any] = {
            "num_symbols": num_symbols,
            "conditions": list(conditions),
            "residual": residual,
            "gate": gate,
            "skip": skip,
            "hidden": hidden,
            "kernel_size": kernel_size,
            "dilations": list(dilations),
            "input_kernel": input_kernel,
            "condition_width": condition_width,
            "num_features": num_features,
            "hop": hop,
            "upsampling": upsampling,
            "dropout": dropout,
            "mixtures": mixtures,
            "scalar": scalar,
        }
        _check(self._config)
        self.num_symbols = num_symbols
        mixture = LogisticMixture(num_symbols, mixtures) if mixtures else None
        self.head: Head = mixture or Categorical(num_symbols)
        self.embedding: nn.Embedding | ScalarInput
        if scalar:
            self.embedding = ScalarInput(num_symbols)
        else:
            vectors = normal(num_symbols + 1, residual)
            self.embedding = nn.Embedding.from_pretrained(vectors, freeze=False)
        self.conditions: nn.Module | None = (
            ConditionTable(conditions, condition_width) if conditions else None
        )
        self.feature_map = (
            nn.Linear(num_features, condition_width, bias=False) if num_features else None
        )
        self.upsampling = upsampling_of(upsampling, hop, num_features, condition_width)
        self.register_buffer("phase", None, persistent=False)
        self.phase: Tensor | None
        self.register_buffer("features", None)
        self.register_buffer("rows", None)
        self.features: Tensor | None
        self.rows: Tensor | None
        self.stack = Stack(
            width=residual,
            gate=gate or residual,
            skip=skip,
            hidden=hidden,
            outputs=mixture.num_parameters if mixture else num_symbols,
            input_kernel=input_kernel,
            kernel_size=kernel_size,
            dilations=tuple(dilations),
            context=condition_width if conditions or num_features else 0,
            dropout=dropout,
            channels=self.embedding.weight.shape[1],
            fine_input=scalar,
            fine_output=mixture is not None,
        )
        if mixture and not self.stack.output.bias.is_meta:
            self.stack.output.bias.data.copy_(mixture.first_parameters())
        self.order = 1 + sum(self.stack.reaches)

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return copy.deepcopy(self._config)

    @property
    def num_conditions(self) -> int:
        """K: the product of the factors' sizes, or the number of vectors that were given."""
        if isinstance(self.conditions, FixedTable):
            return len(self.conditions.vectors)
        return math.prod(self._config["conditions"])

    @property
    def stationary(self) -> bool:
        """Whether factors ignore the position: true without features."""
        return self.feature_map is None

    @property
    def length(self) -> int | None:
        """The number of positions that have features, or None for any length."""
        if self.upsampling is not None and self.features is not None:
            return self.upsampling.length(self.features, self.phase)
        return None if self.features is None else self.features.shape[1]

    @property
    def floats_per_symbol(self) -> int:
        """How many numbers one position of one row occupies while it is read."""
        config, layers = self._config, len(self.stack.layers)
        units = config["gate"] or config["residual"]
        taps = (config["kernel_size"] + 2) * config["residual"]
        # A component of a mixture goes through a dozen numbers in float64.
        outputs = 24 * config["mixtures"] or 3 * self.num_symbols
        drive = 0
        if self.upsampling is not None:
            # Features of each position: three frames, their sum, and what they are in every layer.
            drive = layers * units * 2 + 4 * config["condition_width"]
        return layers * units * 2 + taps + 4 * units + 2 * config["skip"] + outputs + drive

    def with_conditions(self, vectors: Float[Tensor, "K D"]) -> "WaveNet":
        """Return a model of the same weights whose K conditions are these vectors."""
        width = self._config["condition_width"]
        if self.conditions is None or vectors.ndim != 2 or vectors.shape[1] != width:
            raise ValueError(
                f"with_conditions needs a conditional model and vectors (K, {width}); "
                f"got {tuple(vectors.shape)}"
            )
        if self.rows is not None and len(self.rows) != len(vectors):
            raise ValueError(
                f"with_conditions needs {len(self.rows)} vectors, for as many conditions have a "
                f"row of features; got {len(vectors)}. Call with_features first to change that"
            )
        other, weight = copy.copy(self), self.embedding.weight
        table = FixedTable(vectors.to(weight.device, weight.dtype))
        other._modules = {**self._modules, "conditions": table}
        return other

    def with_features(
        self,
        features: Float[Tensor, "rows T F"],
        *,
        rows: Int[Tensor, " K"] | None = None,
        phase: Int[Tensor, " n"] | None = None,
    ) -> "WaveNet":
        """Return a model of the same weights that knows these features of each position.

        A model with a ``hop`` takes frames, (rows, N, F), and knows N * hop positions.

        Args:
            features: A bank of rows; ``start(..., row=...)`` picks one. Rows and columns of
                pixels are one row for all images; local conditioning has one per utterance.
            rows: The row that belongs to each condition, where a start names none: such as that
                of the scan which is part of the condition. None is row 0 for all.
            phase: With a hop: where position 0 of each row lies, counted from the beginning of
                its first frame; there if None.
        """
        count = self._config["num_features"]
        if not count or features.ndim != 3 or features.shape[2] != count:
            raise ValueError(
                f"with_features needs a model built with num_features and a bank (rows, T, "
                f"{count}); got {tuple(features.shape)}"
            )
        if rows is not None:
            if rows.shape != (self.num_conditions,) or rows.is_floating_point():
                raise ValueError(
                    f"rows needs whole numbers of shape ({self.num_conditions},), one for each "
                    f"condition; got {rows.dtype} of shape {tuple(rows.shape)}"
                )
            if not rows.is_meta:
                check_index("rows", rows, len(features))
            rows = rows.to(self.embedding.weight.device, torch.int64)
        other = copy.copy(self)
        bank = features.to(self.embedding.weight.device, self.embedding.weight.dtype)
        phase = None if self.upsampling is None else self.upsampling.check(bank, phase)
        other._buffers = {**self._buffers, "features": bank, "rows": rows, "phase": phase}
        return other

    def embed(self, symbols: Int[Tensor, "*S"]) -> Float[Tensor, "*S C"]:
        """Return the vectors that stand for symbols; num_symbols is the start symbol."""
        return self.embedding(symbols)

    def log_probs(
        self, symbols: Int[Tensor, "B T"], condition: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T Q"]:
        """Return log p(. given x_<t, condition) in row t, t = 0 included."""
        state = self.start(condition)
        params, _ = self._run(state, symbols)
        return self.head.log_probs(torch.cat([state.next[:, None], params], 1)[:, :-1])

    def start(
        self, condition: Int[Tensor, " B"], *, row: Int[Tensor, " B"] | None = None
    ) -> State:
        """Return the state before the first symbol.

        Args:
            condition: Condition index of each sequence.
            row: Row of the feature bank of each sequence; that of its condition if None.
        """
        if self.upsampling is not None and self.features is None:
            raise ValueError(
                "this model needs the features that accompany a signal: --local, "
                "Density.with_local or with_features"
            )
        if self.feature_map is not None and self.features is None:
            raise ValueError("this model was built with num_features: call with_features first")
        check_index("condition", condition, self.num_conditions)
        if row is not None:
            check_index("row", row, 1 if self.features is None else len(self.features))
        weight = self.embedding.weight
        condition = condition.to(weight.device).long()
        rows = len(condition)
        position = condition.new_full((rows,), -1)
        if row is None and self.rows is not None:
            row = self.rows[condition]
        row = torch.zeros_like(condition) if row is None else row.to(weight.device).long()
        rings = tuple(
            weight.new_zeros(rows, reach, self._config["residual"] if at else weight.shape[1])
            for at, reach in enumerate(self.stack.reaches)
        )
        memory = (position, condition, row, *rings)
        return self.step(State(weight.new_zeros(rows, 0), memory), position + self.num_symbols + 1)

    def read(
        self, state: State, symbols: Int[Tensor, "B L"]
    ) -> tuple[Float[Tensor, "B L"], State]:
        """Return the log factors of many symbols, in float64, and the state after them."""
        if symbols.shape[1] == 0:
            return torch.zeros(symbols.shape, dtype=torch.float64, device=state.next.device), state
        self._check_length(state.memory[0] + 1, symbols.shape[1])
        fast = runtimes.fast_read(self, state, symbols)
        if fast is not None:
            return fast
        params, memory = self._run(state, symbols)
        before = torch.cat([state.next[:, None], params[:, :-1]], dim=1)
        return self.head.log_prob(before, symbols), State(params[:, -1], memory)

    def step(self, state: State, symbols: Int[Tensor, " B"]) -> State:
        """Return the state after one symbol.

        A step copies its rings, since a state is a value; compiled walks copy a state once and
        write its rings in place.
        """
        return self.advance(state, self.embed(symbols.long()))

    def advance(self, state: State, vectors: Float[Tensor, "B R"]) -> State:
        """Return the state after what such vectors stand for, as ``embed`` returns them.

        Differentiable in the vectors and in the state, twice if need be. Rows may stand at
        positions of their own.
        """
        position, condition, row, *rings = state.memory
        number = position + 1
        self._check_length(number, 1)
        contexts = self._contexts(condition, row, number, 1)
        taps = functools.partial(taps_of_ring, number=number)
        params, rings = self.stack(vectors[:, None], rings, contexts, taps=taps)
        return State(params[:, 0], (number, condition, row, *rings))

    def fast_walk(self, asked: Request) -> Walk | None:
        """Walk by a compiled runtime, or return None where only the reference serves."""
        return runtimes.fast_walk(self, asked)

    def _run(
        self, state: State, symbols: Int[Tensor, "B L"]
    ) -> tuple[Float[Tensor, "B L Q"], tuple[Tensor, ...]]:
        """Return the head's parameters after each symbol, and the memory after all."""
        position, condition, row, *rings = state.memory
        length = symbols.shape[1]
        self._check_length(position + 1, length)
        contexts = self._contexts(condition, row, position + 1, length)
        pasts = [unroll(ring, position) for ring in rings]
        params, pasts = self.stack(self.embed(symbols.long()), pasts, contexts)
        position = position + length
        rings = [roll(past, position) for past in pasts]
        return params, (position, condition, row, *rings)

    def _check_length(self, first: Int[Tensor, " B"], count: int) -> None:
        if self.length is not None and len(first) and int(first.max()) + count - 1 > self.length:
            raise ValueError(
                f"the model has features for {self.length} positions; "
                f"position {int(first.max()) + count - 1} lies beyond them"
            )

    def _contexts(
        self,
        condition: Int[Tensor, " B"],
        row: Int[Tensor, " B"],
        first: Int[Tensor, " B"],
        length: int,
    ) -> list[Tensor | Bank]:
        """Return what enters the gates when inputs number first, first + 1, ... are read.

        Input number i predicts symbol i, so it goes with the features of position i. Past the
        last position nothing is predicted; the last features stand in.
        """
        contexts: list[Tensor | Bank] = []
        if self.conditions is not None:
            contexts.append(self.conditions()[condition][:, None])
        if self.feature_map is None or self.features is None or not len(first):
            return contexts
        if self.upsampling is not None:
            frames, phase = self.features, self.phase
            known = self.upsampling.span(frames, phase, row, first, length, self.feature_map)
            contexts.append(known)
        else:
            at = torch.arange(length, device=first.device)
            few = len(self.features) == 1 or len(self.features) < len(first)
            if few and bool((first == first[0]).all()):
                at = (first[:1, None] + at).clamp(max=self.features.shape[1] - 1)
                known = self.feature_map(self.features.index_select(1, at[0]))
                contexts.append(known if len(known) == 1 else Bank(known, row))
            else:
                at = (first[:, None] + at).clamp(max=self.features.shape[1] - 1)
                contexts.append(self.feature_map(self.features[row[:, None], at]))
        return contexts


def check_index(name: str, index: Int[Tensor, " B"], limit: int) -> None:
    """Refuse an index that is not within 0..limit - 1."""
    if index.numel() and not 0 <= int(index.min()) <= int(index.max()) < limit:
        raise ValueError(
            f"{name} needs indices 0..{limit - 1}; got {int(index.min())}..{int(index.max())}"
        )


def _check(config: dict[str, Any]) -> None:
    """Refuse widths, sizes and dilations that are not whole numbers of at least 1."""
    for name, value in config.items():
        if name == "scalar":
            if type(value) is not bool:
                raise ValueError(f"scalar needs true or false; got {value!r}")
            continue
        least = 0 if name in ("num_features", "mixtures") else 1
        if name == "dropout":
            if not 0 <= value < 1:
                raise ValueError(f"dropout needs to lie within 0..1, 1 excluded; got {value}")
            continue
        if name == "upsampling" or (name in ("gate", "hop") and value is None):
            continue
        values = value if isinstance(value, list) else [value]
        if not all(type(number) is int and number >= least for number in values):
            raise ValueError(f"{name} needs whole numbers of at least {least}; got {value}")
    if not config["dilations"]:
        raise ValueError("dilations needs at least one number; got none")


if TYPE_CHECKING:
    from autoreg.protocol import SequenceModel

    _conforms: type[SequenceModel] = WaveNet
