"""Files of plain data: JSON or named tensors, written whole or not at all, read without trust.

A file is staged beside its target, flushed to the disk and renamed over it, so a full disk or a
kill leaves the old version. What is read may have been truncated, swapped or forged: nothing in it
is executed, no path in it is followed, and every refusal is one ``ModelDirError`` naming the file.
"""

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import safetensors
import safetensors.torch
import torch
from torch import Tensor

STAGED = ".new"
"""What a file's name ends in while it is being written."""

JSON_LIMIT = 2**24
"""Bytes of the largest model.json, thousands of times what a usual one holds."""

_NOTE = "autoreg"
_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")


class ModelDirError(ValueError):
    """A file of a model directory is missing, damaged, foreign or of another version."""


def brief(error: Exception) -> str:
    """Return what an error says, without the stack of C++ calls that torch may add."""
    return str(error).split("\nException raised from")[0] or type(error).__name__


def stage(path: Path, payload: bytes) -> Path:
    """Write bytes beside a path, flushed to the disk, and return where they stand.

    Raises:
        OSError: The disk is full, say. What had been staged is removed.
    """
    staged = path.with_name(path.name + STAGED)
    try:
        with staged.open("wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    _sync(path.parent)
    return staged


def promote(staged: Path, path: Path) -> None:
    """Put a staged file in its place, in one step that survives a power cut."""
    staged.replace(path)
    _sync(path.parent)


def replace(path: Path, payload: bytes) -> None:
    """Write a file so that any reader, at any moment, finds the old bytes or the new ones.

    A file that has these bytes already is left alone.
    """
    if not holds(path, payload):
        promote(stage(path, payload), path)


def holds(path: Path, payload: bytes) -> bool:
    """Tell whether a file has exactly these bytes."""
    return path.is_file() and path.stat().st_size == len(payload) and path.read_bytes() == payload


def read(path: Path, *, root: Path | None = None, limit: int | None = None) -> bytes:
    """Return the bytes of a regular file that really lies below a directory.

    Args:
        path: The file.
        root: The directory that the file, links resolved, must not leave; default its own.
        limit: The most bytes that it may hold.
    """
    root = (root or path.parent).resolve()
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(root):
            raise ModelDirError(f"{path} is a link that leads out of {root}: refused")
        if not real.is_file():
            raise ModelDirError(f"{path} needs to be a regular file; it is not")
        size = real.stat().st_size
        if limit is not None and size > limit:
            raise ModelDirError(f"{path} needs at most {limit:,} bytes; it has {size:,}")
        return real.read_bytes()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"({error})"
        raise ModelDirError(f"{path} cannot be read: it {reason}") from error


def json_bytes(name: str, value: object, *, indent: int | None = None) -> bytes:
    """Return a value as JSON.

    Raises:
        TypeError: The value, called by this name, is not plain data. NaN and infinity are not.
    """
    try:
        return json.dumps(value, indent=indent, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} needs plain data (text, finite numbers, true, false, None, lists, "
            f"dictionaries): {error}"
        ) from error


def parse_json(path: Path, payload: bytes) -> dict[str, Any]:
    """Return the object in a JSON file: no key twice, no NaN, no infinity."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) != len(pairs):
            raise ValueError(f"one key stands twice among {[key for key, _ in pairs]}")
        return found

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    try:
        value = json.loads(payload.decode(), object_pairs_hook=unique, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise ModelDirError(f"{path} is not readable as JSON: {error}") from error
    if not isinstance(value, dict):
        raise ModelDirError(f"{path} needs one JSON object; got {type(value).__name__}")
    return value


def check_keys(where: str, found: object, expected: set[str]) -> None:
    """Raise ModelDirError, with the difference by name, unless exactly these keys are there."""
    if not isinstance(found, dict):
        raise ModelDirError(f"{where} needs to be an object; got {found!r:.80}")
    if found.keys() == expected:
        return
    lines = [f"{where} has other keys than this version of autoreg reads:"]
    lines += [f"  missing     {key}" for key in sorted(expected - found.keys())]
    lines += [f"  unexpected  {key}" for key in sorted(found.keys() - expected)]
    raise ModelDirError("\n".join(lines))


def tensor_bytes(tensors: Mapping[str, Tensor], note: Mapping[str, object] | None = None) -> bytes:
    """Return named tensors, with a note of plain data in the header, as a safetensors file.

    Equal tensors and notes give equal bytes.

    Raises:
        TypeError: The note is not plain data.
    """
    metadata = None if note is None else {_NOTE: json_bytes("note", note).decode()}
    # A copy each: safetensors refuses tensors that share memory.
    own = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    return safetensors.torch.save(own, metadata)


def parse_tensors(path: Path, payload: bytes) -> dict[str, Tensor]:
    """Return the tensors in the bytes of a safetensors file, on the CPU."""
    try:
        return safetensors.torch.load(payload)
    except Exception as error:  # forged shapes and dtypes fail in torch, in ways of their own
        # Only here: a whole file whose header has 640 bytes begins like a pickle, too.
        if payload.startswith(_PICKLES):
            reason = "it is a pickle, which can run any code when opened; autoreg opens none"
        else:
            reason = brief(error).splitlines()[0]
        raise ModelDirError(
            f"{path} is not a whole safetensors file ({len(payload):,} bytes): {reason}"
        ) from error


def not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """Name the first tensor that has a NaN or an infinity and count them; None if none has."""
    for name, tensor in tensors.items():
        count = tensor.numel() - int(torch.isfinite(tensor).sum())
        if count:
            return f"{count:,} of the {tensor.numel():,} values of {name} are not finite"
    return None


def save_tensors(path: Path, tensors: Mapping[str, Tensor], note: Mapping[str, object]) -> None:
    """Replace one safetensors file by named tensors and a note of plain data, together.

    Example:
        >>> directory = getfixture("tmp_path")
        >>> save_tensors(directory / "state.safetensors", {"m": torch.ones(2)}, {"step": 7})
        >>> load_tensors(directory / "state.safetensors")
        ({'m': tensor([1., 1.])}, {'step': 7})
    """
    replace(path, tensor_bytes(tensors, note))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the note that ``save_tensors`` wrote."""
    payload = read(path)
    tensors = parse_tensors(path, payload)
    (length,) = struct.unpack("<Q", payload[:8])
    metadata = parse_json(path, payload[8 : 8 + length]).get("__metadata__", {})
    if _NOTE not in metadata:
        raise ModelDirError(f"{path} holds tensors without a note; it was not written by autoreg")
    return tensors, parse_json(path, metadata[_NOTE].encode())


def _sync(directory: Path) -> None:
    """Flush a directory's entries to the disk, where the system has such a thing."""
    if os.name == "posix":
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
