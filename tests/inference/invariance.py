"""One-step invariance: from exact posterior draws, one application of a kernel, the same law."""

import itertools
import math
from dataclasses import dataclass

import torch

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.problem import pose
from autoreg.models.markov import MarkovTable
from tests.laws.recipes import WaveNetRecipe
from tests.oracles import every

FAST, FULL = 20_000, 100_000
SAME, CAUGHT = 4.5, 6.0
"""Standard errors of the largest of about a hundred cells: of a valid kernel, of a wrong one."""


@dataclass(frozen=True)
class Case:
    """A problem whose posterior is enumerated: all its paths (P, L), and their probabilities."""

    problem: object
    paths: torch.Tensor
    probs: torch.Tensor

    def starts(self, count, generator):
        picked = torch.multinomial(self.probs, count, replacement=True, generator=generator)
        return self.paths[picked]


def markov(num_symbols, order, seed, concentration=0.5):
    generator = torch.Generator().manual_seed(seed)
    return MarkovTable.random(
        num_symbols, order, 2, concentration=concentration, generator=generator
    )


def uneven():
    """Return a chain whose second symbol weighs its first one four to one, and no other.

    Of the next generation of three, whom each descends from depends on where in the order of
    weights the kept one stands.
    """
    table = torch.full((2, 27, 2), 0.5, dtype=torch.float64)
    nothing = 2
    table[:, 13 * nothing] = torch.tensor([0.4, 0.6], dtype=torch.float64)
    table[:, 12 * nothing] = torch.tensor([0.2, 0.8], dtype=torch.float64)
    table[:, 12 * nothing + 1] = torch.tensor([0.8, 0.2], dtype=torch.float64)
    return MarkovTable(table.log())


def wavenet():
    """Return a binary WaveNet of order 4."""
    recipe = WaveNetRecipe(
        num_symbols=2,
        conditions=(2,),
        gate=3,
        kernel_size=2,
        dilations=(1, 1),
        input_kernel=2,
        num_features=0,
        vectors=0,
        length=1,
        seed=5,
    )
    return recipe.build()


def case(model, evidence, event=None, *, condition=0, tail=False):
    problem = pose(model, evidence, condition, event, tail=tail)
    paths = every(model.num_symbols, problem.stop)
    allowed = Evidence.among(evidence.mask(0, problem.stop)).allows(paths)
    if event is not None:
        allowed &= event.occurs(paths)
    paths = paths[allowed]
    with torch.no_grad():
        state = model.start(torch.full((len(paths),), condition))
        log_probs = model.read(state, paths)[0].sum(-1)
    return Case(problem, paths[:, problem.start :], log_probs.softmax(0))


def seen(num_symbols, symbols):
    """Return evidence of the symbols; None is hidden."""
    where = torch.tensor([symbol is not None for symbol in symbols])
    values = torch.tensor([symbol or 0 for symbol in symbols])
    return Evidence.observe(values, num_symbols, where=where, num_conditions=2)


def cases():
    """Return problems by name: as small as can be, different in what matters."""
    gaps = seen(3, [None, None, 1, None, 2, 0])
    sets = Evidence.free(3, 5, 2).restrict(1, [0, 2]).between(2, 1, 2).restrict(4, [0, 2])
    late = seen(2, [1, None, None, None, None, 1])
    again = Event.count([1], 2, at_least=2, at_most=3)
    return {
        "observed": case(markov(3, 2, 1), gaps),
        "sets": case(markov(3, 1, 4), sets, condition=1),
        "event": case(markov(2, 2, 3), late, again),
        "tail": case(markov(2, 2, 4), seen(2, [None, 1, None, None]), tail=True),
        "uneven": case(uneven(), seen(2, [None, 1, None, 1])),
        "word": case(markov(3, 1, 6), seen(3, [None] * 4), Event.word([1, 2], 3)),
    }


def largest_z(case, kernel, count, seed=0):
    """Return the largest |z| over all single and pairwise marginals after one kernel.

    What is impossible and still occurs is infinitely far off; cells in which fewer than ten chains
    are expected are otherwise left out.
    """
    generator = torch.Generator().manual_seed(seed)
    starts = case.starts(count, generator)
    after = kernel(case.problem, starts, generator).paths
    assert after.shape == starts.shape
    assert not torch.equal(after, starts), "a kernel that stays proves nothing"
    length, q = starts.shape[1], case.problem.model.num_symbols
    largest = 0.0
    for one, two in itertools.combinations_with_replacement(range(length), 2):
        cells = case.paths[:, one] * q + case.paths[:, two]
        truth = torch.zeros(q * q, dtype=torch.float64).index_add(0, cells, case.probs)
        found = torch.bincount(after[:, one] * q + after[:, two], minlength=q * q).double()
        if bool((found[truth == 0] > 0).any()):
            return math.inf
        usual = (count * truth > 10) & (count * (1 - truth) > 10)
        errors = (count * truth * (1 - truth)).sqrt()
        scores = ((found - count * truth) / errors)[usual].abs()
        largest = max(largest, float(scores.max()) if len(scores) else 0.0)
    return largest
