import numpy as np
import pytest
import torch

from autoreg.codecs.linear import Linear
from autoreg.codecs.mulaw import MuLaw
from autoreg.data.region import Seconds
from autoreg.data.series import Series

SERIES = Series(Linear(5, 0.0, 4.0), dt=0.1)


def test_numbers_are_read_at_the_nearest_level(tmp_path):
    (tmp_path / "x.csv").write_text("0\n1.2\n3.9\n99\n")
    assert SERIES.read(tmp_path / "x.csv").tolist() == [0, 1, 4, 4]


def test_draws_are_written_a_row_each(tmp_path):
    SERIES.write(tmp_path / "x.csv", torch.tensor([[0, 1], [2, 3]]))
    assert (tmp_path / "x.csv").read_text() == "0,1\n2,3\n"


def test_nan_in_a_file_is_named(tmp_path):
    np.save(tmp_path / "gap.npy", np.array([0.0, np.nan]))
    with pytest.raises(ValueError, match=r"gap.npy: amplitudes need to be finite; got 1 NaN"):
        SERIES.read(tmp_path / "gap.npy")


@pytest.mark.parametrize("dt", [0.0, -1.0, float("nan"), float("inf")])
def test_time_that_stands_still_is_refused(dt):
    with pytest.raises(ValueError, match="dt needs to be above 0; got"):
        Series(Linear(5), dt)


@pytest.mark.parametrize("other", [{"codec": MuLaw().config()}, {"dt": "fast"}])
def test_another_codec_or_no_number_is_refused(other):
    with pytest.raises(ValueError, match="a series needs a codec linear and a number dt; got"):
        Series.from_config(SERIES.config() | other)


def test_a_range_is_of_the_numbers_that_levels_stand_for():
    assert SERIES.between(0.9, 3) == (1, 3)


def test_seconds_are_not_for_numbers():
    with pytest.raises(
        ValueError, match=r"needs a boolean mask .* slice .*; got Seconds\(start=0"
    ):
        SERIES.where(Seconds(0, 1), 20)
