"""Questions in words, answered."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Generator

from autoreg.answers import Answer, Draws
from autoreg.language.answered import Answered, stack
from autoreg.language.asks import Asks
from autoreg.language.case import Case, Job
from autoreg.language.drawn import best, hitting, marginal, sample
from autoreg.language.errors import QuestionError, Source, pointing
from autoreg.language.measures import divergence, entropy, information, log_odds, look, surprise
from autoreg.language.parser import parse, parse_line
from autoreg.language.places import Seconds, Symbols
from autoreg.language.probable import probable
from autoreg.language.question import Binding, File, Loop, Question
from autoreg.language.scope import Deferred, Number, Scope

_FORMS = {
    "P": probable,
    "log P": probable,
    "sample": sample,
    "argmax": best,
    "marginal": marginal,
    "hitting": hitting,
    "H": entropy,
    "I": information,
    "look": look,
    "surprise": surprise,
    "KL": divergence,
    "log odds": log_odds,
}


def ask(
    density: Asks,
    text: str,
    /,
    *,
    generator: Generator | None = None,
    **bindings: Any,  # noqa: ANN401
) -> Answer | Draws:
    """Answer one question.

    Args:
        density: Whom to ask.
        text: The question; ``autoreg.language.parser`` tells the language.
        generator: Source of all chance.
        **bindings: What names in the text stand for: a file or an array, a boolean mask, a set of
            symbols, an ``Event``, a whole number.

    Returns:
        The answer, natural logs where it is a probability. Of a question with ``for``, all
        answers with a leading axis.

    Raises:
        QuestionError: The question cannot be understood or answered; it points at the place.
    """
    question = parse(text)
    with pointing(Source(text), question.form.at):
        if question.loop is not None and question.form.verb == "sample":
            raise QuestionError("draws of several values make no one answer", question.loop.at)
        found = list(_answers(density, question, bindings, {}, generator))
        if question.loop is None:
            return found[0].answer
        return stack([one.answer for one in found if isinstance(one.answer, Answer)])


def ask_each(
    density: Asks,
    text: str,
    /,
    *,
    generator: Generator | None = None,
    **bindings: Any,  # noqa: ANN401
) -> Iterator[Answered]:
    """Yield the answer to one question at each value of its loop's variable, as they come."""
    question = parse(text)
    with pointing(Source(text), question.form.at):
        yield from _answers(density, question, bindings, {}, generator)


def ask_script(
    density: Asks,
    lines: Iterable[str],
    /,
    *,
    file: str | None = None,
    folder: Path | None = None,
    generator: Generator | None = None,
    **bindings: Any,  # noqa: ANN401
) -> Iterator[Answered]:
    """Yield the answers to a script's questions, as they come.

    Args:
        density: Whom to ask.
        lines: One question or binding each; comments and empty lines.
        file: The script's name, which errors tell.
        folder: Where the files that the script names are; the working directory if None.
        generator: Source of all chance.
        **bindings: What the script's names stand for where it does not say so itself.

    Raises:
        QuestionError: A line cannot be understood or answered.
    """
    values, lengths = dict(bindings), dict[str, int]()
    for number, line in enumerate(lines, start=1):
        source = Source(line.rstrip("\n"), number, file)
        found = parse_line(source)
        if isinstance(found, Binding):
            with pointing(source, found.at):
                values[found.name.text] = _bound(
                    found, Scope(density.signal, density.space, values), folder
                )
                lengths.pop(found.name.text, None)
        elif found is not None:
            with pointing(source, found.form.at):
                for answered in _answers(density, found, dict(values), lengths, generator):
                    yield replace(answered, line=number)


def explain(density: Asks, text: str, /, **bindings: Any) -> str:  # noqa: ANN401
    """Return how one question would be answered and what that costs, without answering it.

    Of a question with ``for``, at the first value of its variable.
    """
    question = parse(text)
    with pointing(Source(text), question.form.at):
        case = next(_cases(density, question, bindings, {}, None))
        job = _job(case)
        told = [
            str(question),
            *(f"{name} = {value}" for name, value in case.scope.loop.items()),
        ]
        told.append(job.what)
        for name, evidence, event in job.parts:
            plan = density.explain(evidence, event, effort=case.effort)
            told += [f"{name}:", *(f"  {line}" for line in plan.splitlines())]
        if job.besides:
            told.append(f"besides, not counted here: {job.besides}")
        return "\n".join(told)


def _answers(
    density: Asks,
    question: Question,
    values: Mapping[str, object],
    lengths: dict[str, int],
    generator: Generator | None,
) -> Iterator[Answered]:
    for case in _cases(density, question, values, lengths, generator):
        job = _job(case)
        yield Answered(
            question=question,
            answer=job.run(),
            loop=case.scope.loop,
            positions=job.positions,
        )


def _job(case: Case) -> Job:
    return _FORMS[case.question.form.verb](case)


def _cases(
    density: Asks,
    question: Question,
    values: Mapping[str, object],
    lengths: dict[str, int],
    generator: Generator | None,
) -> Iterator[Case]:
    """Yield the question at each value of its loop's variable."""
    scope = Scope(density.signal, density.space, values)
    loops: list[dict[str, Number]] = [{}]
    if question.loop is not None:
        name = question.loop.name.text
        loops = [{name: value} for value in _steps(question.loop, scope)]
        if not loops:
            raise QuestionError("the loop has no value", question.loop.at)
    for loop in loops:
        yield Case(density, question, replace(scope, loop=loop), lengths, generator)


def _steps(loop: Loop, scope: Scope) -> list[Number]:
    start, stop = scope.number(loop.start), scope.number(loop.stop)
    step = None if loop.step is None else scope.number(loop.step)
    if isinstance(start, Seconds) and isinstance(stop, Seconds) and isinstance(step, Seconds):
        # The end is met although steps are not exact in binary.
        count = math.floor((stop.value - start.value) / step.value + 1e-9)
        return [Seconds(round(start.value + at * step.value, 12)) for at in range(count + 1)]
    if isinstance(start, int) and isinstance(stop, int) and isinstance(step, int | None):
        return list(range(start, stop + 1, step or 1))
    raise QuestionError("a loop needs whole numbers, or seconds with a step in seconds", loop.at)


def _bound(binding: Binding, scope: Scope, folder: Path | None) -> object:
    value = binding.value
    if isinstance(value, File):
        return Path(value.name) if folder is None else folder / value.name
    if isinstance(value, Symbols):
        return scope.symbols(value)
    return Deferred(value, dict(scope.values))
