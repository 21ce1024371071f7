import math

import pytest
import torch

from autoreg.calibrated import Calibrated
from autoreg.calibration import Calibration
from autoreg.conditions import ConditionSpace
from autoreg.data.plain import Plain
from autoreg.density import Density
from autoreg.models.markov import MarkovTable

HALF = Calibration(
    temperature=2.0,
    log_error=0.1,
    of=("coin",),
    n=9,
    misses=2,
    log_score=(-1.0, -0.5),
    protocol="by hand",
)


@pytest.fixture
def coins():
    table = torch.tensor([[0.5, 0.5], [0.1, 0.9]], dtype=torch.float64)[:, None].log()
    space = ConditionSpace({"coin": ("fair", "bent")})
    return Density(model=MarkovTable(table), signal=Plain(2), space=space, target="coin", card={})


def test_two_throws_count_as_one_at_temperature_two(coins):
    found = Calibrated(coins, HALF).posterior(torch.tensor([0, 0]))
    alone = coins.posterior(torch.tensor([0]))
    torch.testing.assert_close(found.value, alone.value)
    assert (found.kind, alone.kind) == ("calibrated", "exact")
    torch.testing.assert_close(
        found.log_evidence, coins.posterior(torch.tensor([0, 0])).log_evidence
    )


def test_prior_and_labels_that_are_given_stay(coins):
    found = Calibrated(coins, HALF).posterior(
        torch.tensor([[0, 0]]), prior=[0.25, 0.75], every_prefix=True
    )
    powers = [[0.25, 0.75], [0.25 * 0.5**0.5, 0.75 * 0.1**0.5], [0.25 * 0.5, 0.75 * 0.1]]
    expected = [[one / sum(row) for one in row] for row in powers]
    torch.testing.assert_close(found.probs[0], torch.tensor(expected, dtype=torch.float64))
    sure = Calibrated(coins, HALF).posterior(torch.tensor([0]), given={"coin": "bent"})
    assert sure.probs.tolist() == [0.0, 1.0]


def test_calibration_comes_with_the_model(coins):
    coins.card["calibration"] = HALF.config()
    assert Calibrated(coins).calibration == HALF
    assert Calibrated(coins).posterior(torch.tensor([0, 0])).log_odds.item() == pytest.approx(
        math.log(5)
    )
    coins.card["calibration"] = {"temperature": 3}
    with pytest.raises(ValueError, match="this is no calibration"):
        Calibrated(coins)


def test_model_without_a_calibration_is_refused(coins):
    with pytest.raises(ValueError, match=r"no calibration: `autoreg calibrate MODEL --data DIR`"):
        Calibrated(coins)
