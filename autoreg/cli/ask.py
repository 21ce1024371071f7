"""The verb that answers questions in words."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer
from torch import Generator

from autoreg.cli.answered import print_answered, save
from autoreg.cli.local import LocalFeatures, accompanied
from autoreg.cli.options import (
    AsJson,
    Device,
    Dtype,
    GivenScan,
    Memory,
    Model,
    Quiet,
    Seed,
    Threads,
    in_one_order,
    open_density,
    seeded,
)
from autoreg.cli.output import finite, print_json, waiting
from autoreg.density import Density
from autoreg.language.answered import Answered
from autoreg.language.evaluate import ask_each, ask_script

Text = Annotated[
    str | None,
    typer.Argument(metavar="QUESTION", help="Such as 'P(digit | x[:32])'.", show_default=False),
]
Bind = Annotated[
    list[str] | None,
    typer.Option(
        "--bind",
        metavar="NAME=FILE",
        help="What a name stands for: a file, a mask (white is true, or .npy) or a whole number; "
        "again for another name.",
        rich_help_panel="Question",
    ),
]
Script = Annotated[
    str | None,
    typer.Option(
        metavar="FILE.aq",
        help="Answer a file of questions, one a line; - reads them from stdin. Files that it "
        "names are looked for beside it.",
        rich_help_panel="Question",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Of a script: its answers as lines of JSON, all of them or, after an error, no file. "
        "Of one question: the signals of sample(...) or argmax(...).",
        rich_help_panel="Output",
    ),
]


def ask(
    model: Model,
    question: Text = None,
    *,
    bind: Bind = None,
    script: Script = None,
    out: Out = None,
    local: LocalFeatures = None,
    given: GivenScan = None,
    seed: Seed = None,
    device: Device = "auto",
    dtype: Dtype = None,
    threads: Threads = None,
    memory: Memory = "256MB",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """A question reads as probability is written: what is asked, a bar, what is given.

    P(digit | x[:32]); log P(x | digit=7); P(x[40] in 8..16 | x[:40]); P(hit(x, 9..) before 50 |
    x[:20]); sample(x[4:, :] | x[:4, :]) * 8; H(digit | x[:t]) for t in 0..64 step 8; marginal,
    argmax, I, look, surprise, KL, log odds, hitting. x[a:b] counts along the scan, x[r, c] are
    pixels, x[0s:0.2s] is time. An error points at the place.

    Example::

        autoreg ask digits 'P(digit | x[:32])' --bind x=image.png
        autoreg ask digits 'sample(x[:, 4:] | x[:, :4]) * 8' --bind x=image.png --out filled.png
        autoreg ask runs/speakers --script questions.aq --out answers.jsonl
    """
    if (question is None) == (script is None):
        raise ValueError("ask needs either a QUESTION or a --script; got both or neither")
    bindings = bound(bind or ())
    density = open_density(model, device=device, dtype=dtype, threads=threads, memory=memory)
    density = in_one_order(density, given or ())
    density = accompanied(density, None, local)
    generator = seeded(seed)
    if script is not None:
        answers = _script(density, script, bindings, generator)
        _print_script(answers, density, out, as_json=as_json, quiet=quiet)
        return
    answers = ask_each(density, str(question), generator=generator, **bindings)
    for answered in _waiting(answers, quiet=quiet or as_json):
        if out is not None:
            save(answered, density, out)
        if as_json:
            print_json(answered.to_dict() | {"seed": generator.initial_seed()})
        else:
            print_answered(answered, density, headed=False)


def bound(assignments: Sequence[str]) -> dict[str, object]:
    """Return what names stand for.

    Example:
        >>> bound(["x=clip.wav", "t=28"])
        {'x': PosixPath('clip.wav'), 't': 28}
    """
    found: dict[str, object] = {}
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not name.isidentifier() or not equals or not value:
            raise ValueError(f"a name is bound as name=file; got {assignment!r}")
        if name in found:
            raise ValueError(f"a name stands for one thing; {name} is bound twice")
        found[name] = int(value) if value.lstrip("-").isdecimal() else Path(value)
    return found


def _script(
    density: Density, script: str, bindings: dict[str, object], generator: Generator
) -> Iterator[Answered]:
    if script == "-":
        lines, folder, name = sys.stdin.read().splitlines(), None, "stdin"
    else:
        try:
            lines = Path(script).read_text("utf-8").splitlines()
        except UnicodeDecodeError as error:
            raise ValueError(f"{script}: needs to be text; {error}") from None
        folder, name = Path(script).parent, script
    return ask_script(density, lines, file=name, folder=folder, generator=generator, **bindings)


def _print_script(
    answers: Iterator[Answered], density: Density, out: Path | None, *, as_json: bool, quiet: bool
) -> None:
    if out is None:
        line = None
        for answered in _waiting(answers, quiet=quiet or as_json):
            if as_json:
                print_json(answered.to_dict())
            else:
                print_answered(answered, density, headed=answered.line != line)
            line = answered.line
        return
    written = 0
    with _appearing(out) as file:
        for answered in _waiting(answers, quiet=quiet):
            file.write(json.dumps(finite(answered.to_dict()), ensure_ascii=False) + "\n")
            written += 1
    print(f"{out}: {written} answers")


def _waiting(answers: Iterator[Answered], *, quiet: bool) -> Iterator[Answered]:
    """Yield answers, and show meanwhile that something is done."""
    while True:
        with waiting("asking", quiet=quiet):
            answered = next(answers, None)
        if answered is None:
            return
        yield answered


@contextmanager
def _appearing(path: Path) -> Iterator[TextIO]:
    """Open a file that has its name only when all is written; an error leaves nothing behind."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
