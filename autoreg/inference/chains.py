"""Chains of posterior paths, and whether they have forgotten where they began."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.inference.cloud import Cloud
from autoreg.inference.gibbs import gibbs_sweep
from autoreg.inference.kernels import share_changed
from autoreg.inference.metropolis import block_metropolis, draw_window
from autoreg.inference.particle_gibbs import particle_gibbs
from autoreg.inference.problem import Problem


class Chains(NamedTuple):
    """What chains went through.

    Attributes:
        paths: After every sweep, of the positions start..stop, (C, S, L).
        changed: The share of the hidden positions that each sweep changed, (C, S).
    """

    paths: Int[Tensor, "C S L"]
    changed: Float[Tensor, "C S"]

    @property
    def last(self) -> Int[Tensor, "C L"]:
        """The paths after the last sweep, one a chain."""
        return self.paths[:, -1]


def mix(
    problem: Problem,
    paths: Int[Tensor, "C L"],
    *,
    sweeps: int,
    particles: int = 16,
    blocks: int = 4,
    gibbs: bool = False,
    resampling: str = "systematic",
    memory: int = scoring.MEMORY,
    generator: Generator | None = None,
) -> Chains:
    """Move chains by particle Gibbs, then by blocks, then symbol by symbol.

    Particle Gibbs renews whole paths, blocks and single symbols what it leaves as it was. Each of
    them leaves p(path | what is known) as it is, so that all together do, whatever their numbers.
    From exact draws no sweep is lost; from others the law comes nearer with every sweep.

    Args:
        problem: What is asked.
        paths: One path of each chain, all of them possible.
        sweeps: How often, 1 or more.
        particles: Of particle Gibbs, 2 or more; 0 leaves it out.
        blocks: Block moves of a sweep, of lengths drawn from 1, 2, 4, ... up to the hidden ones.
        gibbs: Whether a sweep draws every hidden symbol anew besides: for small alphabets.
        resampling: Of particle Gibbs.
        memory: Bytes that activations may take at a time.
        generator: Source of chance.

    Raises:
        ValueError: There is no sweep or no kernel, or a path is impossible.
    """
    if sweeps < 1 or not (particles or blocks or gibbs):
        raise ValueError(
            "mixing needs a sweep and particles, blocks or Gibbs updates; "
            f"got {sweeps} sweeps, {particles} particles and {blocks} blocks"
        )
    found, changed = [], []
    hidden = len(problem.hidden)
    for _ in range(sweeps):
        before = paths
        if particles:
            paths = particle_gibbs(
                problem,
                paths,
                particles=particles,
                resampling=resampling,
                memory=memory,
                generator=generator,
            ).paths
        for _ in range(blocks if hidden else 0):
            power = int(torch.randint(hidden.bit_length(), (1,), generator=generator))
            window = draw_window(problem, 2**power, generator=generator)
            paths = block_metropolis(
                problem, paths, window=window, memory=memory, generator=generator
            ).paths
        if gibbs:
            paths = gibbs_sweep(problem, paths, memory=memory, generator=generator).paths
        found.append(paths)
        changed.append(share_changed(problem, before, paths))
    return Chains(torch.stack(found, dim=1), torch.stack(changed, dim=1))


def beginnings(cloud: Cloud) -> float:
    """Return the effective number of paths at the beginning that a cloud descends from.

    It is (sum w)^2 / sum w^2 over all first ancestors, w the weight of all paths that descend from
    one. Where it is near 1 the paths have merged: their early symbols are copies of each other's,
    however many paths there are; 0 where all are dead.
    """
    shares = cloud.shares.exp()
    if bool(shares.isnan().any()):
        return 0.0
    if cloud.eves is not None:
        islands, count = cloud.log_weights.shape
        names = cloud.eves.cpu() + count * torch.arange(islands)[:, None]
        merged = torch.zeros(islands * count, dtype=torch.float64)
        shares = merged.index_add(0, names.flatten(), shares.cpu())
    return float(1 / shares.square().sum())


def r_hat(samples: Float[Tensor, "C S *D"]) -> Float[Tensor, "*D"]:
    r"""Return how much wider all chains are together than each half of one is.

    Split :math:`\hat R` (Gelman and others, 2013, Bayesian Data Analysis, section 11.4): with W
    the mean variance within the 2 C halves of n = S / 2 samples and B / n the variance of their
    means, the root of ((n - 1) / n W + B / n) / W. It is near 1 where chains have mixed (1.01 and
    less is asked for, as a rule), 1 where nothing varies and infinite where chains stay apart.

    Args:
        samples: C chains of S >= 4 samples of anything: indicators of symbols, or the conditionals
            of Gibbs updates.
    """
    chains, count = samples.shape[:2]
    if count < 4 or not chains:
        raise ValueError(f"r_hat needs a chain, of 4 samples or more; got {tuple(samples.shape)}")
    half = count // 2
    # Of an odd number the first sample is left out.
    halves = torch.cat([samples[:, -2 * half : -half], samples[:, -half:]]).double()
    within = halves.var(1).mean(0)
    between = halves.mean(1).var(0)
    ratio = ((half - 1) / half * within + between) / within
    return torch.where((within == 0) & (between == 0), 1.0, ratio.sqrt())
