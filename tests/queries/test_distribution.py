"""A law of sequences as torch sees it, against enumeration."""

import itertools
import math

import pytest
import torch
from torch.distributions import Independent, constraints, kl_divergence

from autoreg.conditions import ConditionSpace
from autoreg.models.markov import MarkovTable
from autoreg.queries.distribution import ENUMERABLE, SequenceDistribution
from autoreg.queries.likelihood import log_prob
from tests.laws.recipes import MarkovRecipe, WaveNetRecipe
from tests.oracles import assert_drawn_from, chain_probs, every, index_of

SPACE = ConditionSpace({"speaker": "ab", "digit": "012"}, counts=[1, 2, 3, 4, 0, 0])
CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=6, seed=0).build()
PICTURES = WaveNetRecipe(2, (2,), None, 2, (1, 2), 2, 3, 0, 5, 0).build()
# p(1) is 1/2 or 1 at every position.
COINS = MarkovTable(torch.tensor([[[0.5, 0.5]], [[0.0, 1.0]]], dtype=torch.float64).log())
GRID = torch.tensor([[0, 3, 1], [5, 5, 2]])


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def close(found, wanted):
    return found.dtype == torch.float64 and torch.allclose(found, wanted, rtol=0, atol=1e-10)


def laws():
    """Return laws with and without a batch, and log p(x) of all their sequences by an oracle."""
    chain = chain_probs(CHAIN, every(3, 4)).log()
    wavenet = torch.stack(
        [log_prob(PICTURES, every(2, 5), given={"condition": y}).value for y in (0, 1)], 1
    )
    weights = torch.tensor([0.1, 0.2, 0.3, 0.4, 0, 0], dtype=torch.float64)
    return {
        "one": (SequenceDistribution(CHAIN, 4, condition=3), chain[:, 3]),
        "batch": (SequenceDistribution(CHAIN, 4, condition=GRID), chain[:, GRID]),
        "average": (SequenceDistribution(CHAIN, 4), chain.logsumexp(1) - math.log(6)),
        "given": (
            SequenceDistribution(CHAIN, 4, space=SPACE, given={"digit": 1}),
            chain[:, [1, 4]].logsumexp(1) - math.log(2),
        ),
        "prior": (
            SequenceDistribution(CHAIN, 4, space=SPACE, prior="training"),
            (chain + weights.log()).logsumexp(1),
        ),
        "wavenet": (
            SequenceDistribution(PICTURES, condition=torch.tensor([1, 0])),
            wavenet[:, [1, 0]],
        ),
    }


LAWS = laws()


@pytest.mark.parametrize("name", LAWS)
def test_probabilities_are_those_of_enumeration(name):
    law, wanted = LAWS[name]
    support = law.enumerate_support()
    assert support.shape == (len(wanted), *law.batch_shape, *law.event_shape)
    found = law.log_prob(support)
    assert close(found, wanted)
    assert close(found.exp().sum(0), torch.ones(law.batch_shape, dtype=torch.float64))
    assert close(law.entropy(), -(wanted.exp() * wanted).sum(0))
    assert close(law.perplexity(), law.entropy().exp())


@pytest.mark.parametrize("name", LAWS)
def test_draws_follow_the_law(name):
    law, wanted = LAWS[name]
    draws = law.sample((100, 40), generator=chance())
    assert draws.shape == (100, 40, *law.batch_shape, *law.event_shape)
    assert draws.dtype == torch.int64
    assert law.support.check(draws).all()
    index = index_of(draws.reshape(-1, *law.event_shape), law.model.num_symbols)
    counts = torch.nn.functional.one_hot(index, len(wanted)).reshape(4000, -1, len(wanted)).sum(0)
    for cell, probs in zip(counts, wanted.reshape(len(wanted), -1).exp().T, strict=True):
        assert_drawn_from(cell, probs)


def test_every_shape_of_value_is_scored_by_its_own_condition():
    law = SequenceDistribution(CHAIN, 2, condition=GRID)
    assert (law.batch_shape, law.event_shape) == ((2, 3), (2,))
    wanted = chain_probs(CHAIN, every(3, 2)).log()
    for lead in [(), (3,), (1,), (2, 3), (2, 1), (4, 2, 3), (5, 4, 2, 3), (5, 1, 1, 3)]:
        index = torch.randint(9, lead, generator=chance())
        found = law.log_prob(every(3, 2)[index])
        assert found.shape == torch.broadcast_shapes(lead, (2, 3))
        assert close(found, wanted[index.expand(found.shape), GRID.expand(found.shape)])
    average = SequenceDistribution(CHAIN, 2)
    for lead in [(), (3,), (2, 0), (5, 4)]:
        assert average.log_prob(torch.zeros(*lead, 2).long()).shape == lead


def test_what_torch_asks_of_a_distribution_is_answered():
    law = SequenceDistribution(CHAIN, 4, condition=GRID)
    assert law.support.is_discrete
    assert law.support.event_dim == 1
    good = torch.tensor([[0, 1, 2, 0], [0, 1, 3, 0], [0, -1, 0, 0]])
    assert law.support.check(good).tolist() == [True, False, False]
    assert law.arg_constraints["condition"].check(GRID).all()
    assert not law.arg_constraints["condition"].check(torch.tensor(6))
    assert SequenceDistribution(CHAIN, 4).arg_constraints == {}
    assert constraints.is_dependent(SequenceDistribution.support)
    assert law.has_enumerate_support
    assert not law.has_rsample
    assert repr(law) == "SequenceDistribution(condition: torch.Size([2, 3]))"
    for ask in (law.rsample, lambda: law.mean, lambda: law.cdf(good)):
        with pytest.raises(NotImplementedError):
            ask()
    together = Independent(law, 2)
    assert (together.batch_shape, together.event_shape) == ((), (2, 3, 4))
    draws = law.sample((5,), generator=chance())
    assert close(together.log_prob(draws), law.log_prob(draws).sum((-2, -1)))


def test_the_support_ascends_and_its_batch_is_expanded_or_not():
    law = SequenceDistribution(CHAIN, 2, condition=GRID)
    assert torch.equal(law.enumerate_support()[:, 1, 2], every(3, 2))
    narrow = law.enumerate_support(expand=False)
    assert narrow.shape == (9, 1, 1, 2)
    assert torch.equal(narrow[:, 0, 0], every(3, 2))


def test_chance_is_an_argument():
    law = SequenceDistribution(CHAIN, 6, condition=GRID)
    with pytest.raises(ValueError, match=r"sample needs a generator, .* global one is not drawn"):
        law.sample((3,))
    own = SequenceDistribution(CHAIN, 6, condition=GRID, generator=chance(1))
    first, second = own.sample((3,)), own.sample((3,))
    assert not torch.equal(first, second)
    assert torch.equal(law.sample((3,), generator=chance(1)), first)
    # The one in the call comes first, and an expanded law shares its own.
    assert torch.equal(own.sample((3,), generator=chance(1)), first)
    again = SequenceDistribution(CHAIN, 6, condition=GRID, generator=chance(1))
    again.expand((1, 2, 3)).sample((3,))
    assert torch.equal(again.sample((3,)), second)
    assert law.log_prob(law.sample((0,), generator=chance())).shape == (0, 2, 3)


@pytest.mark.parametrize("validate", [True, False])
def test_expanding_repeats_the_batch(validate):
    law = SequenceDistribution(CHAIN, 2, condition=GRID, validate_args=validate)
    wide = law.expand((4, 2, 3))
    assert (wide.batch_shape, law.batch_shape) == ((4, 2, 3), (2, 3))
    values = every(3, 2)[torch.randint(9, (5, 4, 2, 3), generator=chance())]
    assert close(wide.log_prob(values), law.log_prob(values))
    assert wide._validate_args == validate
    average = SequenceDistribution(CHAIN, 2).expand((2,)).expand((3, 2))
    assert average.log_prob(every(3, 2)[0]).shape == (3, 2)
    assert average.sample((4,), generator=chance()).shape == (4, 3, 2, 2)
    assert average.entropy().shape == (3, 2)
    for shape in [(2,), (3, 5)]:
        with pytest.raises(RuntimeError, match="expand"):
            law.expand(shape)
        with pytest.raises(RuntimeError, match="expand"):
            average.expand(shape)


def test_impossible_sequences_count_nothing_in_an_entropy():
    law = SequenceDistribution(COINS, 3, condition=torch.tensor([0, 1]))
    assert close(law.entropy(), torch.tensor([3 * math.log(2), 0], dtype=torch.float64))
    assert law.log_prob(torch.tensor([1, 0, 1]))[1] == -math.inf


def test_divergences_are_those_of_enumeration():
    for one, other in itertools.product(["one", "batch", "average", "given"], repeat=2):
        (p, log_p), (q, log_q) = LAWS[one], LAWS[other]
        batch = torch.broadcast_shapes(p.batch_shape, q.batch_shape)
        log_p, log_q = (
            logs.reshape(81, *[1] * (len(batch) - logs.ndim + 1), *logs.shape[1:])
            for logs in (log_p, log_q)
        )
        wanted = (log_p.exp() * (log_p - log_q)).sum(0)
        assert close(kl_divergence(p, q), wanted)
        assert kl_divergence(p, q).shape == batch


def test_a_divergence_is_infinite_only_where_the_other_law_forbids_what_comes():
    fair, sure = (SequenceDistribution(COINS, 3, condition=y) for y in (0, 1))
    assert kl_divergence(fair, sure) == math.inf
    assert float(kl_divergence(sure, fair)) == pytest.approx(3 * math.log(2))
    assert kl_divergence(sure, sure) == 0


def test_lists_that_would_be_too_long_are_refused_with_what_to_ask_instead():
    most = int(math.log2(ENUMERABLE))
    assert SequenceDistribution(COINS, most).has_enumerate_support
    long = SequenceDistribution(COINS, most + 1, condition=1)
    assert not long.has_enumerate_support
    count = rf"needs at most {ENUMERABLE} sequences; there are 2 to the power of {most + 1}\."
    with pytest.raises(NotImplementedError, match=f"enumerate_support {count} sample"):
        long.enumerate_support()
    with pytest.raises(NotImplementedError, match=f"entropy {count} .*information.entropy"):
        long.entropy()
    with pytest.raises(NotImplementedError, match=f"divergence {count} .*compare.divergence"):
        kl_divergence(long, long)
    assert long.log_prob(torch.ones(most + 1).long()) == 0


def test_divergences_of_laws_over_other_sequences_are_refused():
    law = SequenceDistribution(COINS, 3)
    with pytest.raises(ValueError, match="one length; got 3 and 4"):
        kl_divergence(law, SequenceDistribution(COINS, 4))
    with pytest.raises(ValueError, match="one alphabet; got 2 and 3"):
        kl_divergence(law, SequenceDistribution(CHAIN, 3))


def test_the_empty_sequence_is_certain():
    law = SequenceDistribution(CHAIN, 0, condition=GRID)
    nothing = law.sample((5,), generator=chance())
    assert nothing.shape == (5, 2, 3, 0)
    assert close(law.log_prob(nothing), torch.zeros(5, 2, 3).double())
    assert law.enumerate_support().shape == (1, 2, 3, 0)
    assert close(law.entropy(), torch.zeros(2, 3).double())


def test_a_model_of_one_length_lends_it_and_bounds_others():
    assert SequenceDistribution(PICTURES).event_shape == (5,)
    short = SequenceDistribution(PICTURES, 3, condition=1)
    assert float(short.log_prob(short.enumerate_support()).logsumexp(0)) == pytest.approx(0)
    with pytest.raises(ValueError, match="at least 0, at most 5, the model's own; got 6"):
        SequenceDistribution(PICTURES, 6)


@pytest.mark.parametrize("validate", [True, False])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([0, 1, 3], r"within the support|within 0\.\.2; got 3"),
        ([0, 1], r"value needs shape \(\*sample, \*\(2, 3, 3\)\); got \(2,\)"),
        ([[0, 1, 0]] * 4, r"\*\(2, 3, 3\)\); got \(4, 3\)"),
    ],
)
def test_values_outside_the_law_are_refused(validate, value, message):
    law = SequenceDistribution(CHAIN, 3, condition=GRID, validate_args=validate)
    with pytest.raises(ValueError, match=message):
        law.log_prob(torch.tensor(value))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"length": None}, ValueError, "length needs to be at least 0; got None"),
        ({"length": -1}, ValueError, "length needs to be at least 0; got -1"),
        ({"condition": 6}, ValueError, r"condition needs indices 0\.\.5; got 6\.\.6"),
        ({"condition": torch.tensor([0, -1])}, ValueError, r"indices 0\.\.5; got -1\.\.0"),
        ({"condition": True}, TypeError, "condition needs an integer type; got torch.bool"),
        ({"condition": 1, "prior": [1 / 6] * 6}, ValueError, "given and prior need to be None"),
        ({"given": {"digit": 9}, "space": SPACE}, ValueError, "no digit '9'"),
        (
            {"space": ConditionSpace({"digit": "01"})},
            ValueError,
            "as many conditions as the model",
        ),
    ],
)
def test_laws_that_make_no_sense_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        SequenceDistribution(CHAIN, **{"length": 3, **options})
