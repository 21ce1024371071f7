"""Rows of measurements: written as they come, gone on with later, shown as a table."""

import argparse
import functools
import json
import math
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import torch

import autoreg


class Rows:
    """A file of JSON lines, one for each thing that was measured.

    A row is known by its key: what is there already is not measured again. A last line that was
    cut short, when the program was killed while it wrote, is dropped.
    """

    def __init__(self, path):
        self.path = Path(path)
        self.rows = []
        if self.path.is_file():
            text = self.path.read_text(encoding="utf-8")
            whole = text[: text.rfind("\n") + 1]
            if whole != text:
                self.path.write_text(whole, encoding="utf-8")
            self.rows = [json.loads(line) for line in whole.splitlines()]
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


def missing(arguments, rows, keys):
    """Yield what is not there yet of this process's share, and tell how far it has come."""
    own, shares = arguments.share
    keys = [key for key in keys if key not in rows and key[-1] % shares == own]
    begin = time.perf_counter()
    for number, key in enumerate(keys, start=1):
        yield key
        spent = (time.perf_counter() - begin) / 60
        left = spent / number * (len(keys) - number)
        sys.stderr.write(f"{number} of {len(keys)}: {spent:.1f} min, {left:.1f} min to go\n")
        sys.stderr.flush()


def versions():
    """Return what a row was measured by."""
    return {
        "autoreg": autoreg.__version__,
        "commit": _commit(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
    }


@functools.cache
def _commit():
    """Return which source this is, where git knows."""
    asked = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    try:
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


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


def percent(hits: int, count: int) -> str:
    """Return a share in percent with its standard error, of a hit and a miss more."""
    near = (hits + 1) / (count + 2)
    return f"{100 * hits / count:.2f} ± {100 * math.sqrt(near * (1 - near) / count):.2f} %"


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


def divisible(parser: argparse.ArgumentParser) -> None:
    """Let several processes divide what ``missing`` yields among them."""
    parser.add_argument(
        "--share",
        type=_share,
        default="0/1",
        metavar="I/N",
        help="of N processes that write to the same folder, this is number I",
    )


def run(arguments: argparse.Namespace, name: str, measure: Callable, table: Callable) -> None:
    """Measure what is missing, then show all there is."""
    torch.set_num_threads(arguments.threads)
    rows = Rows(arguments.out / f"{name}.jsonl")
    if not arguments.report:
        settle(arguments)
        measure(arguments, rows)
        rows = Rows(rows.path)  # those of the other processes too
    say(table(rows))


def settle(arguments: argparse.Namespace) -> None:
    """Write down what all rows of a folder share, and refuse to add others to them."""
    path = arguments.out / "settings.json"
    mine = {name: getattr(arguments, name) for name in ("islands", "particles", "seed")}
    if path.is_file() and (theirs := json.loads(path.read_text(encoding="utf-8"))) != mine:
        raise SystemExit(
            f"{arguments.out} holds rows of {theirs}; got {mine}. Choose another folder (--out)"
        )
    arguments.out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(mine), encoding="utf-8")


def _share(text: str) -> tuple[int, int]:
    own, _, shares = text.partition("/")
    if not (own.isdigit() and shares.isdigit() and int(own) < int(shares)):
        raise argparse.ArgumentTypeError(f"needs I/N with I below N; got {text!r}")
    return int(own), int(shares)


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
