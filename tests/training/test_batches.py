import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg import scoring
from autoreg.data.frames import Frames
from autoreg.data.sequences import Sequences
from autoreg.models.wavenet import WaveNet
from autoreg.training.batches import cut, scoring_batches, training_batches
from tests.laws.recipes import randomise

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
        yield from zip(*batch[:4], strict=True)


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
        assert all(map(torch.equal, batch[:4], again[:4]))
    other = next(batches(seed=1))
    assert not all(map(torch.equal, next(batches(seed=0))[:4], other[:4]))


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


def accompanied(lengths, hop, phases=None):
    """Sequences of random symbols with random features at a hop."""
    generator = torch.Generator().manual_seed(0)
    phases = [0] * len(lengths) if phases is None else phases
    frames = [
        torch.randn(-(-(length + phase) // hop) + 1, 2, generator=generator, dtype=torch.float64)
        for length, phase in zip(lengths, phases, strict=True)
    ]
    symbols = [torch.randint(3, (n,), generator=generator, dtype=torch.uint8) for n in lengths]
    features = Frames.from_list(frames, hop=hop, phase=phases)
    return Sequences.from_list(symbols, torch.arange(len(lengths)) % 2, None, features)


def listener(hop, kind):
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(
            3,
            conditions=(2,),
            dilations=(1, 2),
            residual=4,
            skip=5,
            hidden=5,
            condition_width=3,
            num_features=2,
            hop=hop,
            upsampling=kind,
        )
    return randomise(model.double(), torch.Generator().manual_seed(1)).eval()


@pytest.mark.parametrize("kind", ["repeat", "linear", "learned"])
@pytest.mark.parametrize("hop", [1, 4, 9])
def test_factors_of_crops_are_those_of_the_whole_file_under_its_features(kind, hop):
    sequences = accompanied([40, 1, 23, 17], hop, phases=[0, 3, 5, 0])
    model = listener(hop, kind).requires_grad_(requires_grad=False)
    found = torch.zeros(len(sequences.symbols), dtype=torch.float64)
    wanted = []
    for i in range(len(sequences)):
        known = model.with_features(
            sequences.frames[i][None], phase=sequences.frames.phase[i][None]
        )
        condition = sequences.condition[i][None]
        wanted.append(scoring.log_factors(known, sequences[i][None].long(), condition)[0])
    # Every symbol says in which place it stands, in a copy that is cut the same way.
    places = numbered(sequences.lengths.tolist())
    how = {"order": model.order, "crop": 6, "columns": 60, "seed": 0}
    places, batches = training_batches(places, **how), training_batches(sequences, **how)
    left = len(sequences.symbols)
    while left:
        batch, place = next(batches), next(places)
        known = model.with_features(batch.local.frames, phase=batch.local.phase)
        rows = torch.arange(len(batch.symbols))
        factors = scoring.log_factors(
            known, batch.symbols, batch.condition, batch.lengths, skip=batch.skip, row=rows
        )
        for row, own in zip(factors, zip(*place[:4], strict=True), strict=True):
            symbols, _, length, skip = own
            found[symbols[skip:length]] = row[skip:length]
        left -= batch.scored
    assert torch.allclose(found, torch.cat(wanted), rtol=0, atol=1e-10)


def test_shards_have_the_features_of_their_rows():
    batch = next(
        training_batches(accompanied([9, 8, 7], 4), order=1, crop=None, columns=99, seed=0)
    )
    for rank in range(5):
        shard = batch.shard(rank, 5).to(torch.device("cpu"))
        assert len(shard.local.frames) == len(shard.symbols)
        if rank < 3:
            assert torch.equal(shard.local.frames[0], batch.local.frames[rank])


def test_no_batch_holds_features_at_the_rate_of_samples():
    batch = next(
        training_batches(accompanied([4000, 3000], 100), order=10, crop=500, columns=2000, seed=0)
    )
    assert batch.local.frames.shape[1] <= 510 // 100 + 5
