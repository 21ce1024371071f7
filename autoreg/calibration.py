"""The temperature that makes a model as sure as it is right.

A sum of a thousand correlated log factors is surer than it should be. Calibration replaces
p(x | y) by p(x | y)^(1 / T), one T for all questions, and leaves the prior as it is: with nothing
seen, the prior is the answer. What comes out is a posterior of its own kind, not the model's.
Guo et al. (2017), https://arxiv.org/abs/1706.04599, fit T likewise, to the logits of a classifier.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from autoreg.answers import Posterior
from autoreg.conditions import ConditionSpace, Prior
from autoreg.queries.posterior import log_sum_by_label

LEAST, MOST = 1e-2, 1e6
"""Temperatures within which the best one is looked for."""

_GRID = 97  # points that the search begins from, twelve a decade
_STEP = 1e-3  # of log T, for derivatives


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """A temperature and what it is known from.

    Attributes:
        temperature: T; above 1 the model is too sure.
        log_error: Standard error of log T; nan where it cannot be told.
        of: The factors whose true labels it was fitted to, jointly.
        n: How many sequences.
        misses: How many of them the model gets wrong.
        log_score: Mean log probability of their true labels before and after.
        protocol: What they are, in one sentence.
        reason: Why the temperature is not to be trusted; empty if it is.
    """

    temperature: float
    log_error: float
    of: tuple[str, ...]
    n: int
    misses: int
    log_score: tuple[float, float]
    protocol: str
    reason: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"a temperature needs to be positive; got {self.temperature}")

    def temper(
        self,
        posterior: Posterior,
        space: ConditionSpace,
        *,
        of: str | Sequence[str] | None = None,
        log_prior: Float[Tensor, " K"] | None = None,
    ) -> Posterior:
        r"""Return :math:`q(y \mid x) \propto p(y)\, p(x \mid y)^{1/T}`, added up by label.

        Args:
            posterior: Of all factors of the space, exact.
            space: Names of the conditions.
            of: Factor or factors asked for; all if None.
            log_prior: The prior that the posterior was made with, (K,); uniform if None.

        Raises:
            ValueError: The posterior is an estimate, or one of fewer factors.
        """
        if posterior.of != space.names or posterior.kind != "exact":
            raise ValueError(
                "calibration needs the exact posterior of all factors, "
                f"{', '.join(space.names)}; got the {posterior.kind} one of "
                f"{', '.join(posterior.of)}"
            )
        names = space.names if of is None else (of,) if isinstance(of, str) else tuple(of)
        prior = space.log_prior() if log_prior is None else log_prior
        beta = 1 / self.temperature
        joint = (1 - beta) * prior + beta * posterior.value
        joint = torch.where(prior.isneginf(), prior, joint).log_softmax(-1)
        told = f"p(y) p(x | y)^(1/T), T = {self.temperature:.4g}: not the model's own posterior"
        return replace(
            posterior,
            value=log_sum_by_label(joint, space, names, torch.arange(space.size)),
            kind="calibrated",
            of=names,
            labels=space.joint_labels(names),
            method=f"calibrated, {told}; {posterior.method}",
        )

    def config(self) -> dict[str, Any]:
        """Return the calibration as plain data."""
        known = asdict(self) | {"of": list(self.of), "log_score": list(self.log_score)}
        return known | {"log_error": None if math.isnan(self.log_error) else self.log_error}

    @staticmethod
    def from_config(config: object) -> "Calibration":
        """Rebuild a calibration from plain data; raises ValueError for what it does not know."""
        match config:
            case {
                "temperature": float() | int() as temperature,
                "log_error": float() | int() | None as error,
                "of": [*of],
                "n": int(n),
                "misses": int(misses),
                "log_score": [float() | int() as before, float() | int() as after],
                "protocol": str(protocol),
                "reason": str(reason),
                **rest,
            } if not rest and all(isinstance(name, str) for name in of):
                return Calibration(
                    temperature=float(temperature),
                    log_error=math.nan if error is None else float(error),
                    of=tuple(of),
                    n=n,
                    misses=misses,
                    log_score=(float(before), float(after)),
                    protocol=protocol,
                    reason=reason,
                )
        raise ValueError(f"this is no calibration: {config!r:.200}")


def fit(
    log_likelihoods: Float[Tensor, "n K"],
    condition: Int[Tensor, " n"],
    space: ConditionSpace,
    *,
    of: str | Sequence[str] | None = None,
    prior: Prior | None = None,
    protocol: str = "",
) -> Calibration:
    r"""Return the temperature under which true labels are most probable.

    The mean log score is maximised over T; of all factors jointly it is concave in 1/T. Where the
    model is right about every sequence it has no maximum: the surer the better. Then one miss is
    imagined, each sequence being right by 1 - 1/(n + 2) only, as in Platt (1999), Probabilistic
    outputs for support vector machines, section 2.2; ``reason`` says so.

    Args:
        log_likelihoods: log p(x | y) of sequences that the model was not trained on.
        condition: Their true conditions.
        space: Names of the conditions.
        of: Factor or factors whose labels are to be told, the others summed out; all if None.
        prior: Of the conditions; see ``ConditionSpace.log_prior``.
        protocol: What the sequences are.

    Raises:
        ValueError: There is nothing to tell, or a sequence is impossible under its own labels.

    Example:
        >>> space = ConditionSpace({"coin": ("fair", "bent")})
        >>> margins = torch.tensor([[8.0, 0.0]] * 3 + [[0.0, 8.0]]).double()
        >>> found = fit(margins, torch.tensor([0, 0, 0, 0]), space)
        >>> round(8 / found.temperature, 4), round(math.log(3 / 1), 4)
        (1.0986, 1.0986)
    """
    names = space.names if of is None else (of,) if isinstance(of, str) else tuple(of)
    if not names or not len(condition):
        raise ValueError(
            "a temperature needs sequences and a factor to tell; "
            f"got {len(condition)} and {len(names)}"
        )
    log_prior = space.log_prior(prior)
    own = log_likelihoods.gather(1, condition[:, None])[:, 0] + log_prior[condition]
    if lost := int((~own.isfinite()).sum()):
        raise ValueError(
            f"{lost} of {len(own)} sequences have no probability under their own labels: no "
            "temperature helps"
        )
    truth = true_labels(condition, space, names)[:, None]

    def told(beta: float) -> Float[Tensor, "n L"]:
        return log_labels(log_likelihoods, space, names, log_prior, beta)

    def log_scores(beta: float) -> Float[Tensor, " n"]:
        return told(beta).gather(1, truth)[:, 0]

    misses = int((told(1.0).argmax(1, keepdim=True) != truth).sum())
    doubt = 0.0 if misses else 1 / (len(truth) + 2)

    def worth(beta: float) -> Float[Tensor, " n"]:
        labels = told(beta)
        right = labels.gather(1, truth)[:, 0]
        if not doubt:
            return right
        wrong = labels.scatter(1, truth, -torch.inf).logsumexp(1)
        return (1 - doubt) * right + doubt * wrong

    log_beta, edge = _highest(lambda at: float(worth(math.exp(at)).mean()))
    reasons = [
        "of a factor with a single label nothing can be told" * (told(1.0).shape[1] == 1),
        f"all {len(truth)} are told right: as if one more were not" * (not misses),
        "the best temperature is the last one that was tried" * edge,
    ]
    return Calibration(
        temperature=math.exp(-log_beta),
        log_error=_error(worth, log_beta),
        of=names,
        n=len(truth),
        misses=misses,
        log_score=(float(log_scores(1.0).mean()), float(log_scores(math.exp(log_beta)).mean())),
        protocol=protocol,
        reason="; ".join(filter(None, reasons)),
    )


def log_labels(
    log_likelihoods: Float[Tensor, "n K"],
    space: ConditionSpace,
    names: Sequence[str],
    log_prior: Float[Tensor, " K"],
    beta: float = 1.0,
) -> Float[Tensor, "n L"]:
    r"""Return the log posterior of labels that :math:`p(y)\, p(x \mid y)^\beta` makes."""
    joint = torch.where(log_prior.isneginf(), log_prior, log_prior + beta * log_likelihoods)
    return log_sum_by_label(joint.log_softmax(1), space, names, torch.arange(space.size))


def true_labels(
    condition: Int[Tensor, " n"], space: ConditionSpace, names: Sequence[str]
) -> Int[Tensor, " n"]:
    """Return which label of some factors, jointly, each condition has."""
    certain = torch.eye(space.size, dtype=torch.float64).log()[condition]
    return log_sum_by_label(certain, space, names, torch.arange(space.size)).argmax(1)


def _highest(mean: Callable[[float], float]) -> tuple[float, bool]:
    """Return the log of the best 1/T, and whether it is the first or the last one tried."""
    grid = np.linspace(-math.log(MOST), -math.log(LEAST), _GRID).tolist()
    best = int(np.argmax([mean(at) for at in grid]))
    low, high = grid[max(0, best - 1)], grid[min(_GRID - 1, best + 1)]
    ratio = (math.sqrt(5) - 1) / 2  # golden section: one evaluation a step
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = mean(left), mean(right)
    while high - low > 1e-9:
        if at_left >= at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = mean(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = mean(right)
    return (low + high) / 2, best in (0, _GRID - 1)


def _error(worth: Callable[[float], Tensor], log_beta: float) -> float:
    """Return the standard error of a maximiser of a mean, by slope and curvature."""
    below, here, above = (worth(math.exp(log_beta + step)) for step in (-_STEP, 0.0, _STEP))
    slope, curve = (above - below) / (2 * _STEP), (above - 2 * here + below) / _STEP**2
    bend = float(curve.mean())
    if not bend < 0:
        return math.nan
    return float(slope.square().mean().sqrt()) / math.sqrt(len(here)) / -bend
