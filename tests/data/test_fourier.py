import math

import pytest
import torch

from autoreg.data.fourier import Curves, fourier

LAW = Curves(terms=(1, 4), periods=(0.7, 3.0), bias=(-1.0, 2.0), trend=(-0.5, 0.5), start=(0, 9))


def drawn(law, count=200, length=50, seed=3):
    return law.draw(count, length, generator=torch.Generator().manual_seed(seed))


def test_no_curve_to_validate_or_test_on_is_a_training_curve():
    parts = fourier(500, 300, curves=LAW, seed=0).parts
    rows = [tuple(row.tolist()) for part in parts.values() for row in part]
    assert len(rows) == 600
    assert len(set(rows)) == len(rows)


def test_all_curves_have_the_length_asked_for_wherever_they_start():
    for start in (0.0, 7.3, (0.0, 30.0)):
        corpus = fourier(30, 33, curves=Curves(start=start, dt=0.1))
        assert all(part.lengths.eq(33).all() for part in corpus.parts.values())


def test_a_later_start_is_the_same_curve_further_on():
    law = {"terms": 3, "dt": 0.5}
    now, later = (drawn(Curves(start=start, **law), length=20)[0] for start in (0.0, 2.5))
    torch.testing.assert_close(now[:, 5:], later[:, :-5], rtol=0, atol=1e-12)


@pytest.mark.parametrize("terms", [1, 3])
def test_a_number_of_terms_is_that_many_and_no_more(terms):
    # Over one whole period the discrete spectrum holds frequencies 1..terms alone.
    curves, _ = drawn(Curves(terms=terms, periods=1.0, dt=1 / 50))
    power = torch.fft.rfft(curves).abs()
    assert (power[:, 1 : terms + 1] > 1e-6).all()
    assert power[:, terms + 1 :].max() < 1e-9
    assert power[:, 0].max() < 1e-9


def test_a_range_of_terms_includes_both_ends():
    curves, _ = drawn(Curves(terms=(2, 4), periods=1.0, dt=1 / 50))
    found = (torch.fft.rfft(curves).abs() > 1e-9).sum(1)
    assert found.unique().tolist() == [2, 3, 4]


@pytest.mark.parametrize(
    ("periods", "factors"),
    [(10.0, {}), ((10.0,), {}), ((1.0, 2.5), {"period": ("1", "2.5")})],
)
def test_several_periods_are_a_condition_and_a_single_one_is_none(periods, factors):
    corpus = fourier(20, 30, curves=Curves(periods=periods))
    assert corpus.space.factors == factors
    assert corpus.target == ("period" if factors else None)
    assert sum(corpus.space.counts) == 20


def test_the_condition_is_the_period_of_its_curve():
    curves, which = drawn(Curves(periods=(0.2, 0.5), dt=0.01), length=51)
    for index, period in enumerate((20, 50)):
        mine = curves[which == index]
        torch.testing.assert_close(mine[:, 0], mine[:, period], rtol=0, atol=1e-12)


def test_the_range_of_the_codec_is_the_law_s_and_no_curve_exceeds_it():
    one, other = (fourier(300, 40, curves=LAW, seed=seed).signal for seed in (0, 1))
    assert one == other
    curves, _ = drawn(LAW, 2000, 40)
    assert curves.abs().max() <= one.codec.high
    step = (one.codec.high - one.codec.low) / 126
    assert (one.decode(one.encode(curves)) - curves).abs().max() <= step / 2 + 1e-6


def test_the_bound_of_plain_terms_is_their_sum():
    law = Curves(terms=(1, 3), amplitude=2.0, smoothness=0.0, bias=(-1.0, 0.5), trend=0.1, dt=1.0)
    assert law.bound(10) == pytest.approx(3 * 2.0 + 1.0 + 0.1 * 10)


def test_terms_shrink_by_the_smoothness():
    curves, _ = drawn(Curves(terms=3, smoothness=2.0, periods=1.0, dt=1 / 50), 4000)
    height = torch.fft.rfft(curves).abs().mean(0)[1:4]
    assert (height / height[0]).log10().tolist() == pytest.approx([0, -1, -2], abs=0.05)


def test_noise_has_its_standard_deviation():
    noisy, _ = drawn(Curves(amplitude=0.0, noise=0.3), 400, 100)
    # The standard error of a standard deviation of n normals is sigma / sqrt(2 n).
    assert noisy.std().item() == pytest.approx(0.3, abs=4 * 0.3 / math.sqrt(2 * noisy.numel()))


def test_the_same_seed_draws_the_same_curves_and_another_seed_others():
    one, same, other = (fourier(9, 30, seed=seed).parts["train"].symbols for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("law", "message"),
    [
        ({"terms": (5, 3)}, "terms needs a number or two that ascend; got 5, 3"),
        ({"bias": (0.0, float("inf"))}, "bias needs a number or two that ascend"),
        ({"noise": -0.1}, "noise needs to be 0 or more; got -0.1"),
        ({"smoothness": -1.0}, "smoothness needs to be 0 or more"),
        ({"terms": 0}, "need to be above 0; got 0, 0.02"),
        ({"dt": 0.0}, "need to be above 0"),
        ({"periods": (1.0, -1.0)}, r"need to be above 0; .* \(1.0, -1.0\)"),
        ({"periods": ()}, "need to be above 0"),
    ],
)
def test_a_law_out_of_bounds_is_refused(law, message):
    with pytest.raises(ValueError, match=message):
        Curves(**law)


def test_no_curves_and_no_samples_are_refused():
    with pytest.raises(ValueError, match="n and length need to be 1 or more; got 0 and 5"):
        fourier(0, 5)
    with pytest.raises(ValueError, match="got 5 and 0"):
        fourier(5, 0)
