"""Rows of measurements: written as they come, gone on with later, shown as a table."""

import argparse
import json
import math
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch

import autoreg


class Rows:
    """A file of JSON lines, one for each thing that was measured.

    A row is known by its key: what is there already is not measured again.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.rows = []
        if self.path.is_file():
            lines = self.path.read_text(encoding="utf-8").splitlines()
            self.rows = [json.loads(line) for line in lines]
        self.keys = {self._name(row["key"]) for row in self.rows}

    def __iter__(self):
        return iter(self.rows)

    def __contains__(self, key):
        return self._name(key) in self.keys

    def add(self, key, **facts):
        """Append one row, with what it was measured by."""
        row = {"key": list(key), **facts, **versions()}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        self.rows.append(row)
        self.keys.add(self._name(key))
        brief = {name: fact for name, fact in facts.items() if not isinstance(fact, list)}
        say(json.dumps({"key": row["key"], **brief}))

    def where(self, **facts):
        """Return the rows that agree with all of these."""
        return [
            row for row in self.rows if all(row.get(name) == fact for name, fact in facts.items())
        ]

    @staticmethod
    def _name(key):
        return json.dumps(list(key))


def versions():
    """Return what a row was measured by."""
    return {
        "autoreg": autoreg.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
    }


def markdown(header: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table, numbers on the right; nothing where there are no lines."""
    cells = [["-" if entry is None else str(entry) for entry in line] for line in lines]
    if not cells:
        return ""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in [list(header), rule, *cells])


def with_error(values: Iterable[float], digits: int = 2) -> str:
    """Return a mean and its standard error."""
    values = list(values)
    if len(values) < 2:
        return mean(values, digits)
    error = statistics.stdev(values) / math.sqrt(len(values))
    return f"{statistics.fmean(values):.{digits}f} ± {error:.{digits}f}"


def mean(values: Iterable[float], digits: int = 2) -> str:
    """Return a mean, or a dash."""
    values = list(values)
    return f"{statistics.fmean(values):.{digits}f}" if values else "-"


def share(hits: Iterable[bool]) -> str:
    """Return how many of all."""
    hits = list(hits)
    return f"{sum(hits)} of {len(hits)}"


def thousands(rows: Sequence[dict], name: str) -> str:
    """Return the mean of a count, in thousands."""
    return mean([row[name] / 1000 for row in rows], 0)


def parser(doc: str, *, out: str, islands: int, particles: int) -> argparse.ArgumentParser:
    """Return a parser of what all benchmarks take."""
    made = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    folder = Path("runs/benchmarks") / out
    made.add_argument("--out", type=Path, default=folder, help="for JSON lines and figures")
    made.add_argument("--islands", type=int, default=islands, help="independent filters")
    made.add_argument("--particles", type=int, default=particles, help="paths of each")
    made.add_argument("--threads", type=int, default=1)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--report", action="store_true", help="only show what there is")
    return made


def run(arguments: argparse.Namespace, name: str, measure: Callable, table: Callable) -> None:
    """Measure what is missing, then show all there is."""
    torch.set_num_threads(arguments.threads)
    rows = Rows(arguments.out / f"{name}.jsonl")
    if not arguments.report:
        measure(arguments, rows)
    say(table(rows))


def chance(*numbers: int) -> torch.Generator:
    """Return a generator that belongs to one row, whichever others are measured."""
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % 2**62
    return torch.Generator().manual_seed(seed)


def say(text: str) -> None:
    """Write a line to the standard output."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
