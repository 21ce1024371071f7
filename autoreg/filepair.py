"""Two files written as one: model.json and the weights that it vouches for.

``model.json`` records size and SHA-256 of ``weights.safetensors``. To write both, the weights are
staged as ``weights.safetensors.new``; then one rename replaces ``model.json``, which is the
commit; then the staged weights take their place. A kill before the commit leaves the old pair, a
kill after it the new one: a reader knows its weights by their hash, under either name. The next
write tidies up. A directory has one writer and any number of readers.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from autoreg import plaindata
from autoreg.plaindata import STAGED, ModelDirError

CARD, WEIGHTS = "model.json", "weights.safetensors"

_READINGS = 5  # of a directory that is being written to
_MODERATE = 2**24  # bytes of a foreign file that is read to say what it is


class Pair(NamedTuple):
    """What both files hold.

    Attributes:
        fields: model.json as an object.
        card: model.json as bytes.
        weights: weights.safetensors as bytes.
    """

    fields: dict[str, Any]
    card: bytes
    weights: bytes


def write(directory: Path, fields: Mapping[str, object], weights: bytes) -> None:
    """Replace both files, or neither; writing what is there already writes nothing.

    Args:
        directory: An existing directory.
        fields: The object in model.json; the key ``weights`` is added to it.
        weights: The bytes of weights.safetensors.

    Raises:
        ValueError: The object is larger than ``plaindata.JSON_LIMIT``.
        OSError: The disk is full, say. The pair that was there before can still be read.
    """
    named = {**fields, "weights": _fingerprint(weights)}
    card = plaindata.json_bytes(CARD, named, indent=2) + b"\n"
    if len(card) > plaindata.JSON_LIMIT:
        raise ValueError(
            f"{CARD} needs at most {plaindata.JSON_LIMIT:,} bytes, or it would not be read again; "
            f"got {len(card):,}"
        )
    _settle(directory)
    if plaindata.holds(directory / CARD, card) and plaindata.holds(directory / WEIGHTS, weights):
        return
    plaindata.stage(directory / WEIGHTS, weights)
    try:
        plaindata.replace(directory / CARD, card)
    finally:
        _settle(directory)


def read(
    directory: Path,
    check: Callable[[Path, dict[str, Any]], None],
    *,
    root: Path | None = None,
) -> Pair:
    """Return a pair that was written together.

    Args:
        directory: Where the files are.
        check: Refuses the object in model.json; all that is used here is its key ``weights``.
        root: The directory that links may not leave; default the directory itself.

    Raises:
        ModelDirError: A file is missing, unreadable or not of this pair.
    """
    for _ in range(_READINGS):
        card = plaindata.read(directory / CARD, root=root, limit=plaindata.JSON_LIMIT)
        fields = plaindata.parse_json(directory / CARD, card)
        check(directory / CARD, fields)
        refusals = []
        for name in (WEIGHTS, WEIGHTS + STAGED):
            try:
                weights = _read_weights(directory / name, fields.get("weights"), root)
                return Pair(fields, card, weights)
            except ModelDirError as error:
                refusals.append(error)
        if plaindata.holds(directory / CARD, card):
            break  # Otherwise a write came in between.
    raise refusals[0]


def _read_weights(path: Path, fingerprint: object, root: Path | None) -> bytes:
    """Return the bytes of a file if it has this fingerprint."""
    plaindata.check_keys(f"{path.parent / CARD}, weights,", fingerprint, {"bytes", "sha256"})
    assert isinstance(fingerprint, dict)  # noqa: S101 - check_keys has seen to it
    size = fingerprint["bytes"]
    limit = max(_MODERATE, size if isinstance(size, int) else 0)
    payload = plaindata.read(path, root=root, limit=limit)
    if _fingerprint(payload) != fingerprint:
        plaindata.parse_tensors(path, payload)  # names a pickle and a truncated file
        raise ModelDirError(
            f"{path} holds other weights than {CARD} was saved with: its {len(payload):,} bytes "
            f"need to be {size!r}, of SHA-256 {fingerprint['sha256']!r:.12}... Copy both files of "
            "one save."
        )
    return payload


def _settle(directory: Path) -> None:
    """Finish a write that model.json has committed to; take back one that it has not."""
    staged, card = directory / (WEIGHTS + STAGED), directory / CARD
    if not staged.exists():
        return
    try:
        committed = json.loads(card.read_bytes())["weights"] == _fingerprint(staged.read_bytes())
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        committed = False
    if committed:
        plaindata.promote(staged, directory / WEIGHTS)
    else:
        staged.unlink()


def _fingerprint(payload: bytes) -> dict[str, object]:
    return {"bytes": len(payload), "sha256": hashlib.sha256(payload).hexdigest()}
