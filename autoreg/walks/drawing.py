"""One symbol, drawn from logits within what the rules allow."""

from typing import NamedTuple

import numpy as np
from numba import njit

from autoreg.walks.vectors import exponentials, peak


class Tables(NamedTuple):
    """The rules of a walk as arrays; ``log_value`` has no states where there are no potentials."""

    next: np.ndarray
    which: np.ndarray
    sets: np.ndarray
    full: np.ndarray
    log_value: np.ndarray
    temperature: float
    top_p: float


@njit(nogil=True, cache=True)
def draw(tables, logits, work, d, t, uniform, forced):
    """Return a symbol, the log mass of what is allowed, and whether a forced symbol is not.

    ``logits`` and ``work`` (2, .) are whole vectors, filled up with -inf; a mass of -inf means
    that nothing was allowed.
    """
    count = tables.sets.shape[1]
    row = tables.which[d, t]
    if forced >= 0 and (forced >= count or not tables.sets[row, forced]):
        return 0, -np.inf, True
    weights, logs = work[0], work[1]
    top, total = weigh(logits, weights)
    if tables.log_value.shape[0] > 0 or tables.temperature != 1.0 or tables.top_p != 1.0:
        for v in range(count):
            logs[v] = np.float64(logits[v]) - top - np.log(total)
        _temper(tables, logs, weights)
        _tilt(tables, logs, d, t)
        top, total, log_mass = _restrict(logs, tables.sets, row, weights, 0.0)
    elif tables.full[row]:
        log_mass = total - total  # 0, or not a number if some logit is none
    else:
        shift = top + np.log(total)
        top, total, log_mass = _restrict(logits, tables.sets, row, weights, shift)
    symbol = forced
    if log_mass == -np.inf:
        symbol = 0
    elif forced < 0:
        symbol = _invert(weights, count, total, uniform)
    return symbol, log_mass, False


@njit(nogil=True, cache=True)
def weigh(logits, weights):
    """Set weights to exp(logits - the largest); return the largest, and the weights' sum."""
    top = peak(logits[0], logits.ctypes.data, len(logits))
    total = exponentials(logits[0], logits.ctypes.data, weights.ctypes.data, len(logits), top)
    return top, total


@njit(nogil=True, cache=True)
def _restrict(logs, sets, row, weights, shift):
    """Weigh what is allowed; return its largest log, its sum, and the log of exp(logs - shift).

    The largest of the weights is 1, so that none is lost beside what is not allowed.
    """
    count, best = sets.shape[1], -np.inf
    for v in range(count):
        if sets[row, v]:
            best = max(best, np.float64(logs[v]))
    if best == -np.inf:
        return best, 0.0, best
    exponentials(logs[0], logs.ctypes.data, weights.ctypes.data, len(logs), best)
    total = 0.0
    for v in range(count):
        if not sets[row, v]:
            weights[v] = 0.0
        total += weights[v]
    return best, total, np.log(total) + best - shift


@njit(nogil=True, cache=True)
def _temper(tables, logs, order):
    """Divide log probabilities by the temperature and keep the nucleus, as the reference does."""
    count = tables.sets.shape[1]
    if tables.temperature != 1.0:
        best = peak(logs[0], logs.ctypes.data, len(logs))
        for v in range(count):
            logs[v] = (logs[v] - best) / tables.temperature
        _normalise(logs, count)
    if tables.top_p != 1.0:
        order[:count] = -1.0  # nothing is kept yet
        before, likeliest = 0.0, 0
        while before < tables.top_p and likeliest >= 0:
            likeliest = -1
            for v in range(count):
                if order[v] < 0.0 and (likeliest < 0 or logs[v] > logs[likeliest]):
                    likeliest = v
            if likeliest >= 0:
                order[likeliest] = 1.0
                before += np.exp(logs[likeliest])
        for v in range(count):
            if order[v] < 0.0:
                logs[v] = -np.inf
        _normalise(logs, count)


@njit(nogil=True, cache=True)
def _tilt(tables, logs, d, t):
    """Add what the potentials gain or lose by each symbol."""
    if tables.log_value.shape[0] == 0:
        return
    now = tables.log_value[d, t]
    for v in range(tables.sets.shape[1]):
        ahead = tables.log_value[tables.next[d, v], t + 1]
        if now == -np.inf or ahead == -np.inf:
            logs[v] = -np.inf
        else:
            logs[v] += ahead - now


@njit(nogil=True, cache=True)
def _normalise(logs, count):
    best = peak(logs[0], logs.ctypes.data, len(logs))
    total = 0.0
    for v in range(count):
        total += np.exp(logs[v] - best)
    for v in range(count):
        logs[v] -= best + np.log(total)


@njit(nogil=True, cache=True)
def _invert(weights, count, total, uniform):
    """Return the smallest symbol whose cumulative weight exceeds uniform times the total."""
    threshold, cumulative, last = uniform * total, 0.0, 0
    for v in range(count):
        cumulative += weights[v]
        if cumulative > threshold:
            return v
        if weights[v] > 0.0:
            last = v
    # A uniform just below 1 may round up to the total: the last symbol with weight is meant.
    return last
