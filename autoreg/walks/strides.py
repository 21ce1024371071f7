"""The steps that one thread walks with its share of the paths."""

from typing import NamedTuple

import numpy as np
from numba import njit

from autoreg.walks.columns import advance
from autoreg.walks.crews import rendezvous
from autoreg.walks.drawing import draw, weigh
from autoreg.walks.vectors import copy


class Paths(NamedTuple):
    """What all threads share: where the paths come from and where they have got to.

    Attributes:
        uniforms: (N, L).
        forced: Symbols that are taken, -1 where one is drawn, (N, L), or (0, 0) to draw all.
        symbols: (N, L), written.
        log_mass: (N, L), written.
        logits: Filled up to whole vectors, (N, .), rewritten at each step.
        d: State of the rules' automaton, (N,), rewritten.
        alive: (N,), rewritten.
        log_weights: (N,), rewritten.
        wrong: Position and row of each thread's first forced symbol that is not allowed.
        reached: The position that each thread reached.
        stopped: Whether it had to end there.
    """

    uniforms: np.ndarray
    forced: np.ndarray
    symbols: np.ndarray
    log_mass: np.ndarray
    logits: np.ndarray
    d: np.ndarray
    alive: np.ndarray
    log_weights: np.ndarray
    wrong: np.ndarray
    reached: np.ndarray
    stopped: np.ndarray


@njit(nogil=True, cache=True)
def stride(like, net, rings, desk, work, crew, tables, paths, rows, span, number, extra, stopping):
    """Walk the paths rows[0]..rows[1] over the positions span[0]..span[1].

    Position span[0] takes in input ``number``. ``stopping`` is (groups, min_ess). The position
    reached is left in ``paths.reached``, and whether that is the end in ``paths.stopped``.
    """
    begin, end = rows
    groups, min_ess = stopping
    length, each = paths.symbols.shape[1], net.outputs * net.size
    symbols, logits = paths.symbols.ctypes.data, paths.logits.ctypes.data
    for t in range(span[0], span[1]):
        for row in range(begin, end):
            if not _choose(tables, paths, work, row, t) and paths.wrong[crew[0], 0] < 0:
                paths.wrong[crew[0], 0], paths.wrong[crew[0], 1] = t, row
        last = paths.wrong[crew[0], 0] >= 0
        if min_ess > 0.0:
            rendezvous(crew)
            last = _poor(paths.log_weights, groups, min_ess) or paths.wrong.max() >= 0
            rendezvous(crew)
        here, at = (symbols + t * 8, length), number + t - span[0]
        for first in range(begin, end, desk.columns):
            some = min(desk.columns, end - first)
            advance(like, net, rings, desk, crew, here, first, some, 1, at, extra)
            copy(logits + first * each, desk.logits, some * each)
        paths.reached[crew[0]] = t + 1
        paths.stopped[crew[0]] = last
        if last:
            return


@njit(nogil=True, cache=True)
def absorb(
    like, net, rings, desk, work, crew, symbols, factors, logits, rows, span, number, extra
):
    """Take in symbols[rows, span], and write the log probability of each.

    ``logits`` (N, .) are those before the first symbol, and then those after the last; position
    span[0] takes in input ``number``.
    """
    each = net.outputs * net.size
    for first in range(span[0], span[1], desk.columns):
        piece = min(desk.columns, span[1] - first)
        together = max(1, desk.columns // piece)
        here = symbols.ctypes.data + first * 8, symbols.shape[1]
        for begin in range(rows[0], rows[1], together):
            some, at = min(together, rows[1] - begin), number + first - span[0]
            advance(like, net, rings, desk, crew, here, begin, some, piece, at, extra)
            for r in range(some):
                row, last = begin + r, desk.logits + r * piece * each
                for t in range(piece):
                    top, total = weigh(logits[row], work[0])
                    chosen = np.float64(logits[row, symbols[row, first + t]])
                    factors[row, first + t] = chosen - top - np.log(total)
                    copy(logits.ctypes.data + row * each, last + t * each, each)


@njit(nogil=True, cache=True)
def _choose(tables, paths, work, row, t):
    """Take one path's next symbol; return whether it may be taken."""
    symbol, log_mass = 0, 0.0
    if paths.alive[row]:
        forced = paths.forced[row, t] if paths.forced.shape[0] > 0 else -1
        d = paths.d[row]
        symbol, log_mass, wrong = draw(
            tables, paths.logits[row], work, d, t, paths.uniforms[row, t], forced
        )
        if wrong:
            return False
        if log_mass == -np.inf:
            paths.alive[row] = False
            symbol = 0
    paths.symbols[row, t] = symbol
    paths.log_mass[row, t] = log_mass
    paths.log_weights[row] += log_mass
    paths.d[row] = tables.next[paths.d[row], symbol]
    return True


@njit(nogil=True, cache=True)
def _poor(log_weights, groups, min_ess):
    """Return whether (sum w)^2 / sum w^2 of some group of paths lies below a number."""
    size = len(log_weights) // groups
    for group in range(groups):
        some = log_weights[group * size : (group + 1) * size]
        best = -np.inf
        for weight in some:
            best = max(best, weight)
        if best == -np.inf:
            return True
        total, squares = 0.0, 0.0
        for weight in some:
            w = np.exp(weight - best)
            total += w
            squares += w * w
        if total * total / squares < min_ess:
            return True
    return False
