"""Draws against the exact law of small models."""

import math

import pytest
import torch

from autoreg.conditions import ConditionSpace
from autoreg.models.markov import MarkovTable
from autoreg.queries.likelihood import log_prob
from autoreg.queries.sampling import complete, sample
from tests.laws.recipes import MarkovRecipe, WaveNetRecipe
from tests.oracles import assert_drawn_from, chain_probs, every, index_of

SPACE = ConditionSpace({"speaker": "ab", "digit": "012"}, counts=[1, 2, 3, 4, 0, 0])
CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=6, seed=0).build()
PICTURES = WaveNetRecipe(2, (2,), None, 2, (1, 2), 2, 3, 0, 5, 0).build()
COUNT = 20_000


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def joint_counts(draws, num_symbols, num_conditions):
    """Return how often each condition came with each sequence."""
    cells = num_symbols ** draws.symbols.shape[1]
    index = draws.condition * cells + index_of(draws.symbols, num_symbols)
    return index.bincount(minlength=num_conditions * cells)


@pytest.mark.parametrize(
    ("options", "weights"),
    [
        ({}, [1 / 6] * 6),
        ({"given": {"speaker": "b", "digit": 2}}, [0, 0, 0, 0, 0, 1]),
        ({"given": {"digit": 1}}, [0, 0.5, 0, 0, 0.5, 0]),
        ({"prior": "training"}, [0.1, 0.2, 0.3, 0.4, 0, 0]),
    ],
)
def test_draws_follow_the_joint_law(options, weights):
    draws = sample(CHAIN, COUNT, SPACE, length=3, generator=chance(), **options)
    law = chain_probs(CHAIN, every(3, 3)).T * torch.tensor(weights, dtype=torch.float64)[:, None]
    assert_drawn_from(joint_counts(draws, 3, 6), law)
    assert draws.symbols.dtype == torch.int64
    assert draws.log_weights.tolist() == [0] * COUNT
    assert draws.log_evidence is None
    assert draws.method == "ancestral sampling"
    assert draws.cost.stepped == 3 * COUNT
    assert list(draws.labels[:9]) == [SPACE.describe(int(y)) for y in draws.condition[:9]]


def test_draws_of_a_wavenet_follow_its_law():
    draws = sample(PICTURES, COUNT, generator=chance())
    assert draws.symbols.shape == (COUNT, 5)
    law = torch.stack(
        [log_prob(PICTURES, every(2, 5), given={"condition": y}).value.exp() / 2 for y in (0, 1)]
    )
    assert_drawn_from(joint_counts(draws, 2, 2), law)


@pytest.mark.parametrize("beginning", [[], [1], [2, 0]])
@pytest.mark.parametrize("prior", [None, "training"])
def test_completions_follow_the_joint_law_given_their_beginning(beginning, prior):
    draws = complete(
        CHAIN,
        torch.tensor(beginning, dtype=torch.int64),
        COUNT,
        SPACE,
        length=4,
        prior=prior,
        generator=chance(),
    )
    kept = len(beginning)
    assert (draws.symbols[:, :kept] == torch.tensor(beginning)).all()
    symbols = every(3, 4)
    weights = SPACE.log_prior(prior).exp()
    joint = chain_probs(CHAIN, symbols).T * weights[:, None]
    begins = (symbols[:, :kept] == torch.tensor(beginning)).all(1)
    joint[:, ~begins] = 0
    assert_drawn_from(joint_counts(draws, 3, 6), joint / joint.sum())
    # The condition is drawn from its posterior, so the beginning counts.
    assert_drawn_from(draws.condition.bincount(minlength=6), joint.sum(1) / joint.sum())
    assert float(draws.log_evidence.value) == pytest.approx(
        math.log(float(joint.sum())), abs=1e-12
    )
    assert draws.log_evidence.num_symbols == kept
    assert draws.log_evidence.kind == "exact"
    assert draws.cost.stepped == COUNT * (4 - kept)


def test_a_completion_of_everything_is_the_beginning():
    beginning = torch.tensor([2, 1, 0])
    draws = complete(CHAIN, beginning, 50, SPACE, length=3, generator=chance())
    assert (draws.symbols == beginning).all()
    assert draws.condition.unique().numel() > 1


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
def test_a_beginning_may_be_of_any_integer_type(dtype):
    beginning = torch.tensor([2, 1], dtype=dtype)
    draws = complete(CHAIN, beginning, 5, SPACE, length=4, generator=chance())
    wanted = complete(CHAIN, beginning.long(), 5, SPACE, length=4, generator=chance())
    assert torch.equal(draws.symbols, wanted.symbols)
    assert draws.symbols.dtype == torch.int64


def test_equal_generators_give_equal_draws_in_any_batches():
    wanted = sample(PICTURES, 12, generator=chance(3))
    for memory in (1, 3000, 2**30):
        draws = sample(PICTURES, 12, memory=memory, generator=chance(3))
        assert torch.equal(draws.symbols, wanted.symbols)
        assert torch.equal(draws.condition, wanted.condition)
    assert not torch.equal(sample(PICTURES, 12, generator=chance(4)).symbols, wanted.symbols)
    beginning = torch.tensor([0, 1, 1])
    wanted = complete(PICTURES, beginning, 12, generator=chance(3))
    draws = complete(PICTURES, beginning, 12, memory=1, generator=chance(3))
    assert torch.equal(draws.symbols, wanted.symbols)


def test_no_more_paths_walk_at_once_than_memory_holds():
    most = 0

    class Recorder:
        def __getattr__(self, name):
            return getattr(CHAIN, name)

        def step(self, state, symbols):
            nonlocal most
            most = max(most, len(symbols))
            return CHAIN.step(state, symbols)

    # A path holds three numbers of the head and three of memory, eight bytes each.
    sample(Recorder(), 100, length=2, memory=4 * (48 + 1) * 7, generator=chance())
    assert most == 7


def test_temperature_1_and_top_p_1_change_no_draw():
    wanted = sample(CHAIN, 100, SPACE, length=5, generator=chance())
    draws = sample(CHAIN, 100, SPACE, length=5, temperature=1.0, top_p=1.0, generator=chance())
    assert torch.equal(draws.symbols, wanted.symbols)
    assert draws.method == wanted.method


@pytest.mark.parametrize("model", [CHAIN, PICTURES])
def test_temperature_0_takes_the_likeliest_symbol_each_time(model):
    draws = complete(model, torch.tensor([1]), 30, length=5, temperature=0.0, generator=chance())
    law = model.log_probs(draws.symbols, draws.condition)
    assert torch.equal(draws.symbols[:, 1:], law[:, 1:].argmax(-1))
    assert (draws.method, draws.kind) == ("the likeliest symbol each time", "exact")
    again = complete(model, torch.tensor([1]), 30, length=5, temperature=0.0, generator=chance())
    assert torch.equal(again.symbols, draws.symbols)
    assert draws.condition.unique().numel() > 1


def test_the_likeliest_of_equals_is_the_smallest():
    model = MarkovTable(torch.tensor([[[0.2, 0.4, 0.4]]], dtype=torch.float64).log())
    draws = sample(model, 50, length=3, temperature=0.0, generator=chance())
    assert (draws.symbols == 1).all()


def test_another_temperature_is_another_model_and_says_so():
    probs = torch.tensor([[[0.5, 0.3, 0.2]]], dtype=torch.float64)
    model = MarkovTable(probs.log())
    draws = sample(model, COUNT, length=1, temperature=0.5, generator=chance())
    assert_drawn_from(draws.symbols.flatten().bincount(), probs[0, 0] ** 2 / (probs**2).sum())
    assert draws.method == "ancestral sampling at temperature 0.5, top_p 1.0"
    draws = sample(model, COUNT, length=1, top_p=0.6, generator=chance())
    wanted = torch.tensor([0.625, 0.375, 0], dtype=torch.float64)
    assert_drawn_from(draws.symbols.flatten().bincount(minlength=3), wanted)
    assert draws.method == "ancestral sampling at temperature 1.0, top_p 0.6"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1.0}, "temperature needs to be 0, .* or above and finite; got -1"),
        ({"temperature": math.nan}, "temperature needs to be 0, .*; got nan"),
        ({"temperature": math.inf}, "temperature needs to be 0, .*; got inf"),
        ({"temperature": 0.0, "top_p": 0.0}, r"top_p needs to lie within \(0, 1\]"),
        ({"top_p": 0.0}, r"top_p needs to lie within \(0, 1\]"),
        ({"top_p": 1.1}, r"top_p needs to lie within \(0, 1\]"),
        ({"length": None}, "length is needed: the model knows sequences of any length"),
        ({"length": 1}, "counts the beginning in: it needs to be at least 2; got 1"),
        ({"count": 0}, "count needs to be at least 1; got 0"),
        ({"given": {"digit": 7}}, "no digit '7'"),
        ({"beginning": torch.tensor([0, 3])}, r"within 0\.\.2; got 3 in row 0 at position 1"),
    ],
)
def test_draws_that_make_no_sense_are_refused(options, message):
    parts = {"beginning": torch.tensor([0, 1]), "count": 3, "length": 4, **options}
    with pytest.raises(ValueError, match=message):
        complete(CHAIN, space=SPACE, generator=chance(), **parts)


def test_a_model_of_one_length_draws_no_more():
    assert sample(PICTURES, 2, length=3, generator=chance()).symbols.shape == (2, 3)
    with pytest.raises(ValueError, match="knows sequences of 5 symbols; got 6"):
        sample(PICTURES, 2, length=6, generator=chance())
    with pytest.raises(ValueError, match="it needs to be at least 6; got 5"):
        complete(PICTURES, torch.zeros(6, dtype=torch.int64), 2, generator=chance())


def test_nothing_follows_an_impossible_beginning():
    model = MarkovTable(torch.tensor([[[1.0, 0.0]], [[1.0, 0.0]]]).double().log())
    with pytest.raises(ValueError, match="gives the beginning no probability: nothing can follow"):
        complete(model, torch.tensor([0, 1]), 2, length=3, generator=chance())


def test_conditions_that_make_the_beginning_impossible_are_not_drawn():
    table = torch.tensor([[[1.0, 0.0]], [[0.5, 0.5]], [[1.0, 0.0]]]).double().log()
    draws = complete(MarkovTable(table), torch.tensor([1]), 100, length=3, generator=chance())
    assert draws.condition.unique().tolist() == [1]
