"""Who speaks, told by Gaussians over cepstra: what a waveform's likelihood is compared with.

python -m tests.benchmarks.mfcc --data DIR [--out DIR]

Twenty mel-frequency cepstral coefficients of each 25 ms, one Gaussian of full covariance for each
speaker and digit (beside it, for each speaker), frames independent, Bayes' rule with the digit
summed out. Learnt from takes 5..49 of FSDD, judged on takes 0..4. Where beginnings are judged the
Gaussians are still those of whole clips.
"""

import argparse
import itertools
import re
import time
from pathlib import Path

import numpy as np
import soundfile
from scipy.fft import dct, rfft
from scipy.signal import get_window
from scipy.special import logsumexp

from tests.benchmarks import rows as bench

RATE, WINDOW, HOP, BINS = 8000, 200, 80, 256
FILTERS, COEFFICIENTS, EMPHASIS = 40, 20, 0.97
FLOOR = 1e-10  # of a filter's energy: a silence of zeros has a logarithm
RIDGE = 1e-3  # added to variances, which are of the order of 1: no direction is without any
NAME = re.compile(r"(\d)_([a-z]+)_(\d+)\.wav")
LENGTHS = (0.0, 0.05, 0.1, 0.2)
GAINS = ("recorded", "peak")


def mel_filters():
    """Return triangles that overlap by half, equally far apart in mel, (FILTERS, BINS / 2 + 1)."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, FILTERS + 2) / 2595) - 1)
    heard = np.linspace(0, RATE / 2, BINS // 2 + 1)
    low, centre, high = (corners[i : i + FILTERS, None] for i in range(3))
    rising, falling = (heard - low) / (centre - low), (high - heard) / (high - centre)
    return np.clip(np.minimum(rising, falling), 0, None)


def cepstra(wave):
    """Return the coefficients of each 25 ms, every 10 ms, (frames, COEFFICIENTS)."""
    wave = np.append(wave[:1], wave[1:] - EMPHASIS * wave[:-1])
    wave = np.pad(wave, (0, max(0, WINDOW - len(wave))))
    frames = np.lib.stride_tricks.sliding_window_view(wave, WINDOW)[::HOP]
    power = np.abs(rfft(frames * get_window("hamming", WINDOW), BINS)) ** 2
    energy = np.log(power @ mel_filters().T + FLOOR)
    return dct(energy, norm="ortho", axis=1)[:, :COEFFICIENTS]


def heard(path, gain, seconds):
    """Return a clip's first seconds, all if 0, by their own peak if asked for."""
    wave, rate = soundfile.read(path)
    if rate != RATE or wave.ndim != 1:
        raise ValueError(f"{path} needs one channel of {RATE} Hz; got {wave.shape} at {rate}")
    wave = wave[: round(seconds * rate)] if seconds else wave
    peak = np.abs(wave).max(initial=0.0)
    return wave / peak if gain == "peak" and peak else wave


def gaussian(frames):
    """Return the mean of frames, what whitens them, and the log of their Gaussian's peak."""
    mean = frames.mean(0)
    covariance = np.cov(frames.T) + RIDGE * np.eye(frames.shape[1])
    factor = np.linalg.cholesky(np.linalg.inv(covariance))
    peak = np.log(np.diagonal(factor)).sum() - 0.5 * len(mean) * np.log(2 * np.pi)
    return mean, factor, peak


def log_density(law, frames):
    """Return the log density of frames that are independent of each other."""
    mean, factor, peak = law
    return len(frames) * peak - 0.5 * np.square((frames - mean) @ factor).sum()


def clips(folder):
    """Return path, speaker, digit and take of each recording, by name."""
    found = [(path, NAME.fullmatch(path.name)) for path in sorted(Path(folder).rglob("*.wav"))]
    named = [(path, name[2], name[1], int(name[3])) for path, name in found if name]
    if not named:
        raise ValueError(f"{folder} holds no recording named as 7_theo_12.wav")
    return named


def learnt(train, gain):
    """Return the Gaussians of each speaker and digit, and those of each speaker."""
    frames = {}
    for path, speaker, digit, _ in train:
        frames.setdefault((speaker, digit), []).append(cepstra(heard(path, gain, 0.0)))
    pairs = {key: gaussian(np.concatenate(some)) for key, some in frames.items()}
    alone = {}
    for (speaker, _), some in frames.items():
        alone.setdefault(speaker, []).extend(some)
    return pairs, {speaker: gaussian(np.concatenate(some)) for speaker, some in alone.items()}


def judged(test, laws, gain, seconds):
    """Return how many clips are told right by either kind, and how sure the first is of truth."""
    pairs, alone = laws
    speakers = sorted(alone)
    right, simple, scores = [], [], []
    for path, speaker, _, _ in test:
        frames = cepstra(heard(path, gain, seconds))
        joint = np.array(
            [
                logsumexp(
                    [log_density(law, frames) for key, law in pairs.items() if key[0] == one]
                )
                for one in speakers
            ]
        )
        truth = speakers.index(speaker)
        right.append(bool(joint.argmax() == truth))
        scores.append(float(joint[truth] - logsumexp(joint)))
        plain = [log_density(alone[one], frames) for one in speakers]
        simple.append(bool(np.argmax(plain) == truth))
    return {
        "n": len(test),
        "right": sum(right),
        "right_one_gaussian": sum(simple),
        "log_score": float(np.mean(scores)),
    }


def measure(arguments, rows):
    """Measure what is missing."""
    everything = clips(arguments.data)
    train, test = ([one for one in everything if (one[3] >= 5) == new] for new in (True, False))
    for gain in GAINS:
        keys = [("mfcc", gain, seconds) for seconds in LENGTHS]
        if all(key in rows for key in keys):
            continue
        laws = learnt(train, gain)
        for key in itertools.filterfalse(rows.__contains__, keys):
            begin = time.process_time()
            facts = judged(test, laws, gain, key[2])
            spent = round(time.process_time() - begin, 2)
            rows.add(key, gain=gain, seconds_kept=key[2], cpu_seconds=spent, **facts)


def table(rows):
    """Return what was measured, as Markdown."""
    lines = [
        [
            f"{row['gain']}, {_beginning(row['seconds_kept'])}",
            row["n"],
            bench.percent(row["right"], row["n"]),
            bench.percent(row["right_one_gaussian"], row["n"]),
            f"{row['log_score']:.3f}",
        ]
        for row in rows
        if row["key"][0] == "mfcc"
    ]
    header = [
        "gain, heard",
        "clips",
        "speaker right, Gaussian a speaker and digit",
        "Gaussian a speaker",
        "log score",
    ]
    return bench.markdown(header, lines)


def _beginning(seconds):
    return f"first {1000 * seconds:g} ms" if seconds else "whole"


def main():
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="FSDD's recordings")
    parser.add_argument("--out", type=Path, default=Path("runs/benchmarks/mfcc"))
    parser.add_argument("--report", action="store_true", help="only show what there is")
    arguments = parser.parse_args()
    rows = bench.Rows(arguments.out / "mfcc.jsonl")
    if not arguments.report:
        measure(arguments, rows)
    bench.say(table(rows))


if __name__ == "__main__":
    main()
