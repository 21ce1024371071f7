import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torchvision.utils import make_grid

from autoreg.codecs.mulaw import MuLaw
from autoreg.codecs.pixels import Grey, Threshold
from autoreg.codecs.scan import KINDS, Scan
from autoreg.data.picture import Picture, open_image, read_grey

GREY = torch.arange(6, dtype=torch.uint8).reshape(2, 3) * 51


@pytest.mark.parametrize("kind", KINDS)
def test_every_consumer_inverts_the_scan(kind, tmp_path):
    picture = Picture(Grey(), Scan(kind, 2, 3))
    symbols = picture.encode(GREY)
    assert symbols.tolist() == [GREY.flatten()[i] for i in picture.scan.order]
    assert torch.equal(picture.decode(symbols), GREY)
    picture.write(tmp_path / "one.png", symbols)
    assert torch.equal(read_grey(tmp_path / "one.png"), GREY)
    assert torch.equal(picture.read(tmp_path / "one.png"), symbols)


@pytest.mark.parametrize("kind", KINDS)
def test_a_grid_shows_each_image_upright_and_enlarged(kind, tmp_path):
    picture = Picture(Grey(), Scan(kind, 2, 3))
    images = torch.stack([GREY, GREY.flip(0), GREY.flip(1)])
    picture.write(tmp_path / "grid.png", picture.encode(images))
    grid = read_grey(tmp_path / "grid.png")
    zoom = 1000 // (2 * 3)
    for image, top, left in zip(images, (0, 0, 1), (0, 1, 0), strict=True):
        row, column = 2 + top * (2 * zoom + 2), 2 + left * (3 * zoom + 2)
        tile = grid[row : row + 2 * zoom, column : column + 3 * zoom]
        assert torch.equal(tile[zoom // 2 :: zoom, zoom // 2 :: zoom], image)


@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_a_grid_is_that_of_torchvision(count, tmp_path):
    images = torch.randint(256, (count, 2, 3), generator=torch.Generator().manual_seed(count))
    picture = Picture(Grey(), Scan("raster", 2, 3))
    picture.write(tmp_path / "grid.png", picture.encode(images.byte()))
    columns = math.ceil(math.sqrt(count))
    zoom = 1000 // (columns * 3)
    enlarged = images.repeat_interleave(zoom, 1).repeat_interleave(zoom, 2)[:, None]
    wanted = make_grid(enlarged.byte(), nrow=columns, padding=2, pad_value=127)[0]
    assert torch.equal(read_grey(tmp_path / "grid.png"), wanted)


def test_few_grey_levels_reach_from_black_to_white_on_disk(tmp_path):
    picture = Picture(Grey(17, 16), Scan("raster", 1, 3))
    symbols = torch.tensor([0, 8, 16])
    picture.write(tmp_path / "x.png", symbols)
    assert read_grey(tmp_path / "x.png").tolist() == [[0, 128, 255]]
    assert picture.read(tmp_path / "x.png").tolist() == [0, 8, 16]


def test_colours_are_read_as_grey(tmp_path):
    Image.fromarray(np.full((1, 2, 3), 255, np.uint8)).save(tmp_path / "x.png")
    assert Picture(Threshold(), Scan("raster", 1, 2)).read(tmp_path / "x.png").tolist() == [1, 1]


def test_a_file_of_another_size_is_named_with_both_sizes(tmp_path):
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "odd.png")
    message = "odd.png: the image needs 2 rows of 3 pixels; got 4 rows of 5"
    with pytest.raises(ValueError, match=message):
        Picture(Grey(), Scan("raster", 2, 3)).read(tmp_path / "odd.png")


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_image_is_named(content, tmp_path):
    (tmp_path / "text.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"text.png: needs an image that can be read"):
        read_grey(tmp_path / "text.png")


def test_a_truncated_image_is_named(tmp_path):
    noise = torch.randint(256, (64, 64), generator=torch.Generator().manual_seed(0))
    Image.fromarray(noise.numpy().astype(np.uint8)).save(tmp_path / "half.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "half.png").read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"half.png: needs an image that can be read"):
        read_grey(tmp_path / "half.png")


def test_sixteen_bits_are_refused_not_clipped(tmp_path):
    Image.fromarray(np.full((2, 2), 40_000, np.uint16)).save(tmp_path / "deep.png")
    with (
        pytest.raises(ValueError, match=r"deep.png: needs eight bits a channel; got mode I;16"),
        open_image(tmp_path / "deep.png"),
    ):
        pass


def test_a_grid_of_no_images_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"none.png: a grid needs an image or more"):
        Picture(Grey(), Scan("raster", 2, 3)).write(
            tmp_path / "none.png", torch.zeros(0, 6).long()
        )


def test_a_codec_of_sound_makes_no_picture():
    config = Picture(Grey(), Scan("raster", 2, 3)).config() | {"codec": MuLaw().config()}
    with pytest.raises(
        ValueError, match=r"a picture needs a codec threshold or grey; got .*mulaw"
    ):
        Picture.from_config(config)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_rows_and_columns_cover_their_pixels_in_any_scan(kind, data):
    picture = Picture(Grey(), Scan(kind, 2, 3))
    rows, columns = (
        data.draw(
            st.integers(-size, size - 1)
            | st.builds(
                slice, *[st.none() | st.integers(-size, size)] * 2, st.sampled_from([1, 2])
            )
        )
        for size in (2, 3)
    )
    image = np.zeros((2, 3), dtype=bool)
    image[rows, columns] = True
    covered = picture.scan.roll(picture.where((rows, columns), 6))
    assert torch.equal(covered, torch.from_numpy(image))


@pytest.mark.parametrize("region", [(2, 0), (0, 3), (0, slice(0, 4)), (-3, 0), (0, 1.0), (0,)])
def test_pixels_beyond_the_picture_are_refused(region):
    with pytest.raises(
        ValueError,
        match=r"mask of shape \(2, 3\), \(rows, columns\) within -2..2 and -3..3, .*; got \(",
    ):
        Picture(Grey(), Scan("raster", 2, 3)).where(region, 6)


def test_a_mask_along_the_scan_is_no_mask_of_a_picture():
    with pytest.raises(
        ValueError, match=r"mask of shape \(2, 3\).*; got torch.bool of shape \(6,"
    ):
        Picture(Grey(), Scan("raster", 2, 3)).where(torch.ones(6, dtype=torch.bool), 6)


def test_a_region_of_half_a_picture_is_refused():
    with pytest.raises(ValueError, match="a region of these pictures needs 6 pixels; got 3"):
        Picture(Grey(), Scan("raster", 2, 3)).where(0, 3)


def test_a_range_of_grey_values_is_in_the_units_of_the_picture():
    assert Picture(Grey(17, 16), Scan("raster", 2, 3)).between(8, 16) == (8, 16)
    assert Picture(Grey(5), Scan("raster", 2, 3)).between(0, 128) == (0, 2)
    assert Picture(Threshold(), Scan("raster", 2, 3)).between(200, 255) == (1, 1)
