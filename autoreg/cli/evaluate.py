"""The verb that judges a model on held-out data."""

import time
from collections.abc import Sequence
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Annotated

import typer

from autoreg import evaluation, occlusion
from autoreg.calibrated import Calibrated
from autoreg.cli import values
from autoreg.cli.files import PICTURES, check_folder
from autoreg.cli.heldout import Data, First, LabelRule, Limit, Part, read_held_out
from autoreg.cli.judged import print_judgements, print_occlusion
from autoreg.cli.local import LocalFeatures
from autoreg.cli.options import (
    AsJson,
    Device,
    Dtype,
    GivenScan,
    Memory,
    Model,
    Mono,
    PriorOption,
    Quiet,
    Resample,
    Threads,
    Verbose,
    only_fixed,
    open_density,
)
from autoreg.cli.output import counting, logged, waiting
from autoreg.density import Density
from autoreg.scoretable import score_table
from autoreg.verdicts import Verdicts, verdicts

_HIDING = "Hidden parts"

Of = Annotated[
    list[str] | None,
    typer.Option(
        "--of",
        metavar="FACTOR[,FACTOR]",
        help="The factor to tell, or several jointly; again for another question, answered by the "
        "same scores. That which the model was trained for if not given.",
        rich_help_panel="Question",
    ),
]
TableFile = Annotated[
    Path | None,
    typer.Option(
        "--table",
        metavar="FILE.npz",
        help="Keep the scores here: what is there already is not scored again.",
        rich_help_panel="Output",
    ),
]
Reliability = Annotated[
    Path | None,
    typer.Option(
        "--reliability",
        metavar="FILE.png",
        help="Draw how often those are right who are that sure.",
        rich_help_panel="Output",
    ),
]
Hidden = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MASK",
        help="Judge on sequences of which this is hidden: lower, upper, left, right, centre, "
        "random, rows or columns; again for more. Of sounds, random hides one stretch.",
        rich_help_panel=_HIDING,
    ),
]
Share = Annotated[float, typer.Option(help="How much of each is hidden.", rich_help_panel=_HIDING)]
Paths = Annotated[
    int,
    typer.Option(
        min=2,
        help="Of each condition, where what is hidden does not end the scan.",
        rich_help_panel=_HIDING,
    ),
]
Seed = Annotated[int, typer.Option(help="Of masks and paths.", rich_help_panel=_HIDING)]


def evaluate(
    model: Model,
    *,
    data: Data = None,
    part: Part = "test",
    of: Of = None,
    given: GivenScan = None,
    prior: PriorOption = None,
    table: TableFile = None,
    reliability_diagram: Reliability = None,
    hidden: Hidden = None,
    share: Share = 0.5,
    paths: Paths = occlusion.PATHS,
    seed: Seed = 0,
    limit: Limit = None,
    first: First = None,
    labels: LabelRule = None,
    mono: Mono = False,
    resample: Resample = False,
    local: LocalFeatures = None,
    device: Device = "auto",
    dtype: Dtype = None,
    threads: Threads = None,
    memory: Memory = "256MB",
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """The model directory says how the data were read and split; only their folder is needed.

    Accuracy of the target factor, nats a sequence with the labels summed out and given them, bits
    a symbol, log score and calibration error, each with its standard error; the last two also as
    `autoreg calibrate` has left them. With --hidden, accuracy and nats where a part is not seen,
    as far as --limit, with as many --paths.

    On a processor float32 is quickest, read by compiled loops; there --dtype bfloat16 takes more
    than twice as long, and may move a label that was close.

    Example::

        autoreg evaluate runs/speakers --data recordings --json
        autoreg evaluate runs/speakers --data recordings --of speaker --of speaker,digit
        autoreg evaluate runs/speakers --data recordings --first 50ms --reliability sure.png
        autoreg evaluate runs/mnist --data DIR --table scores.npz
        autoreg evaluate runs/mnist --data DIR --given scan=raster
        autoreg evaluate runs/mnist --data DIR --hidden lower --hidden random --limit 100
    """
    began = time.perf_counter()
    if hidden and (table is not None or reliability_diagram is not None):
        raise ValueError("--table and --reliability are of what is seen whole; leave out --hidden")
    density = open_density(model, device=device, dtype=dtype, threads=threads, memory=memory)
    density = only_fixed(density, given or ())
    questions = [one.split(",") for one in of or ()] or [_target(density)]
    for one in questions:
        density.space.joint_labels(one)  # wrong here, before anything is scored
    if reliability_diagram is not None:
        _check_drawable(reliability_diagram, density.space.joint_labels(questions[0]))
    with waiting("reading the data", quiet=quiet or as_json), logged(verbose=verbose):
        corpus = read_held_out(
            density,
            data,
            part=part,
            labels=labels,
            first=first,
            local=local,
            mono=mono,
            resample=resample,
        )
    weights = values.prior(prior or ())
    if hidden:
        for mask, one in product(hidden, questions):
            begun = time.perf_counter()
            with counting(f"{mask} hidden", quiet=quiet or as_json) as told:
                part_seen = occlusion.occlude(
                    density,
                    corpus,
                    mask=mask,
                    share=share,
                    part=part,
                    of=one,
                    prior=weights,
                    limit=limit,
                    paths=paths,
                    seed=seed,
                    progress=told,
                )
            seconds = time.perf_counter() - begun
            print_occlusion(part_seen, name=model, seconds=seconds, as_json=as_json)
        return
    with counting(f"{part} sequences", quiet=quiet or as_json) as told:
        scores = score_table(density, corpus, part=part, limit=limit, file=table, progress=told)
    calibrated = "calibration" in density.card and bool(density.space.names)
    calibration = Calibrated(density).calibration if calibrated else None
    judged = [
        evaluation.judge(scores, density.space, of=one, prior=weights, calibration=calibration)
        for one in questions
    ]
    print_judgements(judged, name=model, seconds=time.perf_counter() - began, as_json=as_json)
    if reliability_diagram is not None:
        _draw(
            reliability_diagram,
            [
                verdicts(scores, density.space, of=questions[0], prior=weights, calibration=one)
                for one in (None, *((calibration,) if calibration else ()))
            ],
            title=f"{', '.join(questions[0])} of {len(scores):,} {part} sequences",
        )


def _target(density: Density) -> list[str]:
    return list(density.space.names) if density.target is None else [density.target]


def _check_drawable(path: Path, labels: Sequence[str]) -> None:
    """Refuse a reliability diagram that could not be written, before anything is scored."""
    if len(labels) < 2:
        raise ValueError("a reliability diagram needs labels to tell apart; the model has none")
    if path.suffix.lower() not in PICTURES:
        raise ValueError(f"--reliability needs a file {', '.join(PICTURES)}; got {path}")
    check_folder(path)


def _draw(path: Path, told: Sequence[Verdicts], *, title: str) -> None:
    """Write a reliability diagram, of the calibrated ones too if there are any."""
    before, *after = told
    plots = import_module("autoreg.plots")  # matplotlib takes longer to load than a short answer
    calibrated = (after[0].confidence, after[0].right) if after else None
    figure = plots.reliability(before.confidence, before.right, calibrated=calibrated, title=title)
    plots.save(figure, path)
