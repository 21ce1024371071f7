"""The three WaveNets that are measured."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from autoreg.models.dilations import doubling
from autoreg.models.networks import network_of
from autoreg.models.wavenet import WaveNet
from autoreg.training.chance import seeded


class Subject(NamedTuple):
    """The shape of a model that is measured, and the batch that it is measured with.

    Attributes:
        num_symbols: Q.
        num_conditions: K.
        residual: Width of the residual stream.
        skip: Width of the sum of skips.
        hidden: Width between the skips and the output.
        dilations: One per gated layer of two taps, as wide as the residual stream.
        rows: Sequences of the batch that is scored and learnt from.
        length: Symbols of each of these.
    """

    num_symbols: int
    num_conditions: int
    residual: int
    skip: int
    hidden: int
    dilations: tuple[int, ...]
    rows: int
    length: int


SUBJECTS = {
    "A": Subject(
        num_symbols=2,
        num_conditions=10,
        residual=32,
        skip=1024,
        hidden=512,
        dilations=doubling(1, 9) + doubling(1, 7) + doubling(1, 6),
        rows=16,
        length=784,
    ),
    "B": Subject(
        num_symbols=256,
        num_conditions=6,
        residual=32,
        skip=256,
        hidden=256,
        dilations=doubling(2, 10),
        rows=4,
        length=4096,
    ),
    "C": Subject(
        num_symbols=256,
        num_conditions=6,
        residual=64,
        skip=256,
        hidden=256,
        dilations=doubling(3, 10),
        rows=2,
        length=4096,
    ),
}
"""A: pictures in black and white. B: sound, small. C: sound, of the usual size."""


def subject(name: str, *, seed: int = 0) -> WaveNet:
    """Return a subject with random weights, none of them zero, in float32.

    Speed does not depend on what a model has learnt, but on none of its weights being zero and on
    none of its symbols being impossible.

    Example:
        >>> round(2 * multiplications(subject("A")) / 1e6, 2)
        2.72
    """
    shape = SUBJECTS[name]
    return perturbed(
        shape.num_symbols,
        conditions=(shape.num_conditions,),
        residual=shape.residual,
        skip=shape.skip,
        hidden=shape.hidden,
        dilations=shape.dilations,
        seed=seed,
    )


def perturbed(
    num_symbols: int,
    *,
    conditions: tuple[int, ...],
    dilations: tuple[int, ...],
    hidden: int,
    seed: int = 0,
    **shape: int | None,
) -> WaveNet:
    """Return a WaveNet of which no weight is left at zero.

    Args:
        num_symbols: Q.
        conditions: Sizes of the condition's factors.
        dilations: One per gated layer.
        hidden: Width between the skips and the output.
        seed: Of the weights.
        **shape: Other widths and sizes, as the model itself takes them.
    """
    sizes: dict[str, Any] = {"dilations": dilations, "hidden": hidden, **shape}
    with seeded(seed, device=torch.device("cpu")), torch.no_grad():
        model = WaveNet(num_symbols, conditions=conditions, **sizes)
        for weight in model.parameters():
            if weight.ndim == 1:
                weight.normal_(0, 0.1)
        # Logits of a spread of about one: draws are neither uniform nor always the same.
        model.stack.output.weight.normal_(0, hidden**-0.5)
    return model.eval()


def multiplications(model: WaveNet) -> int:
    """Return how many multiply-adds one position takes; each of them is two operations."""
    return network_of(model).multiplications


def weight_bytes(model: WaveNet) -> int:
    """Return how many bytes of weights one position takes, in the model's own type."""
    return multiplications(model) * model.embedding.weight.element_size()


def sequences(
    model: WaveNet, rows: int, length: int, *, seed: int = 0
) -> tuple[Int[Tensor, "rows length"], Int[Tensor, " rows"]]:
    """Return symbols by chance, and the condition of each row, on the model's device."""
    device = model.embedding.weight.device
    generator = Generator().manual_seed(seed)
    condition = torch.arange(rows) % model.num_conditions
    symbols = torch.randint(0, model.num_symbols, (rows, length), generator=generator)
    return symbols.to(device), condition.to(device)
