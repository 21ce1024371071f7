"""Answers that say how exact they are."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

Kind = Literal["exact", "bounds", "unbiased", "consistent", "calibrated"]


@dataclass(frozen=True)
class Cost:
    """What an answer took.

    Attributes:
        stepped: Positions advanced one at a time, over all paths.
        scored: Positions read in parallel, over all sequences and conditions.
        seconds: Wall-clock time.
    """

    stepped: int = 0
    scored: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A number, or a tensor of them, and how far to trust it.

    Attributes:
        value: Natural logs in float64 where it is a probability.
        kind: ``exact``; ``bounds``, certain ones; ``unbiased``, of exp(value); ``consistent``,
            right in the limit of many samples; ``calibrated``, not the model's own answer.
        method: How it was computed.
        cost: What that took.
        std_error: Standard error of ``value``; None where there is no chance in it.
        lower, upper: Bounds on ``value``, certain or at ``confidence``.
        ess: Effective sample size.
        reliable: False where the standard error itself is not to be trusted, for ``reason``.
        num_symbols: How many symbols each value is the log probability of, shape as ``value``.
    """

    value: Float[Tensor, "*S"]
    kind: Kind = "exact"
    method: str
    cost: Cost = field(default_factory=Cost)
    std_error: Float[Tensor, "*S"] | None = None
    lower: Float[Tensor, "*S"] | None = None
    upper: Float[Tensor, "*S"] | None = None
    confidence: float | None = None
    ess: Float[Tensor, "*S"] | None = None
    reliable: bool = True
    reason: str = ""
    num_symbols: Int[Tensor, "*S"] | None = None

    def __float__(self) -> float:
        if self.value.numel() != 1 or self.kind == "bounds":
            raise ValueError(
                f"only one number that is no bound can be a float; got {self.kind} of shape "
                f"{tuple(self.value.shape)}"
            )
        return float(self.value)

    @property
    def bits_per_symbol(self) -> Float[Tensor, "*S"]:
        """Minus log2 p per symbol; nan for sequences of length 0."""
        if self.num_symbols is None:
            raise ValueError("this answer is not the log probability of symbols")
        return -self.value / math.log(2) / self.num_symbols

    def interval(self, level: float = 0.95) -> tuple[Tensor, Tensor]:
        """Return bounds that hold the true value with this confidence or a higher one.

        They are the answer's own where these are certain or confident enough, else those of the
        normal approximation. A side that is not bounded is infinite.

        Raises:
            ValueError: The level is not within 0..1, or nothing is known at this confidence.
        """
        if not 0 < level < 1:
            raise ValueError(f"level needs to lie between 0 and 1; got {level}")
        bounded = self.lower is not None or self.upper is not None
        if bounded and (self.confidence is None or self.confidence >= level):
            least, most = torch.full_like(self.value, -torch.inf), self.value.new_tensor(torch.inf)
            lower = least if self.lower is None else self.lower
            return lower, most.expand_as(lower) if self.upper is None else self.upper
        if self.std_error is not None:
            quantile = torch.tensor((1 + level) / 2, dtype=torch.float64)
            reach = torch.special.ndtri(quantile) * self.std_error
            return self.value - reach, self.value + reach
        if self.kind == "exact":
            return self.value, self.value
        raise ValueError(
            f"this {self.kind} answer has bounds at confidence {self.confidence} and no standard "
            f"error; got level {level}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain data."""
        known: dict[str, Any] = {
            "value": self.value.tolist(),
            "kind": self.kind,
            "method": self.method,
            "std_error": None if self.std_error is None else self.std_error.tolist(),
            "reliable": self.reliable,
            "cost": vars(self.cost),
        }
        if self.num_symbols is not None:
            known["bits_per_symbol"] = self.bits_per_symbol.tolist()
        for name in ("lower", "upper", "ess"):
            if (bound := getattr(self, name)) is not None:
                known[name] = bound.tolist()
        if self.confidence is not None:
            known["confidence"] = self.confidence
        return known | ({"reason": self.reason} if self.reason else {})


@dataclass(frozen=True, kw_only=True)
class Posterior(Answer):
    """Log probabilities of labels, in the last axis of ``value``.

    Attributes:
        of: Names of the factors the labels are of.
        labels: One per entry of the last axis; joint labels are joined by a slash.
        log_evidence: log p(x), the labels summed out; of the shape of ``value`` without its last
            axis.
    """

    of: tuple[str, ...]
    labels: tuple[str, ...]
    log_evidence: Float[Tensor, "*B"]

    @property
    def probs(self) -> Float[Tensor, "*B K"]:
        """The posterior probabilities."""
        return self.value.exp()

    @property
    def best(self) -> list[str]:
        """The most probable label of each row (of one row: a list of one)."""
        flat = self.value.reshape(-1, len(self.labels))
        return [self.labels[index] for index in flat.argmax(-1).tolist()]

    @property
    def log_odds(self) -> Float[Tensor, "*B"]:
        """Log odds of the most probable label against all others together."""
        ordered = self.value.sort(-1, descending=True).values
        return ordered[..., 0] - ordered[..., 1:].logsumexp(-1)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain data."""
        return super().to_dict() | {
            "of": list(self.of),
            "labels": list(self.labels),
            "log_evidence": self.log_evidence.tolist(),
        }


class Writes(Protocol):
    """Whatever turns symbols into a signal, and a signal into a file."""

    def decode(self, symbols: Tensor) -> Tensor:
        """Return the signal of symbols (..., T)."""

    def write(self, path: str | Path, symbols: Tensor) -> None:
        """Write the signal of symbols (N, T) to one file."""


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Sequences drawn from a model.

    Attributes:
        symbols: Shape (N, T).
        condition: The condition index each was drawn under, shape (N,).
        labels: Its labels, one mapping from factor to label per draw.
        log_weights: Their log weights; zeros for independent exact draws.
        log_evidence: log probability of what was given, an exact answer for completions.
        method: How they were drawn.
        kind: ``exact``, independent draws from what was asked for, or ``consistent``, draws that
            come to be that as more paths are taken.
        ess: Effective number of the paths that they were chosen from.
        reliable: False where these are too few, for ``reason``.
        cost: What that took.
        signal: What turns the symbols into sound or pixels, if known.
    """

    symbols: Int[Tensor, "N T"]
    condition: Int[Tensor, " N"]
    labels: tuple[dict[str, str], ...]
    log_weights: Float[Tensor, " N"]
    method: str
    kind: Kind = "exact"
    log_evidence: Answer | None = None
    ess: Float[Tensor, ""] | None = None
    reliable: bool = True
    reason: str = ""
    cost: Cost = field(default_factory=Cost)
    signal: Writes | None = None

    def __len__(self) -> int:
        return len(self.symbols)

    def decode(self) -> Tensor:
        """Return the draws as signals: pixels (N, H, W), waves (N, T)."""
        return self._signal().decode(self.symbols)

    def save(self, path: str | Path) -> None:
        """Write all draws to one file: a grid of pictures, or sounds one after another."""
        self._signal().write(path, self.symbols)

    def _signal(self) -> Writes:
        if self.signal is None:
            raise ValueError("these are a bare model's draws; only a Density's know their signal")
        return self.signal
