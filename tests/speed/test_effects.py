import pytest
import torch

from autoreg import scoring
from autoreg.speed.effects import effects, walked_log_factors
from autoreg.speed.subjects import sequences


def test_narrow_numbers_move_log_p_more_than_wide_ones(tiny):
    found = effects(tiny, length=60)
    assert found["float32"]["max"] < 1e-5
    for kind in ("bfloat16", "autocast", "bfloat16 walk"):
        assert 1e-5 < found[kind]["mean"] <= found[kind]["max"] < 0.3
        assert abs(found[kind]["shift"]) <= found[kind]["mean"]


def test_a_walk_that_may_draw_nothing_else_scores(tiny):
    model = tiny.double()
    symbols, condition = sequences(model, 1, 30)
    with torch.no_grad():
        walked = walked_log_factors(model, symbols, condition)
        assert walked.tolist()[0] == pytest.approx(
            scoring.log_factors(model, symbols, condition).tolist()[0], abs=1e-10
        )
