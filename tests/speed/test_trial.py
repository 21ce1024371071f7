import time

import pytest
import torch

from autoreg.speed.trial import Entry, Spread, Trial, elapsed, race, ratio, spread, threads


def test_all_take_turns_after_each_has_worked_once():
    calls = []
    trial = Trial(turn=1e-9, least=3, most=3)
    rates = race({name: Entry(lambda _, name=name: calls.append(name)) for name in "ab"}, trial)
    assert calls == ["a", "a", "b", "b"] + 3 * ["a", "b"]  # once, once to see how long, turns
    assert {name: len(found) for name, found in rates.items()} == {"a": 3, "b": 3}


def test_a_rate_is_of_pieces_of_their_size():
    def sleep(count):
        time.sleep(0.002 * count)

    trial = Trial(turn=0.02, least=2, most=2)
    rates = race({"one": Entry(sleep), "ten": Entry(sleep, 10)}, trial)
    assert max(rates["one"]) <= 500
    assert min(rates["ten"]) > max(rates["one"])


def test_turns_end_when_time_is_over_and_each_has_had_its_least():
    entry = Entry(lambda count: time.sleep(0.001 * count))
    rates = race({"a": entry}, Trial(turn=0.001, least=2, most=1000, seconds=0.02))
    assert 2 <= len(rates["a"]) < 100


def test_ratios_are_taken_turn_by_turn():
    assert ratio([2.0, 40.0, 6.0], [1.0, 10.0, 2.0]) == Spread(3.0, 2.5, 3.5, 3)
    assert spread([7.0]) == Spread(7.0, 7.0, 7.0, 1)


def test_threads_are_as_before_afterwards():
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with pytest.raises(ZeroDivisionError), threads(before + 1):
        elapsed(lambda count: count / 0, 1)
    assert torch.get_num_threads() == before
