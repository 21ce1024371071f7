import json

import pytest
import torch

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
    with pytest.raises(ValueError, match="among picture, plain, series, sound; got 'smell'"):
        signal_from_config({"kind": "smell"})


def some_symbols(signal, count):
    length = signal.length or 6
    return torch.randint(
        signal.num_symbols, (count, length), generator=torch.Generator().manual_seed(1)
    )
