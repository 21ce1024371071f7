"""The error of a question, which points at the place."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A text of questions, and where it stands.

    Attributes:
        text: One question; it may go over several lines.
        line: The number of its first line in a script; None outside of one.
        file: The script's name, if it has one.
    """

    text: str
    line: int | None = None
    file: str | None = None


class QuestionError(ValueError):
    """A question that cannot be understood, or not be answered, and where that shows.

    Attributes:
        what: What was expected, and what came.
        at: The offset in the text that is pointed at.
        source: The text; None until the error has left the text's own functions.
    """

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.what = what
        self.at = at
        self.source: Source | None = None

    @property
    def line(self) -> int:
        """The line that is pointed at, from 1."""
        if self.source is None:
            return 1
        return (self.source.line or 1) + self.source.text.count("\n", 0, self.at)

    @property
    def column(self) -> int:
        """The column that is pointed at, from 1."""
        if self.source is None:
            return self.at + 1
        return self.at - self.source.text.rfind("\n", 0, self.at)

    def __str__(self) -> str:
        if self.source is None:
            return self.what
        source = self.source
        if source.file is not None:
            where = f"{source.file}:{self.line}:{self.column}"
        elif source.line is not None or "\n" in source.text:
            where = f"line {self.line}, column {self.column}"
        else:
            where = f"column {self.column}"
        shown = source.text.split("\n")[source.text.count("\n", 0, self.at)].replace("\t", " ")
        return f"{where}: {self.what}\n    {shown}\n    {' ' * (self.column - 1)}^"


@contextmanager
def pointing(source: Source, at: int = 0) -> Iterator[None]:
    """Let errors know the text that they are about.

    Args:
        source: The text.
        at: What errors point at that know no place of their own.

    Raises:
        QuestionError: In place of every ValueError, and of every OSError.
    """
    try:
        yield
    except QuestionError as error:
        if error.source is None:
            error.source = source
        raise
    except (ValueError, OSError) as error:
        pointed = QuestionError(said(error), at)
        pointed.source = source
        raise pointed from error


def said(error: Exception) -> str:
    """Return what an error says; of files that the system refuses, the name first."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)
