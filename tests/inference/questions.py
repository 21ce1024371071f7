"""Small questions about Markov chains, answered by enumeration written as plainly as can be."""

from dataclasses import dataclass

import torch

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.problem import Problem, pose
from autoreg.models.markov import MarkovTable
from tests.oracles import chain_probs, every


@dataclass(frozen=True)
class Question:
    """A problem, all its paths at start..stop (P, L), and p(path, known) / p(before)."""

    problem: Problem
    paths: torch.Tensor
    probs: torch.Tensor

    @property
    def z(self):
        return self.probs.sum()

    @property
    def log_z(self):
        return self.probs.sum().log()


def ask(model, evidence, event=None, *, condition=0, tail=False):
    problem = pose(model, evidence, condition, event, tail=tail)
    paths = every(model.num_symbols, problem.stop)
    allowed = Evidence.among(evidence.mask(0, problem.stop)).allows(paths)
    if event is not None:
        allowed &= event.occurs(paths)
    paths = paths[allowed]
    probs = chain_probs(model, paths)[:, condition] / torch.tensor(problem.log_before).exp()
    return Question(problem, paths[:, problem.start :], probs)


def markov(num_symbols, order, seed, *, concentration=0.7):
    generator = torch.Generator().manual_seed(seed)
    return MarkovTable.random(
        num_symbols, order, 2, concentration=concentration, generator=generator
    )


def seen(num_symbols, symbols):
    """Return evidence of the symbols; None is hidden."""
    where = torch.tensor([symbol is not None for symbol in symbols])
    values = torch.tensor([symbol or 0 for symbol in symbols])
    return Evidence.observe(values, num_symbols, where=where, num_conditions=2)


def questions():
    """Return questions by name, as small as they can be and still differ in what matters."""
    sets = Evidence.free(3, 6, 2).restrict(1, [0, 2]).between(2, 1, 2).restrict(5, [0, 2])
    late = seen(2, [1, None, None, None, None, None, 1, 0])
    two = seen(2, [None, 1, None, None, 0, 0, None, 1])
    often = Event.count([1], 2, at_least=2, at_most=3)
    return {
        "sets": ask(markov(3, 2, 1), sets, condition=1),
        "late": ask(markov(2, 3, 2), late),
        "runs": ask(markov(2, 2, 3), two),
        "event": ask(markov(2, 2, 4), late, often),
        "word": ask(markov(3, 1, 5), Evidence.free(3, 6, 2), Event.word([1, 2], 3)),
        "tail": ask(markov(2, 2, 6), seen(2, [None, None, 1, 0, None, None]), tail=True),
        "window": ask(markov(2, 2, 7), seen(2, [None] * 7), Event.hit([1], 2).within(2, 4)),
    }
