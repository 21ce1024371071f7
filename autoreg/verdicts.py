"""What is told of the labels of scored sequences."""

from collections.abc import Sequence
from typing import NamedTuple

from jaxtyping import Bool, Float, Int
from torch import Tensor

from autoreg.calibration import Calibration, log_labels, true_labels
from autoreg.conditions import ConditionSpace, Prior
from autoreg.scoretable import ScoreTable


class Verdicts(NamedTuple):
    """What is told of the labels of n sequences, and what is true.

    Attributes:
        log_posterior: Of each label.
        truth: The true one.
    """

    log_posterior: Float[Tensor, "n L"]
    truth: Int[Tensor, " n"]

    @property
    def right(self) -> Bool[Tensor, " n"]:
        """Whether the most probable label is the true one."""
        return self.log_posterior.argmax(1) == self.truth

    @property
    def confidence(self) -> Float[Tensor, " n"]:
        """The probability of the most probable label."""
        return self.log_posterior.amax(1).exp()

    @property
    def log_score(self) -> Float[Tensor, " n"]:
        """The log probability of the true label."""
        return self.log_posterior.gather(1, self.truth[:, None])[:, 0]


def verdicts(
    table: ScoreTable,
    space: ConditionSpace,
    *,
    of: str | Sequence[str] | None = None,
    prior: Prior | None = None,
    calibration: Calibration | None = None,
) -> Verdicts:
    """Return the posterior of the labels of each scored sequence; see ``judge``."""
    names = space.names if of is None else (of,) if isinstance(of, str) else tuple(of)
    beta = 1.0 if calibration is None else 1 / calibration.temperature
    return Verdicts(
        log_labels(table.log_likelihoods, space, names, space.log_prior(prior), beta),
        true_labels(table.condition, space, names),
    )
