"""Particle Gibbs on the paths of a problem."""

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.inference.conditional import conditional_filter
from autoreg.inference.course import Potential
from autoreg.inference.kernels import (
    Moved,
    check_paths,
    log_after,
    occurs,
    reach,
    share_changed,
)
from autoreg.inference.problem import Problem
from autoreg.inference.swarm import Fork
from autoreg.walks.inversion import invert


def particle_gibbs(
    problem: Problem,
    paths: Int[Tensor, "C L"],
    *,
    particles: int,
    resampling: str = "systematic",
    threshold: float = 0.5,
    ancestor_sampling: bool = True,
    twist: Potential | None = None,
    memory: int = scoring.MEMORY,
    generator: Generator | None = None,
) -> Moved:
    """Filter with each chain's path kept among the particles, and go on from one drawn by weight.

    The kernel leaves p(path | what is known) as it is, for every number of particles (Andrieu,
    Doucet and Holenstein, 2010). With ancestor sampling the kept path may change its past wherever
    particles are resampled (Lindsten, Jordan and Schoen, 2014): early symbols move although all
    particles descend from the kept one.

    Args:
        problem: What is asked.
        paths: One path of each chain, all of them possible.
        particles: N, 2 or more, the kept one included.
        resampling: The scheme whose conditional version is taken.
        threshold: Share of N; particles are resampled where their effective number falls below.
        ancestor_sampling: Whether the kept path may change its past. It costs a parallel read of R
            symbols for each particle and resampling: of all that follow where R is unknown.
        twist: What to look ahead by.
        memory: Bytes that states or activations may take at a time.
        generator: Source of chance.

    Raises:
        ValueError: There is one particle or none, or a path is impossible.
    """
    if particles < 2:
        raise ValueError(f"particle Gibbs needs 2 particles or more; got {particles}")
    check_paths(problem, paths)

    def ancestor(fork: Fork) -> Int[Tensor, " c"]:
        logs = ancestor_log_weights(problem, paths[fork.chains], fork, memory=memory)
        uniforms = torch.rand(len(logs), dtype=torch.float64, generator=generator)
        return invert(logs, uniforms).to(fork.log_weights.device)

    cloud = conditional_filter(
        problem,
        paths,
        particles=particles,
        resampling=resampling,
        threshold=threshold,
        twist=twist,
        ancestor=ancestor if ancestor_sampling else None,
        memory=memory,
        generator=generator,
    )
    uniforms = torch.rand(len(paths), dtype=torch.float64, generator=generator)
    picked = invert(cloud.log_weights, uniforms)
    moved = cloud.symbols[torch.arange(len(paths)), picked]
    return Moved(moved, share_changed(problem, paths, moved))


def ancestor_log_weights(
    problem: Problem, kept: Int[Tensor, "c L"], fork: Fork, *, memory: int = scoring.MEMORY
) -> Float[Tensor, "c N"]:
    r"""Return how well each particle's past goes with the future of the path that is kept.

    .. math::
        \log W_i + \sum_{t \le s < \min(t + R, stop)}
            \log p(x^*_s \mid x^i_{<t}, x^*_{t..s-1})

    (Lindsten, Jordan and Schoen, 2014, equation 13.) W_i does not hold the mass of the set at t
    yet. Factors further behind do not see the past and cancel; a past on which the event would not
    occur weighs nothing.

    Args:
        problem: What is asked.
        kept: Each chain's path.
        fork: Where they are to be resampled.
        memory: Bytes that activations may take at a time.
    """
    count, particles = fork.log_weights.shape
    rows = torch.arange(count).repeat_interleave(particles)
    begin, end = fork.position - problem.start, reach(problem, fork.position) - problem.start
    future = log_after(problem.model, fork.state, kept[rows, begin:end], memory=memory)
    if problem.event is not None:
        states = fork.rule_state.cpu().flatten()
        well = occurs(problem, kept[rows, begin:], fork.position, states)
        future = future.masked_fill(~well, -torch.inf)
    return fork.log_weights.cpu() + future.reshape(count, particles)
