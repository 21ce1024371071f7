"""What a particle filter is to do, but for how one generation follows another."""

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from autoreg.events import Event
from autoreg.inference.problem import Problem, Span, short_run, spans


@runtime_checkable
class Potential(Protocol):
    """What a filter looks ahead by: an automaton that accepts everything, and log potentials.

    The automaton stands in state 0 at a problem's start. ``log_value`` has shape (D, L + 1): of
    each of its states before the positions start..stop and after the last. Whatever they are, the
    weights stay right, as long as no path that is possible meets a potential of -inf.
    """

    @property
    def event(self) -> Event:
        """The automaton."""

    @property
    def log_value(self) -> Float[Tensor, "D L1"]:
        """The potentials."""


@dataclass
class Course:
    """A filter of M islands of N paths.

    Attributes:
        problem: What is asked.
        islands: M.
        particles: N.
        threshold: Share of N that the effective sample size of an island may not fall below.
        twist: What to look ahead by, if anything.
        memory: Bytes that states or activations may take at a time.
        generator: Source of all chance but that of resampling.
        spans: What is observed and what is walked, in order.
        accept: In which states of the problem's event it has occurred, (E,).
        log_value: Potentials of the event's states joined with the twist's, (E D, L + 1).
        first: The joint state at the start.
        twist_states: D; a joint state is ``event state * D + twist state``.
        last: The position from which on no path can gain or lose on another.
    """

    problem: Problem
    islands: int
    particles: int
    threshold: float
    twist: Potential | None
    memory: int
    generator: Generator | None
    spans: list[Span] = field(init=False)
    accept: Tensor = field(init=False)
    log_value: Tensor | None = field(init=False)
    first: int = field(init=False)
    twist_states: int = field(init=False)
    last: int = field(init=False)

    def __post_init__(self) -> None:
        if self.islands < 1 or self.particles < 1:
            raise ValueError(
                "a filter needs an island or more of a particle or more; "
                f"got {self.islands} and {self.particles}"
            )
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"threshold needs to lie within 0..1; got {self.threshold}")
        problem, twist = self.problem, self.twist
        self.accept = torch.ones(1).bool() if problem.event is None else problem.event.accept
        self.log_value, self.first, self.twist_states = None, problem.rule_state, 1
        event = None
        if twist is not None:
            event, self.twist_states = twist.event, twist.event.num_states
            shape = (self.twist_states, problem.length + 1)
            if twist.log_value.shape != shape:
                raise ValueError(
                    f"twist needs log_value of shape {shape}; got {tuple(twist.log_value.shape)}"
                )
            self.first = problem.rule_state * self.twist_states
            self.log_value = twist.log_value.double().repeat(len(self.accept), 1)
        value = None if twist is None else twist.log_value.double()
        short = short_run(problem.model)
        self.spans = spans(problem, twist=event, log_value=value, short=short)
        self.last = max((_last(span) for span in self.spans), default=problem.start)


def _last(span: Span) -> int:
    """Return the position after the last one of a span at which paths may weigh differently."""
    if span.rules is None:
        return span.stop
    # Where nothing is allowed an event is out of reach: no path that counts stands there.
    partly = span.rules.sets.any(-1) & ~span.rules.sets.all(-1)
    weighed = partly[span.rules.which].any(0)
    if span.rules.log_value is not None:
        varies = (span.rules.log_value != span.rules.log_value[:1]).any(0)
        weighed |= varies[1:] | varies[:-1]
    at = weighed.nonzero()[:, 0]
    return span.start + int(at[-1]) + 1 if len(at) else span.start
