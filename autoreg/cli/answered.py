"""What is printed of an answered question."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from autoreg.answers import Answer, Draws, Posterior
from autoreg.density import Density
from autoreg.language.answered import Answered, interval
from autoreg.queries.argmax import Best

MOST_ROWS = 12
"""Rows of a table that are printed; JSON has all."""


def print_answered(found: Answered, density: Density, *, headed: bool) -> None:
    """Print an answer for a person: its value, how far to trust it, what it took.

    Args:
        found: The answer, and what was asked.
        density: Knows where positions lie.
        headed: Whether the question stands above it.
    """
    answer = found.answer
    if isinstance(answer, Draws):
        lines = list(told_of_draws(answer))
    else:
        lines = list(_of_value(found, answer, density))
    trust = list(told_of_trust(answer))
    loop = ", ".join(f"{name} = {value}" for name, value in found.loop.items())
    if headed:
        print(found.question)
    if loop and len(lines) == 1:
        fine = answer.kind == "exact" and not answer.reason
        print(f"  {loop:>10}   {lines[0]}" + ("" if fine else f"   ({'; '.join(trust)})"))
        return
    if loop:
        print(f"  {loop}")
    for line in (*lines, *trust):
        print(f"  {line}")


def told_of_trust(answer: Answer | Draws) -> Iterator[str]:
    """Yield lines about how an answer was found, and whether to rely on it."""
    cost = answer.cost
    yield (
        f"{answer.kind}: {answer.method}; {cost.stepped:,} positions stepped, {cost.scored:,} "
        f"read, {cost.seconds:.2f} s"
    )
    if answer.reason:
        yield ("" if answer.reliable else "not reliable: ") + answer.reason


def save(found: Answered, density: Density, out: Path) -> None:
    """Write draws, or the most likely signal, to a file.

    Raises:
        ValueError: The answer is none of these.
    """
    if isinstance(found.answer, Draws):
        found.answer.save(out)
    elif isinstance(found.answer, Best):
        density.signal.write(out, found.answer.symbols)
    else:
        raise ValueError(
            f"--out takes the signals of sample(...) or argmax(...); {found.question} has numbers"
        )


def told_of_draws(draws: Draws) -> Iterator[str]:
    """Yield lines about draws: their labels, how likely what they keep is."""
    labels = [" ".join(f"{k}={v}" for k, v in one.items()) for one in draws.labels]
    counts = sorted(((labels.count(label), label) for label in {*labels}), reverse=True)
    told = ", ".join(f"{count} x {label}" for count, label in counts if label)
    yield f"{len(draws)} draws of {draws.symbols.shape[1]} symbols" + (f": {told}" if told else "")
    if (evidence := draws.log_evidence) is not None:
        yield f"log p of what is given: {_value(evidence, float(evidence.value))} nats"
    if draws.ess is not None:
        yield f"effective number of paths: {float(draws.ess):.1f}"


def _of_value(found: Answered, answer: Answer, density: Density) -> Iterator[str]:
    if isinstance(answer, Posterior) and answer.value.ndim == 1:
        width = max(map(len, answer.labels))
        for index in answer.value.argsort(descending=True).tolist():
            error = "" if answer.std_error is None else f"  log p +- {answer.std_error[index]:.2g}"
            yield f"{answer.labels[index]:{width}}  {answer.probs[index]:.6f}{error}"
    elif answer.value.ndim == 0:
        yield _scalar(found, answer)
        if isinstance(answer, Best) and answer.labels:
            yield " ".join(f"{name}={label}" for name, label in answer.labels.items())
        if isinstance(answer, Best) and found.positions:
            yield _told_symbols(answer, found.positions, density)
    elif found.question.form.verb == "hitting":
        yield from _law(found, answer, density)
    else:
        yield from _rows(found, answer, density)


def _told_symbols(best: Best, positions: Sequence[int], density: Density) -> str:
    """Return the symbols that were open, by where they lie."""
    shown = [f"{_where(density, at)} = {int(best.symbols[at])}" for at in positions[:MOST_ROWS]]
    more = len(positions) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _scalar(found: Answered, answer: Answer) -> str:
    value = float(answer.value)
    if isinstance(answer, Best):
        return f"log p of it and what is given: {_value(answer, value)}"
    if not found.probable:
        return f"{_value(answer, value)} nats"
    told = f"log p = {_value(answer, value)}"
    if found.question.form.verb != "P":
        return f"{told} nats"
    bounds = interval(answer)
    within = ""
    if bounds is not None and answer.kind != "exact":
        within = f" (95 % within {_chance(bounds[0])}..{_chance(bounds[1])})"
    return f"p = {_chance(value)}{within}, {told}"


def _value(answer: Answer, value: float) -> str:
    if answer.kind == "bounds" and answer.lower is not None and answer.upper is not None:
        return f"{float(answer.lower):.4f}..{float(answer.upper):.4f}"
    return f"{value:.4f}" + (
        "" if answer.std_error is None else f" +- {float(answer.std_error):.2g}"
    )


def _chance(log_p: float) -> str:
    return f"{math.exp(min(log_p, 0)):.6g}"


def _law(found: Answered, answer: Answer, density: Density) -> Iterator[str]:
    probs, starts = answer.value.exp(), list(found.positions or ())
    likely = probs[:-1].argsort(descending=True)[:MOST_ROWS].sort().values.tolist()
    for index in likely:
        yield f"{_where(density, starts[index]):>12}  {probs[index]:.6f}"
    if len(likely) < len(starts):
        yield f"and {len(starts) - len(likely)} less likely positions"
    yield f"{'never':>12}  {probs[-1]:.6f}"


def _rows(found: Answered, answer: Answer, density: Density) -> Iterator[str]:
    """Tell the greatest values of positions, or the most likely symbols of each."""
    value, positions = answer.value, list(found.positions or range(len(answer.value)))
    if value.ndim == 2:
        for row, at in zip(value[:MOST_ROWS].exp(), positions, strict=False):
            best = row.argsort(descending=True)[:4].tolist()
            told = ", ".join(f"{symbol}: {row[symbol]:.4f}" for symbol in best)
            yield f"{_where(density, at):>12}  {told}"
    else:
        if found.question.form.verb == "surprise":
            yield f"{float(value.sum()):.4f} nats in all"
        for index in value.argsort(descending=True)[:MOST_ROWS].tolist():
            yield f"{_where(density, positions[index]):>12}  {value[index]:.6f} nats"
    if len(value) > MOST_ROWS:
        yield f"and {len(value) - MOST_ROWS} more; --json tells all"


def _where(density: Density, position: int) -> str:
    scan = getattr(density.signal, "scan", None)
    if scan is not None:
        row, column = scan.coordinates()[position].tolist()
        return f"x[{row}, {column}]"
    return f"x[{position}]"
