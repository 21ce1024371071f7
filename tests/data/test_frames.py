"""Frames are packed, shared and cut so that every symbol has its own."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.data.frames import REACH, Frames


def numbered(*counts, hop=4, phase=None):
    """Sequences whose frame k is 100 i + k."""
    rows = [100.0 * i + torch.arange(count)[:, None] for i, count in enumerate(counts)]
    return Frames.from_list(rows, hop=hop, phase=phase)


def test_every_sequence_comes_back_as_it_went_in():
    frames = numbered(2, 1, 3)
    assert [frames[i].flatten().tolist() for i in range(3)] == [
        [0.0, 1.0],
        [100.0],
        [200.0, 201.0, 202.0],
    ]
    assert (len(frames), frames.width, frames.hop) == (3, 1, 4)


def test_shared_frames_are_stored_once_and_taking_copies_nothing():
    row = torch.arange(10.0).reshape(5, 2)
    frames = Frames.from_list([row, row, torch.ones(1, 2)], hop=2, phase=[0, 3, 0])
    assert len(frames.values) == 6
    taken = frames.take(torch.tensor([1, 1]))
    assert taken.values.data_ptr() == frames.values.data_ptr()
    assert torch.equal(taken[1], row)
    assert taken.phase.tolist() == [3, 3]


@given(
    hop=st.integers(1, 5),
    count=st.integers(1, 6),
    phase=st.integers(0, 7),
    begin=st.integers(0, 12),
    width=st.integers(0, 9),
)
def test_an_excerpt_has_the_frame_of_every_symbol_and_its_neighbours(
    hop, count, phase, begin, width
):
    frames = numbered(3, count, hop=hop, phase=[0, phase])
    cut = frames.excerpt(torch.tensor([1, 0]), torch.tensor([begin, 0]), width)
    assert cut.phase.tolist() == [(phase + begin) % hop + REACH * hop, REACH * hop]
    for t in range(width):
        own = (int(cut.phase[0]) + t) // hop
        for shift in range(-REACH, REACH + 1):
            wanted = (phase + begin + t) // hop + shift
            wanted = 100 + min(max(wanted, 0), count - 1)
            assert cut.frames[0, own + shift, 0] == wanted
    # No more is held than the widest piece, its neighbours and the rest of a hop need.
    assert cut.frames.shape[1] <= -(-(width + hop) // hop) + 2 * REACH + 1


def test_excerpts_are_of_the_sequences_asked_for():
    cut = numbered(2, 2).excerpt(torch.tensor([1, 0]), torch.tensor([0, 4]), 4)
    assert cut.frames[..., 0].tolist() == [[100.0, 100.0, 101.0], [0.0, 1.0, 1.0]]
    one = cut.at(torch.tensor([1]))
    assert torch.equal(one.frames, cut.frames[1:])
    assert one.phase.tolist() == [4]
    assert cut.to(torch.device("cpu")).frames.device.type == "cpu"


def test_hash_is_that_of_the_sequences_alone():
    frames = numbered(2, 3, phase=[0, 1])
    whole = frames.digest()
    assert replace(frames, values=torch.cat([frames.values, torch.ones(1, 1)])).digest() == whole
    assert numbered(2, 3).digest() != whole
    assert frames.take(torch.tensor([1, 0])).digest() != whole


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"values": torch.zeros(5)},
            r"values need shape \(M, F\) and a floating type; got \(5,\)",
        ),
        ({"values": torch.zeros(5, 1).long()}, "got .* of torch.int64"),
        ({"hop": 0}, "hop needs a whole number of samples, at least 1; got 0"),
        ({"phase": torch.tensor([0])}, "a number for each sequence"),
        ({"count": torch.tensor([2, 0])}, "one frame or more of 5 .*; sequence 1 has 0 from 2"),
        ({"count": torch.tensor([2, 4])}, "sequence 1 has 4 from 2 and phase 0"),
        ({"phase": torch.tensor([-1, 0])}, "sequence 0 has 2 from 0 and phase -1"),
    ],
)
def test_what_does_not_fit_together_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(numbered(2, 3), **change)
    with pytest.raises(ValueError, match="at least one sequence; got none"):
        Frames.from_list([], hop=2)
