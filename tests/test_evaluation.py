import math

import pytest
import torch

from autoreg.conditions import ConditionSpace
from autoreg.data.corpus import Corpus
from autoreg.data.digits import digits
from autoreg.data.plain import Plain
from autoreg.data.sequences import Sequences
from autoreg.density import Density
from autoreg.evaluation import evaluate, held_out
from autoreg.models.markov import MarkovTable

COINS = {"coin": ("fair", "bent")}
NOTHING = Sequences.from_list([], [])


def density_of(probs, factors, *, target=None, signal=None, card=None, memory=2**20):
    """A model that draws every symbol alone, from the probabilities of its condition (K, Q)."""
    table = torch.tensor(probs, dtype=torch.float64)[:, None].log()
    return Density(
        model=MarkovTable(table),
        signal=signal or Plain(table.shape[-1]),
        space=ConditionSpace(factors),
        target=target,
        card=card or {},
        memory=memory,
    )


def corpus_of(rows, condition, density, part="test"):
    parts = dict.fromkeys(("train", "valid", "test"), NOTHING)
    parts[part] = Sequences.from_list([torch.tensor(row).byte() for row in rows], condition)
    return Corpus(parts, density.signal, density.space, density.target, "made by hand")


@pytest.fixture
def coins():
    return density_of([[0.5, 0.5], [0.1, 0.9]], COINS, target="coin")


def test_uniform_density_costs_the_entropy_of_its_alphabet():
    density = density_of([[0.25] * 4] * 2, COINS, target="coin")
    found = evaluate(density, corpus_of([[0, 1, 2], [3], [2, 2, 1, 0]], [0, 1, 1], density))
    assert found.bits_per_symbol == pytest.approx((2.0, 0.0))
    assert found.nats_per_sequence.value == pytest.approx(8 / 3 * math.log(4))
    assert found.nats_given_label == pytest.approx(found.nats_per_sequence)
    assert found.log_score == pytest.approx((-math.log(2), 0.0))
    assert found.accuracy.value == pytest.approx(1 / 3)
    assert found.ece.value == pytest.approx(1 / 2 - 1 / 3)


def test_two_coins_come_out_as_on_paper(coins):
    found = evaluate(coins, corpus_of([[1, 1], [0], []], [1, 1, 0], coins))
    likelihoods = [(0.25, 0.81), (0.5, 0.1), (1.0, 1.0)]
    evidence = [(fair + bent) / 2 for fair, bent in likelihoods]
    nats = torch.tensor([-math.log(one) for one in evidence], dtype=torch.float64)
    truths = [0.81 / 1.06, 0.1 / 0.6, 0.5]
    assert found.nats_per_sequence.value == pytest.approx(float(nats.mean()))
    assert found.nats_per_sequence.std_error == pytest.approx(float(nats.std()) / math.sqrt(3))
    assert found.nats_given_label.value == pytest.approx(-math.log(0.81 * 0.1) / 3)
    assert found.bits_per_symbol.value == pytest.approx(float(nats.sum()) / 3 / math.log(2))
    assert found.log_score.value == pytest.approx(sum(map(math.log, truths)) / 3)
    # The best labels have 0.76 (right), 0.83 (wrong) and 0.5 (right, the first of two equal ones):
    # three bins of one sequence each.
    assert found.accuracy.value == pytest.approx(2 / 3)
    gaps = (1 - 0.81 / 1.06) + 0.5 / 0.6 + (1 - 0.5)
    assert found.ece.value == pytest.approx(gaps / 3)


def test_prior_moves_the_posterior_and_not_what_is_given_the_label(coins):
    corpus = corpus_of([[1]], [0], coins)
    uniform, sure = evaluate(coins, corpus), evaluate(coins, corpus, prior=[1.0, 0.0])
    assert (uniform.accuracy.value, sure.accuracy.value) == (0.0, 1.0)
    assert sure.log_score.value == 0.0
    assert sure.nats_per_sequence.value == uniform.nats_given_label.value


def test_other_factors_are_summed_out():
    density = density_of(
        [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.2, 0.8]],
        {"a": ("x", "y"), "b": ("u", "v")},
    )
    corpus = corpus_of([[0]], [1], density)
    of_a, of_both = evaluate(density, corpus, of="a"), evaluate(density, corpus)
    assert of_a.log_score.value == pytest.approx(math.log(1.7 / 2.2))
    assert (of_both.of, of_both.log_score.value) == (
        ("a", "b"),
        pytest.approx(math.log(0.8 / 2.2)),
    )
    assert of_a.nats_given_label.value == pytest.approx(-math.log(0.8))


def test_density_without_labels_has_nothing_to_tell():
    density = density_of([[0.5, 0.5]], {})
    found = evaluate(density, corpus_of([[0, 1]], [0], density))
    assert (found.of, found.accuracy, found.log_score, found.ece) == ((), None, None, None)
    assert found.to_dict()["std_error"]["accuracy"] is None
    assert found.nats_per_sequence.value == pytest.approx(2 * math.log(2))


def test_batches_do_not_change_a_number():
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(0, 9, (23,), generator=generator).tolist()
    rows = [torch.randint(2, (length,), generator=generator).tolist() for length in lengths]
    seen, steps = [], []
    for memory in (1, 2**20):
        density = density_of([[0.5, 0.5], [0.1, 0.9]], COINS, target="coin", memory=memory)
        corpus = corpus_of(rows, [index % 2 for index in range(23)], density)
        found = evaluate(density, corpus, progress=lambda done, total: steps.append((done, total)))
        seen.append([estimate for one in found.estimates().values() for estimate in one])
    assert seen[0] == pytest.approx(seen[1])
    assert steps == [(done, 23) for done in range(1, 24)] + [(23, 23)]


def test_limit_takes_the_first_sequences(coins):
    corpus = corpus_of([[1], [0, 0], [1]], [1, 0, 1], coins, "valid")
    found = evaluate(coins, corpus, part="valid", limit=1)
    assert (found.n, found.nats_given_label.value) == (1, pytest.approx(-math.log(0.9)))
    assert found.protocol == "the first 1 of 3 valid sequences; made by hand"
    assert math.isnan(found.nats_per_sequence.std_error)
    assert evaluate(coins, corpus, part="valid", limit=9).protocol.startswith("all of 3 valid")


def test_accuracy_without_a_miss_still_has_an_error(coins):
    found = evaluate(coins, corpus_of([[1]] * 98, [1] * 98, coins))
    assert found.accuracy == pytest.approx((1.0, math.sqrt(0.99 * 0.01 / 98)))


def test_calibrated_density_has_an_error_of_calibration_within_chance():
    density = density_of([[0.7, 0.3], [0.3, 0.7]], COINS, target="coin")
    generator = torch.Generator().manual_seed(1)
    coin = torch.randint(2, (2000,), generator=generator)
    faces = coin ^ (torch.rand(2000, generator=generator) < 0.3).long()
    found = evaluate(density, corpus_of(faces[:, None].tolist(), coin.tolist(), density))
    assert found.ece.value < 4 * math.sqrt(0.7 * 0.3 / 2000)
    assert found.ece.std_error == pytest.approx(math.sqrt(0.7 * 0.3 / 2000), rel=0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"part": "all"}, "part needs one of train, valid, test; got 'all'"),
        ({"part": "train"}, "the train part is empty: made by hand"),
        ({"limit": 0}, "limit needs to be at least 1; got 0"),
        ({"of": "speaker"}, "the model has no factor 'speaker'; it has coin"),
        ({"prior": [0.5, 0.6]}, "prior needs to sum to 1"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(coins, options, message):
    with pytest.raises(ValueError, match=message):
        evaluate(coins, corpus_of([[1]], [1], coins), **options)


def test_corpus_of_other_things_is_refused(coins):
    dice = density_of([[0.25] * 4] * 2, COINS)
    with pytest.raises(ValueError, match=r"needs the density's signal, .* 'num_symbols': 2"):
        evaluate(coins, corpus_of([[3]], [0], dice))
    others = density_of([[0.5, 0.5]] * 2, {"coin": ("bent", "fair")})
    with pytest.raises(ValueError, match=r"needs the density's labels, .*; got .*'bent', 'fair'"):
        evaluate(coins, corpus_of([[1]], [0], others))


@pytest.fixture
def grey():
    """A uniform density over the embedded digits, with what training would have written."""
    corpus = digits()
    split = {name: part.fingerprint() for name, part in corpus.parts.items()}
    return density_of(
        [[1 / 17] * 17] * 10,
        corpus.space.factors,
        signal=corpus.signal,
        card={"training": {"data": {"kind": "digits"}}, "split": split},
    )


def test_held_out_data_are_read_as_in_training(grey):
    corpus = held_out(grey, part="valid")
    assert corpus.protocol.endswith("; as put aside in training")
    found = evaluate(grey, corpus, part="valid", of="digit")
    assert found.bits_per_symbol.value == pytest.approx(math.log2(17))


def test_data_that_were_not_put_aside_are_said_to_be_others(grey):
    grey.card["split"]["test"]["sha256"] = "another"
    assert held_out(grey).protocol.endswith("; another test part than in training")


def test_beginnings_are_held_out_alone(grey):
    found = evaluate(grey, held_out(grey, first=5))
    assert found.nats_per_sequence.value == pytest.approx(5 * math.log(17))
    assert "only the first 5 symbols of each" in found.protocol


def test_model_that_does_not_tell_its_data_is_refused(coins, grey):
    with pytest.raises(ValueError, match="does not say how its data are read"):
        held_out(coins)
    with pytest.raises(ValueError, match="mono and resample are for sounds; this is a picture"):
        held_out(grey, mono=True)
