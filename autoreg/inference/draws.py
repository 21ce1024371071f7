"""Whole sequences drawn from a solution."""

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.events import Rules
from autoreg.inference.chains import beginnings, mix
from autoreg.inference.particle_gibbs import particle_gibbs
from autoreg.inference.problem import Problem
from autoreg.inference.solution import Part, Solution
from autoreg.protocol import SequenceModel
from autoreg.walks.inversion import invert
from autoreg.walks.walking import walk

PARTICLES = 8
"""Of particle Gibbs, which moves draws apart."""


def draw(
    model: SequenceModel,
    solution: Solution,
    island: Int[Tensor, " n"],
    *,
    sweeps: int = 0,
    memory: int = scoring.MEMORY,
    generator: Generator | None = None,
) -> tuple[Int[Tensor, " n"], Int[Tensor, "n T"], bool]:
    """Draw conditions and sequences from p(y, x | what is known), each within its island.

    Exact, and independent, where the solution is exact: then all islands are one. What is free at
    the end is drawn by ancestral sampling after the rest.

    Args:
        model: The model of the solution.
        solution: Worked out with ``tail=False``.
        island: The island that each draw is taken from.
        sweeps: How often Markov kernels move draws whose paths descend from fewer first ancestors
            than there are draws.
        memory: Bytes that states may take at a time.
        generator: Source of all chance.

    Returns:
        Condition indices (n,), symbols (n, T), and whether any were moved.
    """
    count, length = len(island), solution.evidence.length
    columns = solution.log_joint.shape[1]
    own = island if columns > 1 else torch.zeros_like(island)
    uniforms = torch.rand(count, dtype=torch.float64, generator=generator)
    chosen = invert(solution.log_joint.T[own], uniforms)
    symbols = solution.evidence.low.long().expand(count, length).clone()
    moved = False
    for number in chosen.unique().tolist():
        rows = (chosen == number).nonzero()[:, 0]
        stop = 0
        for part in solution.parts[number]:
            problem = part.step.problem
            drawn = part.draw(own[rows], generator=generator)
            if sweeps and _merged(part, len(rows)):
                drawn, moved = _apart(problem, drawn, sweeps, memory, generator), True
            symbols[rows, problem.start : problem.stop] = drawn
            stop = problem.stop
        if stop < length:
            condition = int(solution.conditions[number])
            symbols[rows, stop:] = _tail(
                model, symbols[rows, :stop], length - stop, condition, memory, generator
            )
    return solution.conditions[chosen], symbols, moved


def _merged(part: Part, count: int) -> bool:
    """Whether draws would share more of their first symbols than chance has it."""
    cloud = part.cloud
    return cloud is not None and not part.exact and beginnings(cloud) < count


def _apart(
    problem: Problem,
    paths: Int[Tensor, "n L"],
    sweeps: int,
    memory: int,
    generator: Generator | None,
) -> Int[Tensor, "n L"]:
    """Move paths by kernels that leave p(path | what is known) as it is."""
    order = problem.model.order
    for _ in range(sweeps):
        # Ancestors are weighed by all that the memory reaches: worth it where that is short.
        paths = particle_gibbs(
            problem,
            paths,
            particles=PARTICLES,
            ancestor_sampling=order is not None and 8 * order < problem.length,
            memory=memory,
            generator=generator,
        ).paths
        paths = mix(problem, paths, sweeps=1, particles=0, memory=memory, generator=generator).last
    return paths


def _tail(
    model: SequenceModel,
    front: Int[Tensor, "n l"],
    length: int,
    condition: int,
    memory: int,
    generator: Generator | None,
) -> Int[Tensor, "n L"]:
    """Continue sequences freely."""
    # A column in front, so that there is something to compare where nothing came before.
    led = torch.nn.functional.pad(front, (1, 0))
    distinct, which = led.unique(dim=0, return_inverse=True)
    distinct = distinct[:, 1:]
    uniforms = torch.rand(len(front), length, dtype=torch.float64, generator=generator)
    rules = Rules.free(model.num_symbols, length)
    drawn = torch.zeros(len(front), length, dtype=torch.int64)
    with torch.no_grad():
        row = model.start(torch.tensor([condition])).bytes_per_row
        rows = max(1, min(memory // (4 * row), 4 * scoring.chunk_length(model, 1, memory)))
        for begin in range(0, len(front), rows):
            batch = slice(begin, begin + rows)
            read, back = which[batch].unique(return_inverse=True)
            state = model.start(torch.full((len(read),), condition))
            size = scoring.chunk_length(model, len(read), memory)
            for piece in distinct[read].split(size, 1) if distinct.shape[1] else ():
                _, state = model.read(state, piece.to(state.next.device))
            walked = walk(model, state.at(back.to(state.next.device)), rules, uniforms[batch])
            drawn[batch] = walked.symbols.cpu()
    return drawn
