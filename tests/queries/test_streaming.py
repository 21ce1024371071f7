"""A stream is the draw that one would have had at once."""

import itertools

import pytest
import torch

from autoreg.conditions import ConditionSpace
from autoreg.models.wavenet import WaveNet
from autoreg.queries.sampling import complete, sample
from autoreg.queries.streaming import stream
from tests.laws.recipes import MarkovRecipe, WaveNetRecipe, randomise

SPACE = ConditionSpace({"speaker": "ab", "digit": "012"})
CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=6, seed=0).build()
PICTURES = WaveNetRecipe(2, (2,), None, 2, (1, 2), 2, 3, 0, 5, 0).build()


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def network(dtype):
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(16, conditions=(3,), residual=8, skip=8, hidden=8, dilations=(1, 2, 4, 8))
    return randomise(model.to(dtype), chance()).requires_grad_(requires_grad=False).eval()


def together(pieces):
    return torch.cat(list(pieces))


@pytest.mark.parametrize("piece", [1, 7, 40, 100])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pieces_end_to_end_are_the_draw_at_once(dtype, piece):
    model = network(dtype)
    beginning = torch.tensor([3, 1, 4, 1, 5, 9, 2, 6])
    whole = complete(model, beginning, 1, length=108, generator=chance())
    got = stream(model, beginning, length=100, piece=piece, generator=chance())
    pieces = list(got)
    assert torch.equal(together(pieces), whole.symbols[0, 8:])
    assert {len(one) for one in pieces[:-1]} <= {piece}
    assert got.condition == int(whole.condition[0])
    assert got.labels == whole.labels[0]
    assert got.log_evidence == float(whole.log_evidence)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"given": {"digit": 1}},
        {"prior": {"speaker": {"a": 0.9, "b": 0.1}}},
        {"top_p": 0.7},
        {"temperature": 0.0},
    ],
)
def test_a_stream_from_nothing_is_the_sample_of_one(options):
    for seed in range(5):
        whole = sample(CHAIN, 1, SPACE, length=20, generator=chance(seed), **options)
        got = stream(CHAIN, space=SPACE, length=20, piece=3, generator=chance(seed), **options)
        assert torch.equal(together(got), whole.symbols[0])
        assert got.labels == whole.labels[0]
        assert got.log_evidence == pytest.approx(0, abs=1e-12)


def test_a_piece_is_drawn_when_it_is_asked_for_and_not_before():
    generator, other = chance(), chance()
    pieces = stream(CHAIN, space=SPACE, length=10**12, piece=4, generator=generator).pieces
    torch.rand(1, dtype=torch.float64, generator=other)
    assert torch.equal(generator.get_state(), other.get_state())
    next(pieces)
    torch.rand(4, dtype=torch.float64, generator=other)
    assert torch.equal(generator.get_state(), other.get_state())


def test_what_comes_does_not_hang_on_how_long_it_lasts():
    endless = stream(CHAIN, space=SPACE, piece=5, generator=chance())
    short = stream(CHAIN, space=SPACE, length=12, piece=5, generator=chance())
    assert torch.equal(together(itertools.islice(endless, 3))[:12], together(short))


def test_a_model_of_one_length_ends_there():
    whole = sample(PICTURES, 1, generator=chance())
    got = stream(PICTURES, piece=2, generator=chance())
    assert torch.equal(together(got), whole.symbols[0])
    with pytest.raises(ValueError, match="length needs to be at least 0 and at most 3; got 4"):
        stream(PICTURES, torch.tensor([0, 1]), length=4, generator=chance())


def test_nothing_more_is_no_piece():
    assert list(stream(CHAIN, space=SPACE, length=0, generator=chance())) == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"length": -1}, "length needs to be at least 0; got -1"),
        ({"piece": 0}, "piece needs to be at least 1; got 0"),
        ({"temperature": -1.0}, "temperature"),
        ({"given": {"digit": 7}}, "the model knows no digit '7'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_drawn(options, says):
    with pytest.raises(ValueError, match=says):
        stream(CHAIN, space=SPACE, generator=chance(), **options)
