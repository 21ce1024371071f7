"""Sound written while it is drawn."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from jaxtyping import Float
from rich.console import Console
from torch import Generator, Tensor

from autoreg.cli.output import counting, print_json
from autoreg.data.recording import Recording, pcm16
from autoreg.data.sound import Sound
from autoreg.density import Density
from autoreg.queries.streaming import PIECE, Stream
from autoreg.training.interrupt import Interrupt

Streamed = Annotated[
    bool,
    typer.Option(
        "--stream",
        help="Write one sound while it is drawn, in memory that its length does not move: .wav, a "
        "whole file at any moment, also after Ctrl-C; or - for samples of 16 bits on stdout.",
        rich_help_panel="Output",
    ),
]


def write(
    density: Density,
    stream: Stream,
    out: Path,
    *,
    length: int,
    generator: Generator,
    lead: Float[Tensor, " P"] | None = None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a stream of sound as it comes, until it ends or somebody presses Ctrl-C.

    Args:
        density: What it is drawn from.
        stream: A stream of waves.
        out: A .wav, or - for standard output.
        length: How many samples are to come.
        generator: What the stream draws from.
        lead: Samples to write before it.
        as_json: Say what was done as JSON.
        quiet: Show no progress.

    Raises:
        KeyboardInterrupt: It was stopped; what was drawn by then is written, and was told.
    """
    rate = sound(density).sample_rate
    seed, piped = generator.initial_seed(), str(out) == "-"
    first = 0 if lead is None else len(lead)
    file = None if piped else Recording(out, rate, first + length)
    done = 0
    with Interrupt() as interrupt, counting(f"drawing {out}", quiet=quiet or as_json) as progress:
        for wave in _pieces(lead, stream):
            if file is None:
                sys.stdout.buffer.write(pcm16(wave))
                sys.stdout.buffer.flush()
            else:
                file.append(wave)
            done += len(wave)
            progress(done, first + length)
            if interrupt.asked:
                break
    ended = "interrupted" if done < first + length else "length"
    told = {"out": str(out), "seed": seed, "labels": [stream.labels], "samples": done}
    if as_json:
        print_json({**told, "sample_rate": rate, "ended": ended, "method": stream.method})
    else:
        labels = "".join(f"; {name}={label}" for name, label in stream.labels.items())
        console = Console(stderr=True, highlight=False, soft_wrap=True)
        say = console.print if piped else print
        part = f" of {(first + length) / rate:g}" if ended == "interrupted" else ""
        say(f"{out}: {done / rate:g}{part} s at {rate} Hz, {stream.method}")
        say(f"seed {seed}{labels}" + ("; interrupted, the file is whole" if part else ""))
    if ended == "interrupted":
        raise KeyboardInterrupt


def sound(density: Density) -> Sound:
    """Return the signal of a density of sound; raises ValueError if it is of something else."""
    if not isinstance(density.signal, Sound):
        raise ValueError(f"--stream is for sounds; this is a {density.signal.kind}")
    return density.signal


def refuse_several(count: int | None) -> None:
    """Raise ValueError if more than one stream is asked for."""
    if count not in (None, 1):
        raise ValueError(f"--stream writes one sound; got -n {count}")


def refuse_json(out: Path, *, as_json: bool) -> None:
    """Raise ValueError if standard output would have to take both samples and JSON."""
    if as_json and str(out) == "-":
        raise ValueError("--out - writes samples to standard output; leave out --json")


def _pieces(lead: Tensor | None, stream: Stream) -> Iterator[Tensor]:
    if lead is not None and len(lead):
        yield from lead.split(PIECE)
    yield from stream
