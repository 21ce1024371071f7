"""The program `autoreg`."""

from collections.abc import Mapping
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import autoreg
from autoreg.cli.manual import manual
from autoreg.cli.refusals import refusing

VERBS = {
    "demo": "Train on small digits, classify, generate and complete them: minutes, no download.",
    "train": "Train a WaveNet on sounds, images, digits or curves.",
    "info": "Say what a model is, what it was trained on and how.",
    "score": "How likely is it? log p of files, exact.",
    "classify": "Which one is it? The posterior of the labels of files, exact.",
    "sample": "Draw from nothing.",
    "complete": "Draw what may follow after a given beginning.",
    "forecast": "Draw how a series may go on: median and bands of the draws.",
    "rolling": "Forecast held-out sequences from many origins, and compare with what came.",
    "infill": "Draw what is hidden, given all that is seen before and after it.",
    "ask": "Answer any question that is written as probability is, or a file of them.",
    "explain": "Say how a question would be answered, and what that would cost.",
    "evaluate": "Judge a model on held-out data: accuracy, nats, bits, calibration, hidden parts.",
    "calibrate": "Fit the temperature that makes a model as sure as it is right.",
    "bench": "Measure how fast models are on this machine, and how fast they could be.",
}


class Verb(TyperCommand):
    """A verb whose module is imported when it is used, so that `autoreg --help` is quick.

    Its function, or its Typer app where it has verbs of its own, is called as its module.
    """

    @property
    def commands(self) -> Mapping[str, object]:
        """The verbs of the verb; there is no such attribute if it has none."""
        return self._real().commands

    def make_context(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - typer's own types
        """Parse the arguments, of the verb itself."""
        return self._real().make_context(*args, **kwargs)

    def _real(self) -> Any:  # noqa: ANN401 - a command or a group of them
        name, summary = str(self.name), str(self.help)
        job = getattr(import_module(f"autoreg.cli.{name}"), name)
        if isinstance(job, typer.Typer):
            group = typer.main.get_command(job)
            group.help = f"{summary}\n\n{group.help}"
            return group
        alone = typer.Typer(add_completion=False)
        alone.command(help=manual(job, summary))(refusing(job))
        return typer.main.get_command(alone)


class Verbs(TyperGroup):
    """All verbs, as they are called."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - what typer passes
        super().__init__(**attributes)
        for name, summary in VERBS.items():
            self.add_command(Verb(name, help=summary))


def main() -> None:
    """Run the program."""
    app(prog_name="autoreg")


def _tell_version(*, wanted: bool) -> None:
    if wanted:
        print(autoreg.__version__)
        raise typer.Exit


def _program(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_tell_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Ask questions of autoregressive models: how likely, which one, what comes next.

    A MODEL is the directory that a training wrote, the name of a bundled model such as digits, or
    hf:owner/name on the Hugging Face Hub.

    Exit codes: 0 fine; 1 something was refused or failed, a line on stderr says why; 2 the command
    was not understood; 130 interrupted.

    Example::

        autoreg demo --out demo                      learn, tell apart and draw small digits
        autoreg classify runs/speakers clips/*.wav   who is speaking?
        autoreg classify --help                      all about a verb
    """


app = typer.Typer(
    cls=Verbs,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.callback(help=manual(_program))(_program)
