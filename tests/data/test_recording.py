"""A recording is a whole file at any moment, the same that is written at once."""

import numpy as np
import pytest
import soundfile
import torch

from autoreg.data import recording
from autoreg.data.recording import Recording, pcm16


@pytest.fixture
def wave():
    noise = torch.rand(1000, generator=torch.Generator().manual_seed(0)) * 2 - 1
    noise[:4] = torch.tensor([1.0, -1.0, 0.0, 1.5])
    return noise


def test_the_file_is_that_of_the_same_samples_at_once(tmp_path, wave):
    grown = Recording(tmp_path / "grown.wav", 8000)
    for piece in wave.split(300):
        grown.append(piece)
    soundfile.write(tmp_path / "once.wav", wave.numpy(), 8000)
    assert (tmp_path / "grown.wav").read_bytes() == (tmp_path / "once.wav").read_bytes()
    assert grown.samples == 1000


def test_the_file_is_whole_after_every_piece(tmp_path, wave):
    path = tmp_path / "grown.wav"
    grown = Recording(path, 8000)
    assert soundfile.info(path).frames == 0
    for stop in (1, 400, 1000):
        grown.append(wave[grown.samples : stop])
        samples, rate = soundfile.read(path, dtype="int16")
        assert (rate, len(samples)) == (8000, stop)
        assert samples.astype("<i2").tobytes() == pcm16(wave[:stop])


def test_half_a_piece_after_the_end_spoils_nothing(tmp_path, wave):
    path = tmp_path / "grown.wav"
    Recording(path, 8000).append(wave)
    with path.open("ab") as file:  # as if killed between the samples and their header
        file.write(b"\x01\x02" * 50)
    assert len(soundfile.read(path)[0]) == 1000


def test_what_was_there_is_replaced(tmp_path, wave):
    path = tmp_path / "grown.wav"
    soundfile.write(path, np.zeros(5000), 16000)
    Recording(path, 8000).append(wave)
    assert (soundfile.info(path).frames, soundfile.info(path).samplerate) == (1000, 8000)


def test_what_cannot_be_recorded_is_refused(tmp_path, wave, monkeypatch):
    with pytest.raises(ValueError, match=r"a sound that grows needs a name ending in \.wav"):
        Recording(tmp_path / "grown.flac", 8000)
    with pytest.raises(ValueError, match="needs a folder that exists"):
        Recording(tmp_path / "no" / "grown.wav", 8000)
    with pytest.raises(
        ValueError, match=r"a wav holds at most 2147483616 samples .*; got 30000000"
    ):
        Recording(tmp_path / "grown.wav", 8000, 3 * 10**9)
    monkeypatch.setattr(recording, "_MOST", 1500)
    grown = Recording(tmp_path / "grown.wav", 8000)
    grown.append(wave)
    with pytest.raises(ValueError, match="a wav holds at most 1500 samples"):
        grown.append(wave)
    assert soundfile.info(tmp_path / "grown.wav").frames == 1000
