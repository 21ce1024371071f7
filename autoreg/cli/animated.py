"""The animation of a posterior while an image is revealed."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from autoreg.cli.files import check_folder, expand
from autoreg.data.picture import Picture
from autoreg.density import Density
from autoreg.models.mixture import Mixture

Animate = Annotated[
    Path | None,
    typer.Option(
        metavar="OUT.gif",
        help="Write an animation for the one image: its pixels as they arrive, beside the "
        "probability of each label; a frame --every so many pixels.",
        rich_help_panel="Output",
    ),
]


def check_animation(density: Density, files: Sequence[Path], out: Path) -> Path:
    """Return the one image to animate, before anything is computed.

    Raises:
        ValueError: There are several files or names on standard input, the model reads no pictures
            in one order, or the animation is to be of another kind than GIF.
        FileNotFoundError: It is to lie in no folder.
    """
    if not isinstance(density.signal, Picture):
        raise ValueError(
            f"--animate needs a model of pictures in one order; got {density.signal.kind}"
        )
    if out.suffix.lower() != ".gif":
        raise ValueError(f"--animate needs a file that ends in .gif; got {out}")
    check_folder(out)
    if isinstance(density.model, Mixture):
        density.model.refuse("--animate")
    if any(str(file) == "-" for file in files):
        raise ValueError("--animate needs one image; got -, names on standard input")
    # Two are enough to know that it is not one; a folder may hold a million.
    some = [path for path, _ in zip(expand(files, density.signal), range(2), strict=False)]
    if len(some) != 1:
        raise ValueError("--animate needs one image; got several files")
    return some[0]


def write_animation(
    density: Density, image: Path, out: Path, question: dict[str, Any], every: int | None
) -> None:
    """Write the GIF of one image's posterior at every prefix."""
    if not isinstance(density.signal, Picture):
        raise TypeError(f"an animation needs pictures; got {density.signal.kind}")
    found = density.posterior(image, every_prefix=True, **question)
    pixels = density.signal.decode(density.signal.read(image))
    # Imported when it is asked for: a verb must not wait for matplotlib.
    import_module("autoreg.plots").animate(
        out, pixels, density.signal.scan.order, found.probs, found.labels, every=every
    )
