import json

import pytest
import torch

from autoreg.codecs.mulaw import MuLaw
from autoreg.codecs.pixels import Grey, Threshold
from autoreg.codecs.scan import KINDS, Scan
from autoreg.data.pictures import Pictures
from autoreg.data.signal import Signal, signal_from_config

RASTER, COLUMN = Scan("raster", 2, 3), Scan("column", 2, 3)


def pictures(*scans, codec=None):
    return Pictures(codec or Grey(5), scans or (RASTER, COLUMN))


def test_pictures_in_several_orders_are_rebuilt_from_their_config_as_json():
    signal = pictures(*(Scan(kind, 2, 3) for kind in KINDS))
    assert isinstance(signal, Signal)
    assert signal_from_config(json.loads(json.dumps(signal.config()))) == signal
    assert (signal.kinds, signal.length, signal.num_symbols) == (KINDS, 6, 5)


def test_one_scan_reads_as_a_picture_of_it_alone():
    image = torch.arange(6).reshape(2, 3) * 40
    for scan in (RASTER, COLUMN):
        one = pictures().of(scan.kind)
        assert one.scan == scan
        assert torch.equal(one.encode(image), scan.unroll(Grey(5).encode(image)))
        assert torch.equal(
            one.decode(one.encode(image)), one.codec.decode(one.codec.encode(image))
        )
    with pytest.raises(ValueError, match="scan needs a kind among raster, column; got 'upward'"):
        pictures().of("upward")


@pytest.mark.parametrize(
    "use",
    [
        lambda signal: signal.encode(torch.zeros(2, 3)),
        lambda signal: signal.decode(torch.zeros(6)),
        lambda signal: signal.read("x.png"),
        lambda signal: signal.write("x.png", torch.zeros(6)),
        lambda signal: signal.where((0, 0), 6),
    ],
)
def test_whatever_needs_one_order_is_refused_with_the_way_to_fix_one(use):
    with pytest.raises(ValueError, match=r"component\('raster'\) of the .* --given scan=raster"):
        use(pictures())


def test_grey_levels_do_not_depend_on_the_order():
    assert pictures().between(0, 128) == pictures().of("column").between(0, 128)


@pytest.mark.parametrize(
    "scans", [(), (RASTER,), (RASTER, RASTER), (RASTER, Scan("column", 3, 2))], ids=str
)
def test_scans_that_are_no_several_orders_are_refused(scans):
    with pytest.raises(ValueError, match=r"two or more, of kinds that are all different .*; got"):
        Pictures(Threshold(), scans)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"codec": MuLaw().config()}, "codec threshold or grey and a list of scans; got .*mulaw"),
        ({"scans": {}}, r"a list of scans; got .* and \{\}"),
        ({"scans": [{"kind": "peano"}]}, "scan needs a kind among"),
        ({"scan": RASTER.config()}, "needs the keys codec, kind, scans; got codec, kind, scan"),
    ],
)
def test_other_configs_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        signal_from_config(pictures().config() | change)
