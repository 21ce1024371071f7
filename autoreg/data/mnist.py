"""The handwritten digits of MNIST."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor
from torchvision.datasets import MNIST

from autoreg.codecs.pixels import WHITE, Grey, Threshold
from autoreg.codecs.scan import Scan
from autoreg.conditions import ConditionSpace
from autoreg.data.corpus import Corpus
from autoreg.data.orders import in_orders, kinds_of
from autoreg.data.picture import Picture
from autoreg.data.sequences import Sequences

Binarise = Literal["threshold", "draw"]

SEED = 0  # of the validation split and of drawn binarisation: part of the protocol


def mnist(
    root: Path | str,
    *,
    levels: int = 2,
    scan: str | Sequence[str] = "raster",
    binarise: Binarise = "threshold",
    valid: int = 5000,
    download: bool = False,
) -> Corpus:
    """Return MNIST: 60,000 images of 28x28 pixels to train and validate on, 10,000 to test.

    Args:
        root: The folder that holds MNIST/raw.
        levels: 2 for black and white, up to 256 for grey.
        scan: The kind of scan, see Scan; several make each image be there in each order.
        binarise: With two levels, "threshold": white above 127; "draw": each pixel is white with
            probability grey / 255, drawn once and for all.
        valid: How many of the 60,000 are for validation; the same ones every time.
        download: Fetch the files if they are not there.

    Raises:
        FileNotFoundError: The files are not in root, whole.
        ValueError: A binarisation is asked for, or a split, that cannot be.
    """
    if binarise not in get_args(Binarise):
        raise ValueError(
            f"binarise needs one of {', '.join(get_args(Binarise))}; got {binarise!r}"
        )
    if binarise == "draw" and levels != 2:
        raise ValueError(f"binarise='draw' needs levels=2; got levels={levels}")
    if not 0 <= valid < 60_000:
        raise ValueError(f"valid needs to leave some of 60,000 images to train on; got {valid}")
    kinds = kinds_of(scan)
    picture = Picture(Threshold() if levels == 2 else Grey(levels), Scan(kinds[0], 28, 28))
    generator = torch.Generator().manual_seed(SEED)
    shuffled = torch.randperm(60_000, generator=generator)
    known, test = (
        _sequences(_load(root, train=train, download=download), picture, binarise, generator)
        for train in (True, False)
    )
    train = known.take(shuffled[valid:].sort().values)
    how = f"{levels} grey levels"
    if levels == 2:
        how = "white above 127" if binarise == "threshold" else f"pixels drawn once, seed {SEED}"
    corpus = Corpus(
        parts={"train": train, "valid": known.take(shuffled[:valid].sort().values), "test": test},
        signal=picture,
        space=ConditionSpace(
            {"digit": tuple("0123456789")}, train.condition.bincount(minlength=10).tolist()
        ),
        target="digit",
        protocol=(
            f"MNIST, 28x28 pixels, {how}; test: the official 10,000 images, validation: {valid} "
            f"of the 60,000 by permutation with seed {SEED}, training: the rest"
        ),
        features=picture.scan.features()[None],
    )
    return in_orders(corpus, kinds)


def _load(root: Path | str, *, train: bool, download: bool) -> MNIST:
    try:
        return MNIST(root, train=train, download=download)
    except RuntimeError as error:
        raise FileNotFoundError(
            f"{Path(root) / 'MNIST' / 'raw'}: the four files of MNIST need to be there, whole; "
            f"download=True, `autoreg train mnist --download`, fetches them ({error})"
        ) from None


def _sequences(
    images: MNIST, picture: Picture, binarise: Binarise, generator: torch.Generator
) -> Sequences:
    grey: Tensor = images.data
    if binarise == "draw":
        grey = WHITE * torch.bernoulli(grey / WHITE, generator=generator).byte()
    return Sequences.from_rows(picture.encode(grey), images.targets)
