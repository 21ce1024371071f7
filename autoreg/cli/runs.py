"""A training run as the command line starts it."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import typer
from accelerate import PartialState
from rich.console import Console

from autoreg import modeldir
from autoreg.cli.manual import manual
from autoreg.cli.options import AsJson, Quiet, Threads, Verbose, use_threads
from autoreg.cli.output import logged, print_json, waiting
from autoreg.cli.refusals import refusing
from autoreg.data.corpus import Corpus
from autoreg.data.source import read_corpus
from autoreg.training import run
from autoreg.training.config import Config, preset, presets

_of_run = partial(typer.Option, rich_help_panel="Run")


class Plan(NamedTuple):
    """What is to be trained on, where it lies, and the settings if no others are asked for.

    `changes` are made to any settings, before those that are asked for.
    """

    source: dict[str, Any]
    settings: Callable[[Corpus], Config]
    data: Path | None = None
    table: Path | None = None
    local: Path | None = None
    changes: tuple[str, ...] = ()


def trains(app: typer.Typer) -> Callable[[Callable[..., Plan]], Callable[..., Plan]]:
    """Return what makes a verb of a function from options to a plan.

    The options of the verb are those of the function and of a run.
    """

    def make(planned: Callable[..., Plan]) -> Callable[..., Plan]:
        own, common = (inspect.signature(job).parameters for job in (planned, carry_out))

        @wraps(planned)
        def verb(**options: Any) -> None:  # noqa: ANN401 - whatever their names
            chosen = {name: options.pop(name) for name in own}
            carry_out(planned(**chosen), **options)

        shared = [parameter for name, parameter in common.items() if name != "plan"]
        signature = inspect.Signature([*own.values(), *shared])
        verb.__signature__ = signature  # type: ignore[attr-defined]
        verb.__annotations__ = {**carry_out.__annotations__, **planned.__annotations__}
        app.command(help=manual(planned))(refusing(verb))
        return planned

    return make


def carry_out(
    plan: Plan,
    *,
    out: Annotated[
        Path,
        _of_run(
            help="The model directory to write; training state and history too.", metavar="DIR"
        ),
    ],
    preset_name: Annotated[
        str | None,
        _of_run(
            "--preset", help=f"The settings to start from: {', '.join(presets())}.", metavar="NAME"
        ),
    ] = None,
    config: Annotated[
        Path | None,
        _of_run(help="A TOML file of settings, instead of a preset.", metavar="FILE.toml"),
    ] = None,
    settings: Annotated[
        list[str] | None,
        _of_run(
            "--set",
            help="Change a setting, such as training.steps=1000; again for more.",
            metavar="KEY=VALUE",
        ),
    ] = None,
    seed: Annotated[int | None, _of_run(help="Of weights, batches and dropout.")] = None,
    start: Annotated[
        str | None,
        _of_run(
            "--from",
            help="A trained model, a directory or a bundled name, whose weights to start from: of "
            "the same layers, and no wider.",
            metavar="MODEL",
        ),
    ] = None,
    resume: Annotated[
        bool, _of_run("--resume", help="Go on with the run in --out, begun with the same options.")
    ] = False,
    device: Annotated[
        Literal["auto", "cpu"], _of_run(help="auto is an accelerator where there is one.")
    ] = "auto",
    threads: Threads = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train as planned and asked, and say how it ended."""
    use_threads(threads)
    changes = [*plan.changes, *(settings or ())]
    changes += [] if seed is None else [f"training.seed={seed}"]
    named = _start(preset_name, config)
    _changed(named or Config(), changes)  # what is wrong here is known before the data are read
    with waiting("reading the data", quiet=quiet or as_json), logged(verbose=verbose):
        corpus = read_corpus(plan.source, plan.data, table=plan.table, local=plan.local)
    fitted = run.train(
        corpus,
        _changed(named or plan.settings(corpus), changes),
        out,
        source=plan.source,
        start=None if start is None else modeldir.load(start, device="cpu"),
        resume=resume,
        device=device,
        console=None if quiet or as_json else Console(stderr=True),
    )
    if PartialState().is_main_process:
        standing = fitted.standing
        if as_json:
            print_json({"out": str(out), "ended": fitted.ended, **vars(standing)})
        else:
            told = "" if standing.best is None else f", best {standing.best:.4f} nats a symbol"
            told += "; interrupted, --resume goes on" if fitted.ended == "interrupted" else ""
            print(f"{out}: {standing.step} steps in {standing.seconds:.0f} s{told}")
    if fitted.ended == "interrupted":
        raise KeyboardInterrupt


def _start(preset_name: str | None, config: Path | None) -> Config | None:
    """Return the settings that were named, if any were."""
    if config is not None and preset_name is not None:
        raise ValueError("--preset and --config both say what to start from; give one")
    if preset_name is not None:
        return preset(preset_name)
    try:
        return None if config is None else Config.from_toml(config)
    except TypeError as error:
        raise ValueError(f"{config}: {error}") from error


def _changed(config: Config, changes: Sequence[str]) -> Config:
    try:
        return config.replace_from(changes)
    except TypeError as error:
        raise ValueError(str(error)) from error
