"""Trained weights in wider models."""

import pytest
import torch

from autoreg.models.wavenet import WaveNet
from autoreg.training.growth import WIDTHS, inherit

SHAPE = {
    "dilations": (1, 2, 1),
    "conditions": (3,),
    "residual": 4,
    "gate": 3,
    "skip": 5,
    "hidden": 6,
    "kernel_size": 3,
    "input_kernel": 2,
    "condition_width": 2,
}
KINDS = {
    "symbols": {},
    "levels and logistics": {"scalar": True, "mixtures": 2, "input_kernel": 4},
    "features per position": {"num_features": 3},
    "frames, repeated": {"num_features": 3, "hop": 2},
    "frames, learned": {"num_features": 3, "hop": 2, "upsampling": "learned"},
}


def model(seed, **changes):
    chance = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        net = WaveNet(5, **(SHAPE | changes)).double()
    for parameter in net.parameters():  # no zeros left, which would hide a wrong place
        parameter.data.normal_(std=0.5, generator=chance)
    return net


def drawn(rows):
    return torch.randint(5, (rows, 12), generator=torch.Generator().manual_seed(2))


def told(net):
    symbols, condition = drawn(4), torch.tensor([0, 1, 2, 0])
    if net.feature_map is not None:
        count, frames = net.config()["num_features"], 12 if net.config()["hop"] is None else 6
        known = torch.arange(frames * count).view(1, frames, count).double().cos()
        net = net.with_features(known)
    with torch.no_grad():
        return net.log_probs(symbols, condition)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wider", [*WIDTHS, "all", "none"])
def test_wider_model_computes_what_the_trained_one_does(kind, wider):
    small = model(0, **KINDS[kind])
    more = {"all": WIDTHS, "none": ()}.get(wider, (wider,))
    large = model(1, **KINDS[kind], **{width: SHAPE[width] + 3 for width in more})
    inherit(large, small)
    torch.testing.assert_close(told(large), told(small), rtol=0, atol=1e-12)


def test_new_units_have_gradients_so_that_they_can_learn():
    large = model(1, **dict.fromkeys(WIDTHS, 8))
    inherit(large, model(0))
    log_factors, _ = large.read(large.start(torch.tensor([0, 1, 2, 0])), drawn(4))
    log_factors.sum().backward()
    read = large.stack.skip.weight.grad[:5].unflatten(1, (3, 8))[:, :, 3:]
    assert bool((read != 0).any(0).all())
    assert bool((large.stack.output.weight.grad[:, 6:] != 0).any())


def test_factor_that_is_new_tells_nothing_at_first():
    small, large = model(0), model(1, conditions=(3, 2))
    inherit(large, small)
    symbols, condition = drawn(6), torch.arange(6)
    with torch.no_grad():
        expected = small.log_probs(symbols, condition // 2)
        found = large.log_probs(symbols, condition)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"skip": 4}, "skip: 5 there, 4 here"),
        ({"dilations": (1, 2)}, r"dilations: \[1, 2, 1\] there, \[1, 2\] here"),
        ({"conditions": (4,)}, r"conditions: \[3\] there, \[4\] here"),
        ({"conditions": ()}, r"conditions: \[3\] there, \[\] here"),
        ({"kernel_size": 2}, "kernel_size: 3 there, 2 here"),
    ],
)
def test_what_cannot_be_inherited_is_named_and_nothing_changes(changes, named):
    large = model(1, **changes)
    before = [parameter.clone() for parameter in large.parameters()]
    with pytest.raises(ValueError, match=f"the same shape or a narrower one\n  {named}$"):
        inherit(large, model(0))
    assert all(map(torch.equal, before, large.parameters()))
