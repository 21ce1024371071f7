"""Rings are compiled for a Hopper GPU; whole walks hold their values to the reference."""

import pytest
import torch

from autoreg.walks.kernels_rings import take_back
from tests.walks.compiler import compiled


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_taking_back_compiles_for_any_ring(dtype, monkeypatch, tmp_path):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    rings, whole = torch.zeros(1, dtype=dtype), torch.zeros(1, dtype=torch.int64)
    arguments = [rings, rings, whole, whole.int(), whole, 5, 0, 3, 16]
    compiled(take_back, arguments, {"R": 20, "RP": 32, "N": 16})
