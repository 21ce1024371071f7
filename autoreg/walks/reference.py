"""The walk that every faster walk must agree with."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from autoreg.events import Rules
from autoreg.protocol import DENSE_LIMIT, Head, SequenceModel, State
from autoreg.walks.inversion import invert


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


def walk(
    model: SequenceModel,
    state: State,
    rules: Rules,
    uniforms: Float[Tensor, "N L"],
    *,
    rule_state: Int[Tensor, " N"] | None = None,
    path: Int[Tensor, "N L"] | None = None,
    groups: int = 1,
    log_weights: Float[Tensor, " N"] | None = None,
    min_ess: float = 0.0,
    temperature: float = 1.0,
    top_p: float = 1.0,
) -> Walk:
    """Move N paths through L positions, drawing each symbol within what the rules allow.

    At position t in automaton state d, with the rules' potentials, a symbol v of the set weighs
    p(v) exp(log_value[t+1, next(d, v)] - log_value[t, d]); without them, p(v). ``log_mass`` is the
    log of their sum and the draw is in proportion to them, by inversion: the smallest v whose
    cumulative weight (float64, ascending v) exceeds the uniform times the total. Nothing leads
    into, or out of, a state whose potential is -inf. A path on which nothing is allowed any more
    is dead: its mass is -inf once, then 0, and its symbols are 0.

    Args:
        model: Any sequence model.
        state: Where the paths stand, N rows.
        rules: What may be drawn, over L positions.
        uniforms: One number in [0, 1) per path and position, float64.
        rule_state: Where each path stands in the automaton; state 0 if None.
        path: Symbols >= 0 are taken, not drawn, while ``log_mass`` stays that of the set;
            negative ones are drawn.
        groups: The paths are this many equal consecutive groups.
        log_weights: Weights of the paths before the walk, for the effective sample size.
        min_ess: Stop after the position at which some group's effective sample size, of the
            weights times all masses so far, fell below this.
        temperature: Divides the log probabilities, which are then normalised anew. With
            ``top_p`` this walks another model, whose masses are reported. Needs a dense head.
        top_p: Keep the likeliest symbols that together hold at least this probability, the fewest
            of them; of equally likely ones the smaller symbol comes first.

    Raises:
        ValueError: Shapes disagree, the temperature is not positive, top_p is not in (0, 1], or a
            forced symbol lies outside its set.
    """
    _check(model, state, rules, uniforms, rule_state, path, log_weights)
    check_chance(temperature, top_p)
    count, length = uniforms.shape
    if groups < 1 or count % groups:
        raise ValueError(f"{count} paths do not make {groups} equal groups")
    device = state.next.device
    rules = rules.to(device)
    d = torch.zeros(count, dtype=torch.int64) if rule_state is None else rule_state
    weights = torch.zeros(count) if log_weights is None else log_weights
    d, weights = d.to(device), weights.to(device, torch.float64)
    alive = torch.ones(count, dtype=torch.bool, device=device)
    symbols, masses = [], []
    for t in range(length):
        sets = rules.sets[rules.which[d, t]]
        forced = None if path is None else path[:, t]
        uniform = uniforms[:, t].to(device)
        if rules.log_value is not None or temperature != 1 or top_p != 1:
            logs = _weights(model.head, state.next, rules, d, t, temperature, top_p)
            logs = logs.masked_fill(~sets, -torch.inf)
            mass, drawn = logs.logsumexp(-1), invert(logs, uniform)
        else:
            mass = model.head.log_mass(state.next, sets)
            drawn = model.head.draw(state.next, sets, uniform)
        if forced is not None:
            drawn = _force(drawn, forced.to(device), sets, alive, t)
        dead = ~alive | (mass == -torch.inf)
        mass = mass.masked_fill(~alive, 0.0)
        drawn = drawn.masked_fill(dead, 0)
        alive = ~dead
        weights = weights + mass
        state, d = model.step(state, drawn), rules.next[d, drawn]
        symbols.append(drawn)
        masses.append(mass)
        if min_ess > 0 and bool((_ess(weights, groups) < min_ess).any()):
            break
    if not symbols:
        empty = torch.zeros(count, 0, device=device)
        return Walk(empty.long(), empty.double(), state, d, 0)
    return Walk(torch.stack(symbols, 1), torch.stack(masses, 1), state, d, len(symbols))


def check_chance(temperature: float, top_p: float) -> None:
    """Refuse a temperature or a top_p by which nothing can be drawn."""
    if not 0 < temperature < math.inf or not 0 < top_p <= 1:
        raise ValueError(
            "temperature needs to be above 0 and finite, top_p within (0, 1]; "
            f"got {temperature} and {top_p}. A small temperature favours the likeliest symbols."
        )


def _check(
    model: SequenceModel,
    state: State,
    rules: Rules,
    uniforms: Float[Tensor, "N L"],
    rule_state: Int[Tensor, " N"] | None,
    path: Int[Tensor, "N L"] | None,
    log_weights: Float[Tensor, " N"] | None,
) -> None:
    """Refuse rows, positions and symbols that do not fit each other."""
    count, length = uniforms.shape
    if rules.length != length or rules.sets.shape[1] != model.num_symbols:
        raise ValueError(
            f"rules need to speak of {length} positions, as uniforms do, and of "
            f"{model.num_symbols} symbols; got {rules.length} and {rules.sets.shape[1]}"
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


def _weights(
    head: Head,
    params: Float[Tensor, "N P"],
    rules: Rules,
    d: Int[Tensor, " N"],
    t: int,
    temperature: float,
    top_p: float,
) -> Float[Tensor, "N Q"]:
    """Return log weights of all symbols: another temperature, a nucleus, potentials."""
    if head.num_symbols > DENSE_LIMIT:
        raise ValueError("potentials, temperature and top_p need a dense head")
    logs = head.log_probs(params).double()
    if temperature != 1:
        # The largest becomes 0, which no temperature, however small, sends to -inf.
        logs = ((logs - logs.amax(-1, keepdim=True)) / temperature).log_softmax(-1)
    if top_p != 1:
        ordered, order = logs.sort(dim=-1, descending=True, stable=True)
        before = ordered.exp().cumsum(-1) - ordered.exp()
        outside = torch.zeros_like(before, dtype=torch.bool).scatter(-1, order, before >= top_p)
        logs = logs.masked_fill(outside, -torch.inf).log_softmax(-1)
    if rules.log_value is not None:
        now, ahead = rules.log_value[d, t][:, None], rules.log_value[rules.next[d], t + 1]
        gain = (ahead - now).masked_fill(ahead.isneginf() | now.isneginf(), -torch.inf)
        logs = logs + gain
    return logs


def _force(
    drawn: Int[Tensor, " N"],
    forced: Int[Tensor, " N"],
    sets: Tensor,
    alive: Tensor,
    t: int,
) -> Int[Tensor, " N"]:
    taken = forced >= 0
    within = forced.clamp(0, sets.shape[1] - 1)
    allowed = sets.gather(-1, within[:, None])[:, 0] & (forced < sets.shape[1])
    if bool((taken & alive & ~allowed).any()):
        row = int((taken & alive & ~allowed).nonzero()[0])
        raise ValueError(
            f"path forces symbol {int(forced[row])} at position {t} of row {row}, "
            "where the rules do not allow it"
        )
    return torch.where(taken, forced, drawn)


def _ess(log_weights: Float[Tensor, " N"], groups: int) -> Float[Tensor, " groups"]:
    """Return (sum w)^2 / sum w^2 of each group; 0 for a group without any weight."""
    grouped = log_weights.reshape(groups, -1)
    total, squares = grouped.logsumexp(-1), (2 * grouped).logsumexp(-1)
    return torch.where(total == -torch.inf, 0.0, torch.exp(2 * total - squares))
