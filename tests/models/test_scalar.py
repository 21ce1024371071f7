"""Levels in place of a table of vectors."""

import pytest
import torch

from autoreg.models.scalar import ScalarInput
from autoreg.models.wavenet import WaveNet
from autoreg.scoring import log_factors


@pytest.mark.parametrize("num_symbols", [2, 5, 2**16])
def test_symbols_are_evenly_spaced_from_minus_one_to_one(num_symbols):
    vectors = ScalarInput(num_symbols).double()(torch.arange(num_symbols))
    wanted = torch.linspace(-1, 1, num_symbols, dtype=torch.float64)
    assert torch.allclose(vectors[:, 0], wanted, rtol=0, atol=1e-12)
    assert not vectors[:, 1].any()


def test_the_start_symbol_is_none_of_the_levels():
    given = ScalarInput(3)
    start = given(torch.tensor([3]))[0]
    assert start.tolist() == [0, 1]
    assert not (given(torch.arange(3)) == start).all(-1).any()
    start[0].backward()
    assert given.weight.grad.tolist() == [[1, 0]]


def test_what_is_trained_on_is_what_is_generated_from():
    """Levels enter stepping as they enter scoring: amplitudes in both, never the numbers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = WaveNet(300, residual=4, skip=5, hidden=5, dilations=[1, 2], input_kernel=5,
                        mixtures=2, scalar=True).double()  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    model.stack.output.weight.data.normal_(generator=generator)
    symbols, zero = torch.tensor([[0, 299, 150, 3, 77, 201, 8]]), torch.tensor([0])
    with torch.no_grad():
        state, stepped = model.start(zero), []
        for symbol in symbols[0]:
            stepped.append(model.head.log_prob(state.next, symbol[None]))
            state = model.step(state, symbol[None])
        whole = log_factors(model, symbols, zero)
    assert torch.allclose(torch.stack(stepped, 1), whole, rtol=0, atol=1e-12)
    assert model.order == 1 + 4 + 3


def test_the_first_filter_is_that_of_one_channel():
    """A closed form: the causal convolution of the levels, the start symbol beside it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = WaveNet(9, residual=3, dilations=[1], input_kernel=4, scalar=True).double()
    symbols = torch.tensor([[8, 0, 4, 2, 2, 7]])
    levels = 2 * symbols.double() / 8 - 1
    filters = model.stack.input_filter.filters
    taps = filters.weight.unflatten(1, (4, 2))  # oldest first; level, start
    padded = torch.nn.functional.pad(torch.cat([torch.zeros(1, 1), levels], 1), (3, 0))
    wanted = torch.nn.functional.conv1d(padded[:, None], taps[:, None, :, 0])[0].T + filters.bias
    for at in range(4):  # the start symbol is input 0, and seen for four inputs
        wanted[at] += taps[:, 3 - at] @ model.embedding.weight[0]
    with torch.no_grad():
        inputs = model.embed(torch.cat([torch.tensor([[9]]), symbols], 1))
        seen = torch.nn.functional.pad(inputs, (0, 0, 3, 0)).unfold(1, 4, 1).transpose(2, 3)
        found = model.stack.input_filter(seen.flatten(2))[0]
    assert torch.allclose(found, wanted, rtol=0, atol=1e-12)


def test_one_level_is_none():
    with pytest.raises(ValueError, match="2 symbols or more; got 1"):
        ScalarInput(1)
