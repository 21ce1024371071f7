"""A sequence that is drawn piece by piece."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int, Integer
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.conditions import ConditionSpace, Given, Prior
from autoreg.events import Rules
from autoreg.protocol import SequenceModel, State
from autoreg.queries.likelihood import check_space
from autoreg.queries.sampling import (
    COLDEST,
    check_temperature,
    joint_after,
    method_of,
    state_after,
)
from autoreg.walks.inversion import invert
from autoreg.walks.walking import walk

PIECE = 1024
"""Symbols of a piece: an eighth of a second at 8 kHz, and far more work than its overhead."""


@dataclass(frozen=True, eq=False)
class Stream:
    """A draw under way: its condition is known, its pieces are drawn as they are asked for.

    Attributes:
        pieces: What there is to come, each piece once; of a model symbols (L,), of a ``Density``
            the signal that they stand for.
        condition: The index it is drawn under.
        labels: Its labels.
        log_evidence: log p of what was given to follow on, in nats, exact; 0 of nothing.
        method: How it is drawn.
    """

    pieces: Iterator[Tensor]
    condition: int
    labels: dict[str, str]
    log_evidence: float
    method: str

    def __iter__(self) -> Iterator[Tensor]:
        return self.pieces


def stream(
    model: SequenceModel,
    beginning: Integer[Tensor, " P"] | None = None,
    space: ConditionSpace | None = None,
    *,
    length: int | None = None,
    piece: int = PIECE,
    given: Given | None = None,
    prior: Prior | None = None,
    temperature: float = 1.0,
    top_p: float = 1.0,
    memory: int = scoring.MEMORY,
    generator: Generator | None = None,
) -> Stream:
    """Draw a sequence piece by piece, in memory that its length does not move.

    The draw is that of ``autoreg.complete`` with a count of 1 and an equal generator, without its
    beginning: each piece goes on from the state that the one before it left. What is not known of
    the condition is drawn, from its posterior after the beginning, before this returns.

    Args:
        model: Any sequence model.
        beginning: What the draw follows on; nothing if None.
        space: Names of the model's conditions.
        length: Symbols to come; None goes on for ever, or to the end that the model has.
        piece: Symbols at a time; the last piece may be shorter.
        given: Labels to draw under.
        prior: Of the conditions; see ``ConditionSpace.log_prior``.
        temperature: Other than 1, or ``top_p`` below 1, draws from another model. 0 is greedy: the
            likeliest symbol each time.
        top_p: See ``autoreg.walks.walking.walk``.
        memory: Bytes that reading the beginning may take.
        generator: Source of all chance, on the CPU; nothing else may draw from it meanwhile.

    Raises:
        ValueError: A length, piece, temperature or top_p makes no sense, or the model gives the
            beginning no probability.
    """
    check_temperature(temperature, top_p)
    space = check_space(model, space)
    beginning = torch.zeros(0, dtype=torch.int64) if beginning is None else beginning
    if piece < 1:
        raise ValueError(f"piece needs to be at least 1; got {piece}")
    room = None if model.length is None else model.length - len(beginning)
    if length is None:
        length = room
    elif length < 0 or (room is not None and length > room):
        most = "" if room is None else f" and at most {room}"
        raise ValueError(f"length needs to be at least 0{most}; got {length}")
    possible, joint = joint_after(model, beginning, space.log_prior(prior, given), memory=memory)
    uniform = torch.rand(1, dtype=torch.float64, generator=generator)
    condition = possible[invert(joint[None], uniform)]
    state = state_after(model, beginning, condition, memory=memory)
    pieces = _pieces(model, state, length, piece, temperature, top_p, generator)
    return Stream(
        pieces=pieces,
        condition=int(condition),
        labels=space.describe(int(condition)),
        log_evidence=float(joint.logsumexp(-1)),
        method=method_of(temperature, top_p),
    )


def _pieces(
    model: SequenceModel,
    state: State,
    length: int | None,
    piece: int,
    temperature: float,
    top_p: float,
    generator: Generator | None,
) -> Iterator[Int[Tensor, " L"]]:
    left = length
    while left is None or left > 0:
        size = piece if left is None else min(piece, left)
        uniforms: Float[Tensor, "1 L"]
        uniforms = torch.rand(1, size, dtype=torch.float64, generator=generator)
        with torch.no_grad():
            walked = walk(
                model,
                state,
                Rules.free(model.num_symbols, size),
                uniforms if temperature else torch.zeros_like(uniforms),
                temperature=temperature or COLDEST,
                top_p=top_p,
            )
        state = walked.state
        left = None if left is None else left - size
        yield walked.symbols[0].cpu()
