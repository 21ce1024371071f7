"""Bayes' rule against enumeration."""

import math

import pytest
import torch

from autoreg.conditions import ConditionSpace
from autoreg.inference.meter import Metered
from autoreg.models.markov import MarkovTable
from autoreg.protocol import State
from autoreg.queries.likelihood import log_prob
from autoreg.queries.posterior import decide, log_sum_by_label, posterior
from tests.laws.recipes import MarkovRecipe
from tests.oracles import chain_probs, every

SPACE = ConditionSpace({"speaker": "ab", "digit": "012"}, counts=[1, 2, 3, 4, 0, 0])
CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=6, seed=0).build()
PRIORS = {
    "none": (None, [1 / 6] * 6),
    "training": ("training", [0.1, 0.2, 0.3, 0.4, 0, 0]),
    "zeros": ([0.0, 0.5, 0.0, 0.0, 0.25, 0.25], [0, 0.5, 0, 0, 0.25, 0.25]),
    "factor": ({"speaker": [0.9, 0.1]}, [0.3, 0.3, 0.3, 0.1 / 3, 0.1 / 3, 0.1 / 3]),
}


def by_bayes(symbols, weights):
    """Return p(y | x), (B, 6), and p(x), (B,)."""
    joint = chain_probs(CHAIN, symbols) * torch.tensor(weights, dtype=torch.float64)
    return joint / joint.sum(1, keepdim=True), joint.sum(1)


def same(left, right):
    return torch.allclose(left, right, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("prior", PRIORS)
def test_the_posterior_is_that_of_bayes(prior):
    asked, weights = PRIORS[prior]
    symbols = every(3, 3)
    answer = posterior(CHAIN, symbols, SPACE, prior=asked)
    wanted, evidence = by_bayes(symbols, weights)
    assert same(answer.probs, wanted)
    assert same(answer.log_evidence.exp(), evidence)
    assert answer.value.dtype == torch.float64
    assert (answer.kind, answer.reliable, answer.reason) == ("exact", True, "")
    assert answer.of == ("speaker", "digit")
    assert answer.labels == ("a/0", "a/1", "a/2", "b/0", "b/1", "b/2")
    possible = sum(weight > 0 for weight in weights)
    assert answer.cost.scored == possible * symbols.numel()
    assert answer.method == f"one score for each of {possible} conditions"


@pytest.mark.parametrize("prior", PRIORS)
def test_factors_that_are_not_asked_for_are_summed_out(prior):
    asked, weights = PRIORS[prior]
    symbols = every(3, 3)
    wanted = by_bayes(symbols, weights)[0].reshape(-1, 2, 3)
    speaker = posterior(CHAIN, symbols, SPACE, of="speaker", prior=asked)
    assert same(speaker.probs, wanted.sum(2))
    assert speaker.labels == ("a", "b")
    digit = posterior(CHAIN, symbols, SPACE, of=["digit"], prior=asked)
    assert same(digit.probs, wanted.sum(1))
    assert digit.labels == ("0", "1", "2")
    turned = posterior(CHAIN, symbols, SPACE, of=("digit", "speaker"), prior=asked)
    assert same(turned.probs, wanted.mT.reshape(-1, 6))
    assert turned.labels == ("0/a", "0/b", "1/a", "1/b", "2/a", "2/b")


def test_what_is_given_is_certain():
    symbols = every(3, 3)
    weights = [0, 0.5, 0, 0, 0.5, 0]
    answer = posterior(CHAIN, symbols, SPACE, given={"digit": 1})
    wanted, evidence = by_bayes(symbols, weights)
    assert same(answer.probs, wanted)
    assert same(answer.log_evidence.exp(), evidence)
    digit = posterior(CHAIN, symbols, SPACE, of="digit", given={"digit": 1})
    assert same(digit.probs, torch.tensor([0, 1, 0]).double().expand(27, -1))
    assert digit.value[0].tolist() == [-math.inf, pytest.approx(0, abs=1e-15), -math.inf]


def test_the_evidence_is_the_probability_of_the_sequence():
    symbols = every(3, 3)
    answer = posterior(CHAIN, symbols, SPACE, prior="training")
    whole = log_prob(CHAIN, symbols, SPACE, prior="training")
    assert torch.equal(answer.log_evidence, whole.value)


@pytest.mark.parametrize("prior", PRIORS)
def test_after_nothing_the_posterior_is_the_prior(prior):
    asked, weights = PRIORS[prior]
    nothing = torch.zeros(2, 0, dtype=torch.int64)
    answer = posterior(CHAIN, nothing, SPACE, prior=asked)
    assert same(answer.probs, torch.tensor([weights] * 2, dtype=torch.float64))
    assert answer.log_evidence.tolist() == pytest.approx([0, 0], abs=1e-15)


@pytest.mark.parametrize("of", [None, "speaker", ("digit", "speaker")])
@pytest.mark.parametrize("prior", PRIORS)
def test_every_prefix_has_the_posterior_of_the_prefix(prior, of):
    asked = PRIORS[prior][0]
    symbols, lengths = every(3, 4)[::7], torch.arange(12) % 5
    answer = posterior(
        CHAIN, symbols, SPACE, of=of, prior=asked, lengths=lengths, every_prefix=True
    )
    size = len(answer.labels)
    assert answer.value.shape == (12, 5, size)
    assert answer.log_evidence.shape == (12, 5)
    for end in range(5):
        alone = posterior(
            CHAIN, symbols, SPACE, of=of, prior=asked, lengths=lengths.clamp(max=end)
        )
        assert same(answer.probs[:, end], alone.probs)
        assert same(answer.log_evidence[:, end], alone.log_evidence)


def test_every_prefix_costs_the_same_single_pass():
    symbols = every(3, 4)
    one = posterior(CHAIN, symbols, SPACE)
    all_of_them = posterior(CHAIN, symbols, SPACE, every_prefix=True)
    assert one.cost.scored == all_of_them.cost.scored == 6 * symbols.numel()
    assert same(all_of_them.probs[:, -1], one.probs)


def test_sequences_of_unequal_length_are_judged_as_alone():
    lengths = torch.tensor([4, 0, 2, 1])
    symbols = every(3, 4)[torch.tensor([5, 80, 41, 77])]
    answer = posterior(CHAIN, symbols, SPACE, lengths=lengths)
    for row, own in enumerate(lengths.tolist()):
        alone = posterior(CHAIN, symbols[row : row + 1, :own], SPACE)
        assert same(answer.probs[row], alone.probs[0])
    assert answer.cost.scored == 6 * 7


@pytest.mark.parametrize("every_prefix", [False, True])
@pytest.mark.parametrize("fitting", [1, 3, 10])
def test_any_memory_budget_gives_the_same_posterior(fitting, every_prefix):
    options = {"lengths": torch.tensor([0, 4, 2]), "every_prefix": every_prefix}
    symbols = every(3, 4)[[5, 41, 77]]
    wanted = posterior(CHAIN, symbols, SPACE, **options)
    found = posterior(CHAIN, symbols, SPACE, **options, memory=fitting * 4 * 8 * 3)
    assert torch.allclose(found.value, wanted.value, rtol=0, atol=1e-12)


def test_log_probabilities_survive_where_probabilities_do_not():
    table = torch.tensor([[[0.5, 0.5]], [[0.999, 0.001]]], dtype=torch.float64).log()
    symbols = torch.ones(1, 2000, dtype=torch.int64)
    answer = posterior(MarkovTable(table), symbols)
    assert float(answer.value[0, 1]) == pytest.approx(2000 * math.log(0.002), rel=1e-12)
    assert float(answer.log_odds) == pytest.approx(2000 * math.log(500), rel=1e-12)


class Counted:
    """A model of so many symbols that no table of them fits, which notes what it is asked."""

    num_symbols, num_conditions, length, floats_per_symbol = 2**50, 10, None, 1

    def __init__(self):
        self.started, self.read_shapes = [], []

    def __getattr__(self, name):
        return getattr(CHAIN, name)

    def start(self, condition):
        self.started.append(condition.tolist())
        return State(torch.zeros(len(condition), 1), (condition,))

    def read(self, state, symbols):
        self.read_shapes.append(tuple(symbols.shape))
        return -state.memory[0][:, None].double().expand(symbols.shape).clone(), state


@pytest.mark.parametrize("every_prefix", [False, True])
def test_all_conditions_and_all_prefixes_are_one_read(every_prefix):
    model = Counted()
    answer = posterior(model, torch.zeros(1, 784).long(), every_prefix=every_prefix)
    assert model.started == [list(range(10))]
    assert model.read_shapes == [(10, 784)]
    # Condition y costs y nats a symbol.
    last = answer.value[0, -1] if every_prefix else answer.value[0]
    assert last.tolist() == pytest.approx([-784.0 * y for y in range(10)])
    assert answer.value.shape == ((1, 785, 10) if every_prefix else (1, 10))


def test_an_impossible_sequence_has_no_posterior():
    table = torch.tensor([[[1.0, 0.0]], [[1.0, 0.0]]], dtype=torch.float64).log()
    answer = posterior(MarkovTable(table), torch.tensor([[0, 0], [0, 1]]), every_prefix=True)
    assert same(answer.probs[0], torch.full((3, 2), 0.5).double())
    assert same(answer.probs[1, :2], torch.full((2, 2), 0.5).double())
    assert answer.value[1, 2].isnan().all()
    assert (answer.reliable, answer.reason) == (False, "the model gives a sequence no probability")


def test_a_label_that_would_make_it_impossible_has_none():
    table = torch.tensor([[[1.0, 0.0]], [[0.5, 0.5]]], dtype=torch.float64).log()
    answer = posterior(MarkovTable(table), torch.tensor([[0, 1]]))
    assert answer.value[0].tolist() == [-math.inf, 0]
    assert answer.reliable


def test_an_unconditional_model_has_one_condition():
    model = MarkovRecipe(num_symbols=2, order=1, num_conditions=1, seed=0).build()
    answer = posterior(model, every(2, 2))
    assert answer.labels == ("",)
    assert answer.value.tolist() == [[0]] * 4


def test_sums_by_label_take_any_leading_axes():
    joint = torch.arange(12.0, dtype=torch.float64).log().reshape(2, 1, 6)
    sums = log_sum_by_label(joint, SPACE, ("digit",), torch.arange(6))
    assert sums.exp().tolist() == [
        [pytest.approx([3, 5, 7])],
        [pytest.approx([15, 17, 19])],
    ]
    some = log_sum_by_label(joint[..., :2], SPACE, ("digit",), torch.tensor([2, 5]))
    assert some.exp()[0, 0].tolist() == pytest.approx([0, 0, 1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"of": "hue"}, "no factor 'hue'; it has speaker, digit"),
        ({"of": ["digit", "digit"]}, "need to be all different; got digit, digit"),
        ({"prior": [0.5, 0.5]}, r"one probability per condition, shape \(6,\); got \(2,\)"),
        ({"prior": [math.nan] * 6}, "finite probabilities"),
        ({"prior": [0.0] * 6}, "needs to sum to 1; got a sum of 0"),
        ({"prior": [0.3] * 6}, r"needs to sum to 1; got a sum of 1\.8"),
        (
            {"prior": {"digit": [0.0, 0.5, 0.5]}, "given": {"digit": 0}},
            r"no probability to \{'digit': 0\}",
        ),
        ({"given": {"digit": "x"}}, "no digit 'x'"),
        ({"lengths": torch.tensor([5])}, r"lengths needs numbers within 0\.\.2"),
    ],
)
def test_questions_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        posterior(CHAIN, torch.tensor([[0, 1]]), SPACE, **options)


@pytest.mark.parametrize("of", [None, "digit"])
@pytest.mark.parametrize("threshold", [0.1, 0.45, 0.6, 0.9, 1.0])
@pytest.mark.parametrize("early", [1, 3, 64])
def test_a_decision_falls_with_the_first_clear_prefix(threshold, of, early, monkeypatch):
    monkeypatch.setattr("autoreg.queries.posterior.EARLY", early)
    for symbols in every(3, 5)[::20]:
        decided = decide(CHAIN, symbols, SPACE, threshold=threshold, of=of, prior="training")
        whole = posterior(CHAIN, symbols[None], SPACE, of=of, prior="training", every_prefix=True)
        clear = (whole.probs[0].amax(-1) >= threshold).nonzero()[:, 0]
        end = int(clear[0]) if len(clear) else len(symbols)
        assert int(decided.num_symbols) == end
        assert same(decided.probs, whole.probs[0, end])
        assert same(decided.log_evidence, whole.log_evidence[0, end])
        assert decided.labels == whole.labels


def test_a_decision_reads_little_more_than_it_needs():
    coins = MarkovTable(torch.tensor([[[0.9, 0.1]], [[0.1, 0.9]]], dtype=torch.float64).log())
    metered = Metered(coins)
    symbols = torch.zeros(1000, dtype=torch.int64)
    decided = decide(metered, symbols, threshold=0.999)
    assert int(decided.num_symbols) == 4
    assert decided.best == ["0"]
    assert decided.cost.scored == metered.scored == 2 * 64


def test_a_prior_that_is_clear_enough_needs_no_symbol():
    decided = decide(CHAIN, every(3, 4)[5], SPACE, threshold=0.9, given={"digit": 1}, of="digit")
    assert int(decided.num_symbols) == 0
    assert decided.best == ["1"]


def test_nothing_is_decided_by_the_impossible():
    sure = MarkovTable(torch.tensor([[[1.0, 0.0]], [[1.0, 0.0]]], dtype=torch.float64).log())
    decided = decide(sure, torch.tensor([0, 1, 0]), threshold=0.9)
    assert decided.value.isnan().all()
    assert (decided.reliable, decided.reason) == (
        False,
        "the model gives the sequence no probability",
    )


@pytest.mark.parametrize("threshold", [0.0, -0.5, 1.1, math.nan])
def test_a_threshold_is_a_probability(threshold):
    with pytest.raises(ValueError, match=r"threshold needs to lie within \(0, 1\]; got"):
        decide(CHAIN, torch.tensor([0, 1]), SPACE, threshold=threshold)
