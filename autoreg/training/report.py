"""What a person sees of a running fit."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from autoreg.modeldir import HISTORY
from autoreg.training.checkpoint import Standing

_EVENTS = "tensorboard"


class Report:
    """Writes history, TensorBoard's events, a progress bar and a line of text per validation.

    Args:
        directory: Where history and events go. Entering drops what they hold beyond `standing`.
        steps: Steps of the whole fit.
        num_symbols: Q; a uniform guess costs log2 Q bits.
        standing: Where the fit stands, now and later.
        active: Whether this process reports at all.
        console: Where bar and text go; None shows neither.
    """

    def __init__(
        self,
        directory: Path,
        *,
        steps: int,
        num_symbols: int,
        standing: Standing,
        active: bool,
        console: Console | None,
    ) -> None:
        self._path = directory / HISTORY
        self._uniform = math.log(num_symbols)
        self._standing = standing
        self._events: SummaryWriter | None = None
        self._active = active
        self._console = console if active and console is not None else Console(quiet=True)
        self._bar = Progress(
            TextColumn("step {task.completed}/{task.total}"),
            BarColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=self._console.quiet,
        )
        self._task = self._bar.add_task("", total=steps, completed=standing.step)

    def __enter__(self) -> Self:
        if self._active:
            _truncate(self._path, self._standing.step)
            purge = self._standing.step + 1 if self._standing.step else None
            self._events = SummaryWriter(str(self._path.parent / _EVENTS), purge_step=purge)
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()
        if self._events is not None:
            self._events.close()

    def line(self, *, valid: float | None, learning_rate: float) -> None:
        """Record the mean since the last line, and a validation if there was one."""
        standing = self._standing
        recent = standing.recent_symbols
        nats = standing.recent_nats / recent if recent else None
        row = {
            "step": standing.step,
            "nats_per_symbol": nats,
            "bits_per_symbol": None if nats is None else nats / math.log(2),
            "valid": valid,
            "learning_rate": learning_rate,
            "symbols": standing.symbols,
            "seconds": round(standing.seconds, 3),
        }
        self._show(nats, valid)
        if self._events is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            for name in ("nats_per_symbol", "bits_per_symbol", "valid", "learning_rate"):
                if row[name] is not None:
                    self._events.add_scalar(name, row[name], standing.step)

    def histograms(self, tensors: Mapping[str, Tensor]) -> None:
        """Record how the numbers in each tensor are spread, those that are finite, by its name."""
        if self._events is None:
            return
        for name, tensor in tensors.items():
            finite = tensor.detach()[tensor.isfinite()].float().cpu()
            if len(finite):
                self._events.add_histogram(name, finite, self._standing.step)

    def _show(self, nats: float | None, valid: float | None) -> None:
        standing = self._standing
        bits = "" if nats is None else f"{nats / math.log(2):.3f} bits a symbol, "
        self._bar.update(
            self._task,
            completed=standing.step,
            description=f"{bits}uniform guess {self._uniform / math.log(2):.3f}",
        )
        if valid is not None:
            train = f"uniform guess {self._uniform:.4f}" if nats is None else f"train {nats:.4f}"
            best = ", best" if standing.waited == 0 else ""
            self._console.print(
                f"step {standing.step}, {standing.seconds:.0f} s: "
                f"{train}, valid {valid:.4f} nats a symbol{best}"
            )


def read_history(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a history file, without a last one that was cut off while written."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _truncate(path: Path, step: int) -> None:
    """Keep the lines up to a step: an interrupted run may have gone on past its checkpoint."""
    if path.exists():
        kept = [row for row in read_history(path) if row["step"] <= step]
        path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
