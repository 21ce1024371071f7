"""Features that accompany the files of a verb."""

from pathlib import Path
from typing import Annotated, Any

import typer

from autoreg.data.local import Local
from autoreg.density import Density
from autoreg.models.wavenet import WaveNet

LocalFeatures = Annotated[
    Path | None,
    typer.Option(
        "--local",
        metavar="FILE.npy|DIR",
        help="The features that accompany a sound, for a model that was trained with some: a "
        "file, or the folder with one for each sound, NAME.npy. Beside it if not given.",
        rich_help_panel="Reading files",
    ),
]

LocalRule = Annotated[
    str | None,
    typer.Option(
        "--local",
        metavar="DIR|.npy",
        help="Features that accompany each clip, such as a spectrogram, arrays NAME.npy of shape "
        "(frames, features): the folder that they lie in, or their suffix beside the clips.",
        rich_help_panel="Data",
    ),
]
Hop = Annotated[
    int | None,
    typer.Option(help="Samples of each frame of --local.", min=1, rich_help_panel="Data"),
]


def described(local: str | None, hop: int | None) -> tuple[dict[str, Any], Path | None]:
    """Return what a source says of the features that options name, and their folder.

    Example:
        >>> described(".mel.npy", 160)
        ({'local': {'hop': 160, 'suffix': '.mel.npy'}}, None)
    """
    if local is None and hop is None:
        return {}, None
    if local is None or hop is None:
        raise ValueError("features are named by both, --local DIR or .npy and --hop SAMPLES")
    if Path(local).is_dir():
        return {"local": Local(hop).config()}, Path(local)
    if not local.startswith("."):
        raise ValueError(
            f"--local needs a folder that exists, or a suffix beside clips such as .mel.npy; "
            f"got {local!r}"
        )
    return {"local": Local(hop, local).config()}, None


def takes_local(density: Density) -> bool:
    """Tell whether a density needs the features that accompany each signal."""
    return isinstance(density.model, WaveNet) and density.model.upsampling is not None


def named(local: Path | None) -> dict[str, str]:
    """Return where features are looked for, as plain data; nothing where nothing is said."""
    return {} if local is None else {"local": str(local)}


def accompanied(
    density: Density, file: Path | None, local: Path | None, *, start: float | None = None
) -> Density:
    """Return a density that knows the features of one file; itself if it needs none.

    Args:
        density: What is asked.
        file: The signal asked about, if there is one.
        local: The file of its features, or a folder in which that lies under the signal's name,
            with the suffix that the model was trained with; beside the signal if None.
        start: Where the signal is read from, in seconds.

    Raises:
        FileNotFoundError: There are no such features.
        ValueError: They are needed and none are named; or are not needed.
    """
    if not takes_local(density):
        return density if local is None else density.with_local(local)
    if local is None and file is None:
        raise ValueError("this model needs the features that accompany a sound: --local FILE.npy")
    if file is not None and (local is None or local.is_dir()):
        told = density.card.get("training", {}).get("data", {}).get("local") or {}
        local = Local(1, str(told.get("suffix", ".npy")), local).path_of(file)
    return density.with_local(local or "", start=start or 0.0)
