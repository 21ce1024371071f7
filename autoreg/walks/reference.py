"""The walk that every faster walk must agree with."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from autoreg.events import Rules
from autoreg.protocol import DENSE_LIMIT, Head, SequenceModel
from autoreg.walks.inversion import invert
from autoreg.walks.request import Request, Walk, refuse_forced
from autoreg.walks.rows import log_row


def walk(model: SequenceModel, asked: Request) -> Walk:
    """Walk by ``step``; ``autoreg.walks.walking.walk`` says what a walk is."""
    state, rules, d, weights = asked.state, asked.rules, asked.rule_state, asked.log_weights
    count, length = asked.uniforms.shape
    alive = torch.ones(count, dtype=torch.bool, device=d.device)
    symbols, masses = [], []
    for t in range(length):
        row, uniform = rules.which[d, t], asked.uniforms[:, t]
        if rules.log_value is not None or asked.temperature != 1 or asked.top_p != 1:
            mass, drawn = _changed(model.head, state.next, asked, d, t)
        else:
            mass, drawn = _within(model.head, state.next, rules, row, uniform)
        if asked.path is not None:
            drawn = _force(drawn, asked.path[:, t], rules.sets, row, alive, t)
        dead = ~alive | (mass == -torch.inf)
        mass = mass.masked_fill(~alive, 0.0)
        drawn = drawn.masked_fill(dead, 0)
        alive = ~dead
        weights = weights + mass
        state, d = model.step(state, drawn), rules.next[d, drawn]
        symbols.append(drawn)
        masses.append(mass)
        if asked.min_ess > 0 and bool((_ess(weights, asked.groups) < asked.min_ess).any()):
            break
    if not symbols:
        empty = torch.zeros(count, 0, device=d.device)
        return Walk(empty.long(), empty.double(), state, d, 0)
    return Walk(torch.stack(symbols, 1), torch.stack(masses, 1), state, d, len(symbols))


def _within(
    head: Head,
    params: Float[Tensor, "N P"],
    rules: Rules,
    row: Int[Tensor, " N"],
    uniform: Float[Tensor, " N"],
) -> tuple[Float[Tensor, " N"], Int[Tensor, " N"]]:
    """Return the mass of each path's set, and a symbol of it."""
    if head.num_symbols <= DENSE_LIMIT:
        sets = rules.sets[row]
        return head.log_mass(params, sets), head.draw(params, sets, uniform)
    # A large alphabet is not written out for each path, but once for each set that holds.
    mass, drawn = torch.zeros_like(uniform, dtype=torch.float64), torch.zeros_like(row)
    for number in row.unique().tolist():
        at = (row == number).nonzero()[:, 0]
        sets = rules.sets[number].expand(len(at), -1)
        mass[at] = head.log_mass(params[at], sets)
        drawn[at] = head.draw(params[at], sets, uniform[at])
    return mass, drawn


def _changed(
    head: Head, params: Float[Tensor, "N P"], asked: Request, d: Int[Tensor, " N"], t: int
) -> tuple[Float[Tensor, " N"], Int[Tensor, " N"]]:
    """Return the same where a temperature, a nucleus or potentials change what symbols weigh."""
    rules, uniform = asked.rules, asked.uniforms[:, t]
    dense = head.num_symbols <= DENSE_LIMIT
    mass, drawn = torch.zeros_like(uniform, dtype=torch.float64), torch.zeros_like(d)
    # One path after the other: distributions over a large alphabet are not held side by side.
    for at in (slice(None),) if dense else (slice(n, n + 1) for n in range(len(d))):
        logs = head.log_probs(params[at]).double() if dense else log_row(head, params[at])
        logs = _weights(logs, rules, d[at], t, asked.temperature, asked.top_p)
        logs = logs.masked_fill(~rules.sets[rules.which[d[at], t]], -torch.inf)
        mass[at], drawn[at] = logs.logsumexp(-1), invert(logs, uniform[at])
    return mass, drawn


def _weights(
    logs: Float[Tensor, "N Q"],
    rules: Rules,
    d: Int[Tensor, " N"],
    t: int,
    temperature: float,
    top_p: float,
) -> Float[Tensor, "N Q"]:
    """Return log weights of all symbols: another temperature, a nucleus, potentials."""
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
    sets: Bool[Tensor, "S Q"],
    row: Int[Tensor, " N"],
    alive: Tensor,
    t: int,
) -> Int[Tensor, " N"]:
    taken = forced >= 0
    within = forced.clamp(0, sets.shape[1] - 1)
    allowed = sets[row, within] & (forced < sets.shape[1])
    if bool((taken & alive & ~allowed).any()):
        which = int((taken & alive & ~allowed).nonzero()[0])
        refuse_forced(int(forced[which]), t, which)
    return torch.where(taken, forced, drawn)


def _ess(log_weights: Float[Tensor, " N"], groups: int) -> Float[Tensor, " groups"]:
    """Return (sum w)^2 / sum w^2 of each group; 0 for a group without any weight."""
    grouped = log_weights.reshape(groups, -1)
    total, squares = grouped.logsumexp(-1), (2 * grouped).logsumexp(-1)
    return torch.where(total == -torch.inf, 0.0, torch.exp(2 * total - squares))
