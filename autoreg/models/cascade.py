"""The gated layers of a WaveNet as one differentiable operation."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from autoreg.models.blocks import Block, Desk, blocks

_tanh_backward = torch.ops.aten.tanh_backward.grad_input
_sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input


class Shape(NamedTuple):
    """What a cascade is told besides tensors.

    Attributes:
        dilations: One per layer.
        kernel_size: Taps of each layer.
        dropout: Probability of dropping an input of a layer.
        precision: The type of what is multiplied; the stream keeps its own.
    """

    dilations: tuple[int, ...]
    kernel_size: int
    dropout: float
    precision: torch.dtype


def cascade(
    stream: Float[Tensor, "R B T"],
    pasts: Sequence[Tensor],
    filters: Float[Tensor, "L G2 kR"],
    drives: Sequence[Tensor],
    residual_weight: Float[Tensor, "L1 R G"],
    residual_bias: Float[Tensor, "L1 R"],
    shape: Shape,
    picks: Sequence[Tensor | None] = (),
) -> tuple[Float[Tensor, "L G B T"], list[Tensor]]:
    """Return the gated units of all layers, and what each layer will remember.

    Channels lead and time is last: a tap is then a slice, each half of the gates one piece of
    memory, the units of all layers one matrix. The gradient is written out, block by block as the
    units are; neither keeps taps or pre-activations. To differentiate twice, give `Stack` its
    ``taps``: there everything is left to autograd.

    Args:
        stream: The filtered inputs.
        pasts: For each layer its last inputs (R, B, reach), oldest first.
        filters: Of all layers, taps oldest first.
        drives: What is added inside the gates, (L, 2G, b, t), each to be broadcast or picked.
        residual_weight: Of all layers but the last.
        residual_bias: Of all layers but the last.
        shape: The rest.
        picks: For each drive, which of its b each row has, (B,), where it is picked.
    """
    weights = (filters, residual_weight, residual_bias)
    chosen = tuple(picks) or (None,) * len(drives)
    units, *after = _Cascade.apply(shape, chosen, stream, *weights, *drives, *pasts)
    return units, after


class _Cascade(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        shape: Shape,
        picks: tuple[Tensor | None, ...],
        stream: Tensor,
        filters: Tensor,
        residual_weight: Tensor,
        residual_bias: Tensor,
        *rest: Tensor,
    ) -> tuple[Tensor, ...]:
        drives, pasts = rest[: len(picks)], rest[len(picks) :]
        kept, rough = any(ctx.needs_input_grad), shape.precision
        (width, rows, times), (depth, twice, _) = stream.shape, filters.shape
        gate = twice // 2
        units = stream.new_empty(depth, gate, rows, times, dtype=rough)
        gates = stream.new_empty(depth if kept else 0, twice, rows, times, dtype=rough)
        desk = Desk(stream, rough)
        seen, masks, after = [], [], []
        # Where nothing is rounded or dropped, what a layer sees is the stream.
        plain = not shape.dropout and rough == stream.dtype
        stream = stream if plain else stream.clone()
        with torch.autocast(stream.device.type, enabled=False):
            inwards, outwards = filters.to(rough), residual_weight.to(rough)
            for layer, past in enumerate(pasts):
                inputs, mask = _drop(stream, shape)
                if plain and layer < depth - 1:
                    stream = torch.empty_like(inputs)
                for at in blocks(units[0]):
                    taps = _taps(desk, inputs, past, shape, layer, at)
                    raw = torch.mm(inwards[layer], taps, out=desk.rough("raw", twice, at))
                    pre = raw if plain else desk.wide("pre", twice, at).copy_(raw)
                    _gate(pre, [drive[layer] for drive in drives], picks, units[layer], at)
                    if kept:
                        at.of(gates[layer]).copy_(pre.view(twice, *at.size))
                    if layer == depth - 1:
                        continue
                    more = desk.rough("more", width, at)
                    more = torch.mm(outwards[layer], at.matrix(units[layer]), out=more)
                    more = more.view(width, *at.size)
                    start = at.of(inputs if plain else stream)
                    torch.add(start, more, out=at.of(stream))
                    at.of(stream).add_(residual_bias[layer][:, None, None])
                after.append(_last(past, inputs))
                if kept:
                    seen.append(inputs)
                    masks.append(mask)
        if kept:
            ctx.shape, ctx.picks, ctx.wide = shape, picks, stream.dtype
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(
                filters, residual_weight, units, gates, *drives, *pasts, *seen, *masks
            )
        return (units, *after)

    @staticmethod
    def backward(ctx: Any, d_units: Tensor | None, *d_after: Tensor | None) -> Any:  # noqa: ANN401
        if torch.is_grad_enabled():
            raise RuntimeError(
                "the layers of a WaveNet as one operation have no second derivative: give its "
                "stack taps=taps_of, or differentiate without create_graph"
            )
        shape, picks = ctx.shape, ctx.picks
        filters, residual_weight, units, gates, *rest = ctx.saved_tensors
        depth, gate, rows, times = units.shape
        drives, rest = rest[: len(picks)], rest[len(picks) :]
        pasts, seen, masks = rest[:depth], rest[depth : 2 * depth], rest[2 * depth :]
        width, rough = seen[0].shape[0], shape.precision
        desk = Desk(filters, rough)
        carry = seen[0].new_zeros(width, rows, times, dtype=ctx.wide)
        d_filters, d_outwards = torch.zeros_like(filters), torch.zeros_like(residual_weight)
        d_bias = residual_weight.new_zeros(residual_weight.shape[:2])
        d_drives = [torch.zeros_like(drive) for drive in drives]
        d_pasts = [torch.zeros_like(past) for past in pasts]
        inwards = filters.to(rough).mT.contiguous()
        outwards = residual_weight.to(rough).mT.contiguous()
        for layer in reversed(range(depth)):
            d_inputs = torch.zeros_like(carry) if shape.dropout else carry
            # Time goes up: a block adds to the gradient of inputs at its own times and before,
            # where that of the layers above has been read.
            for at in blocks(units[0]):
                d_unit = desk.rough("d_unit", gate, at)
                if layer < depth - 1:
                    above = at.matrix(carry)
                    d_bias[layer] += above.sum(1)
                    above = desk.rough("above", width, at).copy_(above)
                    torch.mm(outwards[layer], above, out=d_unit)
                    d_outwards[layer] += above @ at.matrix(units[layer]).T
                    if d_units is not None:
                        d_unit.view(gate, *at.size).add_(at.of(d_units[layer]))
                elif d_units is not None:
                    d_unit.view(gate, *at.size).copy_(at.of(d_units[layer]))
                else:
                    d_unit.zero_()
                d_pre = desk.rough("d_pre", 2 * gate, at)
                _ungate(d_unit, at.matrix(gates[layer]), d_pre, desk.rough("part", gate, at))
                taps = _taps(desk, seen[layer], pasts[layer], shape, layer, at)
                d_filters[layer] += d_pre @ taps.T
                for d_drive, pick in zip(d_drives, picks, strict=True):
                    _collect(d_drive[layer], pick, d_pre, at)
                d_taps = torch.mm(inwards[layer], d_pre, out=desk.rough("d_taps", len(taps), at))
                _spread(d_taps, d_inputs, d_pasts[layer], shape, layer, at)
            _return(d_after[layer], d_inputs, d_pasts[layer])
            if shape.dropout:
                carry.add_(d_inputs.mul_(masks[layer]), alpha=1 / (1 - shape.dropout))
        return (None, None, carry, d_filters, d_outwards, d_bias, *d_drives, *d_pasts)


def _gate(
    pre: Tensor,
    drives: Sequence[Tensor],
    picks: Sequence[Tensor | None],
    units: Tensor,
    at: Block,
) -> None:
    """Write a block of units, and leave tanh and sigmoid where their arguments were."""
    for drive, pick in zip(drives, picks, strict=True):
        part = at.of(drive) if pick is None else _times(drive, at)[:, pick[at.rows]]
        pre.view(-1, *at.size).add_(part)
    signal, opened = pre.chunk(2)
    signal.tanh_()
    opened.sigmoid_()
    if pre.dtype == units.dtype:
        torch.mul(signal, opened, out=at.matrix(units))
    else:
        at.matrix(units).copy_(signal * opened)


def _ungate(d_unit: Tensor, gates: Tensor, d_pre: Tensor, part: Tensor) -> None:
    """Write the gradient of what went into the gates of a block."""
    for half, other, back in ((0, 1, _tanh_backward), (1, 0, _sigmoid_backward)):
        values = gates.chunk(2)
        torch.mul(d_unit, values[other], out=part)
        back(part, values[half], grad_input=d_pre.chunk(2)[half])


def _offsets(shape: Shape, layer: int) -> Iterator[int]:
    """Yield how far back each tap lies, oldest first."""
    for tap in range(shape.kernel_size - 1, -1, -1):
        yield tap * shape.dilations[layer]


def _taps(
    desk: Desk, inputs: Tensor, past: Tensor, shape: Shape, layer: int, at: Block
) -> Float[Tensor, "kR n"]:
    """Return what a layer's filters see in a block, oldest first."""
    width = inputs.shape[0]
    taps = desk.rough("taps", shape.kernel_size * width, at)
    pieces = taps.view(shape.kernel_size, width, *at.size)
    for piece, offset in zip(pieces, _offsets(shape, layer), strict=True):
        before, first = _border(past, offset, at)
        piece[..., :before] = past[:, at.rows, first : first + before]
        start = at.times.start - offset
        piece[..., before:] = inputs[:, at.rows, start + before : at.times.stop - offset]
    return taps


def _spread(
    d_taps: Tensor, d_inputs: Tensor, d_past: Tensor, shape: Shape, layer: int, at: Block
) -> None:
    """Add the gradients of taps to those of what they are taken from."""
    pieces = d_taps.view(shape.kernel_size, d_inputs.shape[0], *at.size)
    for piece, offset in zip(pieces, _offsets(shape, layer), strict=True):
        before, first = _border(d_past, offset, at)
        d_past[:, at.rows, first : first + before] += piece[..., :before]
        start = at.times.start - offset
        d_inputs[:, at.rows, start + before : at.times.stop - offset] += piece[..., before:]


def _border(past: Tensor, offset: int, at: Block) -> tuple[int, int]:
    """Return how many times of a block lie in the past, so far back, and the first one's place."""
    start, stop = at.times.start - offset, at.times.stop - offset
    return min(max(-start, 0), stop - start), past.shape[2] + min(start, 0)


def _last(past: Tensor, inputs: Tensor) -> Tensor:
    """Return the last inputs, as many as there were."""
    reach, times = past.shape[2], inputs.shape[2]
    if times >= reach:
        return inputs[:, :, times - reach :].to(past.dtype, copy=True)
    return torch.cat([past[:, :, times:], inputs.to(past.dtype)], dim=2)


def _return(d_last: Tensor | None, d_inputs: Tensor, d_past: Tensor) -> None:
    """Add the gradient of the last inputs to those of what they were."""
    if d_last is None:
        return
    reach, times = d_past.shape[2], d_inputs.shape[2]
    old = max(reach - times, 0)
    d_past[:, :, reach - old :] += d_last[:, :, :old]
    d_inputs[:, :, times - (reach - old) :] += d_last[:, :, old:]


def _times(drive: Float[Tensor, "G2 b t"], at: Block) -> Float[Tensor, "G2 b s"]:
    """Return the times of a block of a drive, all of its rows."""
    return drive[:, :, at.times] if drive.shape[2] > 1 else drive


def _collect(
    d_drive: Float[Tensor, "G2 b t"], pick: Tensor | None, d_pre: Float[Tensor, "G2 n"], at: Block
) -> None:
    """Add a block's gradient to that of a drive that was broadcast over it or picked for it."""
    axes = [axis for axis in (1, 2) if d_drive.shape[axis] == 1]
    block = d_pre.view(-1, *at.size)
    if pick is not None:
        # A product, since adding at indices comes in any order on a GPU.
        number = torch.arange(d_drive.shape[1], device=pick.device)
        taken = (number[:, None] == pick[at.rows]).to(d_drive.dtype)
        block = taken @ block.to(d_drive.dtype)
        if d_drive.shape[2] == 1:
            block = block.sum(2, keepdim=True)
        _times(d_drive, at).add_(block)
        return
    if axes:
        block = block.sum(axes, keepdim=True, dtype=d_drive.dtype)
    at.of(d_drive).add_(block)


def _drop(stream: Tensor, shape: Shape) -> tuple[Tensor, Tensor | None]:
    """Return what a layer sees of the stream, and which inputs that leaves."""
    if not shape.dropout:
        return stream.to(shape.precision), None
    dropped, mask = torch.native_dropout(stream, shape.dropout, train=True)
    return dropped.to(shape.precision), mask
