"""Threads that share work, step by step.

A crew is given to each of its threads as whole numbers: the thread's own number, how many they
are, the address of the counter on which they meet, how far it has to have counted by their next
meeting, and whether they split matrices (then all walk the same columns) or only meet.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit

from autoreg.walks.vectors import announce, watched


def crews(members: int, *, split: bool) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the counter, which has to outlive the crew, and what each thread is given."""
    counter = np.zeros(1, np.int64)
    place = counter.ctypes.data
    return counter, [
        np.array([n, members, place, 0, int(split)], np.int64) for n in range(members)
    ]


def together(shares: Sequence[Callable[[], None]], counter: np.ndarray) -> None:
    """Do all shares at the same time, the first of them in this thread.

    If one of them fails, or this thread is interrupted, nobody waits for it on the counter.
    """

    def guarded(share: Callable[[], None]) -> None:
        try:
            share()
        except BaseException:
            counter[0] = 2**62
            raise

    first, *others = shares
    with ThreadPoolExecutor(max(1, len(others))) as pool:
        try:
            futures = [pool.submit(guarded, share) for share in others]
            first()
        except BaseException:
            counter[0] = 2**62
            raise
        for future in futures:
            future.result()


@njit(nogil=True, cache=True)
def part(crew, rows, quantum):
    """Return the rows of a matrix that a thread does: all of them unless the crew splits."""
    if crew[4] == 0:
        return 0, rows
    pieces = rows // quantum
    begin, end = pieces * crew[0] // crew[1], pieces * (crew[0] + 1) // crew[1]
    return begin * quantum, end * quantum


@njit(nogil=True, cache=True)
def meet(crew):
    """Wait for the others of a crew that splits matrices."""
    if crew[4] != 0:
        rendezvous(crew)


@njit(nogil=True, cache=True)
def rendezvous(crew):
    """Wait until all threads of a crew have come here."""
    if crew[1] == 1:
        return
    crew[3] += crew[1]
    announce(crew[2], 1)
    while watched(crew[2]) < crew[3]:
        pass
