import numpy as np
import pytest
import torch

from autoreg.data.plain import Plain


def test_symbols_stay_what_they_are_in_the_smallest_type():
    assert Plain(4).encode(np.array([3, 0])).tolist() == [3, 0]
    assert Plain(4).encode(torch.tensor([3])).dtype == torch.uint8
    assert Plain(300).encode(torch.tensor([299])).dtype == torch.int32


def test_a_symbol_out_of_range_is_refused_with_the_name_of_its_file(tmp_path):
    (tmp_path / "x.txt").write_text("0 1 4\n")
    with pytest.raises(ValueError, match=r"x.txt: symbols need values within 0\.\.3; got 0\.\.4"):
        Plain(4).read(tmp_path / "x.txt")


def test_one_symbol_is_no_alphabet():
    with pytest.raises(ValueError, match="num_symbols needs to be 2 or more; got 1"):
        Plain(1)


def test_real_numbers_are_refused():
    with pytest.raises(TypeError, match="need an integer type"):
        Plain(4).encode(torch.zeros(3))


def test_a_range_is_of_the_symbols_themselves():
    assert Plain(4).between(0.5, 2) == (1, 2)
    assert Plain(4).between(1.2, 1.8) == (2, 1)
