"""The verb that says which labels files have."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from autoreg.answers import Posterior
from autoreg.cli import values
from autoreg.cli.files import answers, expand
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
    open_density,
    reading,
)
from autoreg.cli.output import print_json
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


def classify(
    model: Model,
    files: Files,
    *,
    of: Of = None,
    given: GivenLabels = None,
    prior: PriorOption = None,
    every: Every = None,
    start: Start = None,
    stop: Stop = None,
    mono: Mono = False,
    resample: Resample = False,
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
        autoreg classify runs/speakers clip.wav --every 0.05s
    """
    density = open_density(model, device=device, dtype=dtype, threads=threads, memory=memory)
    target = of or density.target
    factors = density.space.names if target is None else (target,)
    if not factors:
        raise ValueError(f"{model} knows no labels: there is nothing to tell apart")
    labels = density.space.joint_labels(factors)
    asked: dict[str, Any] = {"of": factors, "given": values.given(given or ())}
    asked["prior"] = values.prior(prior or ())
    density.space.log_prior(asked["prior"], asked["given"])  # wrong here is wrong everywhere
    step = None if every is None else values.extent(every).count(density.signal)
    how = reading(start=start, stop=stop, mono=mono, resample=resample)
    paths = expand(files, density.signal)
    width = max(len("label"), *map(len, labels))
    if not as_json:
        at = "" if step is None else f"{'symbols':>9}  "
        print(f"{at}{'label':{width}}  probability  log-odds  file")

    def ask(path: Path) -> dict[int, Posterior]:
        if step is None:
            return {0: density.posterior(path, **asked, **how)}
        return _beginnings(density, path, step, asked, how)

    for path, posteriors in answers(paths, ask, quiet=quiet or as_json):
        if as_json:
            *beginnings, whole = [_fields(*item) for item in posteriors.items()]
            print_json({"file": str(path), "of": factors, **whole, "beginnings": beginnings})
            continue
        for symbols, posterior in posteriors.items():
            at = "" if step is None else f"{symbols:9d}  "
            best, odds = float(posterior.probs.max()), float(posterior.log_odds)
            print(f"{at}{posterior.best[0]:{width}}  {best:11.6f}  {odds:+8.2f}  {path}")


def _beginnings(
    density: Density, path: Path, step: int, asked: dict[str, Any], how: Reading
) -> dict[int, Posterior]:
    """Return the posterior after each step symbols, and after all."""
    signal = density.signal
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


def _fields(symbols: int, posterior: Posterior) -> dict[str, Any]:
    """Return a posterior as plain data; symbols is 0 where only the whole was asked for."""
    probs = dict(zip(posterior.labels, posterior.probs.tolist(), strict=True))
    return {
        **({"symbols": symbols} if symbols else {}),
        "label": posterior.best[0],
        "probability": max(probs.values()),
        "log_odds": float(posterior.log_odds),
        "log_evidence": float(posterior.log_evidence),
        "probs": probs,
    }
