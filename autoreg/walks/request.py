"""What a walk is asked to do, in full."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from autoreg.events import Rules
from autoreg.protocol import DENSE_LIMIT, State


class Request(NamedTuple):
    """The arguments of ``autoreg.walks.walking.walk``, none of them left out, on one device.

    Attributes:
        state: Where the paths stand, N rows.
        rules: What may be drawn, over L positions.
        uniforms: One number in [0, 1) per path and position, float64 (N, L).
        rule_state: Where each path stands in the automaton, (N,).
        path: Symbols >= 0 are taken, not drawn, (N, L); None draws all.
        groups: The paths are this many equal consecutive groups.
        log_weights: Weights of the paths before the walk, float64 (N,).
        min_ess: Stop after the position at which a group's effective sample size fell below this.
        temperature: Divides the log probabilities.
        top_p: Keeps the likeliest symbols that together hold this probability.
    """

    state: State
    rules: Rules
    uniforms: Float[Tensor, "N L"]
    rule_state: Int[Tensor, " N"]
    path: Int[Tensor, "N L"] | None
    groups: int
    log_weights: Float[Tensor, " N"]
    min_ess: float
    temperature: float
    top_p: float


class Walk(NamedTuple):
    """What a walk did.

    Attributes:
        symbols: The symbols drawn or forced, shape (N, length).
        log_mass: At each position the log mass of what the rules allowed, float64 (N, length).
        state: The model's state after the last position.
        rule_state: The automaton state of each path, shape (N,).
        length: Positions walked; less than asked when a group's ESS fell too low.
    """

    symbols: Int[Tensor, "N l"]
    log_mass: Float[Tensor, "N l"]
    state: State
    rule_state: Int[Tensor, " N"]
    length: int


def request(
    num_symbols: int,
    state: State,
    rules: Rules,
    uniforms: Float[Tensor, "N L"],
    *,
    rule_state: Int[Tensor, " N"] | None,
    path: Int[Tensor, "N L"] | None,
    groups: int,
    log_weights: Float[Tensor, " N"] | None,
    min_ess: float,
    temperature: float,
    top_p: float,
) -> Request:
    """Fill in what was left out and move all of it to the state's device.

    Raises:
        ValueError: Shapes disagree, the temperature is not positive, top_p is not in (0, 1].
    """
    _check(num_symbols, state, rules, uniforms, rule_state, path, log_weights)
    check_chance(temperature, top_p)
    if rules.log_value is not None and num_symbols > DENSE_LIMIT:
        raise ValueError(
            "potentials need a dense head, which writes out a distribution of at most "
            f"{DENSE_LIMIT} symbols; got {num_symbols}"
        )
    count = len(uniforms)
    if groups < 1 or count % groups:
        raise ValueError(f"{count} paths do not make {groups} equal groups")
    device = state.next.device
    if rule_state is not None and count:
        lowest, highest = int(rule_state.min()), int(rule_state.max())
        if not 0 <= lowest <= highest < len(rules.next):
            raise ValueError(
                f"rule_state needs numbers within 0..{len(rules.next) - 1}; "
                f"got {lowest}..{highest}"
            )
    d = torch.zeros(count, dtype=torch.int64) if rule_state is None else rule_state
    weights = torch.zeros(count) if log_weights is None else log_weights
    return Request(
        state,
        rules.to(device),
        uniforms.to(device),
        d.to(device),
        None if path is None else path.to(device),
        groups,
        weights.to(device, torch.float64),
        min_ess,
        temperature,
        top_p,
    )


def check_chance(temperature: float, top_p: float) -> None:
    """Refuse a temperature or a top_p by which nothing can be drawn."""
    if not 0 < temperature < math.inf:
        raise ValueError(
            f"temperature needs to be above 0 and finite; got {temperature}. A small one favours "
            "the likeliest symbols"
        )
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p needs to lie within (0, 1]; got {top_p}")


def refuse_forced(symbol: int, position: int, row: int) -> None:
    """Raise for a symbol of a path that lies outside its set."""
    raise ValueError(
        f"path forces symbol {symbol} at position {position} of row {row}, "
        "where the rules do not allow it"
    )


def _check(
    num_symbols: int,
    state: State,
    rules: Rules,
    uniforms: Float[Tensor, "N L"],
    rule_state: Int[Tensor, " N"] | None,
    path: Int[Tensor, "N L"] | None,
    log_weights: Float[Tensor, " N"] | None,
) -> None:
    """Refuse rows, positions and symbols that do not fit each other."""
    count, length = uniforms.shape
    if rules.length != length or rules.sets.shape[1] != num_symbols:
        raise ValueError(
            f"rules need to speak of {length} positions, as uniforms do, and of "
            f"{num_symbols} symbols; got {rules.length} and {rules.sets.shape[1]}"
        )
    if len(state.next) != count:
        raise ValueError(f"uniforms need a row for each of {len(state.next)} paths; got {count}")
    for name, tensor, shape in (
        ("rule_state", rule_state, (count,)),
        ("log_weights", log_weights, (count,)),
        ("path", path, (count, length)),
    ):
        if tensor is not None and tensor.shape != shape:
            raise ValueError(
                f"{name} needs shape {shape}, as uniforms have it; got {tuple(tensor.shape)}"
            )
