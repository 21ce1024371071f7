"""A factor file appears whole or not at all."""

import numpy as np
import pytest
import torch

from autoreg.factorfile import FactorFile


@pytest.mark.parametrize("pieces", [[], [0], [3], [1, 0, 5, 200]])
def test_pieces_of_any_length_come_back_as_one_array(tmp_path, pieces):
    generator = torch.Generator().manual_seed(0)
    values = [torch.rand(n, dtype=torch.float64, generator=generator) for n in pieces]
    with FactorFile(tmp_path / "f.npy") as file:
        for piece in values:
            file.append(piece)
    found = np.load(tmp_path / "f.npy", mmap_mode="r")
    assert found.dtype == np.float64
    assert np.array_equal(found, torch.cat([torch.zeros(0), *values]).double().numpy())


def test_an_error_leaves_what_was_there_and_nothing_half_written(tmp_path):
    path = tmp_path / "f.npy"
    np.save(path, np.ones(2))

    def write() -> None:
        with FactorFile(path) as file:
            file.append(torch.zeros(3, dtype=torch.float64))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        write()
    assert [found.name for found in tmp_path.iterdir()] == ["f.npy"]
    assert np.load(path).tolist() == [1, 1]


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"f\.csv: per-symbol values need a name .* \.npy"):
        FactorFile(tmp_path / "f.csv")
