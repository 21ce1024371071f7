"""A corpus of pictures of which each is there in several orders."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from autoreg.codecs.scan import Scan
from autoreg.conditions import ConditionSpace
from autoreg.data.corpus import Corpus
from autoreg.data.picture import Picture
from autoreg.data.pictures import FACTOR, Pictures
from autoreg.data.sequences import Sequences


def kinds_of(scan: str | Sequence[str]) -> tuple[str, ...]:
    """Return the kinds of scans that one kind or several name.

    Raises:
        ValueError: There is none, or one twice.
    """
    kinds = (scan,) if isinstance(scan, str) else tuple(scan)
    if not kinds or len(set(kinds)) < len(kinds):
        raise ValueError(f"scan needs kinds that are all different; got {', '.join(kinds)}")
    return kinds


def in_orders(corpus: Corpus, kinds: Sequence[str]) -> Corpus:
    """Return a corpus of pictures with each of them in every order, one after the other.

    The condition gets a factor more, the scan, and each scan a row of features.

    Args:
        corpus: Pictures in the first of the orders.
        kinds: The scans; with only one, the corpus is returned as it is.
    """
    if len(kinds) == 1:
        return corpus
    first, space = corpus.signal, corpus.space
    if not isinstance(first, Picture) or first.scan.kind != kinds[0]:
        raise ValueError(f"orders need pictures, in the order {kinds[0]}; got {first.config()}")
    if FACTOR in space.names:
        raise ValueError(f"a factor {FACTOR!r} is that of the orders; the labels have one too")
    scans = tuple(replace(first.scan, kind=kind) for kind in kinds)
    counts = None if space.counts is None else [n for n in space.counts for _ in scans]
    return Corpus(
        parts={
            part: _unrolled(sequences, first.scan, scans)
            for part, sequences in corpus.parts.items()
        },
        signal=Pictures(first.codec, scans),
        space=ConditionSpace({**space.factors, FACTOR: kinds}, counts),
        target=corpus.target,
        protocol=f"{corpus.protocol}; in {len(scans)} orders, {', '.join(kinds)}",
        features=torch.stack([scan.features() for scan in scans]),
        rows=torch.arange(len(scans)).repeat(space.size),
    )


def in_order(corpus: Corpus, kind: str) -> Corpus:
    """Return what of a corpus in several orders is in one of them, as a corpus of that alone."""
    pictures, space = corpus.signal, corpus.space
    if not isinstance(pictures, Pictures):
        raise ValueError(f"a corpus in several orders is needed; got {corpus.signal.config()}")
    picture, code = pictures.of(kind), pictures.kinds.index(kind)
    count = len(pictures.kinds)
    parts = {}
    for part, sequences in corpus.parts.items():
        own = sequences.take((sequences.condition % count == code).nonzero()[:, 0])
        names = tuple(name.removesuffix(f" ({kind})") for name in own.names)
        parts[part] = replace(own, condition=own.condition // count, names=names)
    return Corpus(
        parts=parts,
        signal=picture,
        space=labels_of(space),
        target=corpus.target,
        protocol=corpus.protocol,
        features=picture.scan.features()[None],
    )


def labels_of(space: ConditionSpace) -> ConditionSpace:
    """Return a space of conditions without the scan."""
    if FACTOR not in space.names:
        return space
    factors = {name: labels for name, labels in space.factors.items() if name != FACTOR}
    if space.counts is None:
        return ConditionSpace(factors)
    each = torch.tensor(space.counts).reshape(space.sizes).select(space.names.index(FACTOR), 0)
    return ConditionSpace(factors, each.flatten().tolist())


def _unrolled(sequences: Sequences, own: Scan, scans: Sequence[Scan]) -> Sequences:
    images = own.roll(sequences.symbols.reshape(-1, own.length))
    count = len(scans)
    return Sequences.from_rows(
        torch.stack([scan.unroll(images) for scan in scans], dim=1).flatten(0, 1),
        (sequences.condition[:, None] * count + torch.arange(count)).flatten(),
        [f"{name} ({scan.kind})" for name in sequences.names for scan in scans],
    )
