"""What is left of a question under one condition, once its easy parts are done."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from autoreg import scoring
from autoreg.events import Event, Rules
from autoreg.evidence import Evidence
from autoreg.protocol import SequenceModel, State

SHORT = 16
"""Observed symbols between hidden ones up to which a model's own walk goes on through them. To
read them in parallel, the memory of all paths is turned over: measured, as dear as 20 steps."""
WRITTEN_OUT = 2**22
"""Entries of the table of allowed symbols that is made at a time of a hidden run."""


@dataclass(frozen=True)
class Problem:
    """Evidence, and perhaps an event, on the positions start..stop after a state.

    Attributes:
        model: Any sequence model.
        evidence: Of the whole sequence.
        condition: The one condition that is meant.
        event: What has to occur besides; None for nothing.
        start: Everything before was observed and read into ``state``.
        stop: Nothing from here on moves the answer.
        state: The model's, one row, standing at ``start``.
        rule_state: The event's automaton state there.
        log_before: log p(the symbols before start | condition).
    """

    model: SequenceModel
    evidence: Evidence
    condition: int
    event: Event | None
    start: int
    stop: int
    state: State
    rule_state: int
    log_before: float

    @property
    def length(self) -> int:
        """L: the number of positions from start to stop."""
        return self.stop - self.start

    @property
    def hidden(self) -> Int[Tensor, " H"]:
        """The positions within start..stop where more than one symbol is possible."""
        hidden = self.evidence.hidden
        return hidden[(hidden >= self.start) & (hidden < self.stop)]


@dataclass(frozen=True)
class Span:
    """Consecutive positions that are either all observed or walked.

    Attributes:
        start, stop: Its positions, half open.
        symbols: What was observed, (L,), to be read in parallel; None where paths walk.
        rules: What paths may draw there; None where all is observed.
        moves: The automaton state after what was observed, for each before, (D,); None where
            paths walk.
        gain: Log potential after minus before what was observed, for each automaton state before
            it, (D,); None where there is no potential.
    """

    start: int
    stop: int
    symbols: Int[Tensor, " L"] | None = None
    rules: Rules | None = None
    moves: Int[Tensor, " D"] | None = None
    gain: Float[Tensor, " D"] | None = None


def pose(
    model: SequenceModel,
    evidence: Evidence,
    condition: int,
    event: Event | None = None,
    *,
    tail: bool = False,
    memory: int = scoring.MEMORY,
) -> Problem:
    """Read what was observed at the beginning, and leave out what is free at the end.

    Args:
        model: Any sequence model.
        evidence: What is known; of as many symbols as the model.
        condition: An index.
        event: What has to occur besides.
        tail: Keep the free positions at the end: draws, entropies and most likely completions
            are about them too.
        memory: Bytes that activations may take at a time.

    Raises:
        ValueError: Evidence, event and model speak of different symbols or lengths.
    """
    check(model, evidence, event)
    known = ~evidence.observed
    start = int(known.int().argmax()) if bool(known.any()) else evidence.length
    stop = evidence.length if tail else max(_last(evidence, event), start)
    taken = evidence.low[:start].long()
    total = torch.zeros((), dtype=torch.float64)
    with torch.no_grad():
        state = model.start(torch.tensor([condition]))
        size = scoring.chunk_length(model, 1, memory)
        for piece in taken.split(size) if start else ():
            factors, state = model.read(state, piece[None].to(state.next.device))
            total += factors.sum().cpu()
    first = torch.zeros(1, dtype=torch.int64)
    rule_state = 0 if event is None else int(event.after(taken[None], 0, first))
    return Problem(model, evidence, condition, event, start, stop, state, rule_state, float(total))


def split(problem: Problem, *, memory: int = scoring.MEMORY) -> list[Problem]:
    """Cut a problem where a run of R observed symbols makes the pieces independent.

    log p(what is known) is the sum of ``log_before`` of all pieces and of the log evidence of
    each. A model of unknown order, or an event, which remembers, is left whole.
    """
    order = problem.model.order
    if order is None or problem.event is not None:
        return [problem]
    hidden = problem.evidence.low != problem.evidence.high
    pieces: list[Problem] = []
    while problem.start < problem.stop:
        ahead = hidden[problem.start : problem.stop].nonzero()[:, 0] + problem.start
        gaps = (ahead.diff() > order).nonzero()[:, 0]
        last = int(ahead[gaps[0]]) if len(gaps) else int(ahead[-1])
        # The last position that depends on this gap is the order's reach behind it.
        cut = last + 1 + order
        resume = int(ahead[gaps[0] + 1]) if len(gaps) else problem.stop
        if cut >= problem.stop:
            break
        pieces.append(replace(problem, stop=cut))
        problem = _resumed(problem, cut, resume, memory)
    return [*pieces, problem]


def spans(
    problem: Problem,
    *,
    twist: Event | None = None,
    log_value: Float[Tensor, "D L1"] | None = None,
    short: int = 0,
) -> list[Span]:
    """Return the observed runs and the hidden ones between them, in order, with their rules.

    Symbols after which the event cannot occur any more are ruled out beforehand, so that a path
    dies of the model alone.

    Args:
        problem: What is asked.
        twist: An automaton whose states carry a potential, which accepts everything.
        log_value: Log potential of each of its states before each position start..stop, and after
            the last, (D, L + 1). States of the joint automaton are ordered event-major:
            ``event state * D + twist state``.
        short: Observed runs of up to so many symbols between hidden ones are walked with these.
    """
    event = problem.event or _nothing(problem.model.num_symbols)
    if twist is not None:
        both = event & twist
        if log_value is not None:
            log_value = log_value.repeat(event.num_states, 1)
        event = both
    alive = _alive(problem, event)
    read = _read(problem, short)
    found = []
    for start, stop in _runs(problem, event, read):
        begin, end = start - problem.start, stop - problem.start
        if bool(read[start]):
            symbols = problem.evidence.low[start:stop].long()
            before = torch.arange(event.num_states)
            moves = event.after(symbols.expand(len(before), -1), start, before)
            gain = None
            if log_value is not None:
                gain = log_value[moves, end] - log_value[:, begin]
            found.append(Span(start, stop, symbols=symbols, moves=moves, gain=gain))
        else:
            value = None if log_value is None else log_value[:, begin : end + 1]
            rules = _rules(problem, event, alive[begin : end + 1], start, stop, value)
            found.append(Span(start, stop, rules=rules))
    return found


def walked_through(problem: Problem) -> int:
    """Return how many positions a filter's paths are stepped through."""
    walked = ~_read(problem, short_run(problem.model))
    return int(walked[problem.start : problem.stop].sum())


def short_run(model: SequenceModel) -> int:
    """Return up to how many observed symbols between hidden ones are stepped through."""
    return SHORT if hasattr(model, "fast_walk") else 0


def reachable(problem: Problem) -> bool:
    """Whether some path is allowed, and lets the event occur; the model may still forbid it."""
    positions = slice(problem.start, problem.stop)
    if bool((problem.evidence.low[positions] > problem.evidence.high[positions]).any()):
        return False
    return problem.event is None or bool(_alive(problem, problem.event)[0, problem.rule_state])


def check(model: SequenceModel, evidence: Evidence, event: Event | None = None) -> None:
    """Refuse evidence or an event that is not about this model's sequences."""
    if evidence.num_symbols != model.num_symbols:
        raise ValueError(
            f"the model has {model.num_symbols} symbols; got evidence of {evidence.num_symbols}"
        )
    if event is not None and event.num_symbols != model.num_symbols:
        raise ValueError(
            f"the model has {model.num_symbols} symbols; got an event of {event.num_symbols}"
        )
    if len(evidence.log_condition) != model.num_conditions:
        raise ValueError(
            f"the model has {model.num_conditions} conditions; "
            f"got evidence of {len(evidence.log_condition)}"
        )
    if model.length is not None and evidence.length > model.length:
        raise ValueError(
            f"the model knows sequences of {model.length} symbols; got evidence of "
            f"{evidence.length}"
        )


def _last(evidence: Evidence, event: Event | None) -> int:
    """Return the position after the last one that restricts anything."""
    known = (~evidence.unknown).nonzero()[:, 0]
    last = int(known[-1]) + 1 if len(known) else 0
    if event is None:
        return last
    still = torch.arange(event.num_states)[:, None]
    ends = [start for start, _ in event.pieces[1:]] + [evidence.length]
    moving = [
        min(end, evidence.length)
        for (start, table), end in zip(event.pieces, ends, strict=True)
        if start < evidence.length and not bool((table == still).all())
    ]
    return max(last, *moving) if moving else last


def _resumed(problem: Problem, cut: int, resume: int, memory: int) -> Problem:
    """Return the problem that begins anew at ``resume``, all before it read.

    What lies before the last R symbols is out of the model's sight, so that any allowed symbols do
    there.
    """
    evidence, model = problem.evidence, problem.model
    taken = evidence.low[problem.start : resume].long()
    before, total = cut - problem.start, 0.0
    state = problem.state
    with torch.no_grad():
        at = 0
        for piece in taken.split(scoring.chunk_length(model, 1, memory)):
            factors, state = model.read(state, piece[None].to(state.next.device))
            inside = torch.arange(at, at + len(piece)) >= before
            total += float(factors[0].cpu()[inside].sum())
            at += len(piece)
    return replace(problem, start=resume, state=state, log_before=total)


def _nothing(num_symbols: int) -> Event:
    table = torch.zeros(1, num_symbols, dtype=torch.int64)
    return Event(((0, table),), torch.ones(1, dtype=torch.bool), "anything")


def _read(problem: Problem, short: int) -> Bool[Tensor, " T"]:
    """Return which positions are read in parallel, and not walked."""
    read, hidden = problem.evidence.observed.clone(), problem.hidden
    between = hidden.diff() - 1
    for gap in ((between > 0) & (between <= short)).nonzero()[:, 0].tolist():
        read[int(hidden[gap]) + 1 : int(hidden[gap + 1])] = False
    return read


def _runs(problem: Problem, event: Event, read: Bool[Tensor, " T"]) -> Iterator[tuple[int, int]]:
    """Yield the bounds of runs that are alike in being read and in the event's transitions."""
    inner = torch.arange(problem.start + 1, max(problem.stop, problem.start + 1))
    changes = inner[read[inner] != read[inner - 1]].tolist()
    breaks = event.breaks(problem.start, problem.stop)
    bounds = sorted({problem.start, *changes, *breaks, problem.stop})
    table = max(1, WRITTEN_OUT // problem.model.num_symbols)
    for start, stop in itertools.pairwise(bounds):
        size = stop - start if bool(read[start : start + 1].any()) else table
        for first in range(start, stop, max(1, size)):
            yield first, min(first + size, stop)


def _alive(problem: Problem, event: Event) -> Bool[Tensor, "L1 D"]:
    """Return from which states, before each position, the event can still occur."""
    alive = event.accept.expand(problem.length + 1, -1).clone()
    if bool(alive.all()):
        return alive
    for at in range(problem.length - 1, -1, -1):
        position = problem.start + at
        symbols = problem.evidence.mask(position, position + 1)[0]
        alive[at] = (alive[at + 1][event.table(position)] & symbols).any(-1)
    return alive


def _allowed(evidence: Evidence, start: int, stop: int) -> Rules:
    """Return rules of what evidence allows at start..stop, each of its sets written out once."""
    at = slice(start, stop)
    told = torch.stack([evidence.low[at], evidence.high[at], evidence.which[at]])
    _, which = told.unique(dim=1, return_inverse=True)
    places = torch.arange(len(which))
    first = torch.full_like(places, len(which)).scatter_reduce(0, which, places, "amin").unique()
    number = which[first[first < len(which)]].argsort()
    sets = [evidence.mask(start + at, start + at + 1) for at in first[number].tolist()]
    nothing = torch.zeros(1, evidence.num_symbols, dtype=torch.int64)
    return Rules(nothing, which[None], torch.cat(sets))


def _rules(
    problem: Problem,
    event: Event,
    alive: Bool[Tensor, "l1 D"],
    start: int,
    stop: int,
    log_value: Float[Tensor, "D l1"] | None,
) -> Rules:
    table = event.table(start)
    base = _allowed(problem.evidence, start, stop)
    if bool(alive[1:].all()):
        which = base.which.expand(event.num_states, -1)
        return Rules(table, which, base.sets, log_value)
    sets: dict[bytes, int] = {}
    rows: list[Tensor] = []
    which = torch.zeros(event.num_states, stop - start, dtype=torch.int64)
    known: dict[tuple[int, bytes], list[int]] = {}
    for at in range(stop - start):
        ahead = alive[at + 1]
        key = int(base.which[0, at]), ahead.numpy().tobytes()
        if key not in known:
            known[key] = []
            for row in base.sets[key[0]] & ahead[table]:
                name = row.numpy().tobytes()
                if name not in sets:
                    sets[name] = len(rows)
                    rows.append(row)
                known[key].append(sets[name])
        which[:, at] = torch.tensor(known[key])
    return Rules(table, which, torch.stack(rows), log_value)
