"""What the documentation prints is run: Python, commands, questions; its links lead somewhere."""

import doctest
import os
import re
import shlex
import shutil
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lark import Tree
from typer.testing import CliRunner

import autoreg as ar
from autoreg.cli.app import app
from autoreg.density import Density
from autoreg.language.errors import Source
from autoreg.language.evaluate import ask_script
from autoreg.language.parser import _BINDING, _grammar, parse_line
from tests.docs.pages import DOCS, PAGES, ROOT, Block, anchors, blocks, commands, links, parse

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
RUN = ("python", "sh run", "text", "aq run", "aq run voices")
INFOS = (*RUN, "sh", "toml", "csv", "json", "math", "")
SHELL = [(page, block) for page in PAGES for block in blocks(page) if block.info[:2] == "sh"]
LANGUAGE = DOCS / "language.md"


class Page:
    """The blocks of a page, run one after another in one folder and one Python session."""

    def __init__(
        self, page: Path, folder: Path, asked: Callable[[str], Density] = ar.load
    ) -> None:
        self.page, self.folder, self.asked, self.said = page, folder, asked, ""
        self.names: dict[str, object] = {}

    def run(self, block: Block) -> None:
        """Run a block, or compare it with what the commands before it said."""
        match block.info:
            case "python":
                self._python(block)
            case "sh run":
                self.said = "".join(map(self._command, commands(block.text)))
            case "text":
                self._compare(block)
            case "aq run" | "aq run voices":
                self._questions(block)

    def _python(self, block: Block) -> None:
        name = f"{self.page.name}, line {block.line}"
        test = doctest.DocTestParser().get_doctest(block.text, self.names, name, None, block.line)
        test.globs = self.names  # a page is one session
        assert test.examples, f"{name}: a block of Python needs prompts"
        told: list[str] = []
        with torch.random.fork_rng(devices=[]):  # a first session passes no generator
            failed, _ = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(
                test, out=told.append, clear_globs=False
            )
        assert not failed, "".join(told)

    def _command(self, arguments: list[str]) -> str:
        result = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)
        told = shlex.join(arguments)
        assert result.exit_code == 0, f"{self.page.name}: autoreg {told}\n{result.output}"
        return result.output

    def _compare(self, block: Block) -> None:
        where = f"{self.page.name}, line {block.line}"
        assert doctest.OutputChecker().check_output(block.text, self.said, FLAGS), (
            f"{where}: expected\n{block.text}\ngot\n{self.said}"
        )

    def _questions(self, block: Block) -> None:
        name = "runs/voices" if block.info.endswith("voices") else "digits"
        density, lines = self.asked(name), block.text.splitlines()
        chance = torch.Generator().manual_seed(0)
        answers = list(ask_script(density, lines, folder=self.folder, generator=chance))
        asked = {number for number, line in enumerate(lines, 1) if _is_question(line)}
        assert {one.line for one in answers} == asked


def stand_in(name: str) -> Density:
    """Return a density that speaks of the same signals and labels, and answers at once."""
    density = ar.load(name)
    chance = torch.Generator().manual_seed(0)
    symbols, conditions = density.model.num_symbols, density.model.num_conditions
    return replace(density, model=ar.MarkovTable.random(symbols, 0, conditions, generator=chance))


def _is_question(line: str) -> bool:
    return bool(line.partition("#")[0].strip()) and not _BINDING.match(line)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The folder that the first page has one make: files to ask about, and a small model."""
    folder, before = tmp_path_factory.mktemp("docs"), Path.cwd()
    os.chdir(folder)
    try:
        first = Page(DOCS / "README.md", folder)
        for block in blocks(first.page):
            first.run(block)
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch) -> Path:
    """A copy of that folder, to work in."""
    place = tmp_path / "here"
    shutil.copytree(made, place)
    monkeypatch.chdir(place)
    return place


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_prints_is_what_happens(page, folder):
    session = Page(page, folder, stand_in)
    for block in blocks(page):
        assert block.info in INFOS, f"{page.name}, line {block.line}: {block.info}"
        if page.name != "README.md":  # what the first page has one make is made
            session.run(block)


@pytest.mark.slow
def test_the_questions_of_the_language_reference_have_answers(folder):
    session = Page(LANGUAGE, folder)
    for block in blocks(LANGUAGE):
        if block.info.startswith("aq"):
            session.run(block)


@pytest.mark.parametrize(
    ("page", "block"), SHELL, ids=[f"{page.stem}-{block.line}" for page, block in SHELL]
)
def test_commands_parse(page, block):
    for command in commands(block.text):
        parse(command)
    known = re.compile(r"(autoreg|torchrun|accelerate|tensorboard|python|export|pip|#|$)")
    for line in re.sub(r"\\\n", " ", block.text).splitlines():
        assert known.match(line), f"{page.name}: {line}"
        runnable = line.startswith(("autoreg", "#")) or not line
        assert block.info == "sh" or runnable, f"{page.name}: only autoreg is run; got {line}"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
def test_links_lead_somewhere(page):
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name} links to {link}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {link}"


def test_the_first_page_leads_to_all_others():
    linked = {link.partition("#")[0] for link in links(DOCS / "README.md")}
    assert {page.name for page in PAGES} - {"README.md"} <= linked


def test_pictures_are_shown_and_small():
    shown = {page.parent / link for page in PAGES for link in links(page) if link.endswith(".png")}
    assert shown == set((DOCS / "pictures").iterdir())
    assert max(path.stat().st_size for path in shown) <= 60_000


def test_every_public_name_and_every_verb_is_told():
    told = "\n".join(page.read_text("utf-8") for page in PAGES)
    missing = [name for name in ar.__all__ if not re.search(rf"\b{name}\b", told)]
    run = {command[0] for _, block in SHELL for command in commands(block.text)}
    verbs = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert (missing, verbs - run) == ([], set())


def test_the_language_reference_shows_every_rule_of_the_grammar():
    used = set[str]()
    for block in blocks(LANGUAGE):
        if not block.info.startswith("aq"):
            continue
        for line in block.text.splitlines():
            assert parse_line(Source(line)) is not None or not _is_question(line)
            start = "binding" if _BINDING.match(line) else "question"
            if line.partition("#")[0].strip():
                tree: Tree = _grammar().parse(line, start=start)
                used |= {str(part.data) for part in tree.iter_subtrees()}
    rules = {str(rule.alias or rule.origin.name) for rule in _grammar().rules}
    hidden = {rule for rule in rules if rule.startswith("__") or rule in ("index",)}
    inlined = {str(rule.origin.name) for rule in _grammar().rules if rule.options.expand1}
    assert rules - used - hidden - inlined == set()


def test_a_wrong_page_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    text = """
        # One thing
        [elsewhere](nowhere.md) and [here](#another-thing)
        ```python
        >>> 1 + 1
        3
        ```
        ```sh
        autoreg train audio --data DIR --nonsense 3   # no such option
        torchrun -m autoreg scores digits x.png
        ```
    """
    page.write_text(textwrap.dedent(text), "utf-8")
    python, shell = blocks(page)
    with pytest.raises(AssertionError, match="Expected"):
        Page(page, tmp_path).run(python)
    first, second = commands(shell.text)
    with pytest.raises(Exception, match="No such option"):
        parse(first)
    with pytest.raises(AssertionError, match="no verb scores"):
        parse(second)
    with pytest.raises(AssertionError, match=r"nowhere\.md"):
        test_links_lead_somewhere(page)
    assert anchors(page) == {"one-thing"}
