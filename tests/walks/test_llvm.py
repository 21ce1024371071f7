"""What vectors of numbers are on this machine."""

import numpy as np
import pytest
from llvmlite import ir
from numba import types

from autoreg.walks import llvm


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_vectors_fill_a_register(kind):
    size = np.dtype(kind).itemsize
    assert llvm.WIDTH in (16, 32, 64)
    assert llvm.lanes(size) * size == llvm.WIDTH


@pytest.mark.parametrize(
    ("like", "size", "halves"),
    [(types.float32, 4, False), (types.float64, 8, False), (types.int16, 4, True)],
    ids=str,
)
def test_16_bit_weights_stand_under_float32(like, size, halves):
    kind = llvm.Kind(ir.IRBuilder(), like)
    assert (kind.bytes, kind.lanes, kind.halves) == (size, llvm.WIDTH // size, halves)
    assert kind.vector.count == kind.lanes
    assert str(kind.constant(1.5)).count("0x3ff8") == kind.lanes


def test_whole_numbers_are_of_64_bits():
    assert str(llvm.integer(-3)) == "i64 -3"
