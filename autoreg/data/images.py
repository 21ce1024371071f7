"""Folders of images."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from autoreg.codecs.pixels import Grey, Threshold
from autoreg.codecs.scan import Scan
from autoreg.conditions import ConditionSpace
from autoreg.data.corpus import PARTS, Corpus
from autoreg.data.labels import Labels, condition_of, space_of
from autoreg.data.orders import in_orders, kinds_of, labels_of
from autoreg.data.picture import Picture, open_image
from autoreg.data.sequences import Sequences
from autoreg.data.split import Split

FORMATS = (".png", ".jpg", ".jpeg")


def image_folder(
    root: Path | str,
    *,
    labels: Labels,
    split: Split,
    levels: int = 256,
    scan: str | Sequence[str] = "raster",
    target: str | None = None,
    space: ConditionSpace | None = None,
) -> Corpus:
    """Return the images below a folder, at any depth, in grey.

    The size and the label of every file are checked before the first pixel is read.

    Args:
        root: The folder; its png and jpg files are taken in the order of their paths.
        labels: A rule of autoreg.data.labels.
        split: Which files are held out.
        levels: 2 for white above 127 and black, up to 256 for grey.
        scan: The kind of scan, see Scan; several make each image be there in each order.
        target: The factor that classifying asks for; None stands for the only factor, if so.
        space: The labels that images may have, a scan among the factors left aside; None stands
            for those of the training images.

    Raises:
        FileNotFoundError: The folder does not exist or holds no image.
        ValueError: An image has another size than the others, no label, or cannot be read; no
            training image is left.
    """
    root = Path(root)
    paths = sorted(
        path for path in root.rglob("*") if path.suffix.lower() in FORMATS and path.is_file()
    )
    if not paths:
        raise FileNotFoundError(f"{root}: needs a folder with {', '.join(FORMATS)} files")
    width, height = _common_size(paths)
    kinds = kinds_of(scan)
    picture = Picture(Threshold() if levels == 2 else Grey(levels), Scan(kinds[0], height, width))
    rows = {path: labels.of(path.relative_to(root)) for path in paths}
    files: dict[str, list[Path]] = {part: [] for part in PARTS}
    for path, part in zip(paths, split.assign(paths), strict=True):
        files[part].append(path)
    if space is None:
        if not files["train"]:
            raise ValueError(f"{root}: no training image is left; {split}")
        space = space_of(labels.factors, [rows[path] for path in files["train"]])
    space = space if len(kinds) == 1 else labels_of(space)
    if target is None and len(labels.factors) == 1:
        target = labels.factors[0]
    corpus = Corpus(
        parts={
            part: Sequences.from_list(
                [picture.read(path) for path in chosen],
                [condition_of(path, rows[path], space) for path in chosen],
                [path.relative_to(root).as_posix() for path in chosen],
            )
            for part, chosen in files.items()
        },
        signal=picture,
        space=space,
        target=target,
        protocol=(
            f"{len(paths)} images of {height}x{width} pixels, {levels} levels, {labels.source}; "
            f"{split}"
        ),
        features=picture.scan.features()[None],
    )
    return in_orders(corpus, kinds)


def _common_size(paths: Sequence[Path]) -> tuple[int, int]:
    sizes = {}
    for path in paths:
        with open_image(path) as image:
            sizes[path] = image.size
    (common, _), *others = Counter(sizes.values()).most_common()
    if others:
        odd = next(path for path in paths if sizes[path] != common)
        raise ValueError(
            f"{odd}: the image needs {common[1]} rows of {common[0]} pixels as most others have; "
            f"got {sizes[odd][1]} rows of {sizes[odd][0]}"
        )
    return common
