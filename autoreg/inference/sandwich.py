"""Two particle filters that have the log evidence between them."""

from dataclasses import dataclass

from jaxtyping import Int
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.inference.conditional import conditional_filter
from autoreg.inference.course import Potential
from autoreg.inference.particles import particle_filter
from autoreg.inference.problem import Problem
from autoreg.inference.variance import log_mean


@dataclass(frozen=True)
class Sandwich:
    """Estimates of log Z, of which one is too low and one too high on average.

    Attributes:
        lower: Of the free filters; its expectation is at most log Z.
        lower_error: Its standard error.
        upper: Of the conditional filters; its expectation is at least log Z.
        upper_error: Its standard error.
    """

    lower: float
    lower_error: float
    upper: float
    upper_error: float

    @property
    def gap(self) -> float:
        """The width: on average no less than how far either is off."""
        return self.upper - self.lower


def sandwich(
    problem: Problem,
    paths: Int[Tensor, "C L"],
    *,
    particles: int,
    resampling: str = "systematic",
    threshold: float = 0.5,
    twist: Potential | None = None,
    memory: int = scoring.MEMORY,
    generator: Generator | None = None,
) -> Sandwich:
    """Check a filter against the truth where nothing else reaches it.

    By Jensen's inequality E log Z_hat <= log Z. A conditional filter around a posterior draw has
    E[1 / Z_hat] = 1 / Z, so that E log Z_hat >= log Z (Grosse, Ghahramani and Adams, 2015, for
    annealed importance sampling). Posterior draws cost nothing where the model wrote the sequence
    itself: what is then erased of it is an exact draw given the rest.

    Args:
        problem: What is asked.
        paths: Posterior draws of the positions start..stop, one for each conditional filter, and
            there are as many free ones. Equal rows are right as well, with an error that holds for
            that draw only.
        particles: N of every filter.
        resampling: As in ``particle_filter``.
        threshold: As in ``particle_filter``.
        twist: As in ``particle_filter``.
        memory: Bytes that states or activations may take at a time.
        generator: Source of all chance.
    """
    free = particle_filter(
        problem,
        islands=len(paths),
        particles=particles,
        resampling=resampling,
        threshold=threshold,
        twist=twist,
        memory=memory,
        generator=generator,
    )
    kept = conditional_filter(
        problem,
        paths,
        particles=particles,
        resampling=resampling,
        threshold=threshold,
        twist=twist,
        memory=memory,
        generator=generator,
    )
    lower, lower_error = log_mean(free.log_z)
    upper, upper_error = log_mean(-kept.log_z)
    return Sandwich(float(lower), float(lower_error), -float(upper), float(upper_error))
