"""Questions that are asked of many files at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar, Unpack

import torch
from jaxtyping import Float, Int, Integer
from torch import Tensor

from autoreg import scoring
from autoreg.answers import Answer, Cost, Posterior
from autoreg.conditions import Given, Prior
from autoreg.data.waves import Reading
from autoreg.density import Density
from autoreg.queries import likelihood
from autoreg.queries.posterior import log_sum_by_label

PARCEL = 1024
"""Files whose batches do not depend on any other file."""

REFUSALS = (ValueError, OSError, FloatingPointError)
"""What a file may raise that cannot be used; the others are answered all the same."""

_SHELF = 8  # batches whose symbols are held at a time: enough to find clips of similar length

T = TypeVar("T")
A = TypeVar("A", bound=Answer)


class Parcel(NamedTuple):
    """Consecutive files that are scored together, wherever and whenever that is.

    Which clips share a batch decides the last bits of their numbers. Within a parcel it depends on
    the model, the memory and the files of the parcel alone: not on how many processes there are,
    nor on where a run was interrupted.

    Attributes:
        files: At most PARCEL of them.
        done: So many of them, from the first, need no answer any more.
    """

    files: Sequence[Path]
    done: int = 0


class Answered(NamedTuple, Generic[A]):
    """Some files of a parcel and what is known of them.

    Attributes:
        files: Consecutive ones.
        answer: A row for each, whatever it says of those that were refused or done.
        refusals: Why some have no answer, by their place among the files.
        done: So many of them, from the first, need no answer any more.
    """

    files: Sequence[Path]
    answer: A
    refusals: Mapping[int, Exception]
    done: int


def parcels(files: Iterable[Path]) -> Iterator[Parcel]:
    """Yield the files in parcels, in their order.

    Example:
        >>> [len(parcel.files) for parcel in parcels([Path("a.wav")] * 1500)]
        [1024, 476]
    """
    left = iter(files)
    while some := tuple(islice(left, PARCEL)):
        yield Parcel(some)


def log_probs(
    density: Density,
    parcels: Iterable[Parcel],
    *,
    given: Given | None = None,
    prior: Prior | None = None,
    **reading: Unpack[Reading],
) -> Iterator[Answered[Answer]]:
    """Yield log p(signal | given) of each file, in order; see ``Density.log_prob``.

    Clips of similar length are scored as one batch, longer files piece by piece: what is held at a
    time does not depend on how many files there are, nor on how long they are. The next files are
    read meanwhile.

    Args:
        density: What is asked.
        parcels: The files.
        given: Labels that are known; the other factors are summed out under the prior.
        prior: Of the conditions; see ``ConditionSpace.log_prior``.
        **reading: How files are read: ``start``, ``stop`` (seconds), ``mono``, ``resample``.
    """
    log_prior = density.space.log_prior(prior, given)
    possible = log_prior.isfinite().nonzero()[:, 0]
    averaged = f", averaged over {len(possible)} conditions" if len(possible) > 1 else ""
    for shelf, log_likelihoods, lengths in _scored(density, parcels, possible, reading):
        answer = Answer(
            value=(log_likelihoods + log_prior[possible]).logsumexp(-1),
            method=f"one score{averaged}",
            num_symbols=lengths,
            cost=Cost(scored=int(lengths.sum()) * len(possible)),
        )
        yield Answered(shelf.files, answer, shelf.refusals, shelf.done)


def posteriors(
    density: Density,
    parcels: Iterable[Parcel],
    *,
    of: str | Sequence[str] | None = None,
    given: Given | None = None,
    prior: Prior | None = None,
    **reading: Unpack[Reading],
) -> Iterator[Answered[Posterior]]:
    """Yield log p(label | signal) of each file, in order; see ``Density.posterior``.

    Args:
        density: What is asked.
        parcels: The files; how they are scored is told in ``log_probs``.
        of: Factor or factors; the model's target if None, or all if it has none.
        given: Labels that are known.
        prior: Of the conditions; see ``ConditionSpace.log_prior``.
        **reading: How files are read: ``start``, ``stop`` (seconds), ``mono``, ``resample``.
    """
    space, of = density.space, density.target if of is None else of
    names = space.names if of is None else (of,) if isinstance(of, str) else tuple(of)
    labels, log_prior = space.joint_labels(names), space.log_prior(prior, given)
    possible = log_prior.isfinite().nonzero()[:, 0]
    for shelf, log_likelihoods, lengths in _scored(density, parcels, possible, reading):
        joint = log_likelihoods + log_prior[possible]
        log_evidence = joint.logsumexp(-1)
        impossible = bool(log_evidence.isneginf().any())
        answer = Posterior(
            value=log_sum_by_label(joint, space, names, possible) - log_evidence[:, None],
            of=names,
            labels=labels,
            log_evidence=log_evidence,
            method=f"one score for each of {len(possible)} conditions",
            reliable=not impossible,
            reason="the model gives a sequence no probability" if impossible else "",
            cost=Cost(scored=int(lengths.sum()) * len(possible)),
        )
        yield Answered(shelf.files, answer, shelf.refusals, shelf.done)


@dataclass
class _Shelf:
    """Some files of a parcel with all their symbols; or one that is too long to be held."""

    files: list[Path] = field(default_factory=list)
    symbols: list[Integer[Tensor, " T"]] = field(default_factory=list)
    refusals: dict[int, Exception] = field(default_factory=dict)
    done: int = 0
    long: bool = False

    def put(self, file: Path, read: Tensor | Exception | None, *, done: bool) -> None:
        """Add a file with its symbols, with why there are none, or with None: too many."""
        if isinstance(read, Exception):
            self.refusals[len(self.files)] = read
        self.long = read is None
        self.symbols.append(read if isinstance(read, Tensor) else torch.empty(0).byte())
        self.files.append(file)
        self.done += done


def _scored(
    density: Density, parcels: Iterable[Parcel], conditions: Int[Tensor, " M"], reading: Reading
) -> Iterator[tuple[_Shelf, Float[Tensor, "n M"], Int[Tensor, " n"]]]:
    """Yield shelf after shelf with log p(x | y) and the number of symbols of each file."""
    most = scoring.piece_length(density.model, len(conditions), density.memory)
    for shelf in _ahead(_shelves(density, parcels, most, reading)):
        if shelf.done == len(shelf.files):
            continue
        if shelf.long:
            yield shelf, *_score_long(density, shelf, conditions, reading)
        else:
            yield shelf, *_score(density, shelf, conditions, most)


def _score(
    density: Density, shelf: _Shelf, conditions: Int[Tensor, " M"], most: int
) -> tuple[Float[Tensor, "n M"], Int[Tensor, " n"]]:
    """Score the clips of a shelf, those of similar length together."""
    lengths = torch.tensor([len(codes) for codes in shelf.symbols])
    table = torch.zeros(len(lengths), len(conditions), dtype=torch.float64)
    order = lengths.argsort(descending=True, stable=True)
    begin = 0
    while begin < len(order):
        batch = order[begin : begin + max(1, most // max(1, int(lengths[order[begin]])))]
        begin += len(batch)
        if bool((batch < shelf.done).all()):
            continue
        try:
            table[batch] = _score_batch(density, shelf, batch, lengths, conditions)
        except REFUSALS:
            # One of them is to blame: whatever it raises, the others are answered.
            for row in batch:
                try:
                    table[row] = _score_batch(density, shelf, row[None], lengths, conditions)[0]
                except REFUSALS as error:
                    shelf.refusals.setdefault(int(row), error)
    return table, lengths


def _score_batch(
    density: Density,
    shelf: _Shelf,
    batch: Int[Tensor, " B"],
    lengths: Int[Tensor, " n"],
    conditions: Int[Tensor, " M"],
) -> Float[Tensor, "B M"]:
    padded = torch.nn.utils.rnn.pad_sequence(
        [shelf.symbols[row] for row in batch.tolist()], batch_first=True
    )
    return likelihood.log_likelihoods(
        density.model, padded, conditions, lengths[batch], memory=density.memory
    )


def _score_long(
    density: Density, shelf: _Shelf, conditions: Int[Tensor, " M"], reading: Reading
) -> tuple[Float[Tensor, "n M"], Int[Tensor, " n"]]:
    """Score the one file of a shelf piece by piece, while it is read."""
    table, count = torch.zeros(1, len(conditions), dtype=torch.float64), 0
    try:
        pieces = density.pieces(shelf.files[0], len(conditions), **reading)
        with torch.no_grad():
            for factors in scoring.stream(density.model, pieces, conditions):
                table[0] += factors.cpu().sum(1)
                count += factors.shape[1]
    except REFUSALS as error:
        shelf.refusals[0] = error
    return table, torch.tensor([count])


def _shelves(
    density: Density, parcels: Iterable[Parcel], most: int, reading: Reading
) -> Iterator[_Shelf]:
    """Yield the files with their symbols, as many at a time as are held."""
    for parcel in parcels:
        shelf, held = _Shelf(), 0
        for number, file in enumerate(parcel.files):
            read = _read(density, file, most, reading)
            size = len(read) if isinstance(read, Tensor) else 0
            if shelf.files and (read is None or held + size > _SHELF * most):
                yield shelf
                shelf, held = _Shelf(), 0
            shelf.put(file, read, done=number < parcel.done)
            held += size
            if read is None:
                yield shelf
                shelf, held = _Shelf(), 0
        if shelf.files:
            yield shelf


def _read(
    density: Density, file: Path, most: int, reading: Reading
) -> Integer[Tensor, " T"] | Exception | None:
    """Return a file's symbols, why there are none, or None if there are too many to hold."""
    parts: list[Tensor] = []
    held = 0
    try:
        for piece in density.pieces(file, 1, **reading):
            parts.append(piece[0])
            held += piece.shape[1]
            if held > most:
                return None
    except REFUSALS as error:
        return error
    return parts[0] if len(parts) == 1 else torch.cat([torch.empty(0).byte(), *parts])


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield items, each while the next one is made by another thread."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, items, None)
            yield item
