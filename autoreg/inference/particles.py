"""Particle filters: weighted paths that are resampled as they grow uneven."""

from torch import Generator, Tensor

from autoreg import scoring
from autoreg.inference.cloud import Cloud
from autoreg.inference.course import Course, Potential
from autoreg.inference.problem import Problem
from autoreg.inference.resampling import find_resampling
from autoreg.inference.swarm import Fork, run


def particle_filter(
    problem: Problem,
    *,
    islands: int,
    particles: int,
    resampling: str = "systematic",
    threshold: float = 0.5,
    twist: Potential | None = None,
    memory: int = scoring.MEMORY,
    generator: Generator | None = None,
) -> Cloud:
    """Walk M islands of N paths within what is allowed, resampling those that grow too uneven.

    Paths draw each symbol within its set and are weighted by the set's mass, which looks one step
    ahead for free; observed runs are read in parallel. The weights are absolute, and unbiased for
    every threshold and scheme, because what is resampled when depends on the past alone (Del
    Moral, 2004, Proposition 7.4.1). Nothing is resampled after the last position that restricts
    anything.

    Args:
        problem: What is asked.
        islands: M, filters that know nothing of each other.
        particles: N.
        resampling: One of ``autoreg.inference.resampling.RESAMPLINGS``.
        threshold: An island is resampled where its effective sample size falls below this share
            of N. 0 is never: importance sampling.
        twist: What to look ahead by.
        memory: Bytes that the states of the paths, or the activations of a read, may take at a
            time: islands beyond that are walked one batch after the other, one island at least.
            Batches take their chance from the generator in turn.
        generator: Source of all chance.

    Raises:
        ValueError: An argument is out of range.
    """
    scheme = find_resampling(resampling)

    def resample(log_weights: Tensor, _: Fork | None) -> Tensor:
        return scheme(log_weights, generator=generator)

    course = Course(problem, islands, particles, threshold, twist, memory, generator)
    return run(course, resample)
