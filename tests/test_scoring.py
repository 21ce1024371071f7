"""The one definition of log p, and what it refuses."""

import math

import pytest
import torch

from autoreg import scoring
from autoreg.models.markov import MarkovTable
from autoreg.models.wavenet import WaveNet
from tests.oracles import chain_probs, every

TABLE = MarkovTable.random(3, 2, 2, generator=torch.Generator().manual_seed(0))


def wavenet(**changes):
    sizes = {"dilations": [1, 2], "residual": 4, "skip": 4, "hidden": 4, "condition_width": 3}
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(**{"num_symbols": 3, "conditions": [2], **sizes, **changes})
    generator = torch.Generator().manual_seed(0)
    for parameter in model.double().parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator))
    return model.eval()


def test_factors_are_those_of_the_chain_the_first_included():
    symbols = every(3, 4)
    for condition in (0, 1):
        factors = scoring.log_factors(TABLE, symbols, torch.full((81,), condition))
        assert factors.dtype == torch.float64
        wanted = chain_probs(TABLE, symbols)[:, condition]
        assert torch.allclose(factors.sum(1).exp(), wanted, rtol=1e-12, atol=0)


def test_length_0_has_log_probability_0():
    factors = scoring.log_factors(TABLE, torch.zeros(2, 0).long(), torch.tensor([0, 1]))
    assert factors.shape == (2, 0)
    assert factors.sum(1).tolist() == [0, 0]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
def test_any_integer_type_is_scored_alike(dtype):
    symbols, condition = every(3, 3), torch.zeros(27, dtype=torch.int64)
    for model in (TABLE, wavenet()):
        wanted = scoring.log_factors(model, symbols, condition)
        assert torch.equal(scoring.log_factors(model, symbols.to(dtype), condition), wanted)


def test_every_file_scores_exactly_its_own_symbols():
    symbols, condition = every(3, 4), torch.zeros(81, dtype=torch.int64)
    lengths, skip = torch.arange(81) % 5, torch.arange(81) % 3 // 2 * 2
    factors = scoring.log_factors(TABLE, symbols, condition, lengths, skip=skip)
    scored = (lengths - skip).clamp_min(0)
    assert torch.equal((factors != 0).sum(1), scored)


def test_loss_flows_back_through_the_factors_that_count_only():
    model = wavenet()
    symbols, condition = torch.tensor([[0, 1, 2, 0]]), torch.tensor([0])
    scoring.log_factors(model, symbols, condition, torch.tensor([2])).sum().backward()
    assert model.embedding.weight.grad[0].abs().max() > 0  # x_0 is seen by x_1
    assert model.embedding.weight.grad[1].abs().max() == 0  # x_1 is seen by padding only


@pytest.mark.parametrize("sizes", [[7], [1] * 7, [3, 0, 4], [2, 5]])
@pytest.mark.parametrize("model", [TABLE, wavenet()], ids=["markov", "wavenet"])
def test_streamed_pieces_equal_one_pass(model, sizes):
    symbols = torch.randint(3, (1, 7), generator=torch.Generator().manual_seed(1))
    condition = torch.tensor([0, 1, 1])
    whole = scoring.log_factors(model, symbols.expand(3, -1), condition)
    pieces = list(scoring.stream(model, symbols.byte().split(sizes, 1), condition))
    assert [piece.shape[1] for piece in pieces] == sizes
    assert torch.allclose(torch.cat(pieces, 1), whole, rtol=0, atol=1e-12)


def test_streaming_takes_a_row_for_each_condition_too():
    symbols = torch.tensor([[0, 1, 2], [2, 1, 0]])
    condition = torch.tensor([0, 1])
    pieces = scoring.stream(TABLE, symbols.split(2, 1), condition)
    whole = scoring.log_factors(TABLE, symbols, condition)
    assert torch.allclose(torch.cat(list(pieces), 1), whole, rtol=0, atol=1e-12)


def test_streaming_asks_for_one_piece_at_a_time():
    taken = []

    def pieces():
        for number in range(3):
            taken.append(number)
            yield torch.tensor([[number]])

    factors = scoring.stream(TABLE, pieces(), torch.tensor([0]))
    next(factors)
    assert taken == [0]


def test_chunks_shrink_with_rows_and_grow_with_memory():
    model = wavenet()
    one = scoring.chunk_length(model, 1, 2**20)
    assert one == 2**20 // (4 * model.floats_per_symbol)
    assert scoring.chunk_length(model, 4, 2**20) == one // 4
    assert scoring.chunk_length(model, 10**9, 1) == 1
    assert scoring.chunk_length(model, 0, 2**20) == one
    assert scoring.chunk_length(TABLE, 1, 4 * 8 * 3 * 5) == 5


ONE = torch.tensor([0])


@pytest.mark.parametrize(
    ("symbols", "condition", "error", "message"),
    [
        ([[0.0, 1.0]], ONE, TypeError, "symbols need an integer type; got torch.float32"),
        ([[True, False]], ONE, TypeError, "symbols need an integer type; got torch.bool"),
        ([[0, 1]], torch.tensor([0.0]), TypeError, "condition indices need an integer type"),
        ([0, 1], ONE, ValueError, r"shape \(B, T\) and condition \(B,\); got \(2,\) and \(1,\)"),
        ([[0, 1]], torch.tensor([0, 1]), ValueError, r"got \(1, 2\) and \(2,\)"),
        ([[0, 1, 3]], ONE, ValueError, r"within 0\.\.2; got 3 in row 0 at position 2"),
        ([[0, -1]], ONE, ValueError, r"within 0\.\.2; got -1 in row 0 at position 1"),
        ([[0, 1]], torch.tensor([2]), ValueError, r"condition needs indices 0\.\.1; got 2\.\.2"),
        ([[0, 1]], torch.tensor([-1]), ValueError, r"indices 0\.\.1; got -1\.\.-1"),
    ],
)
def test_what_cannot_be_scored_is_refused(symbols, condition, error, message):
    for model in (TABLE, wavenet()):
        with pytest.raises(error, match=message):
            scoring.log_factors(model, torch.tensor(symbols), condition)


@pytest.mark.parametrize("symbols", [[[0.0, 1.0]], [[0, 3]], [[True, False]], [[-1, 0]]])
def test_what_cannot_be_scored_cannot_be_streamed(symbols):
    with pytest.raises((TypeError, ValueError), match="symbols need"):
        list(scoring.stream(TABLE, torch.tensor(symbols).split(1, 1), torch.tensor([0, 1])))


@pytest.mark.parametrize(
    ("lengths", "skip", "message"),
    [
        ([3], None, r"lengths needs numbers within 0\.\.2; got 3"),
        ([-1], None, r"lengths needs numbers within 0\.\.2; got -1"),
        ([1, 1], None, r"lengths needs whole numbers of shape \(1,\); got torch.int64 of shape"),
        ([1.0], None, r"lengths needs whole numbers .* got torch.float32"),
        (None, [-1], r"skip needs numbers within 0\.\.2; got -1"),
        (None, [1], "crops need at least the model's order, 2 symbols, of context; got 1"),
    ],
)
def test_lengths_and_crops_that_make_no_sense_are_refused(lengths, skip, message):
    lengths = None if lengths is None else torch.tensor(lengths)
    skip = None if skip is None else torch.tensor(skip)
    with pytest.raises(ValueError, match=message):
        scoring.log_factors(TABLE, torch.tensor([[0, 1]]), ONE, lengths, skip=skip)


def test_crops_of_a_model_with_positions_are_refused():
    model = wavenet(num_features=1).with_features(torch.zeros(1, 9, 1).double())
    with pytest.raises(ValueError, match="crops need a stationary model of finite order"):
        scoring.log_factors(model, every(3, 8)[:1], ONE, skip=torch.tensor([5]))
    scoring.log_factors(model, every(3, 8)[:1], ONE, skip=torch.tensor([0]))


def test_longer_sequences_than_the_model_knows_are_refused():
    model = wavenet(num_features=1).with_features(torch.zeros(1, 3, 1).double())
    with pytest.raises(ValueError, match="knows sequences of 3 symbols; got 4"):
        scoring.log_factors(model, torch.zeros(1, 4).long(), ONE)
    pieces = [torch.zeros(1, 2).long()] * 2
    with pytest.raises(ValueError, match="features for 3 positions; position 4 lies beyond"):
        list(scoring.stream(model, pieces, ONE))


def test_first_loss_of_a_fresh_wavenet_is_log_q():
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(256, dilations=[1, 2], conditions=[3])
    symbols = torch.randint(256, (4, 9), generator=torch.Generator().manual_seed(0))
    condition = torch.tensor([0, 1, 2, 0])
    factors = scoring.log_factors(model, symbols, condition)
    assert factors.unique().tolist() == pytest.approx([-math.log(256)], rel=2**-23)
    factors = scoring.log_factors(model.double(), symbols, condition)
    assert factors.unique().tolist() == pytest.approx([-math.log(256)], rel=2**-52)
