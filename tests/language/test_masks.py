"""A mask is read from what a person draws."""

import numpy as np
import pytest
from PIL import Image

from autoreg.language.masks import read_mask

MASK = np.array([[True, False, True], [False, False, True]])


def test_white_is_true(tmp_path):
    grey = np.where(MASK, 128, 127).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "mask.png")
    assert np.array_equal(read_mask(tmp_path / "mask.png"), MASK)


@pytest.mark.parametrize("dtype", [bool, int, float])
def test_an_array_is_true_where_it_is_one(tmp_path, dtype):
    np.save(tmp_path / "mask.npy", MASK.astype(dtype))
    found = read_mask(str(tmp_path / "mask.npy"))
    assert found.dtype == bool
    assert np.array_equal(found, MASK)


def test_what_is_no_mask_is_refused(tmp_path):
    np.save(tmp_path / "grey.npy", np.array([0, 2]))
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "text.npy").write_text("no array")
    (tmp_path / "photo.jpg").write_text("")
    for name, error, message in (
        ("none.png", FileNotFoundError, "none.png: no such file"),
        ("grey.npy", ValueError, "grey.npy: a mask needs booleans, or zeros and ones"),
        ("text.png", ValueError, "text.png: needs an image that can be read"),
        ("text.npy", ValueError, "text.npy: needs an array"),
        ("photo.jpg", ValueError, "a mask needs a name ending in .npy, .png"),
    ):
        with pytest.raises(error, match=message.replace(".", r"\.")):
            read_mask(tmp_path / name)
