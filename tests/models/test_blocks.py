"""Blocks cover everything once, in the order of time."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.models import blocks as module
from autoreg.models.blocks import Block, Desk, blocks


@given(rows=st.integers(0, 6), times=st.integers(0, 20), columns=st.integers(1, 30))
def test_blocks_cover_each_row_once_and_in_order(rows, times, columns):
    seen = torch.zeros(1, rows, times)
    latest = [0] * rows
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "COLUMNS", columns)
        for at in blocks(seen):
            assert at.size[0] * at.size[1] <= max(columns, 1)
            at.of(seen).add_(1)
            for row in range(at.rows.start, at.rows.stop):
                assert at.times.start == latest[row]
                latest[row] = at.times.stop
    assert (seen == 1).all()
    assert latest == [times] * rows


def test_a_block_of_a_tensor_shares_its_memory_and_length_1_stands_for_all():
    at, tensor = Block(slice(1, 3), slice(0, 4)), torch.zeros(2, 3, 4)
    at.matrix(tensor).add_(1)
    assert at.matrix(tensor).shape == (2, 8)
    assert tensor.sum((0, 2)).tolist() == [0, 8, 8]
    assert at.of(torch.zeros(2, 1, 4)).shape == (2, 1, 4)
    assert Block(slice(1, 2), slice(2, 4)).of(torch.zeros(2, 3, 1)).shape == (2, 1, 1)


def test_a_desk_hands_out_the_same_room_again_and_more_when_needed():
    desk = Desk(torch.zeros(1), torch.bfloat16)
    small, large = Block(slice(0, 1), slice(0, 3)), Block(slice(0, 2), slice(0, 3))
    one = desk.rough("taps", 4, large)
    assert (one.shape, one.dtype) == ((4, 6), torch.bfloat16)
    assert desk.rough("taps", 4, small).data_ptr() == one.data_ptr()
    assert desk.wide("pre", 4, small).dtype == torch.float32
    assert desk.rough("taps", 5, large).shape == (5, 6)


def test_elsewhere_than_on_a_cpu_a_block_is_as_large_as_can_be():
    tensor = torch.zeros(2, 3, module.ELSEWHERE // 3, device="meta")
    assert [at.size for at in blocks(tensor)] == [tensor.shape[1:]]
