"""The stack of gated, dilated, causal convolutions that a WaveNet is made of."""

import contextlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from autoreg.models.cascade import Shape, cascade
from autoreg.models.readout import Weights, readout


class Bank(NamedTuple):
    """Vectors of a few rows, one row of which belongs to each sequence.

    What many sequences share is projected once, not for each.

    Attributes:
        vectors: (b, l, D); l is 1 or the number of inputs.
        pick: Which row each sequence has.
    """

    vectors: Float[Tensor, "b l D"]
    pick: Int[Tensor, " B"]


class GatedLayer(nn.Module):
    """One gated unit: tanh(W_f * x) times sigmoid(W_g * x), then a residual projection.

    The two filters are independent and computed by one stacked product: the first half of the
    output rows is W_f, the second W_g (van den Oord et al. 2016, equation 2,
    https://arxiv.org/abs/1609.03499). Each half is initialised by itself, for a stacked fan-out
    would shrink both.
    """

    def __init__(
        self, *, width: int, gate: int, kernel_size: int, dilation: int, context: int, last: bool
    ) -> None:
        super().__init__()
        self.kernel_size, self.dilation = kernel_size, dilation
        self.reach = (kernel_size - 1) * dilation
        self.filters = nn.Parameter(torch.empty(2 * gate, kernel_size * width))
        self.bias = nn.Parameter(torch.zeros(2 * gate))
        for half in self.filters.data.chunk(2):
            nn.init.xavier_uniform_(half)
        # The gate already has a bias; a second one here would not be identifiable.
        self.context = nn.Parameter(torch.empty(2 * gate, context)) if context else None
        if self.context is not None:
            nn.init.xavier_uniform_(self.context)
        # Nothing reads the residual path after the last layer.
        self.residual = None if last else nn.Linear(gate, width)

    def forward(
        self, taps: Float[Tensor, "B L kR"], contexts: list[Tensor]
    ) -> Float[Tensor, "B L G"]:
        """Return the gated units; each context (b, l, D) broadcasts over rows or time."""
        gates = functional.linear(taps, self.filters, self.bias)
        if self.context is not None:
            for context in contexts:
                gates = gates + functional.linear(context, self.context)
        signal, gate = gates.chunk(2, dim=-1)
        return torch.tanh(signal) * torch.sigmoid(gate)


class InputFilter(nn.Module):
    """A causal convolution without a gate, in front of the gated layers."""

    def __init__(self, *, width: int, kernel_size: int, channels: int | None = None) -> None:
        super().__init__()
        self.kernel_size, self.dilation = kernel_size, 1
        self.reach = kernel_size - 1
        self.filters = nn.Linear(kernel_size * (channels or width), width)

    def forward(self, taps: Float[Tensor, "B L kC"]) -> Float[Tensor, "B L R"]:
        """Return the filtered inputs."""
        return self.filters(taps)


def taps_of(
    layer: GatedLayer | InputFilter, past: Float[Tensor, "B n R"], inputs: Float[Tensor, "B L R"]
) -> tuple[Float[Tensor, "B L kR"], Float[Tensor, "B n R"]]:
    """Return what a layer's filters see at each input, oldest first, and the new past."""
    length, dilation = inputs.shape[1], layer.dilation
    joined = torch.cat([past, inputs], dim=1)
    pieces = [joined[:, n * dilation : n * dilation + length] for n in range(layer.kernel_size)]
    return torch.cat(pieces, dim=-1), joined[:, length:]


def taps_of_ring(
    layer: GatedLayer | InputFilter,
    ring: Float[Tensor, "B n R"],
    inputs: Float[Tensor, "B 1 R"],
    *,
    number: Int[Tensor, " B"],
) -> tuple[Float[Tensor, "B 1 kR"], Float[Tensor, "B n R"]]:
    """Return what a layer's filters see at one input, oldest first, and the ring with it in.

    Nothing else in the ring moves: input ``number`` takes slot ``number`` mod reach.
    """
    rows = torch.arange(len(inputs), device=inputs.device)
    distances = range(layer.reach, 0, -layer.dilation)
    seen = [ring[rows, (number - distance) % layer.reach][:, None] for distance in distances]
    if layer.reach:
        ring = ring.index_put((rows, number % layer.reach), inputs[:, 0].to(ring.dtype))
    return torch.cat([*seen, inputs], dim=-1), ring


def unroll(ring: Float[Tensor, "B n R"], position: Int[Tensor, " B"]) -> Float[Tensor, "B n R"]:
    """Return a ring's inputs oldest first, when inputs 0..position have been seen."""
    reach = ring.shape[1]
    if not reach or not len(ring):
        return ring
    slots = (position[:, None] + 1 + torch.arange(reach, device=ring.device)) % reach
    return ring[torch.arange(len(ring), device=ring.device)[:, None], slots]


def roll(past: Float[Tensor, "B n R"], position: Int[Tensor, " B"]) -> Float[Tensor, "B n R"]:
    """Return the ring of the last inputs, oldest first, when inputs 0..position have been seen."""
    return unroll(past, -position - 2)


class Stack(nn.Module):
    """Input filter, gated layers, skips of all layers as one product, and the output layers.

    Where fine levels come in, or go out, the layers there keep their precision under autocast: in
    bfloat16 there are 256 levels between 1 and 2.
    """

    def __init__(
        self,
        *,
        width: int,
        gate: int,
        skip: int,
        hidden: int,
        outputs: int,
        input_kernel: int,
        kernel_size: int,
        dilations: tuple[int, ...],
        context: int,
        dropout: float,
        channels: int | None = None,
        fine_input: bool = False,
        fine_output: bool = False,
    ) -> None:
        super().__init__()
        self.fine_input, self.fine_output = fine_input, fine_output
        self.input_filter = InputFilter(width=width, kernel_size=input_kernel, channels=channels)
        self.layers = nn.ModuleList(
            GatedLayer(
                width=width,
                gate=gate,
                kernel_size=kernel_size,
                dilation=dilation,
                context=context,
                last=number == len(dilations) - 1,
            )
            for number, dilation in enumerate(dilations)
        )
        self.dropout = dropout
        self.skip = nn.Linear(len(dilations) * gate, skip)
        self.hidden = nn.Linear(skip, hidden)
        self.output = nn.Linear(hidden, outputs)
        for linear in (self.skip, self.hidden):
            nn.init.kaiming_uniform_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)
        # The first loss is then exactly log Q, a check anyone can make.
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)

    @property
    def multiplications(self) -> int:
        """Multiply-adds per position, those with what enters the gates left aside."""
        linears = [self.input_filter.filters, self.skip, self.hidden, self.output]
        linears += [layer.residual for layer in self.gated if layer.residual is not None]
        weights = [linear.weight for linear in linears] + [layer.filters for layer in self.gated]
        return sum(weight.numel() for weight in weights)

    @property
    def gated(self) -> list[GatedLayer]:
        """The gated layers, first to last."""
        return [layer for layer in self.layers if isinstance(layer, GatedLayer)]

    @property
    def reaches(self) -> tuple[int, ...]:
        """How many past inputs each layer keeps, input filter first."""
        layers = [self.input_filter, *self.layers]
        return tuple(int(layer.reach) for layer in layers)

    def forward(
        self,
        inputs: Float[Tensor, "B L R"],
        pasts: list[Tensor],
        contexts: Sequence[Tensor | Bank],
        *,
        taps: Callable[..., tuple[Tensor, Tensor]] | None = None,
    ) -> tuple[Float[Tensor, "B L Q"], list[Tensor]]:
        """Return the head's parameters after each input, and each layer's new past.

        Args:
            inputs: Embedded symbols.
            pasts: For each layer its last ``reach`` inputs, as ``taps`` takes them.
            contexts: Vectors (b, l, D) whose sum enters the gates; each broadcasts over rows or
                over time, so a global condition is projected once per sequence; or a bank.
            taps: From a layer, its past and its inputs to what its filters see and its new past.
                With it one layer is called after the other; without, all are one operation, which
                is faster on more than a few inputs and takes pasts oldest first.
        """
        if taps is None:
            return self._cascaded(inputs, pasts, contexts)
        each = [one.vectors[one.pick] if isinstance(one, Bank) else one for one in contexts]
        seen, past = taps(self.input_filter, pasts[0], inputs)
        new_pasts, units = [past], []
        # Under autocast products are bfloat16; the stream that they add up to stays as it came.
        stream = self._filtered(seen)
        for layer, past in zip(self.gated, pasts[1:], strict=True):
            dropped = functional.dropout(stream, self.dropout, self.training)
            seen, new_past = taps(layer, past, dropped)
            new_pasts.append(new_past)
            units.append(layer(seen, each))
            if layer.residual is not None:
                stream = stream + layer.residual(units[-1])
        # The skips of all layers are one product, and nothing is kept for each.
        joined = torch.cat(units, dim=-1)
        with _precise(inputs, when=self.fine_output):
            joined = joined.to(inputs.dtype) if self.fine_output else joined
            skips = functional.relu(self.skip(joined))
            return self.output(functional.relu(self.hidden(skips))), new_pasts

    def _filtered(self, seen: Float[Tensor, "B L kC"]) -> Float[Tensor, "B L R"]:
        with _precise(seen, when=self.fine_input):
            return self.input_filter(seen).to(seen.dtype)

    def _cascaded(
        self,
        inputs: Float[Tensor, "B L R"],
        pasts: list[Tensor],
        contexts: Sequence[Tensor | Bank],
    ) -> tuple[Float[Tensor, "B L Q"], list[Tensor]]:
        """Return what `forward` does, from all layers as one operation."""
        seen, past = taps_of(self.input_filter, pasts[0], inputs)
        stream = self._filtered(seen)
        layers, device = self.gated, inputs.device.type
        rough = torch.is_autocast_enabled(device) and inputs.dtype != torch.float64
        precision = torch.get_autocast_dtype(device) if rough else inputs.dtype
        residuals = [layer.residual for layer in layers if layer.residual is not None]
        rows, length, width = stream.shape
        none = inputs.new_zeros(0, width, layers[0].filters.shape[0] // 2)
        drives, picks = self._drives(contexts)
        units, after = cascade(
            stream.permute(2, 0, 1).contiguous(),
            [past.permute(2, 0, 1) for past in pasts[1:]],
            torch.stack([layer.filters for layer in layers]),
            drives,
            torch.stack([each.weight for each in residuals]) if residuals else none,
            torch.stack([each.bias for each in residuals]) if residuals else none[..., 0],
            Shape(
                dilations=tuple(layer.dilation for layer in layers),
                kernel_size=layers[0].kernel_size,
                dropout=self.dropout if self.training else 0.0,
                precision=precision,
            ),
            picks,
        )
        linears = (self.skip, self.hidden, self.output)
        weights = Weights(*(tensor for each in linears for tensor in (each.weight, each.bias)))
        precision = inputs.dtype if self.fine_output else precision
        params = readout(units.flatten(0, 1).flatten(1).to(precision), weights, precision)
        params = params.unflatten(0, (rows, length))
        return params, [past, *(one.permute(1, 2, 0) for one in after)]

    def _drives(
        self, contexts: Sequence[Tensor | Bank]
    ) -> tuple[list[Tensor], list[Tensor | None]]:
        """Return what is added inside the gates, (L, 2G, b, t) each, and which b a row has.

        Biases are within the first.
        """
        bias = torch.stack(tuple(layer.bias for layer in self.gated))[:, :, None, None]
        weights = [layer.context for layer in self.gated if layer.context is not None]
        if not weights or not contexts:
            return [bias], [None]
        weight = torch.stack(tuple(weights))
        banks = [one if isinstance(one, Bank) else (one, None) for one in contexts]
        first, *others = [
            torch.einsum("lgd,btd->lgbt", weight, vectors).to(bias.dtype) for vectors, _ in banks
        ]
        return [first + bias, *others], [pick for _, pick in banks]


def _precise(like: Tensor, *, when: bool) -> contextlib.AbstractContextManager[object]:
    """Return a context without autocast, or one that changes nothing."""
    return torch.autocast(like.device.type, enabled=False) if when else contextlib.nullcontext()
