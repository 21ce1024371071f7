"""Columns on their way through a network, against ``step``."""

import numpy as np
import pytest
import torch

from autoreg.walks import cpu
from autoreg.walks.columns import Desk
from tests.walks.recipes import AskRecipe, NetRecipe, assert_close, assert_same_state, packed


def test_a_desk_has_a_row_for_every_column():
    panels = packed(NetRecipe(residual=5, kernel_size=2, input_kernel=3).build()).panels
    net = panels.net
    desk, parts = Desk.of(panels, 7)
    widths = [net.residual, 3 * 5, 2 * net.gate, 3 * net.gate, net.skip, net.hidden, net.outputs]
    assert [part.shape for part in parts] == [(7, width) for width in widths]
    assert {part.dtype for part in parts} == {np.dtype(np.float64)}
    assert desk == (7, *(part.ctypes.data for part in parts))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_as_many_columns_fit_into_memory_as_take_it_up(dtype):
    panels = packed(NetRecipe().build(dtype)).panels
    each = sum(part.nbytes for part in Desk.of(panels, 1)[1])
    for memory, columns in [(each, 1), (2 * each - 1, 1), (2 * each, 2), (99 * each, 99), (0, 1)]:
        assert Desk.columns_within(panels.net, memory) == columns


def test_a_crew_shares_what_its_members_write_together():
    panels = packed(NetRecipe().build()).panels
    one, two = Desk.of(panels, 3)[0], Desk.of(panels, 3)[0]
    both = two.shared(one)
    assert both[:4] == two[:4]
    assert both[4:] == one[4:]


@pytest.mark.parametrize("kernel_size", [1, 2, 3])
@pytest.mark.parametrize("dilations", [(1,), (2,), (3, 5)], ids=str)
@pytest.mark.parametrize("length", [1, 2, 3, 4, 6, 9, 10, 11, 25])
def test_columns_see_rings_and_each_other(kernel_size, dilations, length):
    # Lengths below, at and above what rings hold: 2, 3, 4, 5, 6 or 10 inputs.
    model = NetRecipe(kernel_size=kernel_size, dilations=dilations, input_kernel=3).build()
    symbols = torch.randint(5, (2, length), generator=torch.Generator().manual_seed(length))
    for primed in (0, 4):
        state = AskRecipe(rows=2, primed=primed).build(model).state
        _, after = cpu.read(packed(model), state, symbols)
        with torch.no_grad():
            for symbol in symbols.T:
                state = model.step(state, symbol)
        assert_same_state(after, state)


@pytest.mark.parametrize("count", [2, 3, 9])
def test_features_and_conditions_go_with_their_row_and_position(count):
    model = NetRecipe(num_features=2, rows=3, conditions=(4,), length=20).build()
    state = AskRecipe(rows=count, primed=3).build(model).state
    assert len(state.memory[2].unique()) > 1
    symbols = torch.randint(5, (count, 17), generator=torch.Generator().manual_seed(count))
    got, after = cpu.read(packed(model), state, symbols)
    with torch.no_grad():
        for number, symbol in enumerate(symbols.T):
            factor = model.head.log_prob(state.next, symbol)
            assert_close(got[:, number], factor)
            state = model.step(state, symbol)
    assert_same_state(after, state)
