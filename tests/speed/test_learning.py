import copy

import pytest
import torch

from autoreg.speed.learning import KINDS, learning, learning_entry, traffic_bound
from autoreg.speed.rows import PLAIN
from autoreg.speed.textbook import textbook_of


def test_each_precision_has_a_row_and_the_model_stays(tiny, brief):
    before = copy.deepcopy(tiny.state_dict())
    rows = list(learning("tiny", tiny, 2, 16, plain=textbook_of(tiny), trial=brief))
    assert [row.dtype for row in rows] == list(KINDS)
    assert {row.against for row in rows} == {PLAIN}
    assert all(row.fraction is not None for row in rows)
    assert all(torch.equal(before[name], value) for name, value in tiny.state_dict().items())


def test_a_piece_is_the_positions_of_a_step(tiny):
    assert learning_entry(tiny, 3, 5, "float32").size == 15


def test_traffic_is_counted_by_hand(tiny, monkeypatch):
    entry = traffic_bound(tiny, torch.float32, device="cpu")
    forward = 3 * (2 * 4 + 8 + 4) + 2 * (6 + 5 + 4)  # three layers of width 4, then 6, 5, 4
    assert entry.size == pytest.approx(2 * 2**30 / (4 * 3 * forward))
