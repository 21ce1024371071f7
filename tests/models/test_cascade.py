"""One operation for all layers against one layer after the other, values and gradients."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.models import blocks
from autoreg.models.cascade import Shape, cascade
from autoreg.models.layers import Bank, Stack, taps_of

layouts = st.fixed_dictionaries(
    {
        "rows": st.integers(1, 4),
        "length": st.integers(1, 12),
        "kernel_size": st.integers(1, 3),
        "dilations": st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple),
        "contexts": st.sampled_from(
            ["none", "row", "time", "row+time", "both", "row+bank", "still bank"]
        ),
        "columns": st.sampled_from([1, 3, 8, 4096]),
    }
)


def random(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def stack(layout):
    with torch.random.fork_rng(devices=[]):
        layers = Stack(
            width=3,
            gate=2,
            skip=4,
            hidden=4,
            outputs=3,
            input_kernel=2,
            kernel_size=layout["kernel_size"],
            dilations=layout["dilations"],
            context=0 if layout["contexts"] == "none" else 2,
            dropout=0.0,
        ).double()
    for number, parameter in enumerate(layers.parameters()):
        parameter.data.copy_(random(*parameter.shape, seed=number))
    return layers


def ask(layers, layout):
    """Return inputs, pasts that are not zero, and contexts, all to be differentiated."""
    rows, length = layout["rows"], layout["length"]
    sizes = {"row": (rows, 1, 2), "time": (1, length, 2), "both": (rows, length, 2)}
    sizes |= {"bank": (3, length, 2), "still bank": (3, 1, 2)}
    names = [] if layout["contexts"] == "none" else layout["contexts"].split("+")
    contexts = [random(*sizes[name], seed=7).requires_grad_() for name in names]
    pasts = [random(rows, reach, 3, seed=8).requires_grad_() for reach in layers.reaches]
    return random(rows, length, 3, seed=9).requires_grad_(), pasts, contexts


@given(layout=layouts)
def test_one_operation_is_one_layer_after_the_other(layout):
    layers = stack(layout)
    inputs, pasts, contexts = ask(layers, layout)
    leaves = [inputs, *pasts, *contexts, *layers.parameters()]
    if "bank" in layout["contexts"]:
        contexts[-1] = Bank(contexts[-1], torch.arange(layout["rows"]) * 2 % 3)
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "COLUMNS", layout["columns"])
        for how in ({}, {"taps": taps_of}):
            params, after = layers(inputs, pasts, contexts, **how)
            loss = sum((out * random(*out.shape, seed=5)).sum() for out in (params, *after))
            grads = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
            found.append([params, *after, *grads])
        with torch.no_grad():
            free, _ = layers(inputs, pasts, contexts)
    for one, other in zip(*found, strict=True):
        assert (one - other).abs().max() < 1e-10 if one.numel() else one.shape == other.shape
    assert torch.equal(free, found[0][0])


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_the_gradient_is_that_of_finite_differences(dropout):
    sizes = [(3, 2, 5), (2, 4, 6), (2, 4, 2, 1), (1, 3, 2), (1, 3), (3, 2, 1), (3, 2, 3)]
    leaves = [random(*size, seed=n).requires_grad_() for n, size in enumerate(sizes)]
    shape = Shape(dilations=(1, 3), kernel_size=2, dropout=dropout, precision=torch.float64)

    def run(stream, filters, drive, weight, bias, *pasts):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            units, after = cascade(stream, pasts, filters, [drive], weight, bias, shape)
        return units, *after

    assert torch.autograd.gradcheck(run, leaves)


def test_dropout_drops_what_layers_see_and_not_the_stream():
    pasts = [torch.zeros(1, 1, 0).double()] * 2
    filters, drive = torch.ones(2, 2, 1).double(), torch.zeros(2, 2, 1, 1).double()
    shape = Shape(dilations=(1, 1), kernel_size=1, dropout=0.5, precision=torch.float64)
    weight, bias = torch.zeros(1, 1, 1).double(), torch.zeros(1, 1).double()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        stream = torch.ones(1, 1, 4000).double()
        units, _ = cascade(stream, pasts, filters, [drive], weight, bias, shape)
    kept = units != 0
    seen = torch.tensor(2.0).double()  # what is kept is doubled
    assert torch.allclose(units[kept], seen.tanh() * seen.sigmoid())
    # The standard error of a share of 4000 is 0.008.
    assert kept.double().mean((1, 2, 3)).sub(0.5).abs().max() < 0.04
    assert (kept[0] & ~kept[1]).any()
    assert (~kept[0] & kept[1]).any()


def test_differentiating_twice_is_refused_and_possible_layer_by_layer():
    layout = {"kernel_size": 2, "dilations": (1, 2), "contexts": "row", "rows": 1, "length": 3}
    layers = stack(layout)
    inputs, pasts, contexts = ask(layers, layout)

    def twice(**how):
        params, _ = layers(inputs, pasts, contexts, **how)
        (first,) = torch.autograd.grad(params.square().sum(), inputs, create_graph=True)
        return torch.autograd.grad(first.square().sum(), inputs)[0]

    with pytest.raises(RuntimeError, match="no second derivative: give its stack taps"):
        twice()
    assert twice(taps=taps_of).abs().max() > 0


def test_bfloat16_is_near_and_its_gradients_too():
    layout = {"kernel_size": 2, "dilations": (1, 2, 4), "contexts": "row", "rows": 2, "length": 40}
    layers = stack(layout).float()
    inputs, pasts, contexts = ask(layers, layout)
    inputs, contexts = inputs.detach().float(), [one.detach().float() for one in contexts]
    pasts = [past.detach().float() for past in pasts]

    def gradients(enabled):
        layers.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            params, after = layers(inputs, pasts, contexts)
        assert {one.dtype for one in after} == {torch.float32}
        (params.float() * random(*params.shape).float()).sum().backward()
        return params.detach().float(), [p.grad.clone() for p in layers.parameters()]

    (exact, wanted), (rough, found) = gradients(enabled=False), gradients(enabled=True)
    # Some ten products deep, each rounded to 8 bits, against the size of the whole.
    assert 0 < (rough - exact).norm() < 10 * 2**-8 * exact.norm()
    for one, other in zip(found, wanted, strict=True):
        assert (one - other).norm() < 40 * 2**-8 * other.norm()
