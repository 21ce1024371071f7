"""The steps of a thread: tiles of rows, when it stops, and what reading leaves."""

import math

import pytest
import torch

from autoreg.events import Rules
from autoreg.walks import cpu
from autoreg.walks.columns import Desk
from tests.walks.recipes import (
    AskRecipe,
    NetRecipe,
    agree,
    assert_close,
    assert_same_state,
    packed,
)


def room(monkeypatch, model, columns):
    """Leave room for so many columns at a time."""
    row = 2**40 // Desk.columns_within(packed(model).panels.net, 2**40)
    monkeypatch.setattr(cpu, "DESK", columns * row)


@pytest.mark.parametrize("columns", [1, 2, 3, 4, 7, 8])
def test_rows_go_by_in_tiles(monkeypatch, columns):
    model = NetRecipe(conditions=(3,)).build()
    asked = AskRecipe(rows=7, length=6, primed=2, density=0.8, states=2).build(model)
    room(monkeypatch, model, columns)
    agree(model, asked)


@pytest.mark.parametrize("length", [1, 4, 5, 6, 10, 11, 23])
@pytest.mark.parametrize("rows", [1, 3, 7])
def test_positions_go_by_in_tiles_of_rows_and_positions(monkeypatch, length, rows):
    model = NetRecipe(conditions=(3,), kernel_size=3, num_features=2, rows=2).build()
    state = AskRecipe(rows=rows, primed=3).build(model).state
    symbols = torch.randint(5, (rows, length), generator=torch.Generator().manual_seed(rows))
    with torch.no_grad():
        factors, wanted = model.read(state, symbols)
    for columns in (1, 5, 12):
        room(monkeypatch, model, columns)
        got, after = cpu.read(packed(model), state, symbols)
        assert_close(got, factors)
        assert_same_state(after, wanted)


def test_the_position_that_makes_a_group_poor_is_still_walked():
    # Until position 3 the weights are even; there all but one path of the second group die.
    model = NetRecipe().build()
    rules = Rules(
        torch.tensor([[0] * 5, [1] * 5]),
        torch.tensor([[0] * 9, [0, 0, 0, 1, *[0] * 5]]),
        torch.tensor([[True] * 5, [False] * 5]),
    )
    states = torch.tensor([0, 0, 0, 0, 1, 1])
    asked = AskRecipe(rows=3, groups=2, length=9).build(model)
    asked = asked._replace(rules=rules, rule_state=states, log_weights=torch.zeros(6).double())
    # An effective sample size of 1 of 3 that weigh the same.
    for least, length in [(0.99, 9), (1.01, 4), (2.99, 4), (3.01, 1)]:
        walked = agree(model, asked._replace(min_ess=least))
        assert walked.length == length
        assert walked.state.memory[0].tolist() == [length] * 6
    dead = agree(model, asked).log_mass[4:]
    assert dead[:, 3].tolist() == [-math.inf] * 2
    assert not dead[:, 4:].any()


def test_weights_count_that_paths_had_before():
    model = NetRecipe().build()
    asked = AskRecipe(rows=2, length=5).build(model)
    for weights, least in [([0.0, 0.0], 1.9), ([0.0, -9.0], 1.1), ([700.0, 691.0], 1.1)]:
        # 2 of 2 in the first case; in the others 1 + 2 exp(-9) or so.
        walked = agree(
            model,
            asked._replace(log_weights=torch.tensor(weights).double(), min_ess=least),
        )
        assert walked.length == (5 if weights[0] == weights[1] else 1)


def test_impossible_symbols_have_a_factor_of_minus_infinity():
    model = NetRecipe().build()
    with torch.no_grad():
        model.stack.output.bias[2] = -math.inf
    state = AskRecipe(rows=2).build(model).state
    symbols = torch.tensor([[0, 2, 1], [2, 3, 2]])
    got, after = cpu.read(packed(model), state, symbols)
    with torch.no_grad():
        factors, wanted = model.read(state, symbols)
    assert_close(got, factors)
    assert got.isneginf().tolist() == (symbols == 2).tolist()
    assert_close(after.next, wanted.next)
