"""Products are compiled for a Hopper GPU; whole walks hold their values to the reference."""

# ruff: noqa: N803

import pytest
import torch
import triton
import triton.language as tl

from autoreg.walks.kernels_products import dense
from tests.walks.compiler import compiled


@triton.jit
def dense_once(
    source,
    weight,
    bias,
    target,
    count,
    N: tl.constexpr,
    IN: tl.constexpr,
    OUT: tl.constexpr,
    INNER: tl.constexpr,
    OUTER: tl.constexpr,
    STAGES: tl.constexpr,
    DOT: tl.constexpr,
):
    """Write relu(source @ weight + bias) for N rows."""
    n = tl.arange(0, N)
    dense(
        source,
        n * IN,
        weight,
        bias,
        target,
        n * OUT,
        n < count,
        IN=IN,
        OUT=OUT,
        LIMIT=OUT,
        RELU=True,
        INNER=INNER,
        OUTER=OUTER,
        STAGES=STAGES,
        DOT=DOT,
        WIDE=False,
    )


def build(dtype, streams, stages):
    tensor = torch.zeros(1, dtype=dtype)
    constants = {
        "N": streams,
        "IN": 128,
        "OUT": 256,
        "INNER": 64,
        "OUTER": 64,
        "STAGES": stages,
        "DOT": streams > 1,
    }
    return compiled(dense_once, [tensor, tensor, tensor.float(), tensor, 1], constants)


@pytest.mark.slow
@pytest.mark.parametrize("streams", [16, 64])
def test_half_precision_goes_to_the_matrix_units(streams, monkeypatch, tmp_path):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    ptx = build(torch.bfloat16, streams, 3).asm["ptx"]
    assert "mma" in ptx
    assert "cp.async" in ptx, "weights are under way while others are multiplied"


@pytest.mark.slow
@pytest.mark.parametrize("streams", [1, 16])
def test_single_precision_is_never_shortened(streams, monkeypatch, tmp_path):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    assert "tf32" not in build(torch.float32, streams, 1).asm["ptx"]
