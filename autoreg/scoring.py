"""The one definition of the log probability of a sequence."""

from collections.abc import Iterable, Iterator
from typing import Protocol, cast

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from autoreg.protocol import SequenceModel, State

MEMORY = 256 * 2**20
"""Bytes that the activations of one batch may occupy unless told."""


def log_factors(
    model: SequenceModel,
    symbols: Integer[Tensor, "B T"],
    condition: Int[Tensor, " B"],
    lengths: Int[Tensor, " B"] | None = None,
    *,
    skip: Int[Tensor, " B"] | None = None,
    row: Int[Tensor, " B"] | None = None,
) -> Float[Tensor, "B T"]:
    r"""Return :math:`\log p(x_t \mid x_{<t}, y)` for every t, in nats and float64.

    The number that training minimises is minus the sum of these.

    Args:
        model: Any sequence model.
        symbols: Sequences of unequal length are padded on the right with any valid symbol.
        condition: One condition index per row.
        lengths: Factors from here on are exactly 0.
        skip: Factors before here are exactly 0. A row with skip > 0 is a crop out of the middle of
            a longer sequence: its first ``skip`` symbols, at least the model's order, are context
            only, and the factors after them equal those of the whole sequence.
        row: The row of each sequence in the bank of the model's features, where it has one. A
            crop's features are then those of its own positions.

    Raises:
        TypeError: Symbols are not whole numbers.
        ValueError: A symbol or a length is out of range, or a crop brings too little context.

    Example:
        >>> uniform = MarkovTable(torch.full((1, 1, 2), 0.5).log())
        >>> log_factors(uniform, torch.tensor([[0, 1, 1]]), torch.tensor([0])).exp()
        tensor([[0.5000, 0.5000, 0.5000]], dtype=torch.float64)
    """
    check_symbols(model, symbols, condition)
    check_lengths("lengths", lengths, symbols)
    check_lengths("skip", skip, symbols)
    if skip is not None:
        _check_crops(model, skip, located=row is not None)
    state = _start(model, condition, row)
    factors, _ = model.read(state, symbols.to(state.next.device, torch.int64))
    at = torch.arange(symbols.shape[1], device=factors.device)
    if lengths is not None:
        factors = factors.masked_fill(at >= lengths.to(at.device)[:, None], 0.0)
    if skip is not None:
        factors = factors.masked_fill(at < skip.to(at.device)[:, None], 0.0)
    return factors


def stream(
    model: SequenceModel,
    pieces: Iterable[Integer[Tensor, "B L"]],
    condition: Int[Tensor, " B"],
    *,
    row: Int[Tensor, " B"] | None = None,
) -> Iterator[Float[Tensor, "B L"]]:
    """Yield the log factors of consecutive pieces of the same sequences, in flat memory.

    A piece of one row is broadcast over all conditions; ``row`` as in ``log_factors``.
    """
    state = _start(model, condition, row)
    for piece in pieces:
        piece = piece.expand(len(condition), -1)
        check_symbols(model, piece, condition)
        factors, state = model.read(state, piece.to(state.next.device, torch.int64))
        yield factors


def chunk_length(model: SequenceModel, rows: int, memory: int = MEMORY) -> int:
    """Return how many positions of ``rows`` sequences fit into a memory budget in bytes.

    A model may say in ``floats_per_symbol`` how many numbers it holds for one position of one row
    while it reads; eight for each symbol of the alphabet are assumed of any other.
    """
    floats = int(getattr(model, "floats_per_symbol", 8 * model.num_symbols))
    return max(1, memory // (4 * floats * max(1, rows)))


def piece_length(model: SequenceModel, rows: int, memory: int = MEMORY) -> int:
    """Return how many positions of ``rows`` sequences are to be read at a time.

    As many as fit into the memory; but all, of a model that says that it is read ``whole``, so
    that only reading fewer rows takes less.
    """
    size = chunk_length(model, rows, memory)
    return max(size, model.length or 1) if getattr(model, "whole", False) else size


def check_symbols(
    model: SequenceModel, symbols: Integer[Tensor, "B T"], condition: Int[Tensor, " B"]
) -> None:
    """Refuse symbols, shapes or lengths that the model does not know."""
    for name, tensor in (("symbols", symbols), ("condition indices", condition)):
        if tensor.is_floating_point() or tensor.is_complex() or tensor.dtype == torch.bool:
            raise TypeError(f"{name} need an integer type; got {tensor.dtype}")
    if symbols.ndim != 2 or condition.shape != symbols.shape[:1]:
        raise ValueError(
            "symbols need shape (B, T) and condition (B,); "
            f"got {tuple(symbols.shape)} and {tuple(condition.shape)}"
        )
    if model.length is not None and symbols.shape[1] > model.length:
        raise ValueError(
            f"the model knows sequences of {model.length} symbols; got {symbols.shape[1]}"
        )
    if symbols.numel() and not (
        int(symbols.min()) >= 0 and int(symbols.max()) < model.num_symbols
    ):
        wrong = ((symbols < 0) | (symbols >= model.num_symbols)).nonzero()[0].tolist()
        raise ValueError(
            f"symbols need to lie within 0..{model.num_symbols - 1}; "
            f"got {int(symbols[tuple(wrong)])} in row {wrong[0]} at position {wrong[1]}"
        )


def check_lengths(
    name: str, lengths: Int[Tensor, " B"] | None, symbols: Integer[Tensor, "B T"]
) -> None:
    """Refuse what is not one number of symbols, within 0..T, for each row."""
    if lengths is None:
        return
    if lengths.shape != symbols.shape[:1] or lengths.is_floating_point():
        raise ValueError(
            f"{name} needs whole numbers of shape ({len(symbols)},); "
            f"got {lengths.dtype} of shape {tuple(lengths.shape)}"
        )
    wrong = (lengths < 0) | (lengths > symbols.shape[1])
    if bool(wrong.any()):
        raise ValueError(
            f"{name} needs numbers within 0..{symbols.shape[1]}; got {int(lengths[wrong][0])}"
        )


class _Featured(Protocol):
    def start(self, condition: Int[Tensor, " B"], *, row: Int[Tensor, " B"]) -> State:
        """Return the state before the first symbol, given features."""


def _start(
    model: SequenceModel, condition: Int[Tensor, " B"], row: Int[Tensor, " B"] | None
) -> State:
    return (
        model.start(condition) if row is None else cast(_Featured, model).start(condition, row=row)
    )


def _check_crops(model: SequenceModel, skip: Int[Tensor, " B"], *, located: bool) -> None:
    cropped = skip[skip > 0]
    if not len(cropped):
        return
    if model.order is None or not (model.stationary or located):
        raise ValueError("crops need a stationary model of finite order; score whole sequences")
    if int(cropped.min()) < model.order:
        raise ValueError(
            f"crops need at least the model's order, {model.order} symbols, of context; "
            f"got {int(cropped.min())}"
        )
