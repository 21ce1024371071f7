"""Sequences drawn from nothing, or after a given beginning."""

import math
import time
from dataclasses import replace

import torch
from jaxtyping import Float, Int, Integer
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.answers import Answer, Cost, Draws
from autoreg.conditions import ConditionSpace, Given, Prior
from autoreg.events import Rules
from autoreg.protocol import SequenceModel, State
from autoreg.queries.likelihood import check_space, log_likelihoods
from autoreg.walks.inversion import invert
from autoreg.walks.request import check_chance
from autoreg.walks.walking import walk

COLDEST = 1e-300
"""A temperature at which only the likeliest symbols have any probability in float64."""


def sample(
    model: SequenceModel,
    count: int,
    space: ConditionSpace | None = None,
    *,
    length: int | None = None,
    given: Given | None = None,
    prior: Prior | None = None,
    temperature: float = 1.0,
    top_p: float = 1.0,
    memory: int = scoring.MEMORY,
    generator: Generator | None = None,
) -> Draws:
    """Draw independent sequences from p(x, y | given).

    Args:
        model: Any sequence model.
        count: How many.
        space: Names of the model's conditions.
        length: Symbols per sequence; the model's own length if it has one.
        given: Labels to draw under; the other factors are drawn from the prior.
        prior: Of the conditions; see ``ConditionSpace.log_prior``.
        temperature: Other than 1, or ``top_p`` below 1, draws from another model. 0 is greedy: the
            likeliest symbol each time, of equally likely ones the smallest.
        top_p: See ``autoreg.walks.walking.walk``.
        memory: Bytes that the states of one batch may take.
        generator: Source of all chance.
    """
    nothing = torch.zeros(0, dtype=torch.int64)
    draws = complete(
        model,
        nothing,
        count,
        space,
        length=length,
        given=given,
        prior=prior,
        temperature=temperature,
        top_p=top_p,
        memory=memory,
        generator=generator,
    )
    return replace(draws, log_evidence=None)


def complete(
    model: SequenceModel,
    beginning: Integer[Tensor, " P"],
    count: int,
    space: ConditionSpace | None = None,
    *,
    length: int | None = None,
    given: Given | None = None,
    prior: Prior | None = None,
    temperature: float = 1.0,
    top_p: float = 1.0,
    memory: int = scoring.MEMORY,
    generator: Generator | None = None,
) -> Draws:
    """Draw independent sequences that begin as given: from p(x, y | x_<P, given).

    What is not known of the condition is drawn from its posterior after the beginning, so that
    the draws are exact. ``length`` counts the beginning in; the other arguments are those of
    ``sample``. ``log_evidence`` of the result is log p(x_<P | given).

    Raises:
        ValueError: A length, count, temperature or top_p makes no sense, or the model gives the
            beginning no probability.
    """
    begin = time.perf_counter()
    check_temperature(temperature, top_p)
    space = check_space(model, space)
    length = _length(model, length, len(beginning))
    if count < 1:
        raise ValueError(f"count needs to be at least 1; got {count}")
    possible, joint = joint_after(model, beginning, space.log_prior(prior, given), memory=memory)
    uniforms = torch.rand(count, dtype=torch.float64, generator=generator)
    condition = possible[invert(joint.expand(count, -1), uniforms)]
    uniforms = torch.rand(count, length - len(beginning), dtype=torch.float64, generator=generator)
    symbols = _continue(
        model,
        beginning,
        condition,
        uniforms if temperature else torch.zeros_like(uniforms),
        temperature=temperature or COLDEST,
        top_p=top_p,
        memory=memory,
    )
    cost = Cost(
        stepped=count * (length - len(beginning)),
        scored=len(beginning) * (len(possible) + len(condition.unique())),
        seconds=time.perf_counter() - begin,
    )
    return Draws(
        symbols=symbols,
        condition=condition,
        labels=tuple(space.describe(index) for index in condition.tolist()),
        log_weights=torch.zeros(count, dtype=torch.float64),
        method=method_of(temperature, top_p),
        log_evidence=Answer(
            value=joint.logsumexp(-1),
            method="one score",
            num_symbols=torch.tensor(len(beginning)),
        ),
        cost=cost,
    )


def joint_after(
    model: SequenceModel,
    beginning: Integer[Tensor, " P"],
    log_prior: Float[Tensor, " K"],
    *,
    memory: int = scoring.MEMORY,
) -> tuple[Int[Tensor, " k"], Float[Tensor, " k"]]:
    """Return the conditions that are possible, and log p(x_<P, y) of each.

    Raises:
        ValueError: The model gives the beginning no probability.
    """
    possible = log_prior.isfinite().nonzero()[:, 0]
    likelihood = log_likelihoods(model, beginning[None], possible, memory=memory)[0]
    joint = likelihood + log_prior[possible]
    if not bool(joint.logsumexp(-1).isfinite()):
        raise ValueError("the model gives the beginning no probability: nothing can follow it")
    return possible, joint


def state_after(
    model: SequenceModel,
    beginning: Integer[Tensor, " P"],
    condition: Int[Tensor, " K"],
    *,
    memory: int = scoring.MEMORY,
) -> State:
    """Return the state after a beginning, under each of some conditions."""
    with torch.no_grad():
        state = model.start(condition)
        for piece in beginning.split(scoring.chunk_length(model, len(condition), memory)):
            piece = piece.to(state.next.device, torch.int64).expand(len(condition), -1)
            _, state = model.read(state, piece)
    return state


def _continue(
    model: SequenceModel,
    beginning: Integer[Tensor, " P"],
    condition: Int[Tensor, " N"],
    uniforms: Float[Tensor, "N L"],
    *,
    temperature: float,
    top_p: float,
    memory: int,
) -> Int[Tensor, "N T"]:
    """Read the beginning once per condition, fork its state, and walk on in batches."""
    distinct, which = condition.unique(return_inverse=True)
    rules = Rules.free(model.num_symbols, uniforms.shape[1])
    drawn = torch.zeros(len(condition), uniforms.shape[1], dtype=torch.int64)
    state = state_after(model, beginning, distinct, memory=memory)
    with torch.no_grad():
        fitting = max(1, memory // (4 * state.bytes_per_row))
        for first in range(0, len(condition), fitting):
            batch = slice(first, first + fitting)
            walked = walk(
                model,
                state.at(which[batch].to(state.next.device)),
                rules,
                uniforms[batch],
                temperature=temperature,
                top_p=top_p,
            )
            drawn[batch] = walked.symbols.cpu()
    start = beginning.long().expand(len(condition), -1)
    return torch.cat([start, drawn], dim=1)


def check_temperature(temperature: float, top_p: float) -> None:
    """Refuse a temperature, 0 aside, or a top_p by which nothing can be drawn."""
    if not 0 <= temperature < math.inf:
        raise ValueError(
            "temperature needs to be 0, for the likeliest symbol each time, or above and finite; "
            f"got {temperature}"
        )
    check_chance(temperature or 1.0, top_p)


def method_of(temperature: float, top_p: float) -> str:
    """Return what draws at a temperature and a top_p are called."""
    if not temperature:
        return "the likeliest symbol each time"
    changed = "" if temperature == top_p == 1 else f" at temperature {temperature}, top_p {top_p}"
    return f"ancestral sampling{changed}"


def _length(model: SequenceModel, length: int | None, beginning: int) -> int:
    length = model.length if length is None else length
    if length is None:
        raise ValueError("length is needed: the model knows sequences of any length")
    if model.length is not None and length > model.length:
        raise ValueError(f"the model knows sequences of {model.length} symbols; got {length}")
    if length < beginning:
        raise ValueError(
            f"length counts the beginning in: it needs to be at least {beginning}; got {length}"
        )
    return length
