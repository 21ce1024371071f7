"""Block Metropolis within Gibbs on the paths of a problem."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.events import Rules
from autoreg.inference.kernels import (
    Moved,
    check_paths,
    log_after,
    occurs,
    reach,
    read,
    rule_states,
    state_before,
)
from autoreg.inference.problem import Problem, Span, spans
from autoreg.protocol import State
from autoreg.walks.walking import walk


def block_metropolis(
    problem: Problem,
    paths: Int[Tensor, "C L"],
    *,
    window: tuple[int, int],
    memory: int = scoring.MEMORY,
    generator: Generator | None = None,
) -> Moved:
    r"""Draw the symbols of a window anew given all before it, and accept by what follows it.

    The proposal y walks through [a, b) within what the rules allow, so that p / q is the mass
    :math:`m_t` of the allowed set. It is accepted with probability min(1, exp D),

    .. math::
        D = \sum_{a \le t < b} \log \frac{m_t(y)}{m_t(x)}
          + \sum_{b \le t < \min(b + R, stop)}
            \log \frac{p(x_t \mid x_{<a}, y, x_{b..t-1})}{p(x_t \mid x_{<t})},

    as no factor further behind sees the window, and never where the event does not occur any more.
    The kernel leaves p(path | what is known) as it is (Metropolis and others, 1953, within Gibbs).

    Args:
        problem: What is asked.
        paths: One path of each chain, all of them possible.
        window: Its positions (a, b), half open, the same for all chains. They may be drawn, but
            without a look at the paths.
        memory: Bytes that activations may take at a time.
        generator: Source of chance.

    Raises:
        ValueError: The window does not lie within start..stop, or a path is impossible.
    """
    start, stop = window
    if not problem.start <= start < stop <= problem.stop:
        raise ValueError(
            f"a window needs to lie within {problem.start}..{problem.stop} and hold a position; "
            f"got {start}..{stop}"
        )
    check_paths(problem, paths)
    begin, end = start - problem.start, stop - problem.start
    uniforms = torch.rand(len(paths), stop - start, dtype=torch.float64, generator=generator)
    chance = torch.rand(len(paths), dtype=torch.float64, generator=generator)
    with torch.no_grad():
        state = state_before(problem, paths, start, memory=memory)
        before = rule_states(problem, paths, start)
        drawn, log_mass, after, ends = _propose(
            problem, window, state, before, paths[:, begin:end], uniforms, memory
        )
        ahead = paths[:, end : reach(problem, stop) - problem.start].repeat(2, 1)
        log_ratio = log_mass + log_after(problem.model, after, ahead, memory=memory)
    new, old = log_ratio.chunk(2)
    accepted = chance.log() < new - old
    if before is not None and not torch.equal(*ends.chunk(2)):
        accepted &= occurs(problem, paths[:, end:], stop, ends.chunk(2)[0])
    moved = paths.clone()
    moved[:, begin:end] = torch.where(accepted[:, None], drawn, paths[:, begin:end])
    return Moved(moved, accepted.double())


def draw_window(
    problem: Problem, length: int, *, generator: Generator | None = None
) -> tuple[int, int]:
    """Draw a window of a length that begins at a hidden position, each as likely as any other.

    It is shorter where the positions end.
    """
    hidden = problem.hidden
    if length < 1 or not len(hidden):
        raise ValueError(
            "a window needs a length of 1 or more and a hidden position; "
            f"got a length of {length} and {len(hidden)} hidden positions"
        )
    start = int(hidden[torch.randint(len(hidden), (1,), generator=generator)])
    return start, min(start + length, problem.stop)


def _propose(
    problem: Problem,
    window: tuple[int, int],
    state: State,
    before: Int[Tensor, " C"] | None,
    old: Int[Tensor, "C W"],
    uniforms: Float[Tensor, "C W"],
    memory: int,
) -> tuple[Int[Tensor, "C W"], Float[Tensor, " C2"], State, Int[Tensor, " C2"]]:
    """Walk through the window twice, drawing and along the old symbols: 2 C rows in that order.

    Returns:
        The symbols drawn, the log masses of the sets of all rows, their states and automaton
        states behind the window.
    """
    count = len(old)
    twice = torch.arange(count).repeat(2)
    state = state.at(twice.to(state.next.device))
    d = torch.zeros(2 * count, dtype=torch.int64) if before is None else before[twice]
    path = torch.cat([torch.full_like(old, -1), old])
    uniforms = uniforms[twice]
    log_mass = torch.zeros(2 * count, dtype=torch.float64)
    drawn = []
    for span in _within(problem, *window):
        at = slice(span.start - window[0], span.stop - window[0])
        if span.symbols is not None and span.moves is not None:
            symbols = span.symbols.expand(2 * count, -1)
            total, state = read(problem.model, state, symbols, memory=memory)
            log_mass, d = log_mass + total, span.moves[d]
        elif span.rules is not None:
            walked = walk(
                problem.model,
                state,
                span.rules,
                uniforms[:, at],
                rule_state=d,
                path=path[:, at],
            )
            symbols, state, d = walked.symbols.cpu(), walked.state, walked.rule_state.cpu()
            log_mass = log_mass + walked.log_mass.sum(-1).cpu()
        drawn.append(symbols[:count])
    return torch.cat(drawn, dim=1), log_mass, state, d


def _within(problem: Problem, start: int, stop: int) -> Iterator[Span]:
    """Yield the spans of a window; with an event they know what is still to come behind it."""
    inside = replace(problem, start=start, stop=stop if problem.event is None else problem.stop)
    for span in spans(inside):
        if span.start >= stop:
            return
        if span.stop <= stop:
            yield span
        elif span.rules is not None:
            rules = span.rules
            cut = Rules(rules.next, rules.which[:, : stop - span.start], rules.sets)
            yield replace(span, stop=stop, rules=cut)
        elif span.symbols is not None and problem.event is not None:
            symbols = span.symbols[: stop - span.start]
            states = torch.arange(problem.event.num_states)
            moves = problem.event.after(symbols.expand(len(states), -1), span.start, states)
            yield replace(span, stop=stop, symbols=symbols, moves=moves)
