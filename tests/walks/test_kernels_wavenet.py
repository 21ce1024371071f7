"""The kernel is compiled for a Hopper GPU, which need not be there."""

import pytest
import torch

from autoreg.walks.cuda_course import WARPS, Course
from autoreg.walks.cuda_network import pack
from autoreg.walks.kernels_wavenet import walk_streams
from tests.walks.compiler import compiled
from tests.walks.wavenets import MODELS, ask, automaton, network, standing, wavenet


def build(model, streams, *, potentials=False, path=None, chunk=0, **asked):
    rules = automaton(2, 4, model.num_symbols, potentials=potentials)
    state = standing(model, 2 * streams)
    course = Course.begin(
        pack(network(model)), ask(state, rules, path=path, **asked), streams, chunk
    )
    # What runs on the CPU is interpreted, without products of bfloat16.
    constants = {**course.constants(), "WIDE": False}
    kernel = compiled(walk_streams, course.arguments(0, 4), constants, num_warps=WARPS)
    assert "bar.sync" in kernel.asm["ptx"]
    return kernel


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("dtype", "streams"),
    [
        (torch.float32, 1),
        (torch.float32, 16),
        (torch.bfloat16, 1),
        (torch.bfloat16, 16),
        (torch.bfloat16, 64),
    ],
    ids=str,
)
def test_models_of_the_benchmark_compile(name, dtype, streams, monkeypatch, tmp_path):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    build(wavenet(**MODELS[name], dtype=dtype), streams)


@pytest.mark.slow
@pytest.mark.parametrize("streams", [1, 16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_all_that_can_be_asked_compiles_together(dtype, streams, monkeypatch, tmp_path):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    model = wavenet(dtype=dtype, num_features=3, kernel_size=3, input_kernel=3)
    model = model.with_features(torch.randn(2, 9, 3, generator=torch.Generator().manual_seed(0)))
    path = torch.full((2 * streams, 4), -1)
    build(model, streams, potentials=True, path=path, chunk=4, min_ess=2.0, temperature=0.5)


@pytest.mark.slow
def test_a_network_without_memory_compiles(monkeypatch, tmp_path):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    build(wavenet(dtype=torch.float32, kernel_size=1, input_kernel=1), 16, chunk=4, min_ess=2.0)
