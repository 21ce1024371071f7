import math

import pytest
import torch

from autoreg.calibration import fit
from autoreg.conditions import ConditionSpace
from autoreg.scoretable import ScoreTable
from autoreg.verdicts import verdicts

SPACE = ConditionSpace({"a": ("x", "y"), "b": ("u", "v")})
LIKELIHOODS = torch.tensor([[0.4, 0.2, 0.3, 0.1], [0.05, 0.05, 0.5, 0.4]]).double()
TABLE = ScoreTable(
    log_likelihoods=LIKELIHOODS.log() - 50,
    condition=torch.tensor([0, 1]),
    lengths=torch.tensor([9, 9]),
    protocol="by hand",
)


def test_labels_of_one_table_are_told_of_every_factor():
    of_a, of_both = verdicts(TABLE, SPACE, of="a"), verdicts(TABLE, SPACE)
    assert of_a.log_posterior.exp().flatten().tolist() == pytest.approx([0.6, 0.4, 0.1, 0.9])
    assert of_a.truth.tolist() == [0, 0]
    assert of_a.right.tolist() == [True, False]
    assert of_a.confidence.tolist() == pytest.approx([0.6, 0.9])
    assert of_a.log_score.tolist() == pytest.approx([math.log(0.6), math.log(0.1)])
    assert of_both.truth.tolist() == [0, 1]
    assert of_both.log_score.tolist() == pytest.approx([math.log(0.4), math.log(0.05)])


def test_calibration_leaves_who_is_right_and_moves_how_sure():
    calibration = fit(TABLE.log_likelihoods, TABLE.condition, SPACE)
    before, after = (verdicts(TABLE, SPACE, calibration=one) for one in (None, calibration))
    assert after.right.tolist() == before.right.tolist()
    assert float(after.log_score.mean()) == pytest.approx(calibration.log_score[1])
    powers = LIKELIHOODS ** (1 / calibration.temperature)
    shares = powers / powers.sum(1, keepdim=True)
    torch.testing.assert_close(after.confidence, shares.amax(1))
