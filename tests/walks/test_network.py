"""The computation that a network's docstring writes down, done by plain loops."""

import numpy as np
import pytest
import torch

from autoreg.models.networks import network_of
from tests.walks.recipes import AskRecipe, NetRecipe

NETS = [
    NetRecipe(),
    NetRecipe(kernel_size=3, input_kernel=3, dilations=(2, 1), gate=3, conditions=(2, 2)),
    NetRecipe(kernel_size=1, input_kernel=1, dilations=(1,), num_symbols=2),
    NetRecipe(num_features=2, rows=3, conditions=(3,), vectors=4, length=8),
    NetRecipe(num_features=2, rows=1, length=20, dilations=(4, 1)),
]


def logits_after(network, symbols, condition, row):
    """Return the logits after each input, the start symbol first: the docstring, line by line."""
    net = {
        name: value.double().numpy() if torch.is_tensor(value) else value
        for name, value in network._asdict().items()
    }
    inputs = [len(net["embedding"]) - 1, *symbols]
    stream = [net["embedding"][symbol] for symbol in inputs]

    def taps(values, number, count, apart):
        places = [number - apart * back for back in reversed(range(count))]
        zeros = np.zeros_like(values[0])
        return np.concatenate([values[place] if place >= 0 else zeros for place in places])

    def everywhere(values, count, apart, operation):
        return [operation(taps(values, n, count, apart), n) for n in range(len(inputs))]

    stream = everywhere(
        stream,
        net["input_kernel"],
        1,
        lambda seen, n: net["input_weight"] @ seen + net["input_bias"],
    )
    units = [[] for _ in inputs]
    for layer, dilation in enumerate(net["dilations"]):

        def gate(seen, n, layer=layer):
            both = net["filters"][layer] @ seen + net["biases"][condition, layer]
            if net["drift"] is not None:
                drift = net["drift"][row, min(n, net["drift"].shape[1] - 1)]
                both = both + net["drift_weight"][layer] @ drift
            signal, gate = np.split(both, 2)
            return np.tanh(signal) / (1 + np.exp(-gate))

        gated = everywhere(stream, net["kernel_size"], dilation, gate)
        for n, unit in enumerate(gated):
            units[n].append(unit)
            if layer < len(net["residual_weight"]):
                residual = net["residual_weight"][layer] @ unit + net["residual_bias"][layer]
                stream[n] = stream[n] + residual
    found = []
    for unit in units:
        skips = np.maximum(net["skip_weight"] @ np.concatenate(unit) + net["skip_bias"], 0)
        hidden = np.maximum(net["hidden_weight"] @ skips + net["hidden_bias"], 0)
        found.append(net["output_weight"] @ hidden + net["output_bias"])
    return found


@pytest.mark.parametrize("net", NETS, ids=range(len(NETS)))
def test_the_docstring_is_what_a_wavenet_does(net):
    model = net.build()
    network = network_of(model)
    state = AskRecipe(rows=4, seed=2).build(model).state
    _, conditions, rows, *_ = state.memory
    symbols = torch.randint(
        net.num_symbols, (4, 8), generator=torch.Generator().manual_seed(net.num_symbols)
    )
    wanted = [
        logits_after(network, path, condition, row)
        for path, condition, row in zip(
            symbols.tolist(), conditions.tolist(), rows.tolist(), strict=True
        )
    ]
    wanted = torch.tensor(np.array(wanted))
    with torch.no_grad():
        for number in range(9):
            assert (state.next - wanted[:, number]).abs().max() < 1e-12
            if number < 8:
                state = model.step(state, symbols[:, number])


@pytest.mark.parametrize("net", NETS, ids=range(len(NETS)))
def test_rings_reach_as_far_as_those_of_a_state(net):
    model = net.build()
    rings = model.start(torch.tensor([0])).memory[3:]
    assert network_of(model).reaches == tuple(ring.shape[1] for ring in rings)
    assert 1 + sum(network_of(model).reaches) == model.order


@pytest.mark.parametrize("net", NETS, ids=range(len(NETS)))
def test_a_weight_of_a_matrix_is_one_multiplication(net):
    model = net.build()
    matrices = [
        parameter
        for name, parameter in model.stack.named_parameters()
        if parameter.ndim == 2 and "context" not in name
    ]
    assert network_of(model).multiplications == sum(matrix.numel() for matrix in matrices)
    assert network_of(model).multiplications == model.stack.multiplications
