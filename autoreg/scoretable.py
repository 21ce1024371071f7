"""Log likelihoods of many sequences under every condition."""

import hashlib
import io
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from autoreg import plaindata, scoring
from autoreg.data.corpus import Corpus
from autoreg.data.numbers import DAMAGED
from autoreg.data.sequences import Sequences
from autoreg.density import Density
from autoreg.models.wavenet import WaveNet
from autoreg.queries.likelihood import log_likelihoods

PATIENCE = 30.0
"""Seconds of scoring after which a table that has a file is written to it."""

Progress = Callable[[int, int], object]
"""Called with the number of sequences that are done, and of all."""


@dataclass(frozen=True, kw_only=True)
class ScoreTable:
    """What sequences are worth under each condition: every judgement of a model is made of this.

    Attributes:
        log_likelihoods: log p(x | y) in nats, float64.
        condition: The true condition of each sequence.
        lengths: Symbols of each.
        protocol: What was scored, in one sentence.
    """

    log_likelihoods: Float[Tensor, "n K"]
    condition: Int[Tensor, " n"]
    lengths: Int[Tensor, " n"]
    protocol: str

    def __len__(self) -> int:
        return len(self.condition)


def score_table(
    density: Density,
    corpus: Corpus,
    *,
    part: str = "test",
    limit: int | None = None,
    file: Path | str | None = None,
    progress: Progress | None = None,
) -> ScoreTable:
    """Score each sequence of one part of a corpus once under each condition.

    Args:
        density: What is judged.
        corpus: Symbols and conditions that mean the same as the density's.
        part: "train", "valid" or "test".
        limit: Only the first so many sequences.
        file: A .npz file to keep the scores in, written now and then and at the end. What it
            holds already is not scored again, also after an interruption.
        progress: Told after each batch.

    Raises:
        ValueError: The part does not exist or is empty, the corpus speaks of other things, or the
            file holds scores of other sequences or by other weights.
    """
    check_same(density, corpus)
    if part not in corpus.parts:
        raise ValueError(f"part needs one of {', '.join(corpus.parts)}; got {part!r}")
    everything = corpus.parts[part]
    if limit is not None and limit < 1:
        raise ValueError(f"limit needs to be at least 1; got {limit}")
    sequences = everything if limit is None else everything.take(range(len(everything))[:limit])
    if not len(sequences):
        raise ValueError(f"the {part} part is empty: {corpus.protocol}")
    shelf = None if file is None else _Shelf(Path(file), _identity(density, sequences))
    scope = f"the first {len(sequences)}" if len(sequences) < len(everything) else "all"
    return ScoreTable(
        log_likelihoods=_scored(density, sequences, shelf, progress),
        condition=sequences.condition,
        lengths=sequences.lengths,
        protocol=f"{scope} of {len(everything)} {part} sequences; {corpus.protocol}",
    )


class _Shelf:
    """A file of scores, nan where there are none yet, that knows what they are of."""

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        if path.suffix != ".npz":
            raise ValueError(f"scores are kept in a .npz file; got {path}")
        if not path.absolute().parent.is_dir():
            raise FileNotFoundError(f"{path}: needs a folder that exists")
        self.path, self.note = path, json.dumps(identity, sort_keys=True)
        self.written = time.monotonic()

    def take(self, shape: tuple[int, int]) -> Float[Tensor, "n K"]:
        """Return what is there, nan for the rest."""
        nothing = torch.full(shape, torch.nan, dtype=torch.float64)
        if not self.path.exists():
            return nothing
        try:
            # The file is opened here: numpy leaves one open that is no whole archive.
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as found:
                note, scores = str(found["note"]), torch.from_numpy(found["log_likelihoods"])
        except DAMAGED as error:
            raise ValueError(f"{self.path} holds no scores: {error}") from None
        if note != self.note or scores.shape != shape or scores.dtype != torch.float64:
            raise ValueError(
                f"{self.path} needs scores of these sequences by these weights, {self.note:.400}; "
                f"it has others, {note:.400}. Name another file"
            )
        return scores

    def put(self, scores: Float[Tensor, "n K"], *, last: bool) -> None:
        """Write what is there by now, unless that was done a moment ago."""
        if not last and time.monotonic() - self.written < PATIENCE:
            return
        held = io.BytesIO()
        np.savez_compressed(held, note=self.note, log_likelihoods=scores.numpy())
        plaindata.replace(self.path, held.getvalue())
        self.written = time.monotonic()


def check_same(density: Density, corpus: Corpus) -> None:
    """Refuse a corpus whose symbols or conditions mean something else than the density's."""
    for name, ours, theirs in (
        ("signal", density.signal.config(), corpus.signal.config()),
        ("labels", density.space.factors, corpus.space.factors),
    ):
        if ours != theirs:
            raise ValueError(f"the corpus needs the density's {name}, {ours}; got {theirs}")


def _identity(density: Density, sequences: Sequences) -> dict[str, Any]:
    """Return what a score depends on: weights, their type, symbols and conditions."""
    digest = hashlib.sha256()
    if not isinstance(density.model, torch.nn.Module):
        raise TypeError(
            "scores are kept in a file by the model's weights, which a torch.nn.Module tells; "
            f"got {type(density.model).__name__}"
        )
    # Where in its features a signal begins is no weight, and yet moves scores.
    tensors = {**density.model.state_dict(), **dict(density.model.named_buffers())}
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    kinds = sorted({str(tensor.dtype).removeprefix("torch.") for tensor in tensors.values()})
    return {
        "weights": digest.hexdigest(),
        "dtype": kinds,
        "model": repr(density.card.get("model")),
        **sequences.fingerprint(),
    }


def _scored(
    density: Density, sequences: Sequences, shelf: _Shelf | None, progress: Progress | None
) -> Float[Tensor, "n K"]:
    """Return log p(x | y) of all sequences and conditions, those of similar length together."""
    model, size = density.model, density.space.size
    lengths, shape = sequences.lengths, (len(sequences), size)
    table = torch.full(shape, torch.nan).double() if shelf is None else shelf.take(shape)
    order = lengths.argsort(descending=True, stable=True)
    order = order[table.isnan().any(1)[order]]
    fitting = scoring.chunk_length(model, size, density.memory)
    before, done = len(sequences) - len(order), 0
    while done < len(order):
        batch = order[done : done + max(1, fitting // max(1, int(lengths[order[done]])))]
        symbols, _, own = sequences.pad(batch)
        known, local = model, None
        if sequences.frames is not None and isinstance(model, WaveNet) and model.upsampling:
            local = sequences.frames.excerpt(batch, torch.zeros_like(batch), symbols.shape[1])
            known = model.with_features(local.frames, phase=local.phase)
        table[batch] = log_likelihoods(
            known,
            symbols,
            torch.arange(size),
            own,
            located=local is not None,
            memory=density.memory,
        )
        done += len(batch)
        if shelf is not None:
            shelf.put(table, last=done == len(order))
        if progress is not None:
            progress(before + done, len(sequences))
    return table
