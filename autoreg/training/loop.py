"""The order of things in a fit."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from accelerate import Accelerator
from rich.console import Console

from autoreg.data.sequences import Sequences
from autoreg.models.wavenet import WaveNet
from autoreg.training import checkpoint
from autoreg.training.batches import Batch, training_batches
from autoreg.training.checkpoint import Standing
from autoreg.training.config import TrainingConfig
from autoreg.training.interrupt import Interrupt
from autoreg.training.learner import Change, Learner, learning_rate
from autoreg.training.report import Report

Ended = Literal["steps", "patience", "interrupted"]
Keep = Callable[[WaveNet, Standing], object]


class Fit(NamedTuple):
    """How a fit ended.

    Attributes:
        standing: Where it stands.
        ended: "steps", all made; "patience", no better for long; "interrupted", to be resumed.
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
    keep: Keep,
    settings: Mapping[str, object],
    accelerator: Accelerator,
    change: Change | None = None,
    resume: bool = False,
    console: Console | None = None,
) -> Fit:
    """Minimise nats per symbol, from the start or from the checkpoint in a directory.

    Validation and what is kept use the moving average of the weights. An interrupted and resumed
    fit is the uninterrupted one, bit for bit on one CPU thread: batches and dropout are functions
    of seed and step, and the checkpoint has the rest.

    Args:
        model: What is trained, in place.
        train: Sequences to fit.
        valid: Held-out sequences; without any there is no best and no early stop.
        config: How to fit.
        directory: Where checkpoint, history and TensorBoard's events go; made if need be.
        keep: Called by the main process with the averaged model whenever validation has improved,
            and at each checkpoint where there is no validation.
        settings: What the run was started with, as plain data, for the checkpoint.
        accelerator: The device and the processes.
        change: Applied to the symbols of each batch; None leaves them.
        resume: Continue from the checkpoint.
        console: Shows progress; None shows nothing.

    Raises:
        ValueError: There is nothing to train on, or crops of it would not be what they seem.
        FloatingPointError: The loss is not finite. The last checkpoint remains.
    """
    if not len(train.symbols):
        raise ValueError(f"training needs symbols; got {len(train)} sequences without any")
    if model.upsampling is not None and train.frames is None:
        raise ValueError("the model takes features at a hop; the sequences to train on have none")
    if config.crop is not None and not (model.stationary or model.upsampling is not None):
        raise ValueError(
            "training.crop needs a model whose factors do not depend on the position; this one "
            "has features per position: leave crop out, or set model.features = false"
        )
    learner = Learner(model, config, accelerator, change=change)
    path = directory / checkpoint.FILE
    standing = checkpoint.read(path, learner) if resume else Standing()
    batches = training_batches(
        train,
        order=model.order,
        crop=config.crop,
        columns=config.columns,
        seed=config.seed,
        first=standing.step,
    )
    report = Report(
        directory,
        steps=config.steps,
        num_symbols=model.num_symbols,
        standing=standing,
        active=accelerator.is_main_process,
        console=console,
    )
    course = _Course(
        learner,
        standing,
        config,
        judges=_some(valid, config.validate_limit),
        path=path,
        keep=keep if accelerator.is_main_process else None,
        settings=settings,
        report=report,
    )
    asked = False
    with Interrupt() as interrupt, report:
        if not resume:
            course.start()
        while course.ended is None and not asked:
            asked = course.advance(next(batches), asked=interrupt.asked)
    accelerator.wait_for_everyone()
    return Fit(standing, course.ended or "interrupted")


class _Course:
    """A fit under way; `keep` is None in the processes that write nothing."""

    def __init__(
        self,
        learner: Learner,
        standing: Standing,
        config: TrainingConfig,
        *,
        judges: Sequences,
        path: Path,
        keep: Keep | None,
        settings: Mapping[str, object],
        report: Report,
    ) -> None:
        self._learner, self._standing, self._config = learner, standing, config
        self._judges, self._path, self._keep, self._report = judges, path, keep, report
        self._settings = settings
        self._started = time.monotonic() - standing.seconds

    @property
    def ended(self) -> Literal["steps", "patience"] | None:
        """Why there is nothing more to do, or None."""
        if self._standing.step >= self._config.steps:
            return "steps"
        if self._config.patience is not None and self._standing.waited >= self._config.patience:
            return "patience"
        return None

    def start(self) -> None:
        """Judge the untrained model, and write every file once: a full disk shows early."""
        self._line(validate=True)
        self._save()

    def advance(self, batch: Batch, *, asked: bool) -> bool:
        """Make one update with all that is due after it; return whether to stop."""
        config, standing = self._config, self._standing
        nats, stop = self._update(batch, asked=asked)
        standing.step += 1
        standing.symbols += batch.scored
        standing.recent_nats += nats
        standing.recent_symbols += batch.scored
        validate = standing.step == config.steps or standing.step % config.validate_every == 0
        if validate or standing.step % config.log_every == 0:
            self._line(validate=validate)
        if config.histograms_every and standing.step % config.histograms_every == 0:
            self._report.histograms(self._learner.tensors())
        if stop or self.ended or standing.step % config.checkpoint_every == 0:
            self._save()
        return stop

    def _update(self, batch: Batch, *, asked: bool) -> tuple[float, bool]:
        try:
            return self._learner.update(batch, self._standing.step, asked=asked)
        except FloatingPointError as error:
            raise FloatingPointError(f"{error}. {self._path} keeps the last checkpoint") from None

    def _line(self, *, validate: bool) -> None:
        """Validate where that is asked for and possible, keep what is best, and report."""
        standing = self._standing
        valid = None
        if validate and len(self._judges.symbols):
            valid = self._learner.validate(self._judges)
            if standing.judge(valid) and self._keep is not None:
                self._keep(self._learner.average, standing)
        standing.seconds = time.monotonic() - self._started
        self._report.line(valid=valid, learning_rate=learning_rate(self._config, standing.step))
        standing.recent_nats, standing.recent_symbols = 0.0, 0

    def _save(self) -> None:
        self._standing.seconds = time.monotonic() - self._started
        if self._keep is not None:
            checkpoint.write(self._path, self._standing, self._learner, self._settings)
            if not len(self._judges.symbols):
                self._keep(self._learner.average, self._standing)


def _some(sequences: Sequences, limit: int | None) -> Sequences:
    """Return at most `limit` sequences, spread evenly over all."""
    if limit is None or limit >= len(sequences):
        return sequences
    return sequences.take(torch.linspace(0, len(sequences) - 1, limit).long())
