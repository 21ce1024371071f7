"""Draws in islands of equal size."""

import torch

from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.inference.solution import work_out
from autoreg.inference.spread import spread
from tests.laws.recipes import MarkovRecipe
from tests.oracles import chain_probs, every

CHAIN = MarkovRecipe(num_symbols=2, order=1, num_conditions=2, seed=1).build()
KNOWN = Evidence.free(2, 5, 2).restrict(2, 1)


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def test_exact_solutions_give_as_many_islands_as_are_asked_for():
    drawn = spread(CHAIN, work_out(CHAIN, KNOWN), Effort(islands=6, draws=4), generator=chance())
    assert drawn.symbols.shape == (6, 4, 5)
    assert drawn.condition.shape == (6, 4)
    assert drawn.log_z.unique().numel() == 1
    assert drawn.stop == 3
    assert bool((drawn.symbols[..., 2] == 1).all())


def test_islands_are_properly_weighted():
    effort = Effort(method="particles", islands=6000, particles=3, draws=2, growth=1)
    solution = work_out(CHAIN, KNOWN, effort, generator=chance())
    drawn = spread(CHAIN, solution, effort, generator=chance(1))
    symbols = every(2, 5)
    probs = chain_probs(CHAIN, symbols).T / 2 * KNOWN.allows(symbols)

    def of(sequences, condition):
        return (sequences * torch.arange(1, 6)).sum(-1).double() ** 2 + 3 * condition

    wanted = sum(float((probs[y] * of(symbols, y)).sum()) for y in range(2))
    found = drawn.log_z.exp() * of(drawn.symbols, drawn.condition).mean(1)
    z = (found.mean() - wanted) / (found.std() / 6000**0.5)
    assert abs(float(z)) < 4
