"""The verb that fits a temperature."""

import time
from pathlib import Path
from typing import Annotated

import torch
import typer

from autoreg import calibration, modeldir
from autoreg.cli import values
from autoreg.cli.heldout import Data, LabelRule, Limit, read_held_out
from autoreg.cli.local import LocalFeatures
from autoreg.cli.options import (
    AsJson,
    Device,
    Dtype,
    Memory,
    Model,
    Mono,
    PriorOption,
    Quiet,
    Resample,
    Threads,
    open_density,
)
from autoreg.cli.output import counting, print_json, waiting
from autoreg.scoretable import score_table

Of = Annotated[
    str | None,
    typer.Option(
        metavar="FACTOR[,FACTOR]",
        help="Whose true labels to fit; all factors jointly if not given.",
        rich_help_panel="Question",
    ),
]
Beginnings = Annotated[
    list[str] | None,
    typer.Option(
        "--first",
        metavar="392|0.05s",
        help="Fit to the beginning of each instead; again for other beginnings, taken together.",
        rich_help_panel="Reading files",
    ),
]


def calibrate(
    model: Model,
    *,
    data: Data = None,
    of: Of = None,
    prior: PriorOption = None,
    first: Beginnings = None,
    limit: Limit = None,
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
) -> None:
    """The likelihoods of the validation part are raised to 1/T, so that true labels gain most.

    T is stored in the model directory, until other weights are saved there. `autoreg evaluate`
    then tells log score and calibration error with it too, `autoreg classify --calibrated` answers
    with it; everything else stays the model's own. Where the model is right about all of the
    validation part, nothing says how sure it should be: give beginnings that are hard to tell.

    Example::

        autoreg calibrate runs/mnist --data DIR
        autoreg calibrate runs/speakers --data recordings --first 50ms --first 100ms
    """
    if not Path(model).is_dir():
        raise ValueError(f"a calibration is kept in the model's directory; got {model!r}")
    began = time.perf_counter()
    density = open_density(model, device=device, dtype=dtype, threads=threads, memory=memory)
    tables = []
    for beginning in first or (None,):
        with waiting("reading the data", quiet=quiet or as_json):
            corpus = read_held_out(
                density,
                data,
                part="valid",
                labels=labels,
                first=beginning,
                local=local,
                mono=mono,
                resample=resample,
            )
        with counting("valid sequences", quiet=quiet or as_json) as told:
            tables.append(score_table(density, corpus, part="valid", limit=limit, progress=told))
    found = calibration.fit(
        torch.cat([table.log_likelihoods for table in tables]),
        torch.cat([table.condition for table in tables]),
        density.space,
        of=None if of is None else of.split(","),
        prior=values.prior(prior or ()),
        protocol="; and ".join(table.protocol for table in tables),
    )
    modeldir.keep_calibration(model, found.config())
    seconds = time.perf_counter() - began
    if as_json:
        print_json({"model": model, **found.config(), "seconds": round(seconds, 3)})
        return
    before, after = found.log_score
    print(f"{model}: temperature {found.temperature:.4g} (log T to {found.log_error:.2g})")
    wrong = f"{found.misses} of {found.n:,} told wrong"
    print(f"fitted to {', '.join(found.of)}, {wrong}; {seconds:.1f} s")
    print(f"mean log score {before:.4f} before, {after:.4f} after")
    if found.reason:
        print(f"not to be trusted: {found.reason}")
    print(found.protocol)
