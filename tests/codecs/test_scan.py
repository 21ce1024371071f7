import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.codecs.scan import KINDS, Scan, scan_from_config

scans = st.builds(Scan, st.sampled_from(KINDS), st.integers(1, 6), st.integers(1, 6))


@given(scans)
def test_a_scan_visits_every_pixel_once(scan):
    assert scan.order.sort().values.tolist() == list(range(scan.height * scan.width))


@given(scans)
def test_rolling_undoes_unrolling_and_back(scan):
    images = torch.arange(2 * 3 * scan.length).reshape(2, 3, scan.height, scan.width)
    assert torch.equal(scan.roll(scan.unroll(images)), images)
    symbols = images.flatten(-2)
    assert torch.equal(scan.unroll(scan.roll(symbols)), symbols)


@given(scans)
def test_unrolling_puts_each_pixel_at_its_position(scan):
    image = torch.arange(scan.length).reshape(scan.height, scan.width)
    sequence = scan.unroll(image)
    for position, (row, column) in enumerate(scan.coordinates().tolist()):
        assert sequence[position] == image[row, column]
        assert scan.position_of(row, column) == position


@given(scans)
def test_features_name_the_row_and_the_column_of_each_position(scan):
    rows, columns = scan.features().split([scan.height, scan.width], dim=1)
    assert torch.equal(torch.stack([rows.argmax(1), columns.argmax(1)], 1), scan.coordinates())
    assert torch.equal(scan.features().sum(1), torch.full((scan.length,), 2.0))


@given(scans)
def test_a_scan_is_rebuilt_from_its_config_as_json(scan):
    assert scan_from_config(json.loads(json.dumps(scan.config()))) == scan


@pytest.mark.parametrize(
    ("kind", "order"),
    [
        ("raster", [0, 1, 2, 3, 4, 5]),
        ("serpentine", [0, 1, 2, 5, 4, 3]),
        ("column", [0, 3, 1, 4, 2, 5]),
        ("reversed", [5, 4, 3, 2, 1, 0]),
        ("mirrored", [2, 1, 0, 5, 4, 3]),
        ("upward", [3, 4, 5, 0, 1, 2]),
        ("column-mirrored", [3, 0, 4, 1, 5, 2]),
        ("column-upward", [2, 5, 1, 4, 0, 3]),
        ("column-reversed", [5, 2, 4, 1, 3, 0]),
    ],
)
def test_orders_of_two_rows_of_three(kind, order):
    assert Scan(kind, 2, 3).order.tolist() == order


@pytest.mark.parametrize("scan", [Scan("serpentine", 3, 2), Scan("serpentine", 4, 5)], ids=str)
def test_neighbours_on_a_serpentine_are_neighbours_in_the_image(scan):
    assert (scan.coordinates().diff(dim=0).abs().sum(1) == 1).all()


def test_images_and_sequences_of_another_size_are_refused():
    scan = Scan("raster", 2, 3)
    with pytest.raises(ValueError, match=r"shape \(\.\.\., 2, 3\); got \(3, 2\)"):
        scan.unroll(torch.zeros(3, 2))
    with pytest.raises(ValueError, match=r"shape \(\.\.\., 6\); got \(4, 5\)"):
        scan.roll(torch.zeros(4, 5))


def test_a_pixel_outside_is_refused():
    with pytest.raises(
        ValueError, match=r"row within 0..1 and a column within 0..2; got \(2, 0\)"
    ):
        Scan("raster", 2, 3).position_of(2, 0)


def test_unknown_scans_are_refused():
    with pytest.raises(ValueError, match=r"raster, serpentine, column, reversed, .*; got 'peano'"):
        Scan("peano", 2, 2)
    with pytest.raises(ValueError, match="a pixel or more; got 0x3"):
        Scan("raster", 0, 3)
    with pytest.raises(ValueError, match=r"scan needs a kind among raster.*; got 'peano'"):
        scan_from_config({"kind": "peano", "height": 2, "width": 2})
