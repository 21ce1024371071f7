"""The steps that one thread walks with its share of the paths."""

from typing import NamedTuple

import numpy as np
from numba import njit

from autoreg.walks.columns import advance
from autoreg.walks.drawing import draw
from autoreg.walks.vectors import announce, exponentials, watched


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
        told: Counts how often threads have met; and the position that was reached.
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
    told: np.ndarray


@njit(nogil=True, cache=True)
def stride(net, rings, desk, work, tables, paths, share, span, number, extra, stopping):
    """Walk the paths share[0]..share[1] as thread share[2] of share[3] over span[0]..span[1].

    Position span[0] takes in input ``number``. ``stopping`` is (groups, min_ess); threads wait for
    each other only if min_ess is above 0. The position reached is left in ``paths.told[1]``.
    """
    begin, end, thread, threads = share
    groups, min_ess = stopping
    tile = desk.logits.shape[0]
    told = paths.told.ctypes.data
    for t in range(span[0], span[1]):
        for row in range(begin, end):
            if not _choose(tables, paths, work, row, t) and paths.wrong[thread, 0] < 0:
                paths.wrong[thread, 0], paths.wrong[thread, 1] = t, row
        last = paths.wrong[thread, 0] >= 0
        if min_ess > 0.0:
            meetings = 2 * (t - span[0]) * threads
            announce(told, 1)
            while watched(told) < meetings + threads:
                pass
            last = _poor(paths.log_weights, groups, min_ess) or paths.wrong.max() >= 0
            announce(told, 1)
            while watched(told) < meetings + 2 * threads:
                pass
        for first in range(begin, end, tile):
            rows = min(tile, end - first)
            at = number + t - span[0]
            advance(net, rings, desk, paths.symbols, first, rows, t, 1, at, extra)
            paths.logits[first : first + rows] = desk.logits[:rows]
        if thread == 0:
            paths.told[1] = t + 1
        if last:
            return


@njit(nogil=True, cache=True)
def absorb(net, rings, desk, work, symbols, factors, logits, rows, number, extra):
    """Take in all symbols of the rows rows[0]..rows[1], and write each one's log probability.

    ``logits`` (N, .) are those before the first symbol, and then those after the last.
    """
    length, tile = symbols.shape[1], desk.logits.shape[0]
    for first in range(0, length, tile):
        piece = min(tile, length - first)
        together = max(1, tile // piece)
        for begin in range(rows[0], rows[1], together):
            some = min(together, rows[1] - begin)
            advance(net, rings, desk, symbols, begin, some, first, piece, number + first, extra)
            for r in range(some):
                row = begin + r
                for t in range(piece):
                    before = logits[row] if t == 0 else desk.logits[r * piece + t - 1]
                    symbol = symbols[row, first + t]
                    factors[row, first + t] = _log_prob(before, work, net.num_symbols, symbol)
                logits[row] = desk.logits[r * piece + piece - 1]


@njit(nogil=True, cache=True)
def _log_prob(logits, work, count, symbol):
    top = logits[0]
    for v in range(1, count):
        top = max(top, logits[v])
    exponentials(logits[0], logits.ctypes.data, work.ctypes.data, count, np.float64(top))
    total = 0.0
    for v in range(count):
        total += work[0, v]
    return np.float64(logits[symbol]) - np.float64(top) - np.log(total)


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
