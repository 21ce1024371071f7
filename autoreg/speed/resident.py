"""How much memory jobs take."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from autoreg import modeldir
from autoreg.codecs.mulaw import MuLaw
from autoreg.conditions import ConditionSpace
from autoreg.data.sound import Sound
from autoreg.speed.rows import Row
from autoreg.speed.subjects import perturbed
from autoreg.speed.trial import spread

RATE = 8_000
"""Samples per second of the sounds."""
_GIVEN = ("--given", "speaker=ann", "--json")
_PROGRAM = """
import sys
from pathlib import Path
from autoreg.cli.app import app

code = app(sys.argv[1:], standalone_mode=False)
status = Path("/proc/self/status")
if status.is_file():
    # What getrusage says may be what the process that started this one took.
    lines = status.read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
else:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = peak // 1024 if sys.platform == "darwin" else peak
print(peak, file=sys.stderr)
sys.exit(code)
"""


def hour(*, minutes: int = 60, count: int = 1) -> Row:
    """Return the memory in which an hour of sound is scored, beside that of a minute.

    Args:
        minutes: Of the longer sound.
        count: Threads.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = _tiny(folder / "model")
        peaks, seconds = [], []
        for length in (1, minutes):
            path = folder / f"{length}.wav"
            _write(path, 60 * length * RATE, seed=0)
            peak, spent = peak_of("score", model, path, *_GIVEN, "--threads", count)
            peaks.append(peak)
            seconds.append(spent)
            path.unlink()
    return _row("an hour of sound", "a minute of it", peaks, seconds, count)


def clips(number: int = 100_000, *, few: int = 1_000, count: int = 1) -> Row:
    """Return the memory in which many clips of 200 samples are scored, beside that of fewer.

    Args:
        number: Of the files, in folders of a thousand.
        few: How many of them are scored first.
        count: Threads.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = _tiny(folder / "model")
        peaks, seconds, written = [], [], 0
        for total in (few, number):
            for index in range(written, total):
                place = folder / "clips" / f"{index // 1000:04d}"
                if index % 1000 == 0:
                    place.mkdir(parents=True)
                _write(place / f"{index:06d}.wav", 200, seed=index)
            written = total
            peak, spent = peak_of("score", model, folder / "clips", *_GIVEN, "--threads", count)
            peaks.append(peak)
            seconds.append(spent)
    return _row(f"{number:,} clips of 200 samples", f"{few:,} of them", peaks, seconds, count)


def peak_of(*arguments: object) -> tuple[float, float]:
    """Return the most memory in MB, and the seconds, of the program on these arguments.

    Raises:
        RuntimeError: The program failed.
    """
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"autoreg {' '.join(map(str, arguments))} failed: {done.stderr}")
    return int(done.stderr.split()[-1]) / 1024, time.perf_counter() - began


def _row(what: str, other: str, peaks: list[float], seconds: list[float], count: int) -> Row:
    few, many = peaks
    return Row(
        job="memory",
        model="tiny",
        unit="MB",
        ours=spread([many]),
        threads=count,
        against=other,
        other=spread([few]),
        ratio=spread([many / few]),
        facts={"of": what, "seconds": round(seconds[-1], 1)},
    )


def _tiny(directory: Path) -> Path:
    """Save a model that is small enough for a million positions a second."""
    model = perturbed(256, conditions=(2,), residual=4, skip=8, hidden=8, dilations=(1, 2, 4, 8))
    space = ConditionSpace({"speaker": ("ann", "bob")})
    return modeldir.save(directory, model=model, signal=Sound(RATE, MuLaw()), space=space)


def _write(path: Path, length: int, *, seed: int) -> None:
    """Write noise; a minute at a time, so that an hour takes no memory here either."""
    rng = np.random.default_rng(seed)
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        for begin in range(0, length, 60 * RATE):
            file.write(rng.uniform(-0.5, 0.5, min(60 * RATE, length - begin)))
