"""What is not an answer."""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

P = ParamSpec("P")
R = TypeVar("R")

REFUSALS = (ValueError, OSError, FloatingPointError)
"""What the library raises for files, models and arguments that it cannot use."""


def report(error: Exception) -> None:
    """Say on stderr, after "error:", what was wrong."""
    told = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        told = f"{error.filename}: {error.strerror}"
    Console(stderr=True, highlight=False).print(f"[red]error:[/] {escape(told)}", soft_wrap=True)


def refusing(job: Callable[P, R]) -> Callable[P, R]:
    """Return a job that reports what it is refused, and ends the program with code 1."""

    @functools.wraps(job)
    def careful(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return job(*args, **kwargs)
        except BrokenPipeError:
            raise  # whoever read has had enough: typer ends quietly
        except REFUSALS as error:
            report(error)
            raise typer.Exit(1) from error

    return careful
