"""Questions small enough to be answered by writing out every sequence."""

import math
from dataclasses import dataclass

import torch
from hypothesis import reject
from hypothesis import strategies as st

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.meter import Metered
from autoreg.inference.problem import pose
from autoreg.models.markov import MarkovTable
from tests.laws.recipes import WaveNetRecipe
from tests.oracles import chain_probs, every


class Forgotten(Metered):
    """A model that does not tell how far it looks back."""

    order = None


@dataclass(frozen=True)
class Question:
    """A model, evidence and an event, all of them by chance.

    Attributes:
        kind: "markov"; "zeros", with symbols that cannot occur; "forgotten", of unknown order;
            "wavenet", or "features", which is not stationary.
        known: "none", "all", "sets", "some" or "impossible".
        event: One of ``EVENTS``.
    """

    kind: str
    num_symbols: int
    order: int
    length: int
    known: str
    event: str
    tail: bool
    seed: int

    def build(self):
        """Return the model, the problem, and the oracle."""
        generator = torch.Generator().manual_seed(self.seed)
        model = self._model(generator)
        condition = model.num_conditions - 1
        evidence = self._evidence(generator, model.num_conditions)
        event, occurs = EVENTS[self.event](self.num_symbols, self.length)
        problem = pose(model, evidence, condition, event, tail=self.tail)
        if problem.log_before == -math.inf:
            reject()
        return problem, Oracle(model, evidence, condition, occurs, problem)

    def _model(self, generator):
        q, order = self.num_symbols, self.order
        if self.kind in ("wavenet", "features"):
            features = int(self.kind == "features")
            recipe = WaveNetRecipe(
                q, (2,), None, 2, (1,) * order, 1, features, 0, self.length, self.seed
            )
            return recipe.build()
        model = MarkovTable.random(q, order, 2, generator=generator)
        if self.kind == "zeros":
            gone = torch.rand(model.table.shape, generator=generator) < 0.4
            gone[..., 0] &= ~gone.all(-1)
            model = MarkovTable(model.table.masked_fill(gone, -torch.inf).log_softmax(-1))
        return Forgotten(model) if self.kind == "forgotten" else model

    def _evidence(self, generator, num_conditions):
        shape = (self.length, self.num_symbols)
        sets = torch.rand(shape, generator=generator) < 0.6
        symbols = torch.randint(self.num_symbols, (self.length,), generator=generator)
        single = torch.nn.functional.one_hot(symbols, self.num_symbols) > 0
        which = torch.randint(3, (self.length, 1), generator=generator)
        if self.known == "none":
            sets = torch.ones_like(sets)
        elif self.known == "all":
            sets = single
        elif self.known != "impossible":
            sets |= single
        if self.known == "some":
            sets = torch.where(which == 0, single, torch.where(which == 1, sets, True))
        return Evidence.among(sets, num_conditions)


class Oracle:
    """Every sequence with its probability, and what follows from that.

    Attributes:
        paths: The distinct sequences up to the problem's stop that are possible, (N, stop).
        probs: p(path, what is known | condition), without what comes before, (N,).
    """

    def __init__(self, model, evidence, condition, occurs, problem):
        symbols = every(model.num_symbols, evidence.length)
        if isinstance(getattr(model, "model", model), MarkovTable):
            probs = chain_probs(getattr(model, "model", model), symbols)[:, condition]
        else:
            with torch.no_grad():
                y = torch.full((len(symbols),), condition)
                logs = model.log_probs(symbols, y).gather(-1, symbols[..., None])
            probs = logs[..., 0].sum(-1).exp()
        sets = evidence.mask().tolist()
        allowed = [
            all(row[v] for row, v in zip(sets, path, strict=True)) and occurs(path)
            for path in symbols.tolist()
        ]
        probs = probs * torch.tensor(allowed)
        self.start, self.stop = problem.start, problem.stop
        # The rows stand in order: those that agree up to ``stop`` follow each other.
        row = torch.arange(len(symbols)) // model.num_symbols ** (evidence.length - self.stop)
        self.paths = symbols[:: model.num_symbols ** (evidence.length - self.stop), : self.stop]
        self.probs = torch.zeros(len(self.paths)).double().index_add(0, row, probs)
        self.probs /= math.exp(problem.log_before)
        self.num_symbols = model.num_symbols

    @property
    def z(self):
        return self.probs.sum()

    @property
    def shares(self):
        return self.probs / self.z

    def prob(self, symbols):
        """Return p(start..stop = symbols, what is known)."""
        same = (self.paths[:, self.start :] == symbols).all(-1)
        return self.probs[same].sum()

    def marginals(self):
        rows = torch.zeros(self.stop - self.start, self.num_symbols, dtype=torch.float64)
        for path, share in zip(self.paths.tolist(), self.shares.tolist(), strict=True):
            for at in range(self.start, self.stop):
                rows[at - self.start, path[at]] += share
        return rows

    def entropy(self):
        return torch.special.entr(self.shares).sum()


def _nothing(q, length):
    return None, lambda path: True


def _hit(q, length):
    event = Event.hit([0], q).within(1, length)
    return event, lambda path: 0 in path[1:]


def _never(q, length):
    return ~Event.hit([q - 1], q), lambda path: q - 1 not in path


def _word(q, length):
    return Event.word([1, 0, 1], q), lambda path: "101" in "".join(map(str, path))


def _count(q, length):
    event = Event.count([0], q, at_least=1, at_most=2)
    return event, lambda path: 1 <= path.count(0) <= 2


def _before(q, length):
    def occurs(path):
        return 0 in path and 1 not in path[: path.index(0)]

    return Event.before([0], [1], q), occurs


def _both(q, length):
    event = Event.run([1], 2, q) & Event.hit([0], q).within(0, 2)
    return event, lambda path: "11" in "".join(map(str, path)) and 0 in path[:2]


EVENTS = {
    "nothing": _nothing,
    "hit": _hit,
    "never": _never,
    "word": _word,
    "count": _count,
    "before": _before,
    "both": _both,
}
"""Events, each with the same in plain Python."""


def questions(**fixed):
    """Return questions of all kinds, or of those that are given."""
    parts = {
        "kind": st.sampled_from(["markov", "zeros", "forgotten", "wavenet", "features"]),
        "num_symbols": st.integers(2, 3),
        "order": st.integers(0, 3),
        "length": st.integers(1, 6),
        "known": st.sampled_from(["none", "all", "sets", "some", "some", "some", "impossible"]),
        "event": st.sampled_from(["nothing", "nothing", *EVENTS]),
        "tail": st.booleans(),
        "seed": st.integers(0, 2**16),
    }
    parts |= {name: st.just(value) for name, value in fixed.items()}
    return st.builds(Question, **parts).filter(
        lambda question: question.order > 0 or question.kind not in ("wavenet", "features")
    )


def close(log_value, value, tolerance=1e-9):
    """Return whether a log equals a probability that may be 0."""
    log_value = torch.as_tensor(log_value, dtype=torch.float64)
    value = torch.as_tensor(value, dtype=torch.float64)
    return torch.equal(log_value == -torch.inf, value == 0) and torch.allclose(
        log_value.exp(), value, rtol=tolerance, atol=0
    )
