"""What compiled walks are given of a WaveNet, and when they are given it anew."""

import copy
import gc
import weakref

import pytest
import torch

from autoreg.models import networks
from autoreg.models.networks import network_of, packed
from tests.walks.recipes import NetRecipe


class Packer:
    """Packs nothing, and counts how often."""

    def __init__(self):
        self.count = 0

    def __call__(self, network):
        self.count += 1
        return self.count, network


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_weights_come_in_the_models_own_type_without_a_graph(dtype):
    model = NetRecipe(conditions=(2,), num_features=2).build(dtype)
    tensors = [part for part in network_of(model) if torch.is_tensor(part)]
    assert len(tensors) == 15
    assert {tensor.dtype for tensor in tensors} == {dtype}
    assert not any(tensor.requires_grad for tensor in tensors)


def test_what_a_condition_adds_to_the_gates_is_added_up():
    model = NetRecipe(conditions=(2, 3), gate=4).build()
    network = network_of(model)
    vectors = model.conditions()
    assert network.biases.shape == (6, 3, 8)
    for number, layer in enumerate(model.stack.gated):
        for condition in range(6):
            wanted = layer.bias + layer.context @ vectors[condition]
            assert torch.allclose(network.biases[condition, number], wanted, atol=1e-14)


def test_a_model_without_conditions_has_one():
    network = network_of(NetRecipe().build())
    assert network.biases.shape == (1, 3, 10)
    assert network.drift is None
    assert network.drift_weight is None


def test_vectors_that_were_given_stand_for_those_that_were_learnt():
    model = NetRecipe(conditions=(2, 3), vectors=4).build()
    assert len(network_of(model).biases) == 4 == model.num_conditions


def test_features_are_mapped_once():
    model = NetRecipe(num_features=2, rows=3, length=9).build()
    network = network_of(model)
    assert network.drift.shape == (3, 9, 3)
    assert torch.equal(network.drift, model.feature_map(model.features))
    assert network.drift_weight.shape == (3, 10, 3)


def test_one_layer_has_no_residual():
    network = network_of(NetRecipe(dilations=(3,), residual=4, gate=6).build())
    assert network.residual_weight.shape == (0, 4, 6)
    assert network.residual_bias.shape == (0, 4)


def test_weights_that_stay_are_packed_once():
    model, pack = NetRecipe().build(), Packer()
    first = packed(model, "one", pack)
    assert packed(model, "one", pack) is first
    other = Packer()
    assert packed(model, "two", other)[0] == 1
    assert packed(model, "one", pack) is first
    assert (pack.count, other.count) == (1, 1)


def _load(model):
    weights = {name: 2 * tensor for name, tensor in model.state_dict().items()}
    model.load_state_dict(weights)


def _write(model):
    with torch.no_grad():
        model.stack.layers[0].bias += 1


def _replace(model):
    model.stack.hidden.bias = torch.nn.Parameter(model.stack.hidden.bias.detach() + 1)


def _convert(model):
    model.float()


def _features(model):
    model.features.add_(1.0)


@pytest.mark.parametrize("change", [_load, _write, _replace, _convert, _features])
def test_weights_that_change_are_packed_anew(change):
    model, pack = NetRecipe(conditions=(2,), num_features=2).build(), Packer()
    before = packed(model, "one", pack)[1]
    kept = [part.clone() for part in before if torch.is_tensor(part)]
    change(model)
    after = packed(model, "one", pack)[1]
    assert pack.count == 2
    now = [part for part in after if torch.is_tensor(part)]
    assert not all(
        one.dtype == two.dtype and torch.equal(one, two)
        for one, two in zip(kept, now, strict=True)
    )
    packed(model, "one", pack)
    assert pack.count == 2


def test_views_of_the_same_weights_are_packed_by_themselves():
    base, pack = NetRecipe(conditions=(2,), num_features=2).build(), Packer()
    vectors = torch.zeros(3, 3, dtype=torch.float64)
    features = torch.zeros(2, 5, 2, dtype=torch.float64)
    models = [base, base.with_conditions(vectors), base.with_features(features), copy.copy(base)]
    found = [packed(model, "one", pack)[1] for model in models]
    assert pack.count == 4
    assert [len(network.biases) for network in found] == [2, 3, 2, 2]
    assert [network.drift.shape[1] for network in found] == [60, 60, 5, 60]
    assert [packed(model, "one", pack)[1] is one for model, one in zip(models, found, strict=True)]
    # A change of the weights is one of all of them.
    _write(base)
    for model in models:
        packed(model, "one", pack)
    assert pack.count == 8


def test_weights_of_inference_mode_are_packed_too():
    with torch.inference_mode():
        model, pack = NetRecipe().build(), Packer()
        assert packed(model, "one", pack) is packed(model, "one", pack)


def test_a_model_that_is_gone_leaves_nothing_packed():
    model = NetRecipe().build()
    packed(model, "one", Packer())
    known, reference = len(networks._packed), weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None
    assert len(networks._packed) < known


def test_steps_of_a_fused_optimiser_are_noticed():
    model = NetRecipe().build(torch.float32)
    before = packed(model, "one", lambda network: network).embedding.clone()
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    torch.optim.AdamW(model.parameters(), lr=0.1, fused=True).step()
    after = packed(model, "one", lambda network: network).embedding
    assert not torch.equal(before, after)
    assert torch.equal(after, model.embedding.weight)
