import math

import pytest
import torch

from autoreg.answers import Answer
from autoreg.inference.mean import mean, ratio

HALVES = torch.tensor([0.5, 0.5], dtype=torch.float64).log()


def log(number):
    return torch.tensor(number, dtype=torch.float64).log()


def exact(number):
    return Answer(value=log(number), method="score")


def bounds(lower, upper):
    return Answer(
        value=log(lower), kind="bounds", method="beam", lower=log(lower), upper=log(upper)
    )


def estimate(number, error, **rest):
    error = torch.tensor(error, dtype=torch.float64)
    rest = {"kind": "unbiased", "method": "particles", **rest}
    return Answer(value=log(number), std_error=error, **rest)


def dead(upper=None):
    return Answer(
        value=log(0.0),
        kind="unbiased",
        method="importance",
        upper=None if upper is None else log(upper),
        confidence=None if upper is None else 0.95,
        reliable=False,
        reason="lost",
    )


def test_the_mean_of_exact_answers_is_exact():
    found = mean([exact(0.2), exact(0.4)], HALVES)
    assert (found.kind, found.std_error, found.method) == ("exact", None, "score")
    assert float(found.value.exp()) == pytest.approx(0.3)
    impossible = mean([exact(0.0), exact(0.0)], HALVES)
    assert (impossible.kind, float(impossible.value)) == ("exact", -math.inf)


def test_errors_count_as_their_parts_do():
    found = mean([estimate(0.1, 0.3), estimate(0.3, 0.2)], HALVES)
    assert float(found.value.exp()) == pytest.approx(0.2)
    # The shares are 1/4 and 3/4.
    assert float(found.std_error) == pytest.approx(math.hypot(0.3 / 4, 0.2 * 3 / 4))
    assert (found.kind, found.method) == ("unbiased", "particles")
    beside = mean([exact(0.1), estimate(0.3, 0.2)], HALVES)
    assert (beside.kind, beside.method) == ("unbiased", "score, particles")
    assert float(beside.std_error) == pytest.approx(0.2 * 3 / 4)
    assert mean([estimate(0.1, 0.3, kind="consistent"), exact(0.3)], HALVES).kind == "consistent"


def test_the_error_is_the_spread_of_the_mean():
    generator = torch.Generator().manual_seed(0)
    noise = 0.01 * torch.randn(4000, 2, dtype=torch.float64, generator=generator)
    logs = torch.stack([log(0.1), log(0.3)]) + noise * torch.tensor([1.0, 3.0])
    spread = float((logs + HALVES).logsumexp(1).std())
    told = float(mean([estimate(0.1, 0.01), estimate(0.3, 0.03)], HALVES).std_error)
    # The standard error of a standard deviation of 4000 draws is 1.1 percent.
    assert told == pytest.approx(spread, rel=0.05)


def test_bounds_beside_what_is_exact_stay_bounds():
    found = mean([exact(0.2), bounds(0.1, 0.3)], HALVES)
    assert found.kind == "bounds"
    assert [float(end.exp()) for end in (found.lower, found.upper)] == pytest.approx([0.15, 0.25])


def test_bounds_beside_estimates_count_as_what_lies_between_them():
    found = mean([estimate(0.2, 0.0), bounds(0.1, 0.2)], HALVES)
    assert (found.kind, found.lower) == ("consistent", None)
    assert float(found.std_error) == pytest.approx(math.log(2) / 3)


def test_doubts_count_unless_the_part_hardly_does():
    doubtful = {"reliable": False, "reason": "few paths"}
    found = mean([estimate(0.2, 0.5, **doubtful), exact(0.2)], HALVES)
    assert (found.reliable, found.reason) == (False, "few paths")
    assert mean([estimate(1e-5, 0.5, **doubtful), exact(0.2)], HALVES).reliable
    assert not mean([dead(), exact(0.2)], HALVES).reliable


def test_where_no_path_survived_there_is_a_bound_if_all_parts_have_one():
    found = mean([dead(0.1), dead(0.3)], HALVES)
    assert (float(found.value), found.kind, found.reliable) == (-math.inf, "unbiased", False)
    assert float(found.upper.exp()) == pytest.approx(0.2)
    assert found.confidence == pytest.approx(0.9)
    assert mean([dead(), dead(0.3)], HALVES).upper is None
    assert float(mean([dead(0.1), exact(0.0)], HALVES).upper.exp()) == pytest.approx(0.05)


def test_a_share_of_exact_numbers_is_exact():
    assert float(ratio(exact(0.1), exact(0.4)).value.exp()) == pytest.approx(0.25)
    assert ratio(exact(0.1), exact(0.4)).kind == "exact"
    nothing = ratio(exact(0.0), estimate(0.4, 0.1))
    assert (float(nothing.value), nothing.kind) == (-math.inf, "exact")


def test_a_share_has_the_errors_of_both_and_is_at_most_one():
    found = ratio(estimate(0.1, 0.3), estimate(0.4, 0.4))
    assert (found.kind, float(found.std_error)) == ("consistent", pytest.approx(0.5))
    assert float(ratio(estimate(0.5, 0.3), estimate(0.4, 0.4)).value) == 0
    between = ratio(bounds(0.1, 0.2), exact(0.4))
    assert [float(end.exp()) for end in (between.lower, between.upper)] == pytest.approx(
        [0.25, 0.5]
    )


def test_a_share_of_nothing_is_no_number():
    assert ratio(exact(0.0), exact(0.0)).value.isnan()
    assert not ratio(exact(0.0), exact(0.0)).reliable
    lost = ratio(dead(), dead())
    assert (lost.kind, lost.reliable) == ("consistent", False)


def test_a_lost_numerator_keeps_its_bound():
    found = ratio(dead(0.1), exact(0.4))
    assert (float(found.value), found.kind, found.confidence) == (-math.inf, "consistent", 0.95)
    assert float(found.upper.exp()) == pytest.approx(0.25)
