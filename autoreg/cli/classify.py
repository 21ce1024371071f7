"""The verb that says which labels files have."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from autoreg import bulk
from autoreg.answers import Posterior
from autoreg.bulk import Parcel
from autoreg.calibrated import Calibrated
from autoreg.cli import values
from autoreg.cli.animated import Animate, check_animation, write_animation
from autoreg.cli.local import LocalFeatures, accompanied, named, takes_local
from autoreg.cli.options import (
    AsJson,
    Device,
    Dtype,
    Files,
    GivenLabels,
    Memory,
    Model,
    Mono,
    Of,
    PriorOption,
    Quiet,
    Resample,
    Start,
    Stop,
    Threads,
    Trim,
    active,
    fixed,
    open_density,
    reading,
    trim_db,
)
from autoreg.cli.rows import Fields, Out, Resume, Told, asked, local, one_by_one, tell, told_of
from autoreg.data.sound import Sound
from autoreg.data.waves import Reading
from autoreg.density import Density

Every = Annotated[
    str | None,
    typer.Option(
        metavar="28|0.05s",
        help="Classify also each beginning: every so many symbols or seconds.",
        rich_help_panel="Question",
    ),
]

Tempered = Annotated[
    bool,
    typer.Option(
        "--calibrated",
        help="As sure as `autoreg calibrate` found the model to be right: a temperature on its "
        "likelihoods, not its own posterior.",
        rich_help_panel="Question",
    ),
]


def classify(
    model: Model,
    files: Files,
    *,
    of: Of = None,
    given: GivenLabels = None,
    prior: PriorOption = None,
    every: Every = None,
    calibrated: Tempered = False,
    start: Start = None,
    stop: Stop = None,
    mono: Mono = False,
    resample: Resample = False,
    trim: Trim = False,
    local_features: LocalFeatures = None,
    out: Out = None,
    resume: Resume = False,
    animate: Animate = None,
    device: Device = "auto",
    dtype: Dtype = None,
    threads: Threads = None,
    memory: Memory = "256MB",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """One row a file: the most probable label, its probability, its log odds against all others.

    By Bayes' rule from one likelihood for each label, exact under the model; that makes no model
    right, and one that is trained on likelihood tends to be surer than it should be. With --json,
    one object a line, with all labels' probabilities.

    Example::

        autoreg classify runs/speakers clips/ --prior training
        autoreg classify runs/speakers clips/ --out rows.jsonl --resume
        autoreg classify runs/speakers clip.wav --every 0.05s
        autoreg classify digits image.png --animate out.gif
        autoreg classify runs/speakers clips/ --calibrated
    """
    if animate is not None and calibrated:
        raise ValueError("--animate shows the model's own posterior; leave out --calibrated")
    density = open_density(
        model, device=local(device), dtype=dtype, threads=threads, memory=memory
    )
    density, known = fixed(density, given or ())
    target = of or density.target
    factors = density.space.names if target is None else (target,)
    if not factors:
        raise ValueError(f"{model} knows no labels: there is nothing to tell apart")
    labels = density.space.joint_labels(factors)
    calibration = Calibrated(density).calibration if calibrated else None
    question: dict[str, Any] = {"of": density.space.names if calibrated else factors}
    question |= {"given": known, "prior": values.prior(prior or ())}
    # What is wrong here is wrong everywhere.
    log_prior = density.space.log_prior(question["prior"], question["given"])

    def fields(found: Posterior) -> list[Fields]:
        if calibration is None:
            return _fields(found)
        told = calibration.temper(found, density.space, of=factors, log_prior=log_prior)
        return [one | {"temperature": calibration.temperature} for one in _fields(told)]

    step = None if every is None else values.extent(every).count(density.signal)
    below = trim_db(density, trim=trim, quiet=quiet)
    how = reading(start=start, stop=stop, mono=mono, resample=resample, trim=below)

    def ask(path: Path) -> Fields:
        own = active(density, path, how)
        heard = accompanied(density, path, local_features, start=own.get("start"))
        found = _beginnings(heard, path, step, question, own)
        *beginnings, whole = [
            {**({} if step is None else {"symbols": symbols}), **fields(answer)[0]}
            for symbols, answer in found.items()
        ]
        return {"of": factors, **whole, "beginnings": beginnings}

    def answer(parcels: Iterable[Parcel]) -> Iterator[list[Told]]:
        if step is not None or takes_local(density):
            yield from one_by_one(parcels, ask)
            return
        for some in bulk.posteriors(density, parcels, **question, **how):
            rows = [{"of": factors, **own, "beginnings": []} for own in fields(some.answer)]
            yield told_of(some, rows)

    film = None if animate is None else check_animation(density, files, animate)
    width = max(len("label"), *map(len, labels))
    at = "" if step is None else f"{'symbols':>9}  "
    tell(
        density,
        files,
        answer,
        terms=asked(
            density,
            "classify",
            **question,
            calibrated=calibrated,
            every=step,
            dtype=dtype,
            **named(local_features),
            **how,
        ),
        show=None if as_json else partial(_show, width=width),
        head=f"{at}{'label':{width}}  probability  log-odds  file",
        out=out,
        resume=resume,
        quiet=quiet or as_json,
    )
    if animate is not None and film is not None:
        write_animation(density, film, animate, question, step)


def _beginnings(
    density: Density, path: Path, step: int | None, asked: dict[str, Any], how: Reading
) -> dict[int, Posterior]:
    """Return the posterior after each step symbols, and after all; without a step after all."""
    signal = density.signal
    if step is None:
        return {0: density.posterior(path, **asked, **how)}
    if not isinstance(signal, Sound) or signal.gain == "recorded":
        every = density.posterior(path, every_prefix=True, **asked, **how)
        return {
            end: replace(every, value=every.value[end], log_evidence=every.log_evidence[end])
            for end in _ends(len(every.value) - 1, step)
        }
    # Each beginning by its own peak: that of the clip may lie in what is not heard yet.
    found, begin = {}, how.get("start", 0.0)
    for end in _ends(density.encode(path, **how)[0].shape[1], step):
        until = Reading(**{**how, "stop": begin + end / signal.sample_rate})
        found[end] = density.posterior(path, **asked, **until)
    return found


def _ends(length: int, step: int) -> list[int]:
    return [*range(step, length, step), length]


def _fields(answer: Posterior) -> list[Fields]:
    """Return each posterior as plain data."""
    count = len(answer.labels)
    probs = answer.probs.reshape(-1, count).tolist()
    odds, evidence = answer.log_odds.reshape(-1), answer.log_evidence.reshape(-1)
    rows = zip(answer.best, probs, odds.tolist(), evidence.tolist(), strict=True)
    return [
        {
            "label": label,
            "probability": max(own),
            "log_odds": log_odds,
            "log_evidence": log_evidence,
            "probs": dict(zip(answer.labels, own, strict=True)),
        }
        for label, own, log_odds, log_evidence in rows
    ]


def _show(fields: Fields, *, width: int) -> str:
    """Return a line for each beginning, and one for the whole."""
    lines = []
    for one in (*fields["beginnings"], fields):
        at = f"{one['symbols']:9d}  " if "symbols" in one else ""
        told = f"{one['probability']:11.6f}  {one['log_odds']:+8.2f}"
        lines.append(f"{at}{one['label']:{width}}  {told}  {fields['file']}")
    return "\n".join(lines)
