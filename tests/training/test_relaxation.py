import math

import pytest
import torch

from autoreg.training.relaxation import gumbel, relaxed
from tests.oracles import assert_drawn_from

LOGITS = torch.tensor([0.4, -1.0, 2.0, -3.0], dtype=torch.float64)


def uniforms(*shape):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(shape, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("temperature", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("relaxation", ["straight-through", "soft"])
def test_the_largest_share_is_drawn_from_the_distribution_itself(relaxation, temperature):
    shares = relaxed(
        LOGITS.expand(20_000, 4),
        uniforms(20_000, 4),
        relaxation=relaxation,
        temperature=temperature,
    )
    assert_drawn_from(shares.argmax(-1).bincount(minlength=4), LOGITS.softmax(-1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_straight_through_draw_is_exactly_one_symbol(dtype):
    shares = relaxed(
        LOGITS.to(dtype).expand(5000, 4).requires_grad_(),
        uniforms(5000, 4),
        relaxation="straight-through",
        temperature=0.7,
    )
    assert ((shares == 0) | (shares == 1)).all()
    assert (shares.sum(-1) == 1).all()
    assert shares.dtype == dtype


def test_its_gradient_is_that_of_the_soft_draw():
    weight = torch.tensor([1.0, -2.0, 0.5, 3.0], dtype=torch.float64)
    found = []
    for relaxation in ("straight-through", "soft"):
        logits = LOGITS.clone().requires_grad_()
        shares = relaxed(logits, uniforms(4), relaxation=relaxation, temperature=0.7)
        found += torch.autograd.grad((shares * weight).sum(), logits)
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    assert found[0].abs().max() > 0.01


def test_the_gradient_of_a_soft_draw_is_that_of_finite_differences():
    def job(logits):
        return relaxed(logits, uniforms(3, 4), relaxation="soft", temperature=0.7)

    logits = torch.stack([LOGITS, LOGITS.flip(0), 0 * LOGITS]).requires_grad_()
    assert torch.autograd.gradcheck(job, logits)


def test_a_soft_draw_of_low_temperature_is_nearly_a_symbol_and_of_high_nearly_even():
    cold, hot = (
        relaxed(LOGITS, uniforms(100, 4), relaxation="soft", temperature=temperature)
        for temperature in (1e-3, 1e3)
    )
    assert cold.amax(-1).mean() > 0.99
    assert (hot - 0.25).abs().max() < 0.02


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_noise_is_finite_where_a_uniform_is_0_or_rounds_to_1(dtype):
    ends = torch.tensor([0.0, torch.finfo(dtype).tiny / 4, 0.5, 1.0], dtype=dtype)
    noise = gumbel(ends)
    assert noise.isfinite().all()
    assert noise.tolist() == sorted(noise.tolist())
    assert float(noise[2]) == pytest.approx(-math.log(math.log(2)))
    shares = relaxed(torch.zeros(4, dtype=dtype), ends, relaxation="soft", temperature=0.01)
    assert shares.isfinite().all()


def test_noise_has_gumbel_s_mean_and_variance():
    noise = gumbel(uniforms(100_000))
    # Euler's constant and pi^2/6; the kurtosis of a Gumbel is 5.4.
    variance = math.pi**2 / 6
    assert float(noise.mean()) == pytest.approx(0.5772157, abs=4 * (variance / 1e5) ** 0.5)
    assert float(noise.var()) == pytest.approx(variance, abs=4 * variance * (4.4 / 1e5) ** 0.5)
