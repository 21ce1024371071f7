import math

import pytest
import torch

from autoreg.answers import Posterior
from autoreg.calibration import LEAST, MOST, Calibration, fit, log_labels, true_labels
from autoreg.conditions import ConditionSpace

COIN = ConditionSpace({"coin": ("fair", "bent")})
PAIR = ConditionSpace({"a": ("x", "y"), "b": ("u", "v", "w")})


def margins(right, wrong, size):
    """Two labels, the first always true, its log likelihood above or below the other's."""
    rows = [[size, 0.0]] * right + [[-size, 0.0]] * wrong
    return torch.tensor(rows, dtype=torch.float64), torch.zeros(right + wrong, dtype=torch.int64)


def noisy(count, seed=0):
    """Log likelihoods three times as far apart as they should be, and true conditions."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(count, PAIR.size, generator=generator).double() * 1.5
    truth = logits.softmax(1).multinomial(1, generator=generator)[:, 0]
    return 3 * logits - 700, truth


@pytest.mark.parametrize(("right", "wrong", "size"), [(3, 1, 8.0), (90, 10, 500.0), (6, 5, 0.1)])
def test_temperature_of_equal_margins_is_that_of_the_share_of_hits(right, wrong, size):
    found = fit(*margins(right, wrong, size), COIN)
    # The log score of a coin that shows "right" so often is highest at its own odds.
    assert size / found.temperature == pytest.approx(math.log(right / wrong), rel=1e-6)
    share = right / (right + wrong)
    entropy = share * math.log(share) + (1 - share) * math.log(1 - share)
    assert found.log_score[1] == pytest.approx(entropy)
    assert found.log_score[0] == pytest.approx(
        -math.log1p(math.exp(-size)) - (1 - share) * size, rel=1e-9
    )
    assert (found.n, found.misses, found.reason) == (right + wrong, wrong, "")


def test_temperature_is_the_best_of_a_fine_grid():
    scores, truth = noisy(400)
    found = fit(scores, truth, PAIR)
    grid = torch.linspace(-3, 3, 4001).double().exp()
    chosen = torch.stack(
        [(scores / one).log_softmax(1).gather(1, truth[:, None]).mean() for one in grid]
    )
    best = int(chosen.argmax())
    assert grid[best - 1] < found.temperature < grid[best + 1]
    assert found.log_score[1] >= float(chosen.max())
    assert found.log_score[0] == pytest.approx(
        float(scores.log_softmax(1).gather(1, truth[:, None]).mean())
    )


def test_temperature_that_was_put_in_comes_out_within_its_error():
    errors = []
    for seed in range(20):
        found = fit(*noisy(500, seed), PAIR)
        errors.append((math.log(found.temperature / 3)) / found.log_error)
    mean = sum(errors) / len(errors)
    assert abs(mean) < 4 / math.sqrt(20)
    assert 0.5 < math.sqrt(sum(one**2 for one in errors) / 20) < 1.6


def test_other_factors_are_summed_out_after_the_likelihoods_are_tempered():
    scores, truth = noisy(7)
    prior = PAIR.log_prior({"a": [0.2, 0.8]})
    found = log_labels(scores, PAIR, ("a",), prior, 0.25)
    powers = prior.exp() * (scores - scores.max(1, keepdim=True).values).exp() ** 0.25
    shares = powers.reshape(7, 2, 3).sum(2)
    torch.testing.assert_close(found.exp(), shares / shares.sum(1, keepdim=True))
    assert true_labels(truth, PAIR, ("a",)).tolist() == (truth // 3).tolist()
    assert true_labels(truth, PAIR, ("b",)).tolist() == (truth % 3).tolist()
    assert true_labels(truth, PAIR, ("a", "b")).tolist() == truth.tolist()


def test_model_that_is_never_wrong_is_believed_as_if_it_once_were():
    found = fit(*margins(98, 0, 1000.0), COIN)
    assert 1000 / found.temperature == pytest.approx(math.log(99), rel=1e-6)
    assert found.misses == 0
    assert "all 98 are told right" in found.reason
    assert math.isfinite(found.log_score[1])


def test_model_that_is_worse_than_chance_ends_at_the_last_temperature():
    found = fit(*margins(1, 9, 4.0), COIN)
    assert found.temperature == pytest.approx(MOST, rel=0.3)
    assert "the last one that was tried" in found.reason
    timid = fit(*margins(9, 1, 1e-4), COIN)
    assert timid.temperature == pytest.approx(LEAST, rel=0.3)
    assert "the last one that was tried" in timid.reason


def test_prior_is_left_as_it_is():
    posterior = Posterior(
        value=torch.tensor([[0.2, 0.8], [1.0, 0.0]]).double().log(),
        method="by hand",
        of=("coin",),
        labels=("fair", "bent"),
        log_evidence=torch.zeros(2).double(),
    )
    prior = COIN.log_prior([0.2, 0.8])
    blunt = a_calibration(temperature=1e4).temper(posterior, COIN, log_prior=prior)
    # The first row has seen nothing; the second is certain, and stays so.
    torch.testing.assert_close(blunt.probs, posterior.probs)
    half = a_calibration(temperature=2.0).temper(posterior, COIN)
    torch.testing.assert_close(half.probs[0], torch.tensor([1 / 3, 2 / 3]).double())
    ruled_out = COIN.log_prior([1.0, 0.0])
    sure = a_calibration(temperature=0.5).temper(posterior, COIN, log_prior=ruled_out)
    assert sure.probs.tolist() == [[1.0, 0.0], [1.0, 0.0]]


def test_tempered_posterior_says_that_it_is_another_one():
    posterior = Posterior(
        value=torch.tensor([0.2, 0.1, 0.1, 0.3, 0.2, 0.1]).double().log(),
        method="one score",
        of=("a", "b"),
        labels=PAIR.joint_labels(("a", "b")),
        log_evidence=torch.tensor(-3.0).double(),
    )
    found = a_calibration(temperature=10.5).temper(posterior, PAIR, of="a")
    assert (found.kind, found.of, found.labels) == ("calibrated", ("a",), ("x", "y"))
    assert "T = 10.5: not the model's own posterior; one score" in found.method
    assert float(found.value.logsumexp(-1)) == pytest.approx(0)
    with pytest.raises(ValueError, match=r"no standard error; got level 0\.95"):
        found.interval()
    with pytest.raises(ValueError, match="exact posterior of all factors, a, b; got the calibr"):
        a_calibration(temperature=2.0).temper(found, PAIR)


def test_calibration_comes_back_from_plain_data():
    for found in (fit(*noisy(50), PAIR, protocol="made up"), a_calibration(log_error=math.nan)):
        again = Calibration.from_config(found.config())
        assert again.config() == found.config()
    config = a_calibration().config()
    for forged in ({**config, "more": 1}, {**config, "temperature": "1"}, {**config, "n": None}):
        with pytest.raises(ValueError, match="this is no calibration"):
            Calibration.from_config(forged)
    with pytest.raises(ValueError, match="a temperature needs to be positive; got -1"):
        Calibration.from_config({**config, "temperature": -1.0})


def test_what_no_temperature_helps_is_refused():
    scores, truth = margins(2, 0, 1.0)
    scores[1, 0] = -torch.inf
    with pytest.raises(ValueError, match="1 of 2 sequences have no probability under their own"):
        fit(scores, truth, COIN)
    with pytest.raises(ValueError, match="needs sequences and a factor to tell; got 0 and 1"):
        fit(scores[:0], truth[:0], COIN)
    with pytest.raises(ValueError, match="got 2 and 0"):
        fit(scores[:, :1], truth, ConditionSpace({}))


def a_calibration(temperature=1.0, log_error=0.1):
    return Calibration(
        temperature=temperature,
        log_error=log_error,
        of=("coin",),
        n=3,
        misses=1,
        log_score=(-1.0, -0.5),
        protocol="by hand",
    )
