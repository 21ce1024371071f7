"""What a person sees of a running fit."""

import json
import math
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from autoreg.training.checkpoint import Standing

HISTORY = "history.jsonl"


class Report:
    """Writes `history.jsonl`, TensorBoard's events, a progress bar and a line per validation.

    Args:
        directory: where history and events go; opening the report drops what lies after `standing`.
        steps: the number of steps of the whole fit.
        num_symbols: Q; log2 Q bits are what a uniform guess costs.
        standing: where the fit stands.
        active: whether this process writes; the others keep silent.
        console: where bar and lines go; `None` shows nothing.
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
        self._directory = directory
        self._steps = steps
        self._uniform = math.log(num_symbols)
        self._standing = standing
        self._active = active
        self._console = (console if active else None) or Console(quiet=True)

    def __enter__(self) -> Self:
        if self._active:
            _truncate(self._directory / HISTORY, self._standing.step)
            self._events = SummaryWriter(
                str(self._directory / "tensorboard"), purge_step=self._standing.step + 1
            )
        self._bar = Progress(
            TextColumn("step {task.completed}/{task.total}"),
            BarColumn(),
            TextColumn("{task.fields[bits]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=self._console.quiet,
        )
        self._bar.start()
        self._task = self._bar.add_task(
            "fit", total=self._steps, completed=self._standing.step, bits=""
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()
        if self._active:
            self._events.close()

    def initial(self, nats: float) -> None:
        """Show the loss before the first step beside that of a uniform guess."""
        self._bar.console.print(
            f"before training {nats:.4f} nats a symbol; a uniform guess has {self._uniform:.4f}"
        )

    def line(self, *, valid: float | None, learning_rate: float) -> None:
        """Record one line: the mean since the last one, and a validation if there was one."""
        standing = self._standing
        nats = standing.recent_nats / standing.recent_symbols if standing.recent_symbols else None
        bits = None if nats is None else nats / math.log(2)
        if bits is not None:
            text = f"{bits:.3f} bits a symbol (uniform {self._uniform / math.log(2):.3f})"
            self._bar.update(self._task, completed=standing.step, bits=text)
        if valid is not None:
            mark = " best" if standing.best_step == standing.step else ""
            self._bar.console.print(
                f"step {standing.step}: train {nats or math.nan:.4f}, valid {valid:.4f} nats a symbol, "
                f"{standing.seconds:.0f} s{mark}"
            )
        if not self._active:
            return
        row = {
            "step": standing.step,
            "nats_per_symbol": nats,
            "bits_per_symbol": bits,
            "valid": valid,
            "learning_rate": learning_rate,
            "symbols": standing.symbols,
            "seconds": round(standing.seconds, 3),
        }
        with (self._directory / HISTORY).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        for name in ("nats_per_symbol", "bits_per_symbol", "valid", "learning_rate"):
            if row[name] is not None:
                self._events.add_scalar(name, row[name], standing.step)


def read_history(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a history file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _truncate(path: Path, step: int) -> None:
    """Keep the lines up to a step: an interrupted run may have gone on past its last checkpoint."""
    if path.exists():
        kept = [row for row in read_history(path) if row["step"] <= step]
        path.write_text("".join(json.dumps(row) + "\n" for row in kept), encoding="utf-8")
