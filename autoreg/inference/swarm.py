"""Islands of weighted paths on their way through what is not known."""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from autoreg import scoring
from autoreg.events import Rules
from autoreg.inference.cloud import Cloud
from autoreg.inference.course import Course
from autoreg.inference.problem import Span
from autoreg.inference.variance import effective_size
from autoreg.protocol import DENSE_LIMIT, State
from autoreg.walks.walking import walk

KEEN = 16
"""How many times as probable a path never met may make what is known, among levels so many that
none of them is ever certain, as the keenest path met. Else it may make that certain."""

Resample = Callable[[Float[Tensor, "m N"], "Fork | None"], Int[Tensor, "m N"]]
"""Returns the ancestors of some islands from their log weights."""


class Fork(NamedTuple):
    """Where some chains are about to be resampled, and the kept path may change its past.

    Attributes:
        position: Of the next symbol.
        chains: Which chains these are, (c,).
        log_weights: Log weight of each path so far, without any potential, (c, N).
        symbols: From the problem's start up to the position, (c, N, l).
        state: The model's, c N rows.
        rule_state: The automaton state of the problem's event, (c, N).
    """

    position: int
    chains: Int[Tensor, " c"]
    log_weights: Float[Tensor, "c N"]
    symbols: Int[Tensor, "c N l"]
    state: State
    rule_state: Int[Tensor, "c N"]


def run(
    course: Course, resample: Resample, *, path: Tensor | None = None, forks: bool = False
) -> Cloud:
    """Return the cloud of all islands, walked batch after batch.

    Args:
        course: What to do.
        resample: How a generation follows another.
        path: Symbols that slot 0 of each island keeps, (M, L).
        forks: Tell ``resample`` of the paths, not only of their weights.
    """
    size = course.memory // (4 * course.particles * course.problem.state.bytes_per_row)
    bounds = [*range(0, course.islands, max(1, size)), course.islands]
    with torch.no_grad():
        parts = []
        for begin, end in itertools.pairwise(bounds):
            kept = None if path is None else path[begin:end]
            swarm = _Swarm(course, torch.arange(begin, end), resample, path=kept, forks=forks)
            parts.append(swarm.run())
    symbols, log_weights, eves, counts, sums = (
        torch.cat(tensors).cpu() for tensors in zip(*parts, strict=True)
    )
    before, after, squares = sums.logsumexp(0)
    support = (before + after.minimum(before) - squares).exp().nan_to_num(0.0)
    resampled = bool(counts.any())
    return Cloud(
        symbols,
        log_weights,
        eves=eves if resampled else None,
        resamplings=counts if resampled else None,
        support=support,
    )


class _Swarm:
    """A batch of islands on its way."""

    def __init__(
        self,
        course: Course,
        islands: Tensor,
        resample: Resample,
        *,
        path: Tensor | None,
        forks: bool,
    ) -> None:
        self.course, self.islands, self.resample, self.forks = course, islands, resample, forks
        self.shape = len(islands), course.particles
        self.rows = len(islands) * course.particles
        self.device = course.problem.state.next.device
        start = torch.zeros(self.rows, dtype=torch.int64, device=self.device)
        self.state = course.problem.state.at(start)
        self.d = start + course.first
        self.level = -math.log(course.particles)
        self.log_weights = torch.full(
            self.shape, self.level, dtype=torch.float64, device=self.device
        )
        self.path = None if path is None else path.to(self.device)
        self.eves = torch.arange(course.particles, device=self.device).repeat(len(islands), 1)
        self.counts = torch.zeros(len(islands), dtype=torch.int64, device=self.device)
        # Symbols of all rows, and whom each row that goes on from there descends from.
        self.trail: list[tuple[Tensor, Tensor | None]] = []
        self.position = course.problem.start
        # Of each island, at each position: the sum of weights before and after it, and of squares
        # before it, (3, m, l).
        self.sums: list[Tensor] = []

    def run(self) -> tuple[Tensor, ...]:
        """Return symbols, absolute log weights, eves, numbers of resamplings, and sums."""
        course = self.course
        for span in course.spans:
            if span.rules is not None:
                self.walk(span, span.rules)
            elif span.symbols is not None:
                self.read(span, span.symbols)
        log_weights = self.untilted(self.log_weights, self.d.reshape(self.shape))
        occurs = course.accept.to(self.device)[self.d // course.twist_states].reshape(self.shape)
        log_weights = log_weights.masked_fill(~occurs, -torch.inf)
        nothing = torch.zeros(3, len(self.islands), 0, dtype=torch.float64, device=self.device)
        sums = torch.cat([nothing, *self.sums], -1).movedim(1, 0)
        symbols = self.symbols().reshape(*self.shape, -1)
        return symbols, log_weights, self.eves, self.counts, sums

    def walk(self, span: Span, rules: Rules) -> None:
        """Draw what is hidden, stopping where islands are to be resampled."""
        size = max(1, self.course.memory // (8 * self.rows))
        for begin in range(span.start, span.stop, size):
            end = min(begin + size, span.stop)
            uniforms = torch.rand(
                self.rows, end - begin, dtype=torch.float64, generator=self.course.generator
            ).to(self.device)
            while self.position < end:
                at = slice(self.position - span.start, end - span.start)
                living = self.log_weights.logsumexp(-1, keepdim=True) > -torch.inf
                walked = walk(
                    self.course.problem.model,
                    self.state,
                    _slice(rules, at),
                    uniforms[:, self.position - begin :],
                    rule_state=self.d,
                    path=self.forced(end),
                    groups=len(self.islands),
                    # An island that is dead already stops nobody.
                    log_weights=torch.where(living, self.log_weights, 0.0).flatten(),
                    min_ess=self.min_ess if self.position < self.course.last else 0.0,
                )
                self.state, self.d = walked.state, walked.rule_state
                self.weigh(walked.log_mass)
                self.advance(walked.symbols)

    def read(self, span: Span, symbols: Tensor) -> None:
        """Weigh all paths by what was observed."""
        model, begin = self.course.problem.model, self.position - self.course.problem.start
        symbols = symbols.to(self.device)
        if self.path is not None:
            taken = self.path[:, begin : begin + len(symbols)]
            if bool((taken != symbols).any()):
                raise ValueError(
                    f"path needs what was observed at the positions from {span.start} to "
                    f"{span.stop}; got {taken.tolist()}"
                )
        gain = None if span.gain is None else span.gain.to(self.device)[self.d]
        for piece in symbols.split(scoring.chunk_length(model, self.rows, self.course.memory)):
            factors, self.state = model.read(self.state, piece.expand(self.rows, -1))
            if gain is not None:
                # All that the potentials add is put down to the first of the symbols.
                factors = torch.cat([factors[:, :1] + gain[:, None], factors[:, 1:]], 1)
                gain = None
            self.weigh(factors)
        if span.moves is not None:
            self.d = span.moves.to(self.device)[self.d]
        self.advance(symbols.expand(self.rows, -1))

    def weigh(self, factors: Tensor) -> None:
        """Multiply the weights by what the paths give some positions, (rows, l) in logs."""
        weights = self.log_weights[..., None]
        grown = weights + factors.reshape(*self.shape, -1).cumsum(-1)
        # What is dead stays dead, whatever a potential of -inf makes of it.
        grown = grown.masked_fill(weights.isneginf() | grown.isnan(), -torch.inf)
        before = torch.cat([weights, grown[..., :-1]], -1)
        after = grown.logsumexp(1) - self.most(factors)
        sums = before.logsumexp(1), after, (2 * before).logsumexp(1)
        self.sums.append(torch.stack(sums))
        self.log_weights = grown[..., -1]

    def most(self, factors: Tensor) -> Tensor:
        """Return the log of how probable a path never met may make each position, (M, l).

        An island has met its own paths alone, whichever others are in its batch.
        """
        met = factors.reshape(*self.shape, -1).amax(1)
        if self.course.problem.model.num_symbols <= DENSE_LIMIT:
            return torch.zeros_like(met)
        return (met + math.log(KEEN)).clamp(-1e300, 0.0)

    def advance(self, symbols: Tensor) -> None:
        """Go on after some symbols; resample the islands that need it."""
        self.position += symbols.shape[1]
        needs = effective_size(self.log_weights) < self.min_ess
        needs &= self.log_weights.logsumexp(-1) > -torch.inf
        if self.position >= self.course.last or not bool(needs.any()):
            self.trail.append((symbols, None))
            return
        chosen = needs.nonzero()[:, 0]
        weights = self.log_weights[chosen]
        fork = self.fork(chosen, symbols) if self.forks else None
        ancestors = torch.arange(self.shape[1], device=self.device).repeat(self.shape[0], 1)
        ancestors[chosen] = self.resample(weights, fork)
        index = (
            ancestors + self.shape[1] * torch.arange(self.shape[0], device=self.device)[:, None]
        ).flatten()
        self.trail.append((symbols, index))
        self.state, self.d = self.state.at(index), self.d[index]
        self.eves = self.eves.gather(1, ancestors)
        self.counts += needs
        total = weights.logsumexp(-1, keepdim=True)
        self.log_weights[chosen] = (total + self.level).expand_as(weights)

    def fork(self, chosen: Tensor, symbols: Tensor) -> Fork:
        """Return what there is to know where some chains are resampled."""
        rows = torch.arange(self.rows, device=self.device).reshape(self.shape)[chosen].flatten()
        shape = (len(chosen), self.shape[1])
        d = self.d[rows].reshape(shape)
        return Fork(
            self.position,
            self.islands[chosen.cpu()],
            self.untilted(self.log_weights[chosen], d),
            torch.cat([self.symbols(), symbols], 1)[rows].reshape(*shape, -1),
            self.state.at(rows),
            d // self.course.twist_states,
        )

    def untilted(self, log_weights: Tensor, d: Tensor) -> Tensor:
        """Return weights without what the potentials have added up to so far."""
        if self.course.log_value is None:
            return log_weights
        value = self.course.log_value.to(self.device)
        # Potentials at the start are the same for all, and so only counted here. A constant one
        # changes no bit.
        surplus = value[d, self.position - self.course.problem.start] - value[self.course.first, 0]
        dead = log_weights.isneginf() | surplus.isnan()
        return (log_weights - surplus).masked_fill(dead, -torch.inf)

    def symbols(self) -> Tensor:
        """Return the symbols of every row so far, traced back through its ancestors."""
        pieces: list[Tensor] = []
        index = torch.arange(self.rows, device=self.device)
        for symbols, ancestors in reversed(self.trail):
            index = index if ancestors is None else ancestors[index]
            pieces.append(symbols[index])
        nothing = torch.zeros(self.rows, 0, dtype=torch.int64, device=self.device)
        return torch.cat([nothing, *reversed(pieces)], 1)

    def forced(self, end: int) -> Tensor | None:
        """Return the kept path in slot 0 up to a position, and freedom elsewhere."""
        if self.path is None:
            return None
        before = self.course.problem.start
        kept = self.path[:, self.position - before : end - before]
        forced = torch.full((*self.shape, kept.shape[1]), -1, device=self.device)
        forced[:, 0] = kept
        return forced.flatten(0, 1)

    @property
    def min_ess(self) -> float:
        """The effective sample size below which an island is resampled."""
        # Equal weights may sum to a size a rounding below N.
        return self.course.threshold * self.shape[1] * (1 - 1e-9)


def _slice(rules: Rules, at: slice) -> Rules:
    value = rules.log_value
    if value is not None:
        value = value[:, at.start : at.stop + 1]
    return Rules(rules.next, rules.which[:, at], rules.sets, value)
