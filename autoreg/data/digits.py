"""The handwritten digits that come with scikit-learn."""

from collections.abc import Sequence

import torch
from sklearn.datasets import load_digits

from autoreg.codecs.pixels import Grey
from autoreg.codecs.scan import Scan
from autoreg.conditions import ConditionSpace
from autoreg.data.corpus import Corpus
from autoreg.data.orders import in_orders, kinds_of
from autoreg.data.picture import Picture
from autoreg.data.sequences import Sequences


def digits(scan: str | Sequence[str] = "raster") -> Corpus:
    """Return 1,797 digits of 8x8 pixels, 17 grey levels each, labelled 0..9.

    Args:
        scan: The kind of scan, see Scan; several make each image be there in each order.

    Example:
        >>> corpus = digits()
        >>> [len(corpus.parts[part]) for part in ("train", "valid", "test")]
        [1347, 90, 360]
    """
    bunch = load_digits()
    kinds = kinds_of(scan)
    picture = Picture(Grey(levels=17, top=16), Scan(kinds[0], 8, 8))
    sequences = Sequences.from_rows(
        picture.encode(torch.from_numpy(bunch.images).long()), bunch.target
    )
    index = torch.arange(len(sequences))
    test, valid = index % 5 == 0, index % 20 == 1
    parts = {"train": ~(test | valid), "valid": valid, "test": test}
    counts = torch.from_numpy(bunch.target)[parts["train"]].bincount(minlength=10)
    corpus = Corpus(
        parts={part: sequences.take(chosen.nonzero()[:, 0]) for part, chosen in parts.items()},
        signal=picture,
        space=ConditionSpace({"digit": tuple("0123456789")}, counts.tolist()),
        target="digit",
        protocol=(
            "scikit-learn digits, 8x8 pixels of 17 grey levels; test: index mod 5 = 0, "
            "validation: index mod 20 = 1, training: the rest"
        ),
        features=picture.scan.features()[None],
    )
    return in_orders(corpus, kinds)
