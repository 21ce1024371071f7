"""A growing file is numpy's own, and appears when it is whole."""

import numpy as np
import pytest
import torch

from autoreg.factorfile import FactorFile


@pytest.mark.parametrize("sizes", [[], [0], [1], [3, 0, 4], [1] * 120, [999, 10_000]])
def test_pieces_end_to_end_are_what_numpy_reads(tmp_path, sizes):
    values = torch.linspace(-1, 1, sum(sizes), dtype=torch.float64)
    with FactorFile(tmp_path / "factors.npy") as file:
        for piece in values.split(sizes):
            file.append(piece)
    found = np.load(tmp_path / "factors.npy", allow_pickle=False)
    assert found.dtype == np.float64
    assert np.array_equal(found, values.numpy())
    assert list(tmp_path.iterdir()) == [tmp_path / "factors.npy"]


def test_the_file_can_be_mapped_into_memory(tmp_path):
    with FactorFile(tmp_path / "factors.npy") as file:
        file.append(torch.arange(5.0))
    mapped = np.load(tmp_path / "factors.npy", mmap_mode="r")
    assert mapped[3] == 3


def test_float32_values_are_widened(tmp_path):
    with FactorFile(tmp_path / "factors.npy") as file:
        file.append(torch.tensor([0.1]))
    assert np.load(tmp_path / "factors.npy")[0] == np.float64(np.float32(0.1))


def test_the_file_appears_when_all_is_written(tmp_path):
    path = tmp_path / "factors.npy"
    with FactorFile(str(path)) as file:
        file.append(torch.zeros(3))
        assert not path.exists()
    assert path.exists()


def test_an_error_leaves_what_was_there_before(tmp_path):
    path = tmp_path / "factors.npy"
    np.save(path, np.ones(2))
    with pytest.raises(TypeError, match="no tensor"), FactorFile(path) as file:
        append_and_fail(file)
    assert np.load(path).tolist() == [1, 1]
    assert list(tmp_path.iterdir()) == [path]


def append_and_fail(file):
    file.append(torch.zeros(3))
    raise TypeError("no tensor")


def test_another_ending_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"factors\.csv: .* needs? a name that ends in \.npy"):
        FactorFile(tmp_path / "factors.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"), FactorFile(tmp_path / "nowhere/f.npy"):
        pass
