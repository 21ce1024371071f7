"""The order of things in a training run."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from accelerate import Accelerator
from rich.console import Console

from autoreg.data.sequences import Sequences
from autoreg.models.wavenet import WaveNet
from autoreg.training import checkpoint
from autoreg.training.batches import training_batches
from autoreg.training.checkpoint import Standing
from autoreg.training.config import TrainingConfig
from autoreg.training.interrupt import Interrupt
from autoreg.training.learner import Learner, learning_rate
from autoreg.training.report import Report

Ended = Literal["steps", "patience", "interrupted"]


class Fit(NamedTuple):
    """How a fit ended.

    Attributes:
        standing: Where it stands.
        ended: "steps": all were made; "patience": no better for long; "interrupted": can be resumed.
    """

    standing: Standing
    ended: Ended


def fit(
    model: WaveNet,
    train: Sequences,
    valid: Sequences,
    config: TrainingConfig,
    *,
    directory: Path,
    keep: Callable[[WaveNet, Standing], object],
    accelerator: Accelerator,
    resume: bool = False,
    console: Console | None = None,
) -> Fit:
    """Minimise nats per symbol, from the start or from the checkpoint in a directory.

    Validation and what is kept use the moving average of the weights. An interrupted and resumed fit
    is the uninterrupted one, bit for bit on one CPU thread: batches and dropout are functions of seed
    and step, all else is in the checkpoint.

    Args:
        model: What is trained, in place.
        train: Sequences to fit.
        valid: Held-out sequences; without any there is no best and no early stop.
        config: How to fit.
        directory: Where checkpoint, history and TensorBoard's events go.
        keep: Called by the main process with the averaged model whenever validation has improved; at
            each checkpoint where there is no validation.
        accelerator: The device and the processes.
        resume: Continue from the checkpoint.
        console: Shows progress; None shows nothing.

    Raises:
        FloatingPointError: The loss is not finite. The last checkpoint remains.
    """
    learner = Learner(model, config, accelerator)
    path = directory / checkpoint.FILE
    parts = {"model": model, "average": learner.average}
    standing = Standing()
    if resume:
        standing = checkpoint.read(path, **parts, optimizer=learner.optimizer)
    judges = _some(valid, config.validate_limit)
    batches = training_batches(
        train,
        order=model.order,
        crop=config.crop,
        columns=config.columns,
        seed=config.seed,
        first=standing.step,
    )
    started = time.monotonic() - standing.seconds
    asked = False
    main = accelerator.is_main_process
    report = Report(
        directory,
        steps=config.steps,
        num_symbols=model.num_symbols,
        standing=standing,
        active=main,
        console=console,
    )

    def line(*, validate: bool) -> None:
        """Validate where that is asked for and possible, keep what is best, and report."""
        value = learner.validate(judges) if validate and len(judges.symbols) else None
        standing.seconds = time.monotonic() - started
        if value is not None and (standing.best is None or value < standing.best):
            standing.best, standing.best_step, standing.waited = value, standing.step, 0
            if main:
                keep(learner.average, standing)
        elif value is not None:
            standing.waited += 1
        report.line(valid=value, learning_rate=learning_rate(config, standing.step))
        standing.recent_nats, standing.recent_symbols = 0.0, 0

    def save() -> None:
        standing.seconds = time.monotonic() - started
        if main:
            checkpoint.write(path, standing, **parts, optimizer=learner.optimizer)
            if not len(judges.symbols):
                keep(learner.average, standing)

    with Interrupt() as interrupt, report:
        if not resume:
            line(validate=True)
            save()
        while (ended := _ended(standing, config)) is None and not asked:
            batch = next(batches)
            nats, asked = learner.update(batch, standing.step, asked=interrupt.asked)
            standing.step += 1
            standing.symbols += batch.scored
            standing.recent_nats += nats
            standing.recent_symbols += batch.scored
            last = standing.step == config.steps
            validate = last or standing.step % config.validate_every == 0
            if validate or standing.step % config.log_every == 0:
                line(validate=validate)
            if asked or _ended(standing, config) or standing.step % config.checkpoint_every == 0:
                save()
    accelerator.wait_for_everyone()
    return Fit(standing, ended or "interrupted")


def _ended(standing: Standing, config: TrainingConfig) -> Ended | None:
    if standing.step >= config.steps:
        return "steps"
    if config.patience is not None and standing.waited >= config.patience:
        return "patience"
    return None


def _some(sequences: Sequences, limit: int | None) -> Sequences:
    """Return at most `limit` sequences, spread evenly over all."""
    if limit is None or limit >= len(sequences):
        return sequences
    return sequences.take(torch.linspace(0, len(sequences) - 1, limit).long())
