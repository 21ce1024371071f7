"""Benchmarks of quality: what is learnt from cepstra, and which figures are asked of a model."""

import argparse
import json

import numpy as np
import pytest
import soundfile
from scipy.stats import multivariate_normal

from tests.benchmarks import mfcc, quality, rows

CARD = {
    "weights": {"sha256": "0" * 64},
    "conditions": {"factors": [["speaker", ["a", "b"]], ["digit", ["0", "1"]]]},
    "signal": {"kind": "sound"},
    "training": {"data": {"kind": "audio"}},
}


def test_gaussian_of_frames_is_that_of_the_textbook():
    generator = np.random.default_rng(0)
    frames = generator.normal(size=(50, 3)) @ generator.normal(size=(3, 3))
    covariance = np.cov(frames.T) + mfcc.RIDGE * np.eye(3)
    expected = multivariate_normal(frames.mean(0), covariance).logpdf(frames[:7]).sum()
    assert mfcc.log_density(mfcc.gaussian(frames), frames[:7]) == pytest.approx(expected)


def test_cepstra_of_a_louder_clip_differ_in_the_first_coefficient_alone():
    wave = np.random.default_rng(1).normal(size=1000)
    quiet, loud = mfcc.cepstra(wave), mfcc.cepstra(10 * wave)
    assert quiet.shape == (1 + (1000 - mfcc.WINDOW) // mfcc.HOP, mfcc.COEFFICIENTS)
    # Each log energy grows by log 100: an even spectrum, whose transform is its first coefficient.
    assert (loud - quiet)[:, 0] == pytest.approx(np.sqrt(mfcc.FILTERS) * np.log(100))
    assert np.abs((loud - quiet)[:, 1:]).max() < 1e-6
    assert len(mfcc.cepstra(wave[:10])) == 1


def test_tone_is_heard_by_the_filter_around_it():
    filters = mfcc.mel_filters()
    assert filters.shape == (mfcc.FILTERS, mfcc.BINS // 2 + 1)
    loudest = filters.argmax(1)
    assert (np.diff(loudest) >= 0).all()
    assert 0 < filters.max() <= 1


def test_takes_that_were_learnt_are_not_judged(tmp_path, capsys):
    generator = np.random.default_rng(2)
    for speaker, colour in (("ann", 0.0), ("bob", 0.9)):
        for take in (0, 5, 6):
            wave = generator.normal(size=4000)
            wave[1:] += colour * wave[:-1]
            soundfile.write(tmp_path / f"3_{speaker}_{take}.wav", wave / 8, mfcc.RATE)
    arguments = argparse.Namespace(data=tmp_path)
    found = rows.Rows(tmp_path / "rows.jsonl")
    mfcc.measure(arguments, found)
    assert len(list(found)) == len(mfcc.LENGTHS) * len(mfcc.GAINS)
    assert {row["n"] for row in found} == {2}
    assert found.where(gain="recorded", seconds_kept=0.0)[0]["right"] == 2
    assert "recorded, first 50 ms | 2" in mfcc.table(found)
    mfcc.measure(arguments, found)
    assert len(list(found)) == len(mfcc.LENGTHS) * len(mfcc.GAINS)
    soundfile.write(tmp_path / "3_ann_0.wav", np.zeros(9), 16000)
    with pytest.raises(ValueError, match="needs one channel of 8000 Hz"):
        mfcc.heard(tmp_path / "3_ann_0.wav", "peak", 0.0)


def test_model_is_asked_all_that_its_card_allows(tmp_path):
    (tmp_path / "fsdd" / "recordings").mkdir(parents=True)
    arguments = argparse.Namespace(data=tmp_path, hidden=3, paths=4, limit=None)
    assert quality.questions(CARD) == ["speaker", "digit", "speaker,digit"]
    assert quality.data_of(CARD, tmp_path) == ["--data", str(tmp_path / "fsdd/recordings")]
    assert quality.data_of(CARD, None) is None
    asked = quality.jobs(CARD, arguments)
    assert list(asked) == ["whole", "50ms", "100ms", "200ms", "random hidden"]
    assert asked["50ms"][:2] == ["--of", "speaker"]
    assert asked["50ms"][-2:] == ["--first", "50ms"]
    fit = quality.calibration("m", CARD, arguments)
    assert fit[:2] == ["calibrate", "m"]
    assert fit[-4:] == ["--first", "50ms", "--first", "100ms"]


def test_what_was_measured_of_these_weights_is_not_measured_again(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "models" / "voices"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps(CARD))
    (tmp_path / "recordings").mkdir()
    arguments = argparse.Namespace(
        models=folder.parent,
        data=tmp_path,
        out=tmp_path / "out",
        hidden=1,
        paths=2,
        limit=None,
        threads=None,
        calibrate=False,
    )
    commands = []

    def run(command, _):
        commands.append(command)
        one = {"of": ["speaker"], "accuracy": 0.98, "std_error": {"accuracy": 0.01}}
        if "--hidden" in command:
            rest = {"mask": "random", "share": 0.5, "exact": 1.0, "reliable": 1.0, "paths": 2}
            return {**one, **rest, "n": 1, "protocol": "p"}, 1.0
        nats = {"nats_per_sequence": 2.5}
        return {**one, **nats, "n": 9, "protocol": "p"} | {
            "std_error": {"accuracy": 0.01, "nats_per_sequence": None}
        }, 1.0

    monkeypatch.setattr(quality, "run", run)
    found = rows.Rows(tmp_path / "rows.jsonl")
    quality.measure(arguments, found)
    assert len(commands) == 5
    quality.measure(arguments, rows.Rows(found.path))
    assert len(commands) == 5
    told = quality.table(found)
    assert "| voices, 50ms: speaker | 9 | 98.00 ± 1.00 % |" in told
    assert "| voices, random 50% | 1 |" in told
    assert "2.500 ± ?" in told
    assert f"`autoreg evaluate {folder}" in told
    changed = CARD | {"weights": {"sha256": "1" * 64}}
    (folder / "model.json").write_text(json.dumps(changed))
    quality.measure(arguments, found)
    assert len(commands) == 10
