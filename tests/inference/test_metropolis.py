import itertools

import pytest
import torch

from autoreg.inference import metropolis
from autoreg.inference.metropolis import block_metropolis, draw_window
from tests.inference.invariance import (
    CAUGHT,
    FAST,
    FULL,
    SAME,
    case,
    cases,
    largest_z,
    seen,
    wavenet,
)

CASES = cases()


def moves(window, rates=None):
    """Return the kernel of one window."""

    def kernel(problem, paths, generator):
        moved = block_metropolis(problem, paths, window=window, generator=generator)
        if rates is not None:
            rates.append(float(moved.accepted.mean()))
        return moved

    return kernel


def windows(problem, longest=4):
    """Return all windows up to a length in which something is hidden."""
    bounds = itertools.combinations(range(problem.start, problem.stop + 1), 2)
    hidden = problem.hidden
    return [
        (start, stop)
        for start, stop in bounds
        if stop - start <= longest and bool(((hidden >= start) & (hidden < stop)).any())
    ]


@pytest.mark.parametrize("name", CASES)
def test_a_block_of_any_place_and_length_leaves_the_posterior_as_it_is(name):
    for window in windows(CASES[name].problem):
        assert largest_z(CASES[name], moves(window), FAST) < SAME, window


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_block_leaves_the_posterior_as_it_is_to_the_third_digit(name):
    for window in windows(CASES[name].problem, 6):
        assert largest_z(CASES[name], moves(window), FULL, seed=1) < SAME, window


def test_a_block_of_a_wavenet_leaves_its_posterior_as_it_is():
    of_wavenet = case(wavenet(), seen(2, [1, None, None, 0, None, 1, 1]))
    assert largest_z(of_wavenet, moves((2, 5)), FAST) < SAME


def test_a_block_behind_which_nothing_is_known_is_always_accepted():
    rates = []
    largest_z(CASES["tail"], moves((2, 4), rates), 100)
    assert rates == [1.0]


def test_a_crop_of_the_order_leads_to_the_same_moves_as_all_of_the_past(monkeypatch):
    model = wavenet()
    problem = case(model, seen(2, [None] * 8 + [1, 1])).problem
    paths = torch.ones(50, 10, dtype=torch.int64)
    kernel = moves((6, 8))
    cropped = kernel(problem, paths, torch.Generator().manual_seed(0))
    # A model that is not stationary is read from its beginning.
    monkeypatch.setattr(type(model), "stationary", False)
    whole = kernel(problem, paths, torch.Generator().manual_seed(0))
    assert torch.equal(cropped.paths, whole.paths)


def test_a_window_begins_at_each_hidden_position_equally_often():
    problem, generator = CASES["observed"].problem, torch.Generator().manual_seed(0)
    drawn = [draw_window(problem, 3, generator=generator) for _ in range(300)]
    assert set(drawn) == {(0, 3), (1, 4), (3, 6)}
    assert draw_window(CASES["tail"].problem, 99, generator=generator)[1] == 4


def test_mutant_without_the_terms_that_follow_the_block_is_caught(monkeypatch):
    monkeypatch.setattr(
        metropolis, "log_after", lambda _, state, symbols, **__: torch.zeros(len(symbols))
    )
    assert largest_z(CASES["observed"], moves((0, 2)), FULL) > CAUGHT


def test_mutant_with_all_but_one_of_the_terms_that_follow_is_caught(monkeypatch):
    monkeypatch.setattr(metropolis, "reach", lambda problem, at: at + problem.model.order - 1)
    assert largest_z(CASES["observed"], moves((0, 1)), FULL) > CAUGHT


def test_mutant_without_the_masses_in_the_block_is_caught(monkeypatch):
    def unweighted(*args, **keywords):
        walked = walk(*args, **keywords)
        return walked._replace(log_mass=torch.zeros_like(walked.log_mass))

    walk = metropolis.walk
    monkeypatch.setattr(metropolis, "walk", unweighted)
    assert largest_z(CASES["sets"], moves((0, 3)), FULL) > CAUGHT


def test_mutant_without_the_factors_of_what_is_observed_in_the_block_is_caught(monkeypatch):
    def unweighted(model, state, symbols, *, memory):
        total, after = read(model, state, symbols, memory=memory)
        return torch.zeros_like(total), after

    read = metropolis.read
    monkeypatch.setattr(metropolis, "read", unweighted)
    assert largest_z(CASES["observed"], moves((0, 4)), FULL) > CAUGHT


def test_mutant_that_forgets_the_event_behind_the_block_is_caught(monkeypatch):
    monkeypatch.setattr(
        metropolis, "occurs", lambda _, rest, *__: torch.ones(len(rest), dtype=torch.bool)
    )
    assert largest_z(CASES["word"], moves((1, 2)), FULL) > CAUGHT


@pytest.mark.parametrize("window", [(0, 0), (-1, 2), (4, 9)])
def test_refuses_a_window_outside_of_the_problem(window):
    problem = CASES["observed"].problem
    with pytest.raises(ValueError, match=r"a window needs to lie within 0\.\.6"):
        block_metropolis(problem, CASES["observed"].paths, window=window)


def test_refuses_to_draw_a_window_of_nothing():
    with pytest.raises(ValueError, match="a length of 1 or more"):
        draw_window(CASES["observed"].problem, 0)
    nothing = case(wavenet(), seen(2, [1, 0, 1])).problem
    with pytest.raises(ValueError, match="0 hidden positions"):
        draw_window(nothing, 1)
