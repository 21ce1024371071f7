"""What verbs print."""

import json
import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from autoreg import scoretable
from autoreg.answers import Draws


def print_json(fields: Mapping[str, Any]) -> None:
    """Print plain data as one line of JSON; what is not a finite number there is null."""
    print(json.dumps(finite(dict(fields)), ensure_ascii=False), flush=True)


def finite(value: object) -> object:
    """Return plain data in which what is not a finite number is None."""
    if isinstance(value, Mapping):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def counting(what: str, *, quiet: bool) -> Iterator[scoretable.Progress]:
    """Show on stderr how many of how many are done, if a person is looking."""
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=(console := Console(stderr=True)),
        disable=quiet or not console.is_terminal,
        transient=True,
        redirect_stdout=False,
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def waiting(what: str, *, quiet: bool) -> Iterator[None]:
    """Show on stderr what is being done, for how long, if a person is looking."""
    with Progress(
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=(console := Console(stderr=True)),
        disable=quiet or not console.is_terminal,
        transient=True,
        redirect_stdout=False,
    ) as bar:
        bar.add_task(what, total=None)
        yield


@contextmanager
def logged(*, verbose: bool) -> Iterator[None]:
    """Print what the readers of files log to stderr: warnings, and with verbose all they say."""
    logger, handler = logging.getLogger("autoreg"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO if verbose else logging.WARNING)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


def print_draws(draws: Draws, out: Path, *, seed: int, as_json: bool) -> None:
    """Say what was drawn and where it is."""
    evidence = draws.log_evidence
    if as_json:
        print_json(
            {
                "out": str(out),
                "seed": seed,
                "labels": list(draws.labels),
                "method": draws.method,
                "log_evidence": None if evidence is None else float(evidence),
                "cost": vars(draws.cost),
            }
        )
        return
    labels = Counter(" ".join(f"{k}={v}" for k, v in one.items()) for one in draws.labels)
    told = ", ".join(f"{count} x {label}" for label, count in labels.most_common() if label)
    print(f"{out}: {len(draws)} draws of {draws.symbols.shape[1]} symbols, {draws.method}")
    print(f"seed {seed}" + (f"; {told}" if told else ""))
    if evidence is not None:
        print(f"log p of what was kept: {float(evidence):.3f} nats")
