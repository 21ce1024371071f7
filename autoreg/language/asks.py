"""What can be asked of a density: as much of it as questions need."""

from collections.abc import Sequence
from typing import Any, Protocol

from jaxtyping import Int
from torch import Generator, Tensor

from autoreg.answers import Answer, Draws, Posterior
from autoreg.conditions import ConditionSpace, Given, Prior
from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.language.scope import Speaks


class Asks(Protocol):
    """A model that speaks of signals and labels; signals are files or arrays."""

    @property
    def signal(self) -> Speaks:
        """What positions and symbols mean."""

    @property
    def space(self) -> ConditionSpace:
        """The factors and their labels."""

    @property
    def memory(self) -> int:
        """Bytes that activations may take."""

    def encode(self, signals: Any) -> tuple[Int[Tensor, "B T"], Tensor | None, bool]:  # noqa: ANN401
        """Return the symbols of signals, their lengths, and whether it was one."""

    def evidence(
        self,
        signal: Any = None,  # noqa: ANN401
        *,
        seen: Any = None,  # noqa: ANN401
        ranges: Any = (),  # noqa: ANN401
        symbols: Any = (),  # noqa: ANN401
        length: int | None = None,
        given: Given | None = None,
        prior: Prior | None = None,
    ) -> Evidence:
        """Return what is known."""

    def log_prob(
        self,
        signals: Any,  # noqa: ANN401
        *,
        given: Given | None = None,
        prior: Prior | None = None,
    ) -> Answer:
        """Return log p(signal | given)."""

    def surprise(
        self,
        signal: Any,  # noqa: ANN401
        *,
        given: Given | None = None,
        prior: Prior | None = None,
    ) -> Answer:
        """Return -log p of each symbol given those before it."""

    def posterior(
        self,
        signals: Any = None,  # noqa: ANN401
        *,
        of: Sequence[str],
        given: Given | None = None,
        prior: Prior | None = None,
        evidence: Evidence | None = None,
        effort: Effort | None = None,
        generator: Generator | None = None,
    ) -> Posterior:
        """Return log p(label | what is seen)."""

    def probability(
        self,
        target: Evidence | Event,
        evidence: Evidence | None = None,
        *,
        effort: Effort | None = None,
        generator: Generator | None = None,
    ) -> Answer:
        """Return log P(target | evidence)."""

    def sample(
        self,
        count: int,
        *,
        length: int | None = None,
        given: Given | None = None,
        prior: Prior | None = None,
        generator: Generator | None = None,
    ) -> Draws:
        """Draw signals."""

    def infill(
        self,
        *,
        draws: int,
        evidence: Evidence | None = None,
        effort: Effort | None = None,
        generator: Generator | None = None,
    ) -> Draws:
        """Draw what is not known."""

    def marginals(
        self,
        evidence: Evidence,
        *,
        effort: Effort | None = None,
        generator: Generator | None = None,
    ) -> Answer:
        """Return log p of each symbol at each hidden position."""

    def hitting(
        self,
        among: Sequence[int],
        evidence: Evidence,
        *,
        effort: Effort | None = None,
        generator: Generator | None = None,
    ) -> Answer:
        """Return the law of the first hit."""

    def entropy(
        self,
        evidence: Evidence,
        *,
        of: Sequence[str] | None = None,
        effort: Effort | None = None,
        generator: Generator | None = None,
    ) -> Answer:
        """Return the entropy of factors, or of all that is hidden, in nats."""

    def information(
        self,
        evidence: Evidence,
        *,
        of: Sequence[str],
        effort: Effort | None = None,
        generator: Generator | None = None,
    ) -> Answer:
        """Return what each hidden position would tell of factors."""

    def argmax(self, evidence: Evidence, *, effort: Effort | None = None) -> Answer:
        """Return the most likely sequence and condition."""

    def divergence(
        self,
        first: Given,
        second: Given,
        *,
        length: int | None = None,
        prior: Prior | None = None,
        effort: Effort | None = None,
        generator: Generator | None = None,
    ) -> Answer:
        """Return KL(first || second) in nats."""

    def log_odds(
        self,
        signal: Any,  # noqa: ANN401
        first: Given,
        second: Given,
        *,
        prior: Prior | None = None,
    ) -> Answer:
        """Return log p(signal | first) - log p(signal | second)."""

    def explain(
        self,
        evidence: Evidence,
        event: Event | None = None,
        *,
        effort: Effort | None = None,
    ) -> str:
        """Return how evidence would be worked out, and what that costs."""
