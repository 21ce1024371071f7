import numpy as np
import pytest
import torch

from autoreg import plots
from autoreg.codecs.scan import Scan

IMAGE = torch.arange(6).reshape(2, 3)


@pytest.mark.parametrize("kind", ["raster", "serpentine", "column", "reversed"])
def test_map_puts_each_number_where_its_pixel_is(kind):
    scan = Scan(kind, 2, 3)
    nats = scan.unroll(IMAGE).double() / 10  # of each pixel a tenth of its value
    _, right, _ = plots.surprise_map(IMAGE, nats, scan.order, title="Where?").axes
    assert np.allclose(right.images[0].get_array(), IMAGE / 10)
    assert right.get_title(loc="left") == "nats a pixel, 1.5 in all"


def test_curve_is_the_mean_over_a_centred_window():
    nats = torch.tensor([0.0, 0.0, 6.0, 0.0, 0.0, 3.0])
    figure = plots.surprise_curve(nats, nats, rate=10.0, window=0.3, title="When?")
    above, below = figure.axes
    assert above.lines[0].get_ydata().tolist() == nats.tolist()
    raw, smooth, mean = below.lines
    assert raw.get_ydata().tolist() == nats.tolist()
    assert np.allclose(smooth.get_ydata(), [0, 2, 2, 2, 1, 1.5])
    assert np.allclose(smooth.get_xdata(), np.arange(6) / 10)
    assert np.allclose(mean.get_ydata(), 1.5)


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (
            lambda: plots.surprise_map(IMAGE, torch.ones(5), torch.arange(5), title=""),
            r"its H W pixels; got \(2, 3\), \(5,\) and \(5,\)",
        ),
        (
            lambda: plots.surprise_curve(torch.ones(5), torch.ones(4), rate=1, title=""),
            r"for each of T samples; got \(4,\) for \(5,\)",
        ),
        (
            lambda: plots.surprise_curve(torch.ones(5), torch.ones(5), rate=0, title=""),
            "rate and window need to be positive; got 0 and 0.01",
        ),
    ],
)
def test_numbers_that_do_not_fit_are_refused(draw, told):
    with pytest.raises(ValueError, match=told):
        draw()
