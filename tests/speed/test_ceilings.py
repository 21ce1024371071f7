import numpy as np
import pytest
import torch

from autoreg.speed import ceilings
from autoreg.speed.subjects import multiplications


def test_each_counts_what_it_does(brief):
    assert ceilings.gemm(torch.float32).size == 2 * 16**3
    assert ceilings.streaming(4096, count=2).size == 4096
    assert ceilings.copying(device="cpu", size=400).size == 800


def test_the_products_of_a_step_are_all_its_multiplications(tiny):
    shapes = ceilings.shapes_of(tiny, 3)
    assert sum(m * k * n for m, k, n in shapes) == 3 * multiplications(tiny)
    assert ceilings.products(shapes, torch.float32).size == 6 * multiplications(tiny)


@pytest.mark.parametrize("count", [1, 2])
def test_what_the_machine_reaches_is_measured(tiny, brief, monkeypatch, count):
    monkeypatch.setattr(ceilings, "SHORT", brief)
    found = ceilings.ceilings({"tiny": tiny}, count=count)
    assert set(found) >= {
        "gemm, float32",
        "gemm, bfloat16, tiny x 256",
        "reading, bfloat16, tiny",
        "copying",
    }
    assert all(rate.median > 0 for rate in found.values())


@pytest.mark.slow
def test_the_compiled_reader_reads_all_of_an_array_every_time():
    """A pass that were left out would leave another number behind."""
    array = np.ones(1000, dtype=np.float32)
    ceilings._reader()(array, 1)
    assert array[0] == pytest.approx(1000e-9)
    ceilings._reader()(array, 5)
    assert array[0] == pytest.approx(999e-9, rel=1e-3)
