"""The pages of the documentation, taken apart."""

import itertools
import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import typer

from autoreg.cli.app import app

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
_FENCED = re.compile(r"^```([^\n`]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: what stands behind the fence, the text, and the line where that begins."""

    info: str
    text: str
    line: int


@cache
def blocks(page: Path) -> tuple[Block, ...]:
    """Return the fenced blocks of a page in order."""
    told = page.read_text("utf-8")
    return tuple(
        Block(found[1].strip(), found[2], told.count("\n", 0, found.start(2)) + 1)
        for found in _FENCED.finditer(told)
    )


def prose(page: Path) -> str:
    """Return what of a page is in no fenced block."""
    return _FENCED.sub("", page.read_text("utf-8"))


def commands(text: str) -> list[list[str]]:
    """Return the arguments of each ``autoreg`` of a shell block.

    Comments, pipes and redirections are left out. Programs that start autoreg as a module count.
    """
    found = []
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars="|&<>")
        words.whitespace_split = True
        told = list(itertools.takewhile(lambda word: not set(word) <= set("|&<>"), words))
        if "autoreg" in told:
            found.append(told[told.index("autoreg") + 1 :])
    return found


def parse(arguments: list[str]) -> None:
    """Check arguments against the command line without running anything."""
    command = typer.main.get_command(app)
    while hasattr(command, "commands") and arguments:
        name, *arguments = arguments
        assert name in command.commands, f"autoreg has no verb {name}"
        command = command.commands[name]
    command.make_context("autoreg", arguments)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found = set[str]()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE):
        plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^]]*)]\([^)]*\)", r"\1", heading).lower())
        anchor = base = plain.strip().replace(" ", "-")
        number = 0
        while anchor in found:
            number += 1
            anchor = f"{base}-{number}"
        found.add(anchor)
    return found


def links(page: Path) -> list[str]:
    """Return what a page links to, pictures among it, but no addresses."""
    told = re.findall(r"]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(page)))
    return [link for link in told if not re.match(r"[a-z]+:", link)]
