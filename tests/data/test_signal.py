import json
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.codecs.linear import Linear
from autoreg.codecs.mulaw import MuLaw
from autoreg.codecs.pixels import Grey, Threshold
from autoreg.codecs.scan import Scan
from autoreg.data.picture import Picture
from autoreg.data.plain import Plain
from autoreg.data.series import Series
from autoreg.data.signal import Signal, signal_from_config
from autoreg.data.sound import Sound

FILES = {
    Picture(Threshold(), Scan("serpentine", 2, 3)): "x.png",
    Picture(Grey(17, 16), Scan("column", 3, 2)): "x.png",
    Series(Linear(6, -2.0, 1.0), 0.5): "x.npy",
    Plain(300): "x.txt",
    Sound(8000, MuLaw()): "x.wav",
}

each_signal = pytest.mark.parametrize("signal", FILES, ids=lambda signal: signal.kind)


@each_signal
def test_a_signal_is_rebuilt_from_its_config_as_json(signal):
    assert isinstance(signal, Signal)
    assert signal_from_config(json.loads(json.dumps(signal.config()))) == signal


@each_signal
def test_encoding_undoes_decoding(signal):
    symbols = some_symbols(signal, 4)
    assert torch.equal(signal.encode(signal.decode(symbols)).long(), symbols)
    assert torch.equal(signal.encode(signal.decode(symbols).numpy()).long(), symbols)


@each_signal
def test_reading_undoes_writing(signal, tmp_path):
    (symbols,) = some_symbols(signal, 1)
    signal.write(tmp_path / FILES[signal], symbols)
    assert torch.equal(signal.read(tmp_path / FILES[signal]).long(), symbols)


@each_signal
def test_a_missing_file_is_named(signal, tmp_path):
    with pytest.raises(FileNotFoundError, match=FILES[signal]):
        signal.read(tmp_path / FILES[signal])


def test_an_unknown_kind_is_refused():
    with pytest.raises(
        ValueError, match="among picture, pictures, plain, series, sound; got 'smell'"
    ):
        signal_from_config({"kind": "smell"})


def some_symbols(signal, count):
    length = signal.length or 6
    return torch.randint(
        signal.num_symbols, (count, length), generator=torch.Generator().manual_seed(1)
    )


@each_signal
@given(data=st.data())
def test_a_region_covers_what_its_kind_says_along_the_scan(signal, data):
    length = signal.length or 6
    at = data.draw(st.integers(-length, length - 1))
    ends = data.draw(st.tuples(*[st.none() | st.integers(-length, length)] * 2))
    step = data.draw(st.sampled_from([None, 1, 2, -1, -3]))
    mask = torch.tensor(data.draw(st.lists(st.booleans(), min_size=length, max_size=length)))
    own = signal.scan.roll(mask) if isinstance(signal, Picture) else mask
    wanted = torch.zeros(length, dtype=torch.bool)
    pieces = slice(*ends, step)
    for region, covered in (
        (at, [at]),
        (np.int64(at), [at]),
        (pieces, list(range(length)[pieces])),
        (own, mask),
        (own.numpy(), mask),
    ):
        alone = torch.zeros(length, dtype=torch.bool)
        alone[covered] = True
        assert torch.equal(signal.where(region, length), alone)
        assert torch.equal(signal.where([region], length), alone)
        wanted |= alone
    assert torch.equal(signal.where([at, [pieces, own]], length), wanted)
    assert not signal.where([], length).any()


@each_signal
@pytest.mark.parametrize(
    "region",
    [
        6,
        -7,
        slice(0, 7),
        slice(-7, None),
        slice(0, 4, 0),
        slice(0.5, 2),
        2.0,
        True,
        None,
        "all",
        (0, 1, 2),
        (9, 0),
        torch.ones(5, dtype=torch.bool),
        torch.ones(6),
        np.arange(6),
        [0, "all"],
    ],
    ids=repr,
)
def test_a_region_of_another_kind_or_beyond_the_signal_is_refused(signal, region):
    got = re.escape("'all'" if isinstance(region, list) else describe(region))
    with pytest.raises(
        ValueError,
        match=rf"a region needs a boolean mask of shape .*, or a list of these; got {got}$",
    ):
        signal.where(region, 6)


@each_signal
def test_a_range_of_values_covers_the_values_of_its_symbols(signal):
    symbols = some_symbols(signal, 1)[0]
    low, high = symbols.min(), symbols.max()
    (least, *_), (greatest, *_) = (
        signal.decode(torch.full_like(symbols, int(end))).flatten().tolist() for end in (low, high)
    )
    assert signal.between(least, greatest) == (int(low), int(high))


def describe(region):
    if isinstance(region, torch.Tensor | np.ndarray):
        return f"{region.dtype} of shape {tuple(region.shape)}"
    return repr(region)
