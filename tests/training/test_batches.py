import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.data.sequences import Sequences
from autoreg.training.batches import cut, scoring_batches, training_batches

layouts = st.fixed_dictionaries(
    {
        "lengths": st.lists(st.integers(0, 40), min_size=1, max_size=12).filter(any),
        "order": st.integers(0, 9),
        "crop": st.none() | st.integers(1, 12),
        "columns": st.integers(1, 100),
    }
)


def numbered(lengths: list[int]) -> Sequences:
    """Sequences in which every symbol says where it stands."""
    symbols = torch.arange(sum(lengths), dtype=torch.int32)
    return Sequences.from_list(symbols.split(lengths), torch.arange(len(lengths)))


def settings(layout: dict) -> dict:
    return {name: layout[name] for name in ("order", "crop", "columns")}


def epoch(sequences: Sequences, batches) -> list:
    """Take batches until all symbols have been scored."""
    taken, left = [], len(sequences.symbols)
    while left > 0:
        taken.append(next(batches))
        left -= taken[-1].scored
    return taken


def rows(batches):
    for batch in batches:
        yield from zip(*batch, strict=True)


@given(layouts, st.integers(0, 3))
def test_every_symbol_is_scored_exactly_once_in_every_epoch(layout, seed):
    sequences = numbered(layout["lengths"])
    batches = training_batches(sequences, **settings(layout), seed=seed)
    for _ in range(2):
        scored = [s[skip:length] for s, _, length, skip in rows(epoch(sequences, batches))]
        assert torch.cat(scored).sort().values.tolist() == sequences.symbols.tolist()


@given(layouts)
def test_scoring_visits_every_symbol_exactly_once(layout):
    sequences = numbered(layout["lengths"])
    batches = scoring_batches(sequences, **settings(layout))
    scored = [s[skip:length] for s, _, length, skip in rows(batches)]
    assert torch.cat(scored).sort().values.tolist() == sequences.symbols.tolist()


@given(layouts)
def test_a_row_is_a_piece_of_one_file_with_full_context_or_its_true_start(layout):
    sequences = numbered(layout["lengths"])
    batches = training_batches(sequences, **settings(layout), seed=0)
    for symbols, file, length, skip in rows(epoch(sequences, batches)):
        first, last = int(symbols[0]), int(symbols[length - 1])
        assert symbols[:length].tolist() == list(range(first, last + 1))
        assert sequences.offsets[file] <= first <= last < sequences.offsets[file + 1]
        if skip == 0 < layout["order"]:
            assert first == sequences.offsets[file]
        else:
            assert skip == layout["order"]
        assert not symbols[length:].any()


@given(layouts)
def test_a_batch_stays_within_its_columns_unless_one_row_alone_is_wider(layout):
    sequences = numbered(layout["lengths"])
    batches = training_batches(sequences, **settings(layout), seed=0)
    for batch in epoch(sequences, batches):
        assert batch.symbols.numel() <= layout["columns"] or len(batch.symbols) == 1


@given(layouts)
def test_no_chunk_is_wider_than_order_and_crop(layout):
    chunks = cut(torch.tensor(layout["lengths"]), order=layout["order"], crop=layout["crop"])
    if layout["crop"] is not None:
        assert (chunks.stop - chunks.begin).max() <= layout["order"] + layout["crop"]


def test_batch_is_a_function_of_seed_and_step():
    sequences = numbered([30, 7, 19, 2])

    def batches(**how):
        return training_batches(sequences, order=3, crop=5, columns=20, **how)

    for number, batch in enumerate(itertools.islice(batches(seed=0), 60)):
        again = next(batches(seed=0, first=number))
        assert all(map(torch.equal, batch, again))
    other = next(batches(seed=1))
    assert not all(map(torch.equal, next(batches(seed=0)), other))


def test_phases_and_mates_change_from_epoch_to_epoch():
    sequences = numbered([30] * 8)
    batches = training_batches(sequences, order=3, crop=5, columns=24, seed=0)
    first, second = epoch(sequences, batches), epoch(sequences, batches)
    assert {int(s[0]) for s, *_ in rows(first)} != {int(s[0]) for s, *_ in rows(second)}


def test_rows_of_similar_length_share_a_batch():
    lengths = torch.randint(1000, 18000, (400,), generator=torch.Generator().manual_seed(0))
    sequences = numbered(lengths.tolist())
    batches = training_batches(sequences, order=1, crop=None, columns=2**17, seed=0)
    taken = epoch(sequences, batches)
    padded = sum(batch.symbols.numel() for batch in taken)
    assert padded < 1.1 * len(sequences.symbols)


def test_rows_of_one_length_leave_no_tiny_last_batch():
    sequences = numbered([10] * 41)
    batches = training_batches(sequences, order=1, crop=None, columns=100, seed=0)
    assert min(len(batch.symbols) for batch in epoch(sequences, batches)) >= 5


@pytest.mark.parametrize("processes", [1, 2, 3, 5])
def test_shards_are_the_batch(processes):
    batch = next(training_batches(numbered([9, 8, 7]), order=1, crop=None, columns=99, seed=0))
    shards = [batch.shard(rank, processes) for rank in range(processes)]
    assert sum(shard.scored for shard in shards) == batch.scored == 24
    found = [s[skip:length] for s, _, length, skip in rows(shards)]
    assert torch.cat(found).sort().values.tolist() == list(range(24))
