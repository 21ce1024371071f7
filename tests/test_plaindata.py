import errno
import json
import os
import resource
import struct

import pytest
import torch

from autoreg import plaindata
from autoreg.plaindata import ModelDirError


def safetensors_file(header, data=b""):
    """Return a safetensors file with a header of one's own making."""
    text = json.dumps(header).encode() if isinstance(header, dict) else header
    return struct.pack("<Q", len(text)) + text + data


def entry(shape, begin=0, end=4, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_tensors_and_note_come_back_as_they_were(tmp_path):
    tensors = {
        "double": torch.tensor([[0.1, -0.0]], dtype=torch.float64),
        "half": torch.tensor([0.5], dtype=torch.bfloat16),
        "bytes": torch.arange(5, dtype=torch.uint8),
        "number": torch.tensor(2**60),
        "nothing": torch.zeros(0, 3),
        "strided": torch.arange(6.0).reshape(2, 3).T,
    }
    note = {"step": 3, "names": ["ä", 'a "quoted" one'], "best": None}
    plaindata.save_tensors(tmp_path / "state", tensors, note)
    found, told = plaindata.load_tensors(tmp_path / "state")
    assert told == note
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_loaded_tensors_can_be_written_to(tmp_path):
    plaindata.save_tensors(tmp_path / "state", {"a": torch.zeros(2)}, {})
    tensors, _ = plaindata.load_tensors(tmp_path / "state")
    tensors["a"] += 1
    assert torch.equal(plaindata.load_tensors(tmp_path / "state")[0]["a"], torch.zeros(2))


def test_tensors_that_share_memory_are_stored_apart():
    weight = torch.arange(3.0)
    payload = plaindata.tensor_bytes({"a": weight, "b": weight, "tail": weight[1:]})
    found = plaindata.parse_tensors("file", payload)
    assert torch.equal(found["b"], weight)
    assert torch.equal(found["tail"], weight[1:])


def test_equal_tensors_give_equal_bytes_in_any_order():
    a, b = torch.ones(2), torch.zeros(3, dtype=torch.int64)
    assert plaindata.tensor_bytes({"a": a, "b": b}) == plaindata.tensor_bytes({"b": b, "a": a})


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "0 bytes.*header too small"),
        (b"\x80\x02}q\x00.", "pickle, which can run any code"),
        (b"PK\x03\x04archive/data.pkl", "pickle, which can run any code"),
        (struct.pack("<Q", 2**62) + b"{}", "header too large"),
        (struct.pack("<Q", 99_000_000) + b"{}", "invalid header length"),
        (safetensors_file(b"{\xff}"), "UTF-8"),
        (safetensors_file({"a": entry([2**40, 2**30])}, bytes(4)), "overflow"),
        (safetensors_file({"a": entry([2**20])}, bytes(4)), "a"),
        (safetensors_file({"a": entry([0, 2**63], 0, 0)}), "Overflow"),
        (safetensors_file({"a": entry([1]), "b": entry([1])}, bytes(4)), "offset"),
        (safetensors_file({"a": entry([1])}, bytes(9)), "not fully covered"),
        (safetensors_file({"a": entry([1], dtype="O")}, bytes(4)), "O"),
        (safetensors_file({"a": entry([4], dtype="F8_E8M0")}, bytes(4)), "F8_E8M0"),
        (safetensors_file(b"[" * 100_000), "JSON"),
    ],
)
def test_what_is_no_safetensors_file_is_refused_in_one_line(payload, reason):
    message = rf"^w\.safetensors is not a whole safetensors file \([^\n]*{reason}[^\n]*$"
    with pytest.raises(ModelDirError, match=message):
        plaindata.parse_tensors("w.safetensors", payload)


def test_a_whole_file_that_begins_like_a_pickle_is_read():
    padded = json.dumps({"a": entry([1])}).encode().ljust(0x280)
    payload = safetensors_file(padded, bytes(4))
    assert payload.startswith(b"\x80\x02")
    assert torch.equal(plaindata.parse_tensors("w", payload)["a"], torch.zeros(1))


def test_tensors_of_another_program_have_no_note(tmp_path):
    (tmp_path / "state").write_bytes(safetensors_file({"a": entry([1])}, bytes(4)))
    with pytest.raises(ModelDirError, match="state holds tensors without a note"):
        plaindata.load_tensors(tmp_path / "state")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Expecting value"),
        ('{"a": 1', "delimiter"),
        ("[1]", "one JSON object; got list"),
        ('{"a": 1, "a": 2}', "one key stands twice"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": -Infinity}', "-Infinity is not JSON"),
        ("[" * 100_000, "recursion"),
        ('{"a": ' + "1" * 5000 + "}", "digits"),
        (b"\xff\xfe", "decode"),
    ],
)
def test_what_is_no_json_object_is_refused_by_name(text, reason):
    payload = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(ModelDirError, match=rf"^model\.json .*{reason}"):
        plaindata.parse_json("model.json", payload)


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, object(), torch.ones(1), b"a"])
def test_what_is_not_plain_data_is_refused(value):
    with pytest.raises(TypeError, match="training needs plain data"):
        plaindata.json_bytes("training", {"value": value})


def test_keys_are_compared_by_name():
    with pytest.raises(
        ModelDirError, match=r"f has other keys.*\n  missing     b\n  unexpected  c"
    ):
        plaindata.check_keys("f", {"a": 1, "c": 2}, {"a", "b"})
    with pytest.raises(ModelDirError, match=r"f needs to be an object; got \[1\]"):
        plaindata.check_keys("f", [1], {"a"})


def test_links_are_followed_within_the_directory_only(tmp_path):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.write_bytes(b"secret")
    (inside / "file").write_bytes(b"own")
    (inside / "near").symlink_to("file")
    (inside / "far").symlink_to(outside)
    (inside / "loop").symlink_to("loop")
    assert plaindata.read(inside / "near") == b"own"
    assert plaindata.read(inside / "far", root=tmp_path) == b"secret"
    with pytest.raises(ModelDirError, match="far is a link that leads out of"):
        plaindata.read(inside / "far")
    with pytest.raises(ModelDirError, match="loop cannot be read"):
        plaindata.read(inside / "loop")


def test_only_regular_files_of_moderate_size_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"four")
    with pytest.raises(ModelDirError, match="pipe needs to be a regular file"):
        plaindata.read(tmp_path / "pipe")
    with pytest.raises(ModelDirError, match="file needs at most 3 bytes; it has 4"):
        plaindata.read(tmp_path / "file", limit=3)
    with pytest.raises(ModelDirError, match="absent cannot be read: it does not exist"):
        plaindata.read(tmp_path / "absent")


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path):
    plaindata.replace(tmp_path / "file", b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # a write beyond it fails midway
    try:
        with pytest.raises(OSError, match="too large") as refused:
            plaindata.replace(tmp_path / "file", bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.value.errno == errno.EFBIG
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"old"}


def test_replacing_a_file_by_itself_writes_nothing(tmp_path):
    plaindata.replace(tmp_path / "file", b"same")
    before = (tmp_path / "file").stat()
    plaindata.replace(tmp_path / "file", b"same")
    after = (tmp_path / "file").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
