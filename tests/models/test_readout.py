"""Three layers as one operation against the three layers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.models import readout as module
from autoreg.models.readout import Weights, readout

SIZES = [(3, 6), (3,), (4, 3), (4,), (2, 4), (2,)]


def leaves(count):
    generator = torch.Generator().manual_seed(0)
    shapes = [(6, count), *SIZES]
    return [
        torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
        for shape in shapes
    ]


def spelled_out(units, *weights):
    own = Weights(*weights)
    skips = torch.relu(own.skip @ units + own.skip_bias[:, None])
    hidden = torch.relu(own.hidden @ skips + own.hidden_bias[:, None])
    return (own.output @ hidden + own.output_bias[:, None]).T


def at_once(units, *weights):
    return readout(units, Weights(*weights), units.dtype)


@given(count=st.integers(0, 9), columns=st.integers(1, 5))
def test_it_is_three_layers_values_and_gradients(count, columns):
    given_to = leaves(count)
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "COLUMNS", columns)
        for function in (at_once, spelled_out):
            params = function(*given_to)
            assert params.shape == (count, 2)
            found.append([params, *torch.autograd.grad(params.sin().sum(), given_to)])
    for one, other in zip(*found, strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-12)


def test_the_gradient_is_that_of_finite_differences():
    assert torch.autograd.gradcheck(at_once, leaves(5))


def test_a_second_derivative_is_refused():
    units, *weights = leaves(5)
    with pytest.raises(RuntimeError, match="no second derivative: give its stack taps"):
        torch.autograd.grad(at_once(units, *weights).square().sum(), units, create_graph=True)


def test_the_result_has_the_type_that_is_multiplied():
    units, *weights = (leaf.detach().float() for leaf in leaves(5))
    rough = readout(units.bfloat16(), Weights(*weights), torch.bfloat16)
    exact = spelled_out(units, *weights)
    assert rough.dtype == torch.bfloat16
    # Three products, each rounded to 8 bits, against the size of the whole.
    assert 0 < (rough.float() - exact).norm() < 6 * 2**-8 * exact.norm()
