"""Trimming leaves out silence at the ends, and nothing else."""

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.data.trim import Span, active_span, trimmed
from autoreg.data.waves import read_blocks

samples = st.lists(st.sampled_from([0.0, 0.0, 1e-3, -0.02, 0.3, -0.9]), min_size=1, max_size=12)


def span_of(values, below=40.0, block=3):
    wave = torch.tensor(values, dtype=torch.float64)
    return active_span(lambda: wave.split(block), below=below)


@given(samples, st.sampled_from([3.0, 20.0, 40.0, 80.0]), st.integers(1, 13))
def test_what_is_kept_is_all_that_is_active_and_begins_and_ends_so(values, below, block):
    span = span_of(values, below, block)
    active = np.abs(values) >= np.abs(values).max() * 10 ** (-below / 20)
    if not np.any(values):
        assert span == Span(0, len(values), len(values))
        return
    assert span == Span(
        int(active.argmax()), len(values) - int(active[::-1].argmax()), len(values)
    )
    assert span.removed == len(values) - (span.stop - span.start)


@given(samples, st.integers(-20, 20))
def test_quiet_copy_is_trimmed_as_a_loud_one(values, power):
    assert span_of([2.0**power * value for value in values]) == span_of(values)


def test_last_active_sample_is_kept():
    assert span_of([0.0, 1.0, 0.0, 1.0])[:2] == (1, 4)


def test_single_active_sample_is_kept():
    assert span_of([0.0] * 10 + [0.4] + [0.0] * 10)[:2] == (10, 11)


def test_silence_is_kept_whole():
    assert span_of([0.0] * 7) == Span(0, 7, 7)


@pytest.mark.parametrize("below", [0.0, -40.0, float("inf"), float("nan")])
def test_threshold_that_is_none_is_refused(below):
    with pytest.raises(ValueError, match=f"a number of decibels above 0; got {below}"):
        span_of([1.0], below)


def test_a_trimmed_file_is_read_where_it_is_active(tmp_path):
    wave = np.concatenate([np.zeros(30), np.full(40, 0.5), np.zeros(30), np.full(10, 0.25)])
    soundfile.write(tmp_path / "clip.wav", wave, 1000, subtype="FLOAT")

    def kept(**reading):
        within = trimmed(tmp_path / "clip.wav", 1000, trim_db=20, **reading)
        return torch.cat(list(read_blocks(tmp_path / "clip.wav", 1000, **within))).tolist()

    assert kept() == wave[30:].tolist()
    assert kept(start=0.01, stop=0.09) == [0.5] * 40
    assert kept(start=0.05) == wave[50:].tolist()
    assert kept(start=0.08) == [0.25] * 10
    assert trimmed(tmp_path / "clip.wav", 1000, start=0.05) == {"start": 0.05}
