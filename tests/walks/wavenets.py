"""Random WaveNets, and what is asked of their walks."""

import torch

from autoreg.events import Rules
from autoreg.models.dilations import doubling
from autoreg.models.networks import network_of
from autoreg.models.wavenet import WaveNet
from autoreg.walks import reference
from autoreg.walks.request import request

Q = 5

SMALL = {
    "dilations": [1, 2, 4],
    "conditions": [3],
    "residual": 6,
    "gate": 5,
    "skip": 7,
    "hidden": 9,
    "condition_width": 4,
}

MODELS = {
    "A": {
        "num_symbols": 2,
        "dilations": (*doubling(1, 9), *doubling(1, 7), *doubling(1, 6)),
        "conditions": [10],
        "residual": 32,
        "gate": 32,
        "skip": 1024,
        "hidden": 512,
    },
    "B": {
        "num_symbols": 256,
        "dilations": doubling(2, 10),
        "conditions": [6],
        "residual": 32,
        "gate": 32,
        "skip": 256,
        "hidden": 256,
    },
    "C": {
        "num_symbols": 256,
        "dilations": doubling(3, 10),
        "conditions": [6],
        "residual": 64,
        "gate": 64,
        "skip": 256,
        "hidden": 256,
    },
}
"""The models that speed is measured with."""


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def wavenet(num_symbols=Q, dtype=torch.float64, seed=0, scale=0.5, **changes):
    """Return a WaveNet whose every number is drawn, biases and last layers included."""
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(num_symbols, **{**SMALL, **changes})
    generator = seeded(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            fan_in = parameter.shape[-1] if parameter.ndim > 1 else 4
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
            parameter.mul_(4 * scale / fan_in**0.5)
    return model.to(dtype).eval()


def standing(model, count, read=0, seed=1, **rows):
    """Return a state after so many random symbols, under conditions that differ by row."""
    generator = seeded(seed)
    device = model.embedding.weight.device
    condition = torch.arange(count) % model.num_conditions
    with torch.no_grad():
        state = model.start(condition.to(device), **rows)
        if read:
            known = torch.randint(model.num_symbols, (count, read), generator=generator)
            state = model.read(state, known.to(device))[1]
    return state


def automaton(states, length, num_symbols=Q, *, potentials=False, dying=False, share=0.7, seed=2):
    """Return random rules; a tenth of the potentials forbids a state, an empty set all."""
    generator = seeded(seed)
    sets = torch.rand(states + 2, num_symbols, generator=generator) < share
    # Some positions are free, some allow one symbol alone.
    sets[0], sets[1] = True, torch.arange(num_symbols) == num_symbols // 2
    sets[-1] &= not dying
    value = torch.randn(states, length + 1, generator=generator, dtype=torch.float64)
    value[torch.rand(states, length + 1, generator=generator) < 0.1] = -torch.inf
    value[:, 0] = 0.0
    return Rules(
        torch.randint(states, (states, num_symbols), generator=generator),
        torch.randint(states + 2, (states, length), generator=generator),
        sets,
        value if potentials else None,
    )


def ask(state, rules, *, seed=3, **changes):
    """Return a request in which uniforms are random and the rest is as a walk's defaults."""
    shape = (len(state.next), rules.length)
    rest = {
        "uniforms": torch.rand(shape, dtype=torch.float64, generator=seeded(seed)),
        "rule_state": None,
        "path": None,
        "groups": 1,
        "log_weights": None,
        "min_ess": 0.0,
        "temperature": 1.0,
        "top_p": 1.0,
    }
    return request(rules.sets.shape[1], state, rules, **{**rest, **changes})


def told(model, asked):
    """Return what the reference does."""
    with torch.no_grad():
        return reference.walk(model, asked)


def network(model):
    return network_of(model)


def assert_same(walked, expected, tolerance=1e-10):
    """Equal symbols, and the rest within rounding."""
    assert walked.length == expected.length
    assert torch.equal(walked.symbols, expected.symbols)
    assert torch.equal(walked.rule_state, expected.rule_state)
    near = {"rtol": 0, "atol": tolerance}
    torch.testing.assert_close(walked.log_mass, expected.log_mass, **near)
    torch.testing.assert_close(walked.state.next, expected.state.next, **near)
    for mine, theirs in zip(walked.state.memory, expected.state.memory, strict=True):
        torch.testing.assert_close(mine, theirs, **near)
