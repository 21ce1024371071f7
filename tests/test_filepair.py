import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from autoreg import filepair, plaindata
from autoreg.plaindata import ModelDirError

NAMES = {"model.json", "weights.safetensors"}


def write(directory, version, size=3):
    weights = plaindata.tensor_bytes({"version": torch.full((size,), version)})
    filepair.write(directory, {"version": version}, weights)


def read(directory):
    """Return the version in a directory, which both files have to agree upon."""
    pair = filepair.read(directory, lambda *_: None)
    versions = set(plaindata.parse_tensors("weights", pair.weights)["version"].tolist())
    assert versions == {pair.fields["version"]}
    return pair.fields["version"]


def names(directory):
    return {path.name for path in directory.iterdir()}


@pytest.fixture
def moments(tmp_path, monkeypatch):
    """Copy ``pair`` before and after each thing that a write does to the disk."""
    kept = []

    def keep():
        kept.append(tmp_path / f"moment{len(kept)}")
        shutil.copytree(tmp_path / "pair", kept[-1])

    def spy(home, name):
        does = getattr(home, name)

        def watched(*args, **kwargs):
            keep()
            value = does(*args, **kwargs)
            keep()
            return value

        monkeypatch.setattr(home, name, watched)

    (tmp_path / "pair").mkdir()
    spy(plaindata.os, "fsync")
    for name in ("open", "replace", "unlink"):
        spy(Path, name)
    yield kept
    monkeypatch.undo()


def test_a_kill_at_any_moment_leaves_one_whole_pair(tmp_path, moments, monkeypatch):
    write(tmp_path / "pair", 1)
    first = len(moments)
    write(tmp_path / "pair", 2)
    monkeypatch.undo()
    found = [read(moment) for moment in moments[first:]]
    assert found == sorted(found)
    assert set(found) == {1, 2}
    for moment in moments[first:]:
        for staged in moment.glob("*" + plaindata.STAGED):
            half = staged.with_name("half")
            half.write_bytes(staged.read_bytes()[:50])
            if read(moment) == 1:  # not committed: it may just as well be half written
                half.replace(staged)
            half.unlink(missing_ok=True)
        assert read(moment) in (1, 2)
        write(moment, 3)
        assert read(moment) == 3
        assert names(moment) == NAMES


def test_a_kill_during_the_first_write_leaves_a_whole_pair_or_an_error(
    tmp_path, moments, monkeypatch
):
    write(tmp_path / "pair", 1)
    monkeypatch.undo()
    for moment in moments:
        if (moment / "model.json").exists():
            assert read(moment) == 1
        else:
            with pytest.raises(ModelDirError, match=r"model\.json cannot be read: it does not ex"):
                read(moment)
        write(moment, 2)
        assert read(moment) == 2
        assert names(moment) == NAMES


@pytest.mark.parametrize("broken", ["fsync", "replace"])
@pytest.mark.parametrize("call", range(6))
def test_an_error_at_any_moment_leaves_one_whole_pair(tmp_path, monkeypatch, broken, call):
    write(tmp_path, 1)
    home, calls = (plaindata.os, Path)[broken == "replace"], []
    does = getattr(home, broken)

    def fail(*args):
        calls.append(args)
        if len(calls) > call:
            raise OSError(errno.ENOSPC, "No space left on device")
        return does(*args)

    monkeypatch.setattr(home, broken, fail)
    try:
        write(tmp_path, 2)
    except OSError:
        pass
    else:
        assert len(calls) <= call
    monkeypatch.undo()
    assert read(tmp_path) in (1, 2)
    write(tmp_path, 3)
    assert read(tmp_path) == 3
    assert names(tmp_path) == NAMES


def test_writing_what_is_there_writes_nothing(tmp_path):
    write(tmp_path, 1)
    before = {path: path.stat().st_ino for path in tmp_path.iterdir()}
    write(tmp_path, 1)
    assert {path: path.stat().st_ino for path in tmp_path.iterdir()} == before
    write(tmp_path, 2)
    assert all(path.stat().st_ino != number for path, number in before.items())


def test_a_card_too_large_to_be_read_is_not_written(tmp_path, monkeypatch):
    write(tmp_path, 1)
    monkeypatch.setattr(plaindata, "JSON_LIMIT", 1000)
    with pytest.raises(ValueError, match=r"model\.json needs at most 1,000 bytes.*got 1,1\d\d"):
        filepair.write(tmp_path, {"version": "x" * 1000}, b"")
    assert read(tmp_path) == 1


def test_a_damaged_file_is_written_anew(tmp_path):
    write(tmp_path, 1)
    (tmp_path / "weights.safetensors").write_bytes(b"")
    write(tmp_path, 1)
    assert read(tmp_path) == 1


def test_a_reader_that_a_write_overtakes_reads_again(tmp_path, monkeypatch):
    write(tmp_path, 1)
    parse = plaindata.parse_json

    def overtake(*args):
        monkeypatch.undo()
        fields = parse(*args)
        write(tmp_path, 2)
        return fields

    monkeypatch.setattr(plaindata, "parse_json", overtake)
    assert read(tmp_path) == 2


def test_weights_of_another_save_are_refused(tmp_path):
    for version in (1, 2):
        (tmp_path / str(version)).mkdir()
        write(tmp_path / str(version), version)
    shutil.copy(tmp_path / "1" / "weights.safetensors", tmp_path / "2")
    with pytest.raises(ModelDirError, match=r"2/weights\.safetensors holds other weights than"):
        read(tmp_path / "2")


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        (None, "weights.safetensors cannot be read: it does not exist"),
        (b"\x80\x04N.", "weights.safetensors is not a whole .* pickle"),
        (50, r"weights.safetensors is not a whole safetensors file \(50 bytes\)"),
    ],
)
def test_missing_foreign_and_truncated_weights_are_named(tmp_path, weights, reason):
    write(tmp_path, 1)
    path = tmp_path / "weights.safetensors"
    whole = path.read_bytes()
    path.unlink()
    if weights is not None:
        path.write_bytes(whole[:weights] if isinstance(weights, int) else weights)
    with pytest.raises(ModelDirError, match=reason):
        read(tmp_path)


@pytest.mark.parametrize("fingerprint", [None, "x", {"bytes": 1}, {"bytes": "9", "sha256": []}])
def test_a_forged_fingerprint_is_refused(tmp_path, fingerprint):
    write(tmp_path, 1)
    card = plaindata.json_bytes("card", {"version": 1, "weights": fingerprint})
    (tmp_path / "model.json").write_bytes(card)
    with pytest.raises(ModelDirError, match=r"model\.json, weights|holds other weights"):
        read(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts a disk")
def test_a_full_disk_keeps_the_old_pair(tmp_path):
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this root may not mount")
    try:
        write(tmp_path, 1, size=4000)  # 32 kB of 64
        with pytest.raises(OSError, match="No space left on device"):
            write(tmp_path, 2, size=5000)
        assert read(tmp_path) == 1
        assert names(tmp_path) == NAMES
        write(tmp_path, 3, size=1000)
        assert read(tmp_path) == 3
    finally:
        subprocess.run(["umount", tmp_path], check=True)


ENDLESS = """
import sys
from itertools import count
from pathlib import Path
import torch
from autoreg import filepair, plaindata

for version in count():
    weights = plaindata.tensor_bytes({"version": torch.full((50_000,), version)})
    filepair.write(Path(sys.argv[1]), {"version": version}, weights)
    print(version, flush=True)
"""


@pytest.mark.slow
def test_kill_9_leaves_a_pair_no_older_than_the_last_that_was_announced(tmp_path):
    chance = random.Random(0)
    for _ in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", ENDLESS, tmp_path], stdout=subprocess.PIPE, text=True
        )
        with writer:
            writer.stdout.readline()
            time.sleep(chance.uniform(0, 0.1))
            writer.send_signal(signal.SIGKILL)
            announced = [0, *map(int, writer.stdout.read().split())]
        assert writer.returncode == -signal.SIGKILL
        assert announced[-1] <= read(tmp_path) <= announced[-1] + 1
    write(tmp_path, 7)
    assert read(tmp_path) == 7
    assert names(tmp_path) == NAMES
