"""The mean of answers."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from autoreg.answers import Answer, Draws, Kind
from autoreg.inference.readout import IMPOSSIBLE, LOST

NEGLIGIBLE = 1e-3
"""The share below which a part may be in doubt without the mean being."""


def mean(answers: Sequence[Answer], log_weights: Float[Tensor, " S"]) -> Answer:
    r"""Return the log of a weighted mean, :math:`\log \sum_k w_k z_k` of what say ``log z_k``.

    Exact where all are, certain bounds where the others are bounds, unbiased where these are
    estimates without bias. The standard error is that of the delta method,
    :math:`d \log \sum_k w_k z_k = \sum_k s_k\, d \log z_k` with the shares s_k of the sum.

    Args:
        answers: Log probabilities, independent of each other, of shape ().
        log_weights: log w_k.

    Example:
        >>> halves = [Answer(value=torch.tensor(p).double().log(), method="") for p in (0.2, 0.4)]
        >>> mean(halves, torch.tensor([0.5, 0.5]).double().log()).value.exp()
        tensor(0.3000, dtype=torch.float64)
    """
    method = methods_of(answers)
    values = torch.stack([answer.value for answer in answers]) + log_weights
    value, kinds = values.logsumexp(0), {answer.kind for answer in answers}
    if kinds == {"exact"}:
        return Answer(value=value, method=method)
    ends = [_ends(answer) for answer in answers]
    lower, upper = (
        (torch.stack(end) + log_weights).logsumexp(0) for end in zip(*ends, strict=True)
    )
    if kinds <= {"exact", "bounds"}:
        return Answer(value=lower, kind="bounds", method=method, lower=lower, upper=upper)
    kind: Kind = "unbiased" if kinds <= {"exact", "unbiased"} else "consistent"
    sizes = [answer.ess for answer in answers if answer.ess is not None]
    doubtful = [
        answer
        for answer, share in zip(answers, values - value, strict=True)
        if not answer.reliable and not -torch.inf < float(share) < math.log(NEGLIGIBLE)
    ]
    if bool(value.isneginf()):  # No path survived in any part.
        doubts = [1 - (answer.confidence or 1.0) for answer in answers]
        return Answer(
            value=value,
            kind=kind,
            method=method,
            upper=upper if bool(upper.isfinite()) else None,
            confidence=1 - sum(doubts) if bool(upper.isfinite()) else None,
            ess=torch.zeros((), dtype=torch.float64),
            reliable=False,
            reason=doubtful[0].reason if doubtful else LOST,
        )
    errors = torch.stack([_error(answer) for answer in answers])
    counting = values.softmax(0)
    error = (counting * errors).masked_fill(counting == 0, 0.0).square().sum().sqrt()
    return Answer(
        value=value,
        kind=kind,
        method=method,
        std_error=error,
        ess=torch.stack(sizes).min() if sizes else None,
        reliable=not doubtful,
        reason=doubtful[0].reason if doubtful else "",
    )


def ratio(inside: Answer, whole: Answer) -> Answer:
    """Return the log of a share, whose error is that of two numbers that know nothing of another.

    Args:
        inside: The log of the numerator, a part of the denominator.
        whole: The log of the denominator.
    """
    answers = (inside, whole)
    value = (inside.value - whole.value).clamp_max(0.0)
    kinds = {answer.kind for answer in answers}
    if bool(whole.value.isneginf()):
        sure = whole.kind == "exact"
        return Answer(
            value=value * torch.nan,
            kind="exact" if sure else "consistent",
            method=methods_of(answers),
            reliable=False,
            reason=IMPOSSIBLE if sure else LOST,
        )
    chance = not kinds <= {"exact", "bounds"}
    lower = upper = error = None
    if kinds == {"exact"} or (inside.kind == "exact" and bool(value.isneginf())):
        return Answer(value=value, method=methods_of(answers))
    if not chance:
        (least, most), (low, high) = map(_ends, answers)
        lower, upper = (least - high).clamp_max(0.0), (most - low).clamp_max(0.0)
    elif bool(value.isfinite()):
        error = torch.stack([_error(answer) for answer in answers]).square().sum().sqrt()
    elif inside.upper is not None and whole.kind == "exact":
        upper = (inside.upper - whole.value).clamp_max(0.0)
    return Answer(
        value=value,
        kind="consistent" if chance else "bounds",
        method=methods_of(answers),
        std_error=error,
        lower=lower,
        upper=upper,
        confidence=None if not chance or upper is None else inside.confidence,
        reliable=all(answer.reliable for answer in answers),
        reason=next((answer.reason for answer in answers if answer.reason), ""),
    )


def methods_of(answers: Sequence[Answer] | Sequence[Draws]) -> str:
    """Return the methods of answers, each once."""
    methods = dict.fromkeys(answer.method for answer in answers)
    return ", ".join(name for name in methods if name != "nothing to do") or "nothing to do"


def _ends(answer: Answer) -> tuple[Tensor, Tensor]:
    """Return what an answer lies between; infinity where no bound is known."""
    if answer.kind == "exact":
        return answer.value, answer.value
    least, most = (answer.value.new_tensor(end) for end in (-torch.inf, torch.inf))
    return (
        least if answer.lower is None else answer.lower,
        most if answer.upper is None else answer.upper,
    )


def _error(answer: Answer) -> Tensor:
    """Return a standard error; of bounds, all that lies between them."""
    if answer.std_error is not None:
        return answer.std_error
    if answer.kind == "bounds":
        lower, upper = _ends(answer)
        return upper - lower
    return torch.zeros_like(answer.value)
