import json
import math
import os
import re
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from autoreg import bulk, ledger
from autoreg.cli import rows
from autoreg.cli.app import app

PEAK = """
import re, sys
from pathlib import Path
from autoreg.cli.app import app

try:
    app(sys.argv[1:])
finally:
    found = re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())
    print(int(found[1]) * 1024, file=sys.stderr)
"""


def make(folder, lengths, seed=0):
    """Write a clip of each length, and return the folder."""
    generator = np.random.default_rng(seed)
    folder.mkdir()
    for number, length in enumerate(lengths):
        there = folder / f"{number // 1000:03d}"
        there.mkdir(exist_ok=True)
        wave = generator.uniform(-0.9, 0.9, length)
        soundfile.write(there / f"{number:06d}.wav", wave, 8000)
    return folder


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """A folder of clips of many lengths, two of them bad."""
    folder = make(tmp_path_factory.mktemp("corpus") / "clips", [10, 90, 35, 34, 90, 7, 300, 2])
    (folder / "000" / "000002x.wav").write_text("no sound" * 30)
    nothing = np.r_[np.zeros(20), math.nan]
    soundfile.write(folder / "zz.wav", nothing, 8000, subtype="FLOAT")
    return folder


@pytest.fixture
def _small_parcels(monkeypatch):
    monkeypatch.setattr(bulk, "PARCEL", 3)
    monkeypatch.setattr(ledger, "PARCEL", 3)


@pytest.fixture(autouse=True)
def _one_process(monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)


def read(out):
    return [json.loads(line) for line in out.read_text().splitlines()]


@pytest.mark.parametrize("verb", ["score", "classify"])
@pytest.mark.parametrize("more", [[], ["--memory", "20KB"], ["--stop", "0.004"]])
def test_a_file_of_rows_has_what_would_be_printed(run, voices_model, clips, tmp_path, verb, more):
    out = tmp_path / "rows.jsonl"
    printed = run(verb, voices_model, clips, "--json", *more)
    written = run(verb, voices_model, clips, "--out", out, *more)
    assert (printed.exit_code, written.exit_code) == (1, 1)
    assert written.stdout == f"{out}: 10 rows, 2 of them errors\n"
    assert written.stderr == printed.stderr
    assert written.stderr.count("error: ") == 2
    good = [row for row in read(out) if "error" not in row]
    assert good == [json.loads(line) for line in printed.stdout.splitlines()]
    bad = {row["file"]: row["error"] for row in read(out) if "error" in row}
    assert list(bad) == [str(clips / "000" / "000002x.wav"), str(clips / "zz.wav")]
    assert all(error.startswith(f"{file}: ") for file, error in bad.items())
    assert [row["file"] for row in read(out)] == sorted(map(str, clips.rglob("*.wav")))
    assert list(tmp_path.iterdir()) == [out]


def test_good_files_are_all_that_is_needed(run, voices_model, voices, tmp_path):
    out = tmp_path / "rows.jsonl"
    told = run("score", voices_model, voices, "--out", out, "--json")
    assert (told.exit_code, told.stderr) == (0, "")
    assert json.loads(told.stdout) == {"out": str(out), "rows": 4, "errors": 0}


@pytest.mark.usefixtures("_small_parcels")
@pytest.mark.parametrize(
    ("verb", "more"),
    [("score", []), ("classify", ["--memory", "20KB"]), ("classify", ["--every", 40])],
)
def test_a_killed_run_is_resumed_to_the_same_bytes(
    run, voices_model, clips, tmp_path, monkeypatch, verb, more
):
    out = tmp_path / "rows.jsonl"
    part = tmp_path / "rows.jsonl.part"
    merge = ledger.Ledger.merge
    kept = []

    def keep(self, waiting=None):
        kept.append(part.read_bytes())
        return merge(self, waiting)

    monkeypatch.setattr(ledger.Ledger, "merge", keep)
    command = [verb, voices_model, clips, "--out", out, *more]
    assert run(*command, "--resume").exit_code == 1  # two files are bad, as ever
    expected, whole = out.read_bytes(), kept[0]
    ends = [match.end() for match in re.finditer(b"\n", whole)]
    for size in (*ends, *(end - 5 for end in ends), *(end + 3 for end in ends[:-1])):
        out.unlink()
        part.write_bytes(whole[:size])
        resumed = run(*command, "--resume")
        assert resumed.exit_code == 1
        assert resumed.stdout == f"{out}: 10 rows, 2 of them errors\n"
        assert out.read_bytes() == expected
        assert kept[-1] == whole


def test_what_is_there_is_not_written_over(run, refused, voices_model, voices, tmp_path):
    out = tmp_path / "rows.jsonl"
    run("score", voices_model, voices, "--out", out)
    before = out.read_bytes()
    told = refused("score", voices_model, voices, "--out", out, "--resume")
    assert "rows.jsonl is there already; remove it or choose another name" in told
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (["--prior", "training"], "prior: None -> training"),
        (["--stop", "0.01"], "stop: None -> 0.01"),
        (["--memory", "1MB"], "memory: 268435456 -> 1048576"),
        (["--dtype", "float64"], "dtype: None -> float64"),
    ],
)
def test_what_changed_is_named(run, voices_model, clips, tmp_path, monkeypatch, change, name):
    out = tmp_path / "rows.jsonl"
    monkeypatch.setattr(ledger.Ledger, "merge", _interrupt)
    command = ["score", voices_model, clips, "--out", out, "--resume"]
    assert run(*command).exit_code != 0
    told = run(*command, *change).stderr
    assert "resumed as it was started" in told
    assert f"  {name}\n" in told


def test_another_model_is_refused(run, voices_model, peak_model, clips, tmp_path, monkeypatch):
    out = tmp_path / "rows.jsonl"
    monkeypatch.setattr(ledger.Ledger, "merge", _interrupt)
    run("score", voices_model, clips, "--out", out)
    told = run("score", peak_model, clips, "--out", out, "--resume").stderr
    assert re.search(r"  model: [0-9a-f]{64} -> [0-9a-f]{64}\n", told)
    told = run("classify", voices_model, clips, "--out", out, "--resume").stderr
    assert "  verb: score -> classify\n" in told


def _interrupt(*_):
    raise KeyboardInterrupt


@pytest.mark.usefixtures("_small_parcels")
@pytest.mark.parametrize("verb", ["score", "classify"])
def test_processes_share_the_work(run, voices_model, clips, tmp_path, verb):
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    run(verb, voices_model, clips, "--out", one)
    other = run(verb, voices_model, clips, "--out", two, RANK="1", WORLD_SIZE="2")
    # Its share has a bad file; but a process that fails would make the others be ended.
    assert (other.exit_code, other.stdout) == (0, "")
    assert not two.exists()
    first = run(verb, voices_model, clips, "--out", two, RANK="0", WORLD_SIZE="2")
    assert (first.exit_code, first.stdout) == (1, f"{two}: 10 rows, 2 of them errors\n")
    assert (other.stderr + first.stderr).count("error: ") == 2
    assert two.read_bytes() == one.read_bytes()
    assert sorted(tmp_path.iterdir()) == [one, two]
    again = run(verb, voices_model, clips, "--out", two, "--resume", RANK="1", WORLD_SIZE="2")
    assert (again.exit_code, again.output) == (0, "")  # it comes too late: all is done


def test_processes_need_a_file_to_share(run, refused, voices_model, clips, tmp_path):
    several = {"RANK": "0", "WORLD_SIZE": "3"}
    told = refused("score", voices_model, clips, "--json", **several)
    assert told == "error: 3 processes share rows in a file: give --out ROWS.jsonl"
    told = refused("score", voices_model, "-", "--out", tmp_path / "rows.jsonl", **several)
    assert "standard input reaches one of 3 processes: name the files in a list, @LIST" in told
    silent = run("score", voices_model, clips, RANK="2", WORLD_SIZE="3")
    assert (silent.exit_code, silent.output) == (0, "")


def test_resuming_needs_a_file(refused, voices_model, clips):
    told = refused("classify", voices_model, clips, "--resume")
    assert told == "error: --resume goes on with the rows of --out; give both"


def test_lists_name_files(lines, voices_model, voices, tmp_path, monkeypatch):
    (tmp_path / "list.txt").write_text(f"{voices / 'bob_1.wav'}\n{voices}\n")
    told = lines("score", voices_model, f"@{tmp_path}/list.txt")
    names = [row["file"].split("/")[-1] for row in told]
    assert names == ["bob_1.wav", "ann_0.wav", "ann_1.wav", "bob_0.wav", "bob_1.wav"]
    assert told[0]["value"] == pytest.approx(told[4]["value"], rel=1e-6)  # float32 in two places


def test_files_of_stdin_are_answered(voices_model, voices):
    paths = "\n".join(map(str, sorted(voices.iterdir())))
    done = CliRunner().invoke(app, ["score", str(voices_model), "-", "--json"], input=paths)
    assert [json.loads(line)["file"] for line in done.stdout.splitlines()] == paths.splitlines()


def test_each_process_takes_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert rows.local("auto") == "auto"
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert (rows.local("auto"), rows.local("cpu")) == ("cuda:1", "cpu")


@pytest.mark.slow
def test_two_processes_write_the_bytes_of_one(voices_model, tmp_path):
    lengths = np.random.default_rng(1).integers(1, 200, 3000)
    clips = make(tmp_path / "clips", lengths)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    job = ["-m", "autoreg", "classify", str(voices_model), str(clips), "--resume", "--out"]
    run = {"check": True, "capture_output": True, "text": True, "env": environment}
    subprocess.run([sys.executable, *job, str(tmp_path / "one.jsonl")], **run)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    launch += ["--master-port", "0"]
    done = subprocess.run([*launch, *job, str(tmp_path / "two.jsonl")], **run)
    assert done.stdout.splitlines()[-1].endswith("two.jsonl: 3,000 rows")
    assert (tmp_path / "two.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"]
    launch += ["--num_processes", "2", "--num_machines", "1", "--main_process_port", "0"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no"]
    subprocess.run([*launch, *job, str(tmp_path / "three.jsonl")], **run)
    assert (tmp_path / "three.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()


@pytest.mark.slow
def test_a_process_that_is_killed_goes_on(voices_model, tmp_path):
    clips = make(tmp_path / "clips", np.random.default_rng(1).integers(1, 200, 6000))
    out, part = tmp_path / "rows.jsonl", tmp_path / "rows.jsonl.part"
    command = [sys.executable, "-m", "autoreg", "score", str(voices_model), str(clips)]
    command += ["--resume", "--out"]
    subprocess.run([*command, str(tmp_path / "one.jsonl")], check=True, capture_output=True)
    killed = 0
    for size in (1, 300_000, 900_000):
        process = subprocess.Popen([*command, str(out)], stdout=subprocess.DEVNULL)
        while process.poll() is None and not (part.exists() and part.stat().st_size >= size):
            time.sleep(0.002)
        process.kill()
        killed += process.wait() != 0
    assert killed
    if not out.exists():
        subprocess.run([*command, str(out)], check=True, capture_output=True)
    assert out.read_bytes() == (tmp_path / "one.jsonl").read_bytes()


def peak(*arguments):
    """Return the most memory that the program took, in bytes, and what it printed."""
    command = [sys.executable, "-c", PEAK, *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return int(done.stderr.split()[-1]), done.stdout


@pytest.fixture(scope="module")
def few_and_many(tmp_path_factory):
    folder = tmp_path_factory.mktemp("memory")
    return make(folder / "few", [200] * 2000), make(folder / "many", [200] * 20_000)


BUDGET = 16 * 2**20
"""The memory that is asked for, and what peaks may differ by: whether one batch and the reading
of the next files fall together is chance."""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("verb", ["score", "classify"])
def test_many_clips_take_the_memory_of_a_few(voices_model, few_and_many, tmp_path, verb):
    asked = ["--memory", str(BUDGET), "--out", tmp_path / "rows.jsonl"]
    peaks = []
    for folder in few_and_many:
        most, told = peak(verb, voices_model, folder, *asked)
        peaks.append(most)
        (tmp_path / "rows.jsonl").unlink()
    assert told.endswith("20,000 rows\n")
    # 2,000 clips are two parcels, as many as are ever held.
    assert peaks[1] - peaks[0] < BUDGET


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("verb", ["score", "classify"])
def test_an_hour_takes_the_memory_of_a_minute(voices_model, tmp_path, verb):
    wave = np.random.default_rng(0).uniform(-0.9, 0.9, 60 * 8000)
    soundfile.write(tmp_path / "minute.wav", wave, 8000)
    soundfile.write(tmp_path / "hour.wav", np.tile(wave, 60), 8000)
    asked = ["--prior", "ann=1,bob=0", "--memory", str(BUDGET), "--json"]
    least, _ = peak(verb, voices_model, tmp_path / "minute.wav", *asked)
    most, told = peak(verb, voices_model, tmp_path / "hour.wav", *asked)
    assert json.loads(told)["file"].endswith("hour.wav")
    # The hour has 29 MB of symbols, 230 MB of samples, and 250 times as much activations.
    assert most - least < BUDGET
