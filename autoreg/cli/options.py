"""Options that several verbs share."""

import secrets
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer
from torch import Generator

from autoreg import density as densities
from autoreg.cli import values
from autoreg.data.sound import Sound
from autoreg.data.trim import trimmed
from autoreg.data.waves import Reading
from autoreg.density import Density
from autoreg.models.mixture import Mixture

_QUESTION, _READING, _MACHINE, _OUTPUT = "Question", "Reading files", "Machine", "Output"

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="A directory, the name of a bundled model, or hf:owner/name."
    ),
]
Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILES...",
        help="Files; folders, all their files at any depth; @LIST or -, the files named in a list "
        "or on standard input, one a line.",
    ),
]
Count = Annotated[int, typer.Option("-n", "--count", min=1, help="How many draws.")]
CountOrOne = Annotated[
    int | None,
    typer.Option("-n", "--count", min=1, help="How many draws; one if they are streamed."),
]
Drawing = Annotated[
    Path,
    typer.Option(
        "--out",
        metavar="FILE",
        help="Where all draws go: .png a grid; .wav, .flac, .ogg, .mp3 one after another; "
        ".npy, .csv, .txt a row each.",
        rich_help_panel=_OUTPUT,
    ),
]
GivenLabels = Annotated[
    list[str] | None,
    typer.Option(
        "--given",
        metavar="FACTOR=LABEL",
        help="A label that is known; again for another factor. Factors that are not given are "
        "summed out, or drawn.",
        rich_help_panel=_QUESTION,
    ),
]
PriorOption = Annotated[
    list[str] | None,
    typer.Option(
        "--prior",
        metavar="PRIOR",
        help="Of the labels: uniform (the default), training (their frequencies there), "
        "label=p,label=p or, again for each factor, factor:label=p,label=p.",
        rich_help_panel=_QUESTION,
    ),
]
Of = Annotated[
    str | None,
    typer.Option(
        metavar="FACTOR",
        help="The factor to tell; that which the model was trained for if not given.",
        rich_help_panel=_QUESTION,
    ),
]
Length = Annotated[
    str | None,
    typer.Option(
        metavar="392|0.2s",
        help="Symbols or seconds of each draw; pictures have one length.",
        rich_help_panel=_QUESTION,
    ),
]
Temperature = Annotated[
    float,
    typer.Option(
        help="Other than 1 draws from another model, bolder above, tamer below; 0 takes the "
        "likeliest symbol each time.",
        rich_help_panel=_QUESTION,
    ),
]
TopP = Annotated[
    float,
    typer.Option(
        "--top-p",
        help="Below 1 draws from the most probable symbols only: another model too.",
        rich_help_panel=_QUESTION,
    ),
]
Start = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="Leave out what is before.", rich_help_panel=_READING),
]
Stop = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="Leave out what is after.", rich_help_panel=_READING),
]
Mono = Annotated[
    bool, typer.Option("--mono", help="Mix several channels.", rich_help_panel=_READING)
]
Resample = Annotated[
    bool,
    typer.Option("--resample", help="Convert other sample rates.", rich_help_panel=_READING),
]
Trim = Annotated[
    bool,
    typer.Option(
        "--trim",
        help="Leave out the silent ends of a file first, as training did (--trim-db).",
        rich_help_panel=_READING,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        help="Of all chance; a new one each time if not given.", rich_help_panel=_MACHINE
    ),
]
Device = Annotated[
    str,
    typer.Option(
        help="cpu, cuda or cuda:N; auto is a GPU where there is one.", rich_help_panel=_MACHINE
    ),
]
Dtype = Annotated[
    Literal["float32", "float64", "bfloat16"] | None,
    typer.Option(help="Of the weights; as stored if not given.", rich_help_panel=_MACHINE),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1, help="Of the processor; all cores if not given.", rich_help_panel=_MACHINE
    ),
]
Memory = Annotated[
    str,
    typer.Option(
        metavar="SIZE", help="What one batch may take, such as 256MB.", rich_help_panel=_MACHINE
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON, for machines.", rich_help_panel=_OUTPUT)
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Show no progress.", rich_help_panel=_OUTPUT)
]
Verbose = Annotated[
    bool,
    typer.Option(
        "--verbose", "-v", help="Say what is done to each file.", rich_help_panel=_OUTPUT
    ),
]


GivenScan = Annotated[
    list[str] | None,
    typer.Option(
        "--given",
        metavar="scan=KIND",
        help="Of a mixture over scans, only the density of this one.",
        rich_help_panel="Question",
    ),
]


def open_density(
    model: str, *, device: str, dtype: str | None, threads: int | None, memory: str
) -> Density:
    """Load a model onto the machine that the options describe."""
    use_threads(threads)
    kind = None if dtype is None else getattr(torch, dtype)
    density = densities.load(model, device=device, dtype=kind)
    return replace(density, memory=values.memory(memory))


def fixed(density: Density, labels: Sequence[str]) -> tuple[Density, dict[str, str]]:
    """Return the component of a mixture that a label fixes, if one does, and the other labels."""
    known, model = values.given(labels), density.model
    if isinstance(model, Mixture) and model.factor in known:
        density = density.component(known.pop(model.factor))
    return density, known


def only_fixed(density: Density, labels: Sequence[str]) -> Density:
    """Return the component that labels fix, where these can say nothing else."""
    density, known = fixed(density, labels)
    if known:
        raise ValueError(
            f"here --given fixes the scan of a mixture, and nothing else; got {', '.join(known)}"
        )
    return density


def in_one_order(density: Density, labels: Sequence[str]) -> Density:
    """Return the component that labels fix; refuse a mixture of which none is fixed."""
    density = only_fixed(density, labels)
    if isinstance(density.model, Mixture):
        density.model.refuse("a question in words")
    return density


def use_threads(count: int | None) -> None:
    """Compute on so many threads."""
    if count is not None:
        torch.set_num_threads(count)


def trim_db(density: Density, *, trim: bool, quiet: bool) -> float | None:
    """Return how quiet the ends are that --trim leaves out; None without it, as is then noted.

    Raises:
        ValueError: The model's training left out no silence.
    """
    below: float | None = density.card.get("training", {}).get("data", {}).get("trim_db")
    if trim:
        if below is None:
            raise ValueError("--trim does what the training did; this model's left out no silence")
        return below
    if below is not None and not quiet:
        told = f"silent ends count; training left out those {below:g} dB below the peak (--trim)"
        print(f"note: {told}", file=sys.stderr)
    return None


def reading(
    *,
    start: float | None = None,
    stop: float | None = None,
    mono: bool,
    resample: bool,
    trim: float | None = None,
) -> Reading:
    """Return how files are to be read: what was asked for, and nothing else."""
    wanted = Reading()
    if trim is not None:
        wanted["trim_db"] = trim
    if start is not None:
        wanted["start"] = start
    if stop is not None:
        wanted["stop"] = stop
    if mono:
        wanted["mono"] = True
    if resample:
        wanted["resample"] = True
    return wanted


def active(density: Density, path: Path, how: Reading) -> Reading:
    """Return how to read one file where it is active, if silent ends are to be left out."""
    if not isinstance(density.signal, Sound):
        return how
    return trimmed(path, density.signal.sample_rate, **how)


def seeded(seed: int | None) -> Generator:
    """Return a source of chance; its ``initial_seed`` tells how to repeat it."""
    return Generator().manual_seed(secrets.randbits(31) if seed is None else seed)
