"""Particle filters in which one path is kept."""

from collections.abc import Callable

from jaxtyping import Int
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.inference.cloud import Cloud
from autoreg.inference.course import Course, Potential
from autoreg.inference.problem import Problem
from autoreg.inference.resampling import conditional_resampling, find_resampling
from autoreg.inference.swarm import Fork, run

Ancestor = Callable[[Fork], Tensor]
"""Chooses whom slot 0 descends from in each chain, (c,), for the kept path's future."""


def conditional_filter(
    problem: Problem,
    path: Int[Tensor, "C L"],
    *,
    particles: int,
    resampling: str = "systematic",
    threshold: float = 0.5,
    twist: Potential | None = None,
    ancestor: Ancestor | None = None,
    memory: int = scoring.MEMORY,
    generator: Generator | None = None,
) -> Cloud:
    """Filter C chains of N paths, of which slot 0 keeps a given path (Andrieu et al., 2010).

    To go on from a path of the cloud, drawn by its weights, is one step of particle Gibbs. Where
    the kept path is a posterior draw, the evidence estimated has E[1 / Z_hat] = 1 / Z. Arguments
    are those of ``particle_filter``, except for:

    Args:
        problem: What is asked.
        path: A path of positive probability for each chain, at positions start..stop.
        particles: N, the kept one included.
        resampling: Its conditional version; see ``conditional_resampling``.
        threshold: As in ``particle_filter``; the weight of the kept path counts.
        twist: What to look ahead by.
        ancestor: At every resampling, chooses another past for the kept path; None leaves it its
            own. A choice in proportion to weight times p(the kept path's future | that past)
            leaves the posterior invariant (Lindsten, Jordan and Schoen, 2014).
        memory: Bytes that states or activations may take at a time.
        generator: Source of all chance.

    Raises:
        ValueError: An argument is out of range, or the path is impossible.
    """
    find_resampling(resampling)
    if path.ndim != 2 or path.shape[1] != problem.length:
        raise ValueError(
            f"path needs shape (C, {problem.length}), one symbol for each position from "
            f"{problem.start} to {problem.stop}; got {tuple(path.shape)}"
        )

    def resample(log_weights: Tensor, fork: Fork | None) -> Tensor:
        kept = None if ancestor is None or fork is None else ancestor(fork)
        return conditional_resampling(resampling, log_weights, kept=kept, generator=generator)

    course = Course(problem, len(path), particles, threshold, twist, memory, generator)
    cloud = run(course, resample, path=path.long(), forks=ancestor is not None)
    if bool(cloud.log_weights[:, 0].isneginf().any()):
        raise ValueError("path needs a positive probability; the model or the event gives it none")
    return cloud
