"""Draws within a kernel against inversion of cumulative masses, run by Triton's interpreter."""

# ruff: noqa: N803

import pytest
import torch
import triton
import triton.language as tl

from autoreg.walks.inversion import invert
from autoreg.walks.kernels_draw import draw, impose

BELOW_1 = 1 - 2**-53


@triton.jit
def draw_once(
    logits,
    uniforms,
    temperature,
    begin,
    which,
    moves,
    sets,
    values,
    symbols,
    masses,
    N: tl.constexpr,
    Q: tl.constexpr,
    BLOCK: tl.constexpr,
    TEMPERED: tl.constexpr,
    POTENTIALS: tl.constexpr,
):
    """Draw one symbol for each of N rows."""
    n = tl.arange(0, N)
    d = tl.load(begin + n)
    drawn, mass = draw(
        logits + n * Q,
        n >= 0,
        tl.load(uniforms + n),
        temperature,
        d,
        tl.load(which + d),
        0,
        1,
        moves,
        sets,
        values,
        N,
        Q,
        BLOCK,
        TEMPERED,
        POTENTIALS,
    )
    tl.store(symbols + n, drawn)
    tl.store(masses + n, mass)


@triton.jit
def impose_once(drawn, alive, path, sets, refused, t, Q: tl.constexpr, N: tl.constexpr):
    """Force the symbols of one position upon N rows."""
    n = tl.arange(0, N)
    taken = impose(
        tl.load(drawn + n), n >= 0, tl.load(alive + n) != 0, path, sets, refused, 0, n, t, 2, Q
    )
    tl.store(drawn + n, taken)


def drawn_from(logits, sets, uniforms, *, block=16, temperature=None, gains=None):
    """Return symbols and masses; each row has a set, and gains, of its own."""
    count, num_symbols = logits.shape
    rows = torch.arange(count)
    # After symbol v of row n the automaton is in a state of its own, worth gains[n, v].
    moves = count + torch.arange(count * num_symbols).reshape(count, num_symbols)
    values = torch.zeros(count * (1 + num_symbols), 2, dtype=torch.float64)
    if gains is not None:
        values[count:, 1] = gains.flatten()
    symbols, masses = rows.clone(), torch.zeros(count, dtype=torch.float64)
    draw_once[(1,)](
        logits,
        uniforms,
        torch.tensor([temperature or 1.0], dtype=torch.float64),
        rows,
        rows,
        moves,
        sets.to(torch.uint8),
        values,
        symbols,
        masses,
        count,
        num_symbols,
        block,
        temperature is not None,
        gains is not None,
    )
    return symbols, masses


def random(count, num_symbols, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(count, num_symbols, generator=generator, dtype=torch.float64)
    sets = torch.rand(count, num_symbols, generator=generator) < 0.5
    gains = torch.randn(count, num_symbols, generator=generator, dtype=torch.float64)
    gains[torch.rand(count, num_symbols, generator=generator) < 0.2] = -torch.inf
    return logits, sets, torch.rand(count, generator=generator, dtype=torch.float64), gains


@pytest.mark.parametrize("num_symbols", [2, 16, 41])
@pytest.mark.parametrize("block", [16, 64])
@pytest.mark.parametrize("temperature", [None, 0.3])
@pytest.mark.parametrize("gaining", [False, True])
def test_draws_invert_what_is_allowed(num_symbols, block, temperature, gaining):
    logits, sets, uniforms, gains = random(32, num_symbols)
    symbols, masses = drawn_from(
        logits,
        sets,
        uniforms,
        block=block,
        temperature=temperature,
        gains=gains if gaining else None,
    )
    logs = (logits / (temperature or 1.0)).log_softmax(-1) + (gains if gaining else 0.0)
    logs = logs.masked_fill(~sets, -torch.inf)
    assert torch.equal(symbols, invert(logs, uniforms))
    torch.testing.assert_close(masses, logs.logsumexp(-1), rtol=0, atol=1e-12)


def test_logits_far_apart_and_of_any_size_have_masses():
    logits = torch.tensor([[0.0, -2000.0, 900.0], [-1e5, -1e5, -1e5]], dtype=torch.float64)
    sets = torch.tensor([[True, True, False], [True, False, True]])
    symbols, masses = drawn_from(logits, sets, torch.tensor([0.5, 0.5], dtype=torch.float64))
    assert symbols.tolist() == [0, 2]
    assert masses.tolist() == pytest.approx([-900.0, torch.tensor(2 / 3).log().item()])


@pytest.mark.parametrize("num_symbols", [4, 64])
def test_an_edge_belongs_to_the_later_symbol_and_the_last_one_has_mass(num_symbols):
    logits = torch.zeros(4, num_symbols, dtype=torch.float64)
    sets = torch.ones(4, num_symbols, dtype=torch.bool)
    sets[:, -1] = False
    sets[:, 0] = False
    sets[0, :] = True
    uniforms = torch.tensor([0.25, 0.0, 0.5, BELOW_1], dtype=torch.float64)
    symbols, _ = drawn_from(logits, sets, uniforms)
    assert symbols.tolist() == [num_symbols // 4, 1, num_symbols // 2, num_symbols - 2]


def test_an_empty_set_has_no_mass_and_gives_0():
    logits, _, uniforms, _ = random(2, 20)
    symbols, masses = drawn_from(logits, torch.zeros(2, 20, dtype=torch.bool), uniforms)
    assert symbols.tolist() == [0, 0]
    assert masses.tolist() == [-torch.inf, -torch.inf]


def test_only_a_living_row_refuses_and_only_the_first_time_is_told():
    sets = torch.tensor([[1, 0, 1, 1]], dtype=torch.uint8)
    path = torch.tensor([2, 1, 1, -1, 7, 1, 9, 0])
    alive = torch.tensor([1, 1, 0, 1, 1, 1, 0, 1], dtype=torch.int8)
    refused = torch.tensor([9, 9, 9, 9, 9, 0, 9, 9])
    drawn = torch.full((8,), 3)
    both = torch.stack([torch.full((8,), -1), path], 1)
    impose_once[(1,)](drawn, alive, both, sets, refused, 1, 4, 8)
    assert drawn.tolist() == [2, 1, 1, 3, 3, 1, 3, 0]
    assert refused.tolist() == [9, 1, 9, 9, 1, 0, 9, 9]
