"""Packed weights compute what the model computes."""

import pytest
import torch
from torch.nn import functional

from autoreg.walks.cuda_network import pack
from tests.walks.wavenets import network, seeded, wavenet


def logits(packed, symbols, condition, features):
    """Return the logits after symbols that start a sequence, by the packed weights alone."""
    taps, k0 = packed.kernel_size, packed.input_kernel
    start = torch.tensor([packed.num_symbols])
    stream = packed.embedding[torch.cat([start, symbols])]
    length = len(stream)

    def before(inputs, distance):
        return functional.pad(inputs, (0, 0, distance, 0))[:length]

    stream = packed.input_bias + sum(
        before(stream, k0 - 1 - tap) @ packed.input_weight[tap] for tap in range(k0)
    )
    units = []
    for layer, dilation in enumerate(packed.dilations.tolist()):
        halves = []
        for half in range(2):
            total = packed.biases[condition, layer, half]
            for tap in range(taps):
                seen = before(stream, (taps - 1 - tap) * dilation)
                total = total + seen @ packed.filters[layer, tap, half]
            halves.append(total + features @ packed.drift_weight[layer, half])
        units.append(halves[0].tanh() * halves[1].sigmoid())
        stream = stream + units[-1] @ packed.residual[layer] + packed.residual_bias[layer]
    joined = torch.cat(units, 1)
    joined = functional.pad(joined, (0, len(packed.skip) - joined.shape[1]))
    hidden = (joined @ packed.skip + packed.skip_bias).relu()
    hidden = (hidden @ packed.hidden + packed.hidden_bias).relu()
    return (hidden @ packed.output + packed.output_bias)[:, : packed.num_symbols]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kernel_size": 3, "input_kernel": 3},
        {"dilations": [2]},
        {"residual": 40, "gate": 17, "skip": 300, "hidden": 16},
    ],
    ids=str,
)
def test_packed_weights_compute_the_model(changes):
    bank = torch.randn(1, 9, 3, generator=seeded(5), dtype=torch.float64)
    model = wavenet(**changes, num_features=3).with_features(bank)
    symbols = torch.randint(5, (8,), generator=seeded(6))
    packed = pack(network(model))
    found = logits(packed, symbols, 2, packed.drift[0])
    with torch.no_grad():
        expected = model.log_probs(torch.cat([symbols, symbols[:1]])[None], torch.tensor([2]))[0]
    torch.testing.assert_close(found.log_softmax(-1), expected, rtol=0, atol=1e-10)
    assert packed.horizon == 9


def test_whatever_pads_is_zero():
    packed = pack(network(wavenet()))
    assert packed.horizon is None
    for name, tensor in packed._asdict().items():
        if isinstance(tensor, torch.Tensor) and tensor.is_floating_point():
            assert tensor.is_contiguous()
            assert not tensor.requires_grad
            assert name.startswith("drift") or tensor.shape[-1] % 16 == 0
    assert not packed.embedding[:, 6:].any()
    assert not packed.filters[..., 6:, :].any()
    assert not packed.filters[..., 5:].any()
    assert not packed.residual[-1].any()
    assert not packed.biases[..., 5:].any()


@pytest.mark.parametrize(
    ("dtype", "weights", "kind", "sums"),
    [
        (torch.float64, None, torch.float64, torch.float64),
        (torch.float32, None, torch.float32, torch.float32),
        (torch.bfloat16, None, torch.bfloat16, torch.float32),
        (torch.float32, torch.bfloat16, torch.bfloat16, torch.float32),
    ],
)
def test_what_is_multiplied_may_be_short_and_what_is_added_up_is_not(dtype, weights, kind, sums):
    packed = pack(network(wavenet(dtype=dtype)), weights=weights)
    assert packed.filters.dtype == packed.skip.dtype == packed.embedding.dtype == kind
    assert packed.biases.dtype == packed.output_bias.dtype == sums


def test_starts_say_where_each_ring_begins():
    packed = pack(network(wavenet(kernel_size=3, input_kernel=2, dilations=[1, 4])))
    assert packed.reaches.tolist() == [1, 2, 8]
    assert packed.starts.tolist() == [0, 1, 3]
