"""The categorical head against sums over its alphabet."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.models.heads import Categorical
from autoreg.protocol import DENSE_LIMIT


def logits(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(shape, generator=generator, dtype=torch.float64)


@given(num_symbols=st.integers(1, 9), seed=st.integers(0, 2**16))
def test_probabilities_are_the_normalised_exponentials(num_symbols, seed):
    head, params = Categorical(num_symbols), logits(seed, 2, 3, num_symbols)
    probs = params.exp() / params.exp().sum(-1, keepdim=True)
    assert torch.allclose(head.log_probs(params).exp(), probs, rtol=1e-12, atol=0)
    for symbol in range(num_symbols):
        asked = torch.full((2, 3), symbol)
        found = head.log_prob(params, asked)
        assert torch.allclose(found.exp(), probs[..., symbol], rtol=1e-12, atol=0)


@given(num_symbols=st.integers(1, 9), seed=st.integers(0, 2**16))
def test_mass_of_a_set_is_the_sum_over_it(num_symbols, seed):
    head, params = Categorical(num_symbols), logits(seed, 20, num_symbols)
    sets = logits(seed + 1, 20, num_symbols) > 0
    probs = params.softmax(-1)
    assert torch.allclose(head.log_mass(params, sets).exp(), (probs * sets).sum(-1), atol=1e-12)
    assert head.log_mass(params, torch.ones_like(sets)).abs().max() < 1e-12
    assert head.log_mass(params, torch.zeros_like(sets)).isneginf().all()


@given(num_symbols=st.integers(2, 9), seed=st.integers(0, 2**16))
def test_a_draw_inverts_the_cumulative_mass_of_its_set(num_symbols, seed):
    head, params = Categorical(num_symbols), logits(seed, 50, num_symbols)
    sets = logits(seed + 1, 50, num_symbols) > -1
    sets[~sets.any(-1), 0] = True
    uniforms = torch.rand(50, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    shares = (params.softmax(-1) * sets).cumsum(-1) / (params.softmax(-1) * sets).sum(-1)[:, None]
    wanted = [(shares[row] > uniforms[row]).nonzero()[0].item() for row in range(50)]
    assert head.draw(params, sets, uniforms).tolist() == wanted


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_logits_of_any_precision_give_float64_and_are_normalised_in_float32_or_wider(dtype):
    head, params = Categorical(64), logits(0, 5, 64).to(dtype)
    symbols = torch.arange(5)
    assert head.log_prob(params, symbols).dtype == torch.float64
    assert head.log_mass(params, torch.ones(5, 64, dtype=torch.bool)).dtype == torch.float64
    wide = torch.float64 if dtype == torch.float64 else torch.float32
    assert head.log_probs(params).dtype == wide
    exact = params.double().log_softmax(-1)[torch.arange(5), symbols]
    assert (head.log_prob(params, symbols) - exact).abs().max() < 16 * torch.finfo(wide).eps


def test_impossible_symbols_have_minus_infinity():
    head, params = Categorical(2), torch.tensor([[0.0, -math.inf]])
    assert head.log_prob(params, torch.tensor([1])).tolist() == [-math.inf]
    assert head.log_prob(params, torch.tensor([0])).tolist() == [0]


def test_no_rows_are_legal():
    head, none = Categorical(3), torch.zeros(2, 0, 3)
    assert head.log_prob(none, torch.zeros(2, 0, dtype=torch.int64)).shape == (2, 0)
    assert head.log_probs(none).shape == (2, 0, 3)
    assert head.log_mass(none, none.bool()).shape == (2, 0)
    assert head.draw(none, none.bool(), torch.zeros(2, 0)).shape == (2, 0)


def test_many_symbols_are_scored_and_drawn_but_never_written_out():
    head, params = Categorical(DENSE_LIMIT + 1), torch.zeros(1, DENSE_LIMIT + 1)
    every = torch.ones(1, DENSE_LIMIT + 1, dtype=torch.bool)
    assert head.log_prob(params, torch.tensor([5])).item() == pytest.approx(
        -math.log(DENSE_LIMIT + 1)
    )
    assert head.log_mass(params, every).item() == pytest.approx(0, abs=1e-6)
    assert head.draw(params, every, torch.tensor([0.5])).item() == DENSE_LIMIT // 2
    with pytest.raises(ValueError, match="at most 4096 symbols; this head has 4097"):
        head.log_probs(params)
    assert Categorical(DENSE_LIMIT).log_probs(params[:, 1:]).shape == (1, DENSE_LIMIT)
