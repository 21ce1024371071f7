"""Threads that share work."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit

from autoreg.walks.crews import crews, meet, part, rendezvous, together


@njit(nogil=True)
def meetings(crew, seen, times, everybody):
    """Meet so many times; note whom this thread found to have come as far."""
    for number in range(times):
        seen[crew[0], number] = 1
        if everybody:
            rendezvous(crew)
        else:
            meet(crew)
        for other in range(crew[1]):
            if seen[other, number] == 0:
                return False
    return True


@pytest.mark.parametrize("members", [1, 2, 3, 5])
@pytest.mark.parametrize("pieces", [0, 1, 2, 4, 9])
def test_a_crew_does_every_row_once(members, pieces):
    _, own = crews(members, split=True)
    rows = [part(crew, 8 * pieces, 8) for crew in own]
    assert [begin for begin, _ in rows] == [0, *(end for _, end in rows[:-1])]
    assert rows[-1][1] == 8 * pieces
    assert all(begin % 8 == end % 8 == 0 for begin, end in rows)
    sizes = [(end - begin) // 8 for begin, end in rows]
    assert max(sizes) - min(sizes) <= 1


def test_a_crew_that_does_not_split_does_all_rows_each():
    _, own = crews(3, split=False)
    assert [part(crew, 24, 8) for crew in own] == [(0, 24)] * 3


@pytest.mark.parametrize("everybody", [True, False])
def test_nobody_goes_on_before_all_have_come(everybody):
    _counter, own = crews(2, split=True)
    seen = np.zeros((2, 50), np.int64)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda crew: meetings(crew, seen, 50, everybody), own))
    assert found == [True, True]
    assert seen.all()


def test_nobody_waits_alone():
    _counter, own = crews(1, split=True)
    assert meetings(own[0], np.zeros((1, 5), np.int64), 5, True)
    # A crew that only meets at times does not wait where one that splits would.
    _counter, own = crews(2, split=False)
    meet(own[0])
    assert own[0][3] == 0


@pytest.mark.parametrize("failing", [0, 1])
def test_nobody_waits_for_a_thread_that_failed(failing):
    counter, own = crews(2, split=True)
    seen = np.ones((2, 5), np.int64)

    def share(number):
        if number == failing:
            raise KeyError("this one")
        meetings(own[number], seen, 5, everybody=True)

    with pytest.raises(KeyError, match="this one"):
        together([lambda: share(0), lambda: share(1)], counter)
