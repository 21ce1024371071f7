"""How likely sequences are, the conditions summed out."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg import scoring
from autoreg.conditions import ConditionSpace
from autoreg.models.markov import MarkovTable
from autoreg.queries.likelihood import check_space, log_likelihoods, log_prob, surprise
from tests.laws.recipes import RECIPES, MarkovRecipe
from tests.oracles import chain_probs, every

SPACE = ConditionSpace({"speaker": "ab", "digit": "012"}, counts=[1, 2, 3, 4, 0, 0])
CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=6, seed=0).build()


def log(probs):
    return probs.log().tolist()


def test_a_sequence_is_as_likely_as_the_mixture_says():
    symbols = every(3, 4)
    answer = log_prob(CHAIN, symbols, SPACE)
    assert answer.value.tolist() == pytest.approx(log(chain_probs(CHAIN, symbols).mean(1)))
    assert float(answer.value.exp().sum()) == pytest.approx(1, abs=1e-12)
    assert answer.value.dtype == torch.float64
    assert (answer.kind, answer.std_error, answer.reliable) == ("exact", None, True)
    assert answer.method == "one score, averaged over 6 conditions"
    assert answer.cost.scored == 6 * symbols.numel()


@pytest.mark.parametrize(
    ("given", "prior", "weights"),
    [
        ({"speaker": "b", "digit": 1}, None, [0, 0, 0, 0, 1, 0]),
        ({"speaker": "a"}, None, [1 / 3, 1 / 3, 1 / 3, 0, 0, 0]),
        ({"digit": "2"}, "uniform", [0, 0, 0.5, 0, 0, 0.5]),
        (None, "training", [0.1, 0.2, 0.3, 0.4, 0, 0]),
        ({"speaker": "b"}, "training", [0, 0, 0, 1, 0, 0]),
        (None, {"digit": [0.5, 0.5, 0.0]}, [0.25, 0.25, 0, 0.25, 0.25, 0]),
        (None, torch.tensor([0, 0, 0, 0, 0, 1.0]), [0, 0, 0, 0, 0, 1]),
    ],
)
def test_what_is_not_given_is_summed_out_under_the_prior(given, prior, weights):
    symbols = every(3, 3)
    value = log_prob(CHAIN, symbols, SPACE, given=given, prior=prior).value
    wanted = chain_probs(CHAIN, symbols) @ torch.tensor(weights, dtype=torch.float64)
    assert value.tolist() == pytest.approx(log(wanted))


def test_only_possible_conditions_are_scored():
    answer = log_prob(CHAIN, every(3, 2), SPACE, prior="training")
    assert answer.cost.scored == 4 * 9 * 2
    assert answer.method == "one score, averaged over 4 conditions"
    answer = log_prob(CHAIN, every(3, 2), SPACE, given={"speaker": "a", "digit": 0})
    assert answer.cost.scored == 9 * 2
    assert answer.method == "one score"


def test_sequences_of_unequal_length_are_scored_as_alone():
    lengths = torch.tensor([4, 0, 2, 1])
    symbols = every(3, 4)[torch.tensor([5, 80, 41, 77])]
    answer = log_prob(CHAIN, symbols, SPACE, lengths=lengths)
    for row, own in enumerate(lengths.tolist()):
        alone = log_prob(CHAIN, symbols[row : row + 1, :own], SPACE)
        assert float(answer.value[row]) == pytest.approx(float(alone.value), abs=1e-12)
    assert answer.num_symbols.tolist() == [4, 0, 2, 1]
    assert answer.bits_per_symbol[1].isnan()
    bits = -answer.value[2] / math.log(2) / 2
    assert float(answer.bits_per_symbol[2]) == pytest.approx(float(bits))


def test_nothing_is_certain():
    answer = log_prob(CHAIN, torch.zeros(3, 0, dtype=torch.int64), SPACE)
    assert answer.value.tolist() == pytest.approx([0, 0, 0], abs=1e-15)
    assert log_prob(CHAIN, torch.zeros(0, 4, dtype=torch.int64), SPACE).value.shape == (0,)


@pytest.mark.parametrize("kind", RECIPES, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_any_memory_budget_gives_the_same_likelihoods(kind, data):
    model = data.draw(RECIPES[kind]).build()
    length = min(model.length or 5, 5)
    generator = torch.Generator().manual_seed(0)
    symbols = torch.randint(model.num_symbols, (3, length), generator=generator)
    lengths = torch.tensor([length, length // 2, 0])
    conditions = torch.arange(min(model.num_conditions, 2))
    prefixes = data.draw(st.booleans())
    wanted = log_likelihoods(model, symbols, conditions, lengths, every_prefix=prefixes)
    one_symbol = 4 * getattr(model, "floats_per_symbol", 8 * model.num_symbols)
    for fitting in (1, 3, 2 * length + 1):
        found = log_likelihoods(
            model,
            symbols,
            conditions,
            lengths,
            every_prefix=prefixes,
            memory=fitting * one_symbol,
        )
        assert torch.allclose(found, wanted, rtol=0, atol=1e-10)


class Recorder:
    """A model that notes what it is asked to read."""

    def __init__(self, model):
        self.model, self.read_shapes = model, []

    def __getattr__(self, name):
        return getattr(self.model, name)

    def read(self, state, symbols):
        self.read_shapes.append(tuple(symbols.shape))
        return self.model.read(state, symbols)


def test_no_more_is_read_at_once_than_memory_holds():
    symbols = torch.zeros(4, 10, dtype=torch.int64)
    conditions = torch.arange(6)
    one_symbol = 4 * 8 * 3
    for fitting in (1, 7, 10, 25, 10**6):
        recorder = Recorder(CHAIN)
        log_likelihoods(recorder, symbols, conditions, memory=fitting * one_symbol)
        assert max(rows * columns for rows, columns in recorder.read_shapes) <= fitting
        assert sum(rows * columns for rows, columns in recorder.read_shapes) == 4 * 6 * 10
    assert recorder.read_shapes == [(24, 10)]


def test_batches_end_with_their_longest_sequence():
    recorder = Recorder(CHAIN)
    lengths = torch.tensor([2, 1, 9, 3])
    memory = 4 * 8 * 3 * 20
    log_likelihoods(recorder, torch.zeros(4, 10).long(), torch.tensor([0]), lengths, memory=memory)
    assert recorder.read_shapes == [(2, 9), (2, 2)]


def test_sequences_of_like_length_are_read_together():
    recorder, lengths = Recorder(CHAIN), torch.tensor([1, 10, 1, 9, 0, 1, 10, 1])
    memory = 4 * 8 * 3 * 30
    symbols = torch.randint(3, (8, 10), generator=torch.Generator().manual_seed(0))
    found = log_likelihoods(recorder, symbols, torch.arange(6), lengths, memory=memory)
    assert sum(rows * columns for rows, columns in recorder.read_shapes) <= 6 * (3 * 10 + 4)
    for row, own in enumerate(lengths.tolist()):
        wanted = chain_probs(CHAIN, symbols[row : row + 1, :own])[0]
        assert found[row].exp().tolist() == pytest.approx(wanted.tolist(), rel=1e-12)


def test_every_prefix_has_the_likelihood_of_the_prefix():
    symbols, lengths = every(3, 4)[::7], torch.arange(12) % 5
    conditions = torch.tensor([0, 5, 2])
    table = log_likelihoods(CHAIN, symbols, conditions, lengths, every_prefix=True)
    assert table.shape == (12, 5, 3)
    for row, own in enumerate(lengths.tolist()):
        for end in range(5):
            prefix = symbols[row : row + 1, : min(end, own)]
            wanted = chain_probs(CHAIN, prefix)[0, conditions]
            assert table[row, end].exp().tolist() == pytest.approx(wanted.tolist(), rel=1e-12)


def test_no_gradients_are_kept():
    model = data_model()
    answer = log_prob(model, torch.tensor([[0, 1]]))
    assert not answer.value.requires_grad


def data_model():
    table = torch.zeros(1, 1, 2, requires_grad=True).log_softmax(-1)
    return MarkovTable(table)


def test_without_a_space_conditions_are_numbers():
    symbols = every(3, 2)
    space = check_space(CHAIN, None)
    assert space.factors == {"condition": ("0", "1", "2", "3", "4", "5")}
    value = log_prob(CHAIN, symbols, given={"condition": 4}).value
    assert value.tolist() == pytest.approx(log(chain_probs(CHAIN, symbols)[:, 4]))
    single = MarkovRecipe(num_symbols=2, order=1, num_conditions=1, seed=0).build()
    assert check_space(single, None) == ConditionSpace({})


def test_a_space_of_another_size_is_refused():
    space = ConditionSpace({"digit": "0123456789"})
    message = r"as many conditions as the model, 6; got 10 in ConditionSpace\(digit\(10\)\)"
    with pytest.raises(ValueError, match=message):
        log_prob(CHAIN, every(3, 2), space)


@pytest.mark.parametrize(
    ("symbols", "options", "message"),
    [
        ([[0, 3]], {}, r"symbols need to lie within 0\.\.2; got 3 in row 0 at position 1"),
        ([[0, 1]], {"lengths": torch.tensor([3])}, r"lengths needs numbers within 0\.\.2; got 3"),
        ([[0, 1]], {"lengths": torch.tensor([-1])}, r"within 0\.\.2; got -1"),
        ([[0, 1]], {"prior": [1.0, 0.0]}, r"one probability per condition, shape \(6,\)"),
        ([[0, 1]], {"prior": [-1.0, 2.0, 0.0, 0.0, 0.0, 0.0]}, "at least 0"),
        ([[0, 1]], {"given": {"digit": 9}}, "no digit '9'; it knows 0, 1, 2"),
        ([[0, 1]], {"given": {"hue": 9}}, "no factor 'hue'; it has speaker, digit"),
    ],
)
def test_questions_that_make_no_sense_are_refused(symbols, options, message):
    with pytest.raises(ValueError, match=message):
        log_prob(CHAIN, torch.tensor(symbols), SPACE, **options)


def test_symbols_that_are_no_whole_numbers_are_refused():
    # Without the shape checks of the tests, which refuse them by type before.
    unchecked = getattr(log_prob, "__wrapped__", log_prob)
    with pytest.raises(Exception, match=r"integer type; got torch.float32|Int.*Tensor"):
        unchecked(CHAIN, torch.tensor([[0.0, 1.0]]), SPACE)


@pytest.mark.parametrize("prior", [None, [0.1, 0.2, 0.0, 0.4, 0.3, 0.0]])
def test_surprise_is_that_of_each_symbol_after_those_before(prior):
    weights = torch.tensor(prior or [1 / 6] * 6, dtype=torch.float64)
    for symbols in every(3, 4)[::9]:
        answer = surprise(CHAIN, symbols, weights.log() if prior else None)
        prefixes = [chain_probs(CHAIN, symbols[None, :end])[0] @ weights for end in range(5)]
        wanted = [math.log(one / two) for one, two in itertools.pairwise(prefixes)]
        assert answer.value.tolist() == pytest.approx(wanted)
        whole = log_prob(CHAIN, symbols[None], prior=prior)
        assert float(answer.value.sum()) == pytest.approx(-float(whole.value))
        assert (answer.kind, answer.reliable) == ("exact", True)
        assert answer.cost.scored == 4 * int((weights > 0).sum())


def test_nobody_is_surprised_by_nothing():
    assert surprise(CHAIN, torch.zeros(0, dtype=torch.int64)).value.shape == (0,)


def test_the_impossible_surprises_infinitely():
    sure = MarkovTable(torch.tensor([[[1.0, 0.0]]], dtype=torch.float64).log())
    answer = surprise(sure, torch.tensor([0, 1, 0]))
    assert answer.value[:2].tolist() == [0, math.inf]
    assert answer.value[2].isnan()
    assert not answer.reliable


def test_memory_is_a_budget_one_would_give():
    assert 2**20 < scoring.MEMORY <= 2**30
