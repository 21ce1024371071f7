"""A question with its answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from autoreg.answers import Answer, Cost, Draws
from autoreg.language.places import Seconds
from autoreg.language.question import Question
from autoreg.language.scope import Number
from autoreg.queries.argmax import Best

_BY_POSITION = ("std_error", "lower", "upper", "ess", "num_symbols")
_WORST_FIRST = ("consistent", "unbiased", "bounds", "exact")


@dataclass(frozen=True, kw_only=True)
class Answered:
    """A question with its answer.

    Attributes:
        question: What was asked.
        answer: Natural logs where it is a probability, also of ``P(...)`` without ``log``.
        loop: The variable of the question's loop, and its value.
        line: The line of a script.
        positions: Which positions along the scan the rows of the answer are about, if it has any.
    """

    question: Question
    answer: Answer | Draws
    loop: Mapping[str, Number] = field(default_factory=dict)
    line: int | None = None
    positions: Sequence[int] | None = None

    @property
    def probable(self) -> bool:
        """Whether the answer is a log probability."""
        return self.question.form.verb in ("P", "log P", "marginal", "hitting")

    def to_dict(self) -> dict[str, Any]:
        """Return all there is to know as plain data.

        ``value`` is the answer's own: nats. Of probabilities ``log_p`` is the same and ``p`` the
        probability; ``interval`` holds the true value with 95 %.
        """
        told: dict[str, Any] = {} if self.line is None else {"line": self.line}
        told["question"] = str(self.question)
        if self.loop:
            told["for"] = {
                name: value.value if isinstance(value, Seconds) else value
                for name, value in self.loop.items()
            }
        if self.positions is not None:
            told["positions"] = list(self.positions)
        if isinstance(self.answer, Draws):
            return told | draws_to_dict(self.answer)
        known = self.answer.to_dict()
        told["value"] = known.pop("value")
        if self.probable:
            told |= {"p": self.answer.value.exp().tolist(), "log_p": told["value"]}
        if isinstance(self.answer, Best):
            told |= {"symbols": self.answer.symbols.tolist(), "labels": self.answer.labels}
        return told | known | {"interval": interval(self.answer), "reason": self.answer.reason}


def interval(answer: Answer) -> list[Any] | None:
    """Return what holds the true value with 95 %, if that is known."""
    try:
        return [end.tolist() for end in answer.interval()]
    except ValueError:
        return None


def pick(answer: Answer, index: Tensor | int) -> Answer:
    """Return some entries of an answer, or one."""
    whole = answer.value.shape
    parts = {
        name: part[index] if part.shape == whole else part
        for name in _BY_POSITION
        if (part := getattr(answer, name)) is not None
    }
    return plain(replace(answer, value=answer.value[index], **parts))


def plain(answer: Answer) -> Answer:
    """Return an answer without what only its kind has, such as labels."""
    names = Answer.__dataclass_fields__
    return Answer(**{name: getattr(answer, name) for name in names})


def stack(answers: Sequence[Answer]) -> Answer:
    """Return answers to one question, asked again and again, as one with a leading axis.

    Raises:
        ValueError: They are not of one shape.
    """
    shapes = {tuple(answer.value.shape) for answer in answers}
    if len(shapes) != 1:
        told = ", ".join(map(str, sorted(shapes)))
        raise ValueError(f"the answers have the shapes {told} and make no table")
    first, values = answers[0], torch.stack([answer.value for answer in answers])
    kinds = {answer.kind for answer in answers}
    parts = {
        name: torch.stack([getattr(answer, name) for answer in answers])
        for name in ("lower", "upper", "ess", "num_symbols")
        if all(getattr(answer, name) is not None for answer in answers)
    }
    if any(answer.std_error is not None for answer in answers):
        exact = torch.zeros_like(first.value)
        parts["std_error"] = torch.stack(
            [exact if answer.std_error is None else answer.std_error for answer in answers]
        )
    together: dict[str, Any] = {
        "value": values,
        "kind": next(kind for kind in _WORST_FIRST if kind in kinds),
        "method": "; ".join(dict.fromkeys(answer.method for answer in answers)),
        "cost": total([answer.cost for answer in answers]),
        "reliable": all(answer.reliable for answer in answers),
        "reason": next((answer.reason for answer in answers if not answer.reliable), ""),
        "std_error": None,
        "lower": None,
        "upper": None,
        "ess": None,
        "num_symbols": None,
        **parts,
    }
    if hasattr(first, "log_evidence"):
        together["log_evidence"] = torch.stack([one.log_evidence for one in answers])  # type: ignore[attr-defined]
    return replace(first, **together)


def total(costs: Sequence[Cost]) -> Cost:
    """Return the sum of costs."""
    return Cost(
        sum(cost.stepped for cost in costs),
        sum(cost.scored for cost in costs),
        sum(cost.seconds for cost in costs),
    )


def draws_to_dict(draws: Draws) -> dict[str, Any]:
    """Return draws as plain data."""
    evidence = draws.log_evidence
    return {
        "symbols": draws.symbols.tolist(),
        "labels": list(draws.labels),
        "log_weights": draws.log_weights.tolist(),
        "log_evidence": None
        if evidence is None
        else evidence.to_dict() | {"interval": interval(evidence)},
        "kind": draws.kind,
        "method": draws.method,
        "cost": vars(draws.cost),
        "ess": None if draws.ess is None else draws.ess.tolist(),
        "reliable": draws.reliable,
        "reason": draws.reason,
    }
