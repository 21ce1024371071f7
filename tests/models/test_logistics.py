"""The mixture of logistics against sums over its alphabet."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.models.logistics import LogisticMixture
from autoreg.protocol import DENSE_LIMIT, Head
from autoreg.walks.inversion import invert

SIXTEEN_BIT = 2**16


def parameters(seed, rows, components, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 3 * components, generator=generator, dtype=dtype)


def at_the_ends(params):
    """Put all means on -1 or 1 and make scales as narrow as they become."""
    logits, means, scales = params.unflatten(-1, (3, -1)).unbind(-2)
    return torch.cat([logits, means.sign(), 0 * scales - 40], -1)


def written_out(head, params):
    """Return log p of every symbol, (N, Q), one symbol after the other asked for."""
    every = torch.arange(head.num_symbols).expand(len(params), -1)
    return head.log_prob(params[:, None].expand(-1, head.num_symbols, -1), every)


def uniforms(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def test_it_is_a_head():
    assert isinstance(LogisticMixture(5, 2), Head)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("num_symbols", [2, 3, 255, 256, SIXTEEN_BIT])
@pytest.mark.parametrize("harsh", ["mild", "far and sharp", "absurd", "on the ends"])
def test_the_mass_of_all_symbols_is_one_and_none_is_lost(num_symbols, harsh, dtype):
    head, params = LogisticMixture(num_symbols, 3), parameters(num_symbols, 4, 3)
    changes = {"far and sharp": lambda p: 5 * p, "absurd": lambda p: 300 * p}
    params = {**changes, "on the ends": at_the_ends}.get(harsh, lambda p: p)(params)
    logs = written_out(head, params.to(dtype))
    assert logs.dtype == torch.float64
    assert logs.isfinite().all()  # far tails are tiny, not nothing
    assert (logs.exp().sum(1) - 1).abs().max() < 1e-12


def test_a_clipped_level_is_not_worth_more_than_one():
    """Every bin near an end gets its own share of a component there, the last one all the rest.

    Where each of the outermost bins is given the whole tail, a component that lies near an end has
    a mass of a dozen or more.
    """
    head = LogisticMixture(SIXTEEN_BIT, 1)
    for mean in (-1.0, -0.9995, 0.9995, 1.0):
        params = torch.tensor([[0.0, mean, -9.0]], dtype=torch.float64)
        probs = written_out(head, params).exp()[0]
        assert abs(float(probs.sum()) - 1) < 1e-12
        assert float(probs.sort().values[-40:].sum()) < 1 + 1e-12
    assert float(probs[-1]) == pytest.approx(0.5, abs=0.1)  # half of it lies beyond the last level


def test_one_logistic_is_its_distribution_function():
    """A closed form: sigma((edge - mean) / scale), edges midway between levels."""
    head, mean, scale = LogisticMixture(5, 1), 0.2, 0.3
    params = torch.tensor([[0.0, mean, math.log(scale)]], dtype=torch.float64)
    edges = [-0.75, -0.25, 0.25, 0.75]
    below = [0.0, *(1 / (1 + math.exp(-(edge - mean) / scale)) for edge in edges), 1.0]
    wanted = torch.tensor(below, dtype=torch.float64).diff()
    # A scale that is neither narrow nor wide is bent by a percent.
    assert torch.allclose(head.log_probs(params).exp()[0], wanted, rtol=2e-2)
    bent = -math.log(4) - 5.0
    bent = bent + math.log1p(math.exp(math.log(scale) - bent))
    bent = 5.0 - math.log1p(math.exp(5.0 - bent))
    below = [0.0, *(1 / (1 + math.exp(-(edge - mean) / math.exp(bent))) for edge in edges), 1.0]
    wanted = torch.tensor(below, dtype=torch.float64).diff()
    assert torch.allclose(head.log_probs(params).exp()[0], wanted, rtol=1e-12)


def test_far_tails_fall_as_a_logistic_does():
    """log p falls by 1 / scale per unit: no floor, and no switch to a density."""
    head, scale = LogisticMixture(SIXTEEN_BIT, 1), 1e-3
    params = torch.tensor([[0.0, -0.5, math.log(scale)]], dtype=torch.float64)
    symbols = torch.tensor([60000, 60001])
    logs = head.log_prob(params.expand(2, -1), symbols)
    true_scale = head._components(params).log_scales.exp()
    assert float(logs[0]) < -1000
    assert float(logs[1] - logs[0]) == pytest.approx(
        float(-2 / (SIXTEEN_BIT - 1) / true_scale), rel=1e-9
    )


@given(
    num_symbols=st.integers(2, 40),
    components=st.integers(1, 4),
    harsh=st.sampled_from([1, 5, 100]),
    seed=st.integers(0, 2**16),
)
def test_the_head_is_what_its_written_out_distribution_is(num_symbols, components, harsh, seed):
    head, params = (
        LogisticMixture(num_symbols, components),
        harsh * parameters(seed, 9, components),
    )
    logs, sets = head.log_probs(params), uniforms(seed, 9, num_symbols) < 0.6
    assert torch.allclose(logs, written_out(head, params), rtol=1e-12, atol=1e-12)
    sets[~sets.any(-1), 0] = True
    inside = logs.masked_fill(~sets, -torch.inf)
    assert torch.allclose(head.log_mass(params, sets), inside.logsumexp(-1), atol=1e-10)
    for chance in (uniforms(seed + 1, 9), torch.zeros(9).double()):
        assert torch.equal(head.draw(params, sets, chance), invert(inside, chance))
    nearly = torch.full((9,), 1 - 2**-53, dtype=torch.float64)
    assert bool(sets.gather(1, head.draw(params, sets, nearly)[:, None]).all())


@pytest.mark.parametrize("seed", range(3))
def test_sixteen_bits_are_drawn_from_any_set_as_from_a_table(seed):
    head, params = LogisticMixture(SIXTEEN_BIT, 5), parameters(seed, 8, 5)
    params[:, 10:] -= 3
    logs = written_out(head, params)
    sets = torch.zeros(8, SIXTEEN_BIT, dtype=torch.bool)
    sets[:4, 30000:30100] = sets[2:, 40001:65536] = sets[5:, 7] = True
    sets[7] = uniforms(seed, SIXTEEN_BIT) < 0.5
    inside = logs.masked_fill(~sets, -torch.inf)
    assert torch.allclose(head.log_mass(params, sets), inside.logsumexp(-1), rtol=0, atol=1e-11)
    chance = uniforms(seed, 8)
    assert torch.equal(head.draw(params, sets, chance), invert(inside, chance))


@pytest.mark.parametrize("num_symbols", [256, SIXTEEN_BIT])
def test_draws_agree_with_the_density(num_symbols):
    """Chi-square; the same density moved by a bin, or short of the ends' tails, does not."""
    head, count, bins = LogisticMixture(num_symbols, 3), 40_000, 64
    params = torch.tensor([[0.0, 0.5, -1.0, -0.7, 0.1, 1.0, -2.0, -3.0, -2.0]]).double()
    logs = written_out(head, params)[0].exp().reshape(bins, -1).sum(1)
    anything = torch.ones(num_symbols, dtype=torch.bool).expand(count, -1)
    drawn = head.draw(params.expand(count, -1), anything, uniforms(5, count))
    met = torch.bincount(drawn * bins // num_symbols, minlength=bins).double()

    def surplus(probs):
        wanted = count * probs / probs.sum()
        return float(((met - wanted) ** 2 / wanted).sum() - (bins - 1)) / (2 * (bins - 1)) ** 0.5

    assert abs(surplus(logs)) < 4  # standard errors
    assert surplus(logs.roll(1)) > 20
    short = logs.clone()
    short[-1] -= torch.sigmoid((head._components(params).means - 1) * 2)[0, 2] * 0.05
    assert surplus(short) > 20


def test_sets_that_are_one_are_looked_through_once_to_the_same_end():
    head, params = LogisticMixture(300, 2), parameters(3, 50, 2)
    among = uniforms(1, 300) < 0.3
    together, apart = among.expand(50, -1), among.expand(50, -1).clone()
    assert torch.equal(head.log_mass(params, together), head.log_mass(params, apart))
    chance = uniforms(2, 50)
    assert torch.equal(head.draw(params, together, chance), head.draw(params, apart, chance))
    nothing = torch.zeros(300, dtype=torch.bool).expand(50, -1)
    assert head.log_mass(params, nothing).isneginf().all()
    assert head.draw(params, nothing, chance).tolist() == [0] * 50


def test_work_in_pieces_is_the_work_at_once(monkeypatch):
    head, params = LogisticMixture(64, 2), parameters(4, 20, 2)
    sets, chance = uniforms(1, 20, 64) < 0.5, uniforms(2, 20)
    whole = head.log_mass(params, sets), head.draw(params, sets, chance)
    monkeypatch.setattr("autoreg.models.logistics.ENTRIES", 100)
    pieces = head.log_mass(params, sets), head.draw(params, sets, chance)
    assert torch.equal(whole[0], pieces[0])
    assert torch.equal(whole[1], pieces[1])


@pytest.mark.parametrize("harsh", [1, 20])
def test_gradients_are_those_of_finite_differences(harsh):
    head = LogisticMixture(SIXTEEN_BIT, 3)
    params = (harsh * parameters(1, 6, 3)).requires_grad_()
    symbols = torch.tensor([0, 1, 30000, 40000, 65534, 65535])
    assert torch.autograd.gradcheck(lambda p: head.log_prob(p, symbols), (params,), eps=1e-7)


def test_gradients_never_vanish_into_nan():
    head = LogisticMixture(SIXTEEN_BIT, 2)
    for scale in (-1e4, -300.0, 0.0, 300.0, 1e4):
        params = torch.tensor([[0.0, 1.0, -3.0, 0.5, scale, 0.0]], requires_grad=True)
        for symbol in (0, 32768, 65535):
            (gradient,) = torch.autograd.grad(
                head.log_prob(params, torch.tensor([symbol])).sum(), params
            )
            assert gradient.isfinite().all()


def test_first_parameters_are_nearly_even_and_all_different():
    for components in (1, 2, 10):
        head = LogisticMixture(256, components)
        first = head.first_parameters()
        logs = head.log_probs(first[None])
        assert float((-logs).mean()) < math.log(256) + 0.75
        assert len(first[components : 2 * components].unique()) == components


def test_no_rows_and_no_axes_are_legal():
    head, none = LogisticMixture(3, 2), torch.zeros(2, 0, 6)
    sets = torch.ones(2, 0, 3, dtype=torch.bool)
    assert head.log_prob(none, torch.zeros(2, 0, dtype=torch.int64)).shape == (2, 0)
    assert head.log_probs(none).shape == (2, 0, 3)
    assert head.log_mass(none, sets).shape == (2, 0)
    assert head.draw(none, sets, torch.zeros(2, 0)).shape == (2, 0)
    one, every = head.first_parameters(), torch.ones(3, dtype=torch.bool)
    assert float(head.log_mass(one, every)) == pytest.approx(0, abs=1e-12)
    assert int(head.draw(one, every, torch.tensor(0.999))) == 2


def test_many_symbols_are_never_written_out():
    head = LogisticMixture(DENSE_LIMIT + 1, 1)
    with pytest.raises(ValueError, match="at most 4096 symbols; this head has 4097"):
        head.log_probs(torch.zeros(1, 3))
    assert LogisticMixture(DENSE_LIMIT, 1).log_probs(torch.zeros(1, 3)).shape == (1, DENSE_LIMIT)


def test_sizes_that_make_no_mixture_are_refused():
    with pytest.raises(ValueError, match="two symbols and a component, or more; got 1 and 2"):
        LogisticMixture(1, 2)
    with pytest.raises(ValueError, match="2 logistics need 6 parameters; got 5"):
        LogisticMixture(4, 2).log_prob(torch.zeros(1, 5), torch.tensor([0]))
