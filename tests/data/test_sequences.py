import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.data.frames import Frames
from autoreg.data.sequences import Sequences

texts = st.lists(st.lists(st.integers(0, 255), max_size=5), max_size=5)


def packed(rows):
    return Sequences.from_list(
        [torch.tensor(row, dtype=torch.uint8) for row in rows], range(len(rows))
    )


@given(texts)
def test_every_sequence_comes_back_as_it_went_in(rows):
    assert [sequence.tolist() for sequence in packed(rows)] == rows
    assert packed(rows).lengths.tolist() == [len(row) for row in rows]


@given(texts, st.data())
def test_taking_is_indexing_sequence_by_sequence(rows, data):
    indices = data.draw(st.lists(st.sampled_from(range(len(rows))))) if rows else []
    taken = packed(rows).take(indices)
    assert [sequence.tolist() for sequence in taken] == [rows[i] for i in indices]
    assert taken.condition.tolist() == indices
    assert taken.names == tuple(str(i) for i in indices)
    assert taken.symbols.dtype == torch.uint8


@given(texts)
def test_padding_keeps_sequences_on_the_left_and_zeros_on_the_right(rows):
    order = list(reversed(range(len(rows))))
    symbols, condition, lengths = packed(rows).pad(order)
    longest = max(map(len, rows), default=0)
    assert symbols.tolist() == [rows[i] + [0] * (longest - len(rows[i])) for i in order]
    assert symbols.dtype == torch.int64
    assert condition.tolist() == order
    assert lengths.tolist() == [len(rows[i]) for i in order]


def test_rows_of_a_matrix_are_packed_as_a_list_of_them_is():
    rows = torch.arange(12, dtype=torch.uint8).reshape(4, 3)
    matrix, listed = (make(rows, [3, 2, 1, 0]) for make in (Sequences.from_rows, from_list))
    assert torch.equal(matrix.symbols, listed.symbols)
    assert torch.equal(matrix.offsets, listed.offsets)
    assert torch.equal(matrix.condition, listed.condition)


def from_list(rows, condition):
    return Sequences.from_list(list(rows), condition)


def test_symbols_keep_their_small_type_and_their_memory():
    sequences = Sequences.from_list([torch.zeros(3, dtype=torch.uint8)], [0])
    assert sequences[0].dtype == torch.uint8
    assert sequences[-1].data_ptr() == sequences.symbols.data_ptr()


def test_there_is_no_sequence_past_the_last():
    with pytest.raises(IndexError):
        packed([[1], [2]])[2]


@pytest.mark.parametrize(
    ("symbols", "offsets", "condition", "message"),
    [
        ([1, 2], [0, 2], [0, 0], r"1 names need offsets \(2,\) and condition \(1,\)"),
        ([1, 2], [0, 1, 2], [0], r"got \(3,\) and \(1,\)"),
        ([1, 2], [0, 3], [0], "ascend from 0 to the number of symbols, 2; got 0 to 3"),
        ([1, 2], [1, 2], [0], "got 1 to 2"),
        ([0.5], [0, 1], [0], "an integer type; got .* of torch.float32"),
        ([[1]], [0, 1], [0], r"shape \(N,\) and an integer type; got \(1, 1\)"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(symbols, offsets, condition, message):
    with pytest.raises(ValueError, match=message):
        Sequences(
            torch.tensor(symbols), torch.tensor(offsets), torch.tensor(condition), ("only.wav",)
        )


def test_offsets_that_go_back_are_refused():
    with pytest.raises(ValueError, match="need to ascend"):
        Sequences(torch.zeros(2).long(), torch.tensor([0, 3, 2]), torch.tensor([0, 0]), ("a", "b"))


def test_fingerprint_tells_apart_symbols_lengths_and_conditions():
    rows = [torch.tensor([1, 2]), torch.tensor([3])]
    one = Sequences.from_list(rows, [0, 1]).fingerprint()
    assert one == Sequences.from_list(rows, [0, 1], ["other", "names"]).fingerprint()
    others = [
        Sequences.from_list([torch.tensor([1, 4]), rows[1]], [0, 1]),
        Sequences.from_list([torch.tensor([1]), torch.tensor([2, 3])], [0, 1]),
        Sequences.from_list(rows, [1, 1]),
    ]
    assert all(other.fingerprint()["sha256"] != one["sha256"] for other in others)
    assert (one["sequences"], one["symbols"]) == (2, 3)


def accompanied(*values, lengths=(5, 3), hop=3):
    """Two sequences of which each frame has one number."""
    frames = Frames.from_list([torch.tensor(own)[:, None] for own in values], hop=hop)
    rows = [torch.zeros(length, dtype=torch.uint8) for length in lengths]
    return Sequences.from_list(rows, [0, 1], ["a.wav", "b.wav"], frames)


def test_features_go_with_the_sequences_that_are_taken():
    taken = accompanied([1.0, 2.0], [3.0]).take([1, 0, 1])
    assert [taken.frames[i].flatten().tolist() for i in range(3)] == [[3.0], [1.0, 2.0], [3.0]]


def test_a_sequence_with_too_few_frames_is_named():
    with pytest.raises(ValueError, match=r"a\.wav: 7 symbols at a hop of 3 need 3 frames; got 2"):
        accompanied([1.0, 2.0], [3.0], lengths=(7, 3))
    with pytest.raises(ValueError, match="frames need 2 sequences; got 1"):
        accompanied([1.0, 2.0])


def test_fingerprint_tells_features_apart():
    one = accompanied([1.0, 2.0], [3.0]).fingerprint()
    assert one == accompanied([1.0, 2.0], [3.0]).fingerprint()
    others = [
        accompanied([1.0, 2.0], [4.0]),
        accompanied([1.0, 2.0], [3.0], hop=4),
        accompanied([1.0, 2.0, 3.0], [3.0]),
        Sequences.from_list([torch.zeros(5).byte(), torch.zeros(3).byte()], [0, 1]),
    ]
    assert all(other.fingerprint()["sha256"] != one["sha256"] for other in others)
