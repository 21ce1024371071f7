"""A guess, along a path, of how likely what is known further on is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from autoreg.events import Event
from autoreg.inference.particles import particle_filter
from autoreg.inference.problem import Problem
from autoreg.inference.surrogate import TABLE, Surrogate

JOINT = 2**23
"""Potentials of the joint automaton up to which a surrogate's twist sees the event too."""
FLOOR = 1e-6
"""What psi has at least, as a share of psi one symbol before. The surrogate errs: a symbol after
which it all but rules out what is known may be right, and is drawn no less often than this."""


@dataclass(frozen=True, eq=False)
class Twist:
    """An automaton whose states carry the log of a guess psi of what is still to come.

    psi_t(x_<t) stands for the probability, after x_<t, of what is known from position t on. A
    particle filter draws x_t in proportion to p(x_t | x_<t) psi_{t+1}(x_<=t), and its weights make
    good for it: every positive psi leaves it unbiased, and the exact one leaves no variance.

    Attributes:
        event: An automaton that accepts everything. It stands in state 0 at the problem's start.
        log_value: log psi in each of its states before each position start..stop, and after the
            last one, where psi is 1: (D, L + 1), finite, float64, its last column 0.
        name: As a person would call it.

    Example:
        >>> anything = Event.count([0], num_symbols=2)
        >>> Twist(anything, torch.zeros(1, 4).double(), "nothing").tempered(0.5).name
        'nothing to the power 0.5'
    """

    event: Event
    log_value: Float[Tensor, "D L1"]
    name: str = "twist"

    def __post_init__(self) -> None:
        states = self.event.num_states
        if not bool(self.event.accept.all()):
            raise ValueError(
                f"a twist needs an automaton that accepts everything; got {self.event.name}"
            )
        if self.log_value.shape[0] != states or not bool(self.log_value.isfinite().all()):
            raise ValueError(
                f"a twist needs finite log values of shape ({states}, L + 1); "
                f"got {tuple(self.log_value.shape)}, "
                f"{int((~self.log_value.isfinite()).sum())} of them not finite"
            )
        if not self.log_value.shape[1] or bool((self.log_value[:, -1] != 0).any()):
            raise ValueError("a twist needs to end in log value 0: nothing is still to come there")

    def tempered(self, power: float) -> "Twist":
        """Return psi to a power: 0 believes nothing of it, 1 all."""
        if not 0 <= power < torch.inf:
            raise ValueError(f"a power of a twist needs to be 0 or more; got {power}")
        name = f"{self.name} to the power {power:g}"
        return self if power == 1 else replace(self, log_value=power * self.log_value, name=name)


def surrogate_twist(
    problem: Problem, surrogate: Surrogate, *, power: float = 1.0, floor: float = FLOOR
) -> Twist:
    """Return how likely what is known is in the surrogate, after each of its contexts.

    b_t(c) = sum over the allowed v of q(v | c) b_{t+1}(c v) is computed exactly, backwards. Where
    the product with the event's automaton is small, contexts are joined by its states: the event
    is then among what is known.

    Args:
        problem: What is asked.
        surrogate: Of the model's symbols.
        power: Tempers the twist.
        floor: Share of psi_t that psi_{t+1} has at least, after every allowed symbol.

    Raises:
        ValueError: The surrogate is of other symbols, or its table too large for the problem.
    """
    if surrogate.num_symbols != problem.model.num_symbols:
        raise ValueError(
            f"the model has {problem.model.num_symbols} symbols; "
            f"got a surrogate of {surrogate.num_symbols}"
        )
    if not 0 < floor < 1:
        raise ValueError(f"floor needs to lie within 0..1, both excluded; got {floor}")
    # After the beginning, all contexts are full ones, which come first.
    full = surrogate.num_symbols**surrogate.order
    contexts = full if problem.start >= surrogate.order else surrogate.log_probs.shape[1]
    columns = problem.length + 1
    if contexts * columns > TABLE:
        raise ValueError(
            f"{contexts} contexts at {columns} positions are more than {TABLE} potentials; "
            "ask for a surrogate of smaller order"
        )
    event = problem.event
    if event is not None and event.num_states**2 * contexts * columns > JOINT:
        event = None
    start = surrogate.context(problem.evidence.low[: problem.start])
    pieces: tuple[tuple[int, Tensor], ...] = ((0, surrogate.next[:contexts]),)
    accept = torch.ones(1, contexts, dtype=torch.float64)
    if event is not None:
        within = surrogate.next[:contexts].repeat(event.num_states, 1)
        pieces = tuple(
            (at, table.repeat_interleave(contexts, 0) * contexts + within)
            for at, table in event.pieces
        )
        start += problem.rule_state * contexts
        accept = event.accept.double()[:, None].expand(-1, contexts)
    anything = torch.ones(accept.numel(), dtype=torch.bool)
    automaton = Event(pieces, anything, f"the last {surrogate.order} symbols")
    log_psi = _log_psi(problem, surrogate, automaton, accept, start, floor)
    # A twist begins in state 0: that and the state at the problem's start change names.
    swap = torch.arange(len(anything))
    swap[[0, start]] = swap[[start, 0]]
    pieces = tuple((at, swap[table[swap]]) for at, table in pieces)
    automaton = replace(automaton, pieces=pieces)
    name = f"order-{surrogate.order} surrogate"
    return Twist(automaton, log_psi[:, swap].T, name).tempered(power)


def choose_power(
    problem: Problem,
    twist: Twist,
    *,
    powers: Sequence[float] = (0.0, 0.5, 1.0),
    islands: int = 8,
    particles: int = 32,
    threshold: float = 0.5,
    generator: Generator | None = None,
) -> float:
    """Return the power of a twist under which short filters agree best.

    Best are the fewest islands in which all paths died, then the least mean squared distance of
    log Z from the greatest log of an average that a power gave. That is their variance, and also
    how far a power falls behind another: of a twist that misses a part of Z all islands may
    agree, on too little. The chance that was used for choosing must not be used for the answer.

    Args:
        problem: What is asked.
        twist: What to look ahead by.
        powers: To choose from; of equally good ones the first.
        islands: M of each pilot filter.
        particles: N of each.
        threshold: See ``particle_filter``.
        generator: Source of all chance.
    """
    if not powers:
        raise ValueError("powers needs one or more to choose from; got none")
    found = []
    for power in powers:
        cloud = particle_filter(
            problem,
            islands=islands,
            particles=particles,
            threshold=threshold,
            twist=twist.tempered(power) if power else None,
            generator=generator,
        )
        found.append(cloud.log_z)
    log_z = torch.stack(found)
    greatest = (log_z.logsumexp(-1) - math.log(islands)).max()
    dead = log_z.isneginf()
    spread = (log_z - greatest).square().masked_fill(dead, 0.0).sum(-1) / (~dead).sum(
        -1
    ).clamp_min(1)
    ranked = [
        (int(lost), float(square)) for lost, square in zip(dead.sum(-1), spread, strict=True)
    ]
    return powers[ranked.index(min(ranked))]


def _log_psi(
    problem: Problem,
    surrogate: Surrogate,
    automaton: Event,
    accept: Float[Tensor, "E C"],
    start: int,
    floor: float,
) -> Float[Tensor, "L1 D"]:
    """Return log psi by one sweep backwards for b, and one forwards for its floor.

    Numbers are kept as shares of the greatest at their position, ``peaks`` that of b_t as a share
    of b_{t+1}'s.
    """
    length = problem.length
    sets = problem.evidence.mask(problem.start, problem.stop)
    allowed = [slice(None) if bool(row.all()) else row.nonzero()[:, 0] for row in sets]
    probs = surrogate.log_probs[:, : accept.shape[1]].exp()
    psi = torch.zeros(length + 1, accept.numel(), dtype=torch.float64)
    psi[-1] = accept.flatten()
    peaks = torch.ones(length + 1, dtype=torch.float64)
    for at in range(length - 1, -1, -1):
        position = problem.start + at
        ahead = psi[at + 1][automaton.table(position)[:, allowed[at]]]
        row = probs[surrogate.stretch(position)][:, allowed[at]]
        before = (ahead.reshape(*accept.shape, -1) * row).sum(-1).flatten()
        if bool(before.max() > 0):
            peaks[at] = before.max()
            psi[at] = before / peaks[at]
        else:
            # What is known cannot be, in the surrogate: from here on it has no advice to give.
            psi[at] = 1
    reached = torch.zeros_like(psi[0])
    reached[start] = psi[0, start] if psi[0, start] > 0 else 1
    psi[0, start] = reached[start]
    for at in range(length):
        table = automaton.table(problem.start + at)[:, allowed[at]]
        source = (reached * peaks[at] * floor)[:, None].expand_as(table)
        least = torch.zeros_like(reached).scatter_reduce_(
            0, table.flatten(), source.flatten(), "amax"
        )
        reached = torch.where(least > 0, psi[at + 1] + least, 0)
        psi[at + 1] += least
    scale = peaks.log().flip(0).cumsum(0).flip(0)
    log_psi = psi.log() + scale[:, None]
    # No path comes to the states that are left at zero: any finite number does.
    log_psi = torch.where(log_psi.isfinite(), log_psi, scale[:, None])
    log_psi[-1] = 0
    return log_psi
