"""Questions by chance of small models, and every sequence written out to answer them by."""

import math
import random
from dataclasses import dataclass, field, replace

import torch
from hypothesis import strategies as st

from autoreg.conditions import ConditionSpace
from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.meter import Metered
from autoreg.models.markov import MarkovTable
from autoreg.queries.likelihood import check_space
from tests.laws.recipes import WaveNetRecipe
from tests.oracles import every

MODELS = (
    *("table", "table", "table", "zeros", "zeros", "forgotten", "wavenet", "features", "mixture"),
)
KNOWN = ("none", "all", "beginning", "sets", "some", "some", "some", "impossible")
PRIORS = ("uniform", "random", "zeros", "given")


class Forgotten(Metered):
    """A model that does not tell how far it looks back."""

    order = None


@dataclass(frozen=True)
class Asked:
    """A recipe for a model, evidence and an event, all of them by chance.

    Attributes:
        kind: "table"; "zeros", with symbols that cannot occur; "forgotten", of unknown order;
            "wavenet"; "features", which is not stationary; "mixture", a WaveNet of levels.
        factors: How many labels each factor of the condition has.
        known: One of ``KNOWN``.
        prior: One of ``PRIORS``; "zeros" has labels without probability, "given" rules
            conditions out without telling the rest.
    """

    kind: str
    num_symbols: int
    order: int
    length: int
    factors: tuple[int, ...]
    known: str
    prior: str
    seed: int

    def build(self):
        """Return the case."""
        if self.slow and self.num_symbols > 2 and self.length > 6:
            return replace(self, length=6).build()
        generator = torch.Generator().manual_seed(self.seed)
        dice = random.Random(self.seed)
        model = self._model(generator)
        evidence = self._evidence(generator, model.num_conditions)
        event, occurs = any_event(dice, model.num_symbols, self.length)
        space = None
        if self.factors:
            labels = {"ab"[at]: "0123"[:count] for at, count in enumerate(self.factors)}
            space = ConditionSpace(labels)
        return Case(model, evidence, event, occurs, check_space(model, space), dice)

    @property
    def slow(self):
        """Whether all sequences of a great length would take long."""
        return self.kind in ("wavenet", "features", "mixture")

    def _model(self, generator):
        conditions = math.prod(self.factors)
        if self.slow and self.order > 0 and self.num_symbols > 1:
            features, levels = int(self.kind == "features"), self.kind == "mixture"
            vectors = (1,) * min(self.order, 4)
            recipe = WaveNetRecipe(
                *(self.num_symbols, self.factors, None, 2, vectors, 1, features),
                *(0, max(1, self.length), self.seed, 2 * levels, levels),
            )
            return recipe.build()
        order = min(self.order, 9 if self.num_symbols < 3 else 6)
        model = MarkovTable.random(self.num_symbols, order, conditions, generator=generator)
        if self.kind == "zeros":
            gone = torch.rand(model.table.shape, generator=generator) < 0.4
            gone[..., 0] &= ~gone.all(-1)
            model = MarkovTable(model.table.masked_fill(gone, -torch.inf).log_softmax(-1))
        return Forgotten(model) if self.kind == "forgotten" else model

    def _evidence(self, generator, num_conditions):
        shape = self.length, self.num_symbols
        sets = torch.rand(shape, generator=generator) < 0.6
        symbols = torch.randint(self.num_symbols, (self.length,), generator=generator)
        single = torch.nn.functional.one_hot(symbols, self.num_symbols) > 0
        which = torch.randint(3, (self.length, 1), generator=generator)
        if self.known == "none":
            sets = torch.ones_like(sets)
        elif self.known == "all":
            sets = single
        elif self.known == "beginning":
            end = torch.randint(self.length + 1, (), generator=generator)
            sets = torch.where(torch.arange(self.length)[:, None] < end, single, True)
        elif self.known != "impossible":
            sets |= single
        if self.known == "some":
            sets = torch.where(which == 0, single, torch.where(which == 1, sets, True))
        prior = torch.rand(num_conditions, generator=generator).double() + 0.1
        gone = torch.rand(num_conditions, generator=generator) < 0.4
        gone[-1] = False
        if self.prior == "uniform":
            prior = torch.ones_like(prior)
        elif self.prior == "zeros":
            prior = prior.masked_fill(gone, 0)
        log_condition = (prior / prior.sum()).log()
        evidence = Evidence.among(sets, num_conditions)
        if self.prior == "given":
            return evidence.given(log_condition, (~gone).nonzero()[:, 0])
        return evidence.given(log_condition)


@dataclass(frozen=True)
class Case:
    """A question and, by enumeration, its answers.

    Attributes:
        occurs: Whether the event occurs in a list of symbols, in plain Python.
        dice: Chance for what a test chooses besides.
        paths: All sequences, (P, T).
        joint: p(y, x, evidence) of each under each condition, (P, K).
    """

    model: object
    evidence: Evidence
    event: Event
    occurs: object
    space: ConditionSpace
    dice: random.Random
    paths: torch.Tensor = field(init=False)
    joint: torch.Tensor = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "paths", every(self.model.num_symbols, self.evidence.length))
        object.__setattr__(self, "joint", self.joint_of(self.evidence))

    def joint_of(self, evidence):
        """Return p(y, x, other evidence) of every sequence under every condition, (P, K)."""
        mask = evidence.mask()
        allowed = torch.ones(len(self.paths), dtype=torch.bool)
        for at in range(evidence.length):
            allowed &= mask[at][self.paths[:, at]]
        return probs_of(self.model, self.paths) * allowed[:, None] * evidence.log_condition.exp()

    @property
    def happens(self):
        """Whether the event occurs in each sequence, (P,)."""
        return torch.tensor([self.occurs(path) for path in self.paths.tolist()])

    @property
    def z(self):
        """P(evidence)."""
        return float(self.joint.sum())

    @property
    def shares(self):
        """p(y, x | evidence), (P, K)."""
        return self.joint / self.joint.sum()

    def marginals(self):
        """Return p(x_t = v | evidence) of hidden positions, (H, Q)."""
        shares = self.shares.sum(1)
        rows = [
            [float(shares[self.paths[:, at] == v].sum()) for v in range(self.model.num_symbols)]
            for at in self.evidence.hidden.tolist()
        ]
        shape = len(rows), self.model.num_symbols
        return torch.tensor(rows, dtype=torch.float64).reshape(shape)

    def hitting(self, among):
        """Return the law of the first hit after the beginning, the last entry no hit."""
        sets = self.evidence.mask().tolist()
        start = next((at for at, row in enumerate(sets) if sum(row) != 1), len(sets))
        law = [0.0] * (self.evidence.length - start + 1)
        for path, share in zip(self.paths.tolist(), self.shares.sum(1).tolist(), strict=True):
            first = next((at for at, v in enumerate(path[start:]) if v in among), len(law) - 1)
            law[first] += share
        return torch.tensor(law, dtype=torch.float64)

    def entropy(self):
        """Return H(x | evidence)."""
        return torch.special.entr(self.shares.sum(1)).sum()

    def by_label(self, table, names):
        """Add up the last axis, of conditions, by the labels of some factors."""
        sums = {}
        for index in range(self.model.num_conditions):
            labels = self.space.describe(index)
            key = "/".join(labels[name] for name in names)
            sums[key] = sums.get(key, 0) + table[..., index]
        return torch.stack([sums[label] for label in self.space.joint_labels(names)], -1)

    def information(self, names):
        """Return I(labels; x_t | evidence) of hidden positions, (H,)."""
        shares = self.by_label(self.shares, names)
        before, gains = torch.special.entr(shares.sum(0)).sum(), []
        for at in self.evidence.hidden.tolist():
            left = torch.zeros((), dtype=torch.float64)
            for v in range(self.model.num_symbols):
                given = shares[self.paths[:, at] == v].sum(0)
                if given.sum() > 0:
                    left += given.sum() * torch.special.entr(given / given.sum()).sum()
            gains.append(before - left)
        return torch.stack(gains) if gains else torch.zeros(0, dtype=torch.float64)

    def learning(self, joint):
        """Return what the first t symbols tell of labels with p(x, label) as given, (T + 1,)."""
        before, gains = torch.special.entr(joint.sum(0)).sum(), []
        for end in range(self.evidence.length + 1):
            size = self.model.num_symbols ** (self.evidence.length - end)
            prefixes = joint.reshape(-1, size, joint.shape[1]).sum(1)
            total = prefixes.sum(1, keepdim=True)
            left = torch.special.entr(torch.where(total > 0, prefixes / total, 0.0)).sum(1)
            gains.append(before - (total[:, 0] * left).sum())
        return torch.stack(gains)


def probs_of(model, paths):
    """Return p(x | y) of sequences under every condition, (P, K)."""
    table = getattr(model, "model", model)
    if not isinstance(table, MarkovTable):
        with torch.no_grad():
            logs = [
                model.log_probs(paths, torch.full((len(paths),), y)).double()
                for y in range(model.num_conditions)
            ]
        taken = [each.gather(-1, paths[..., None])[..., 0].sum(1).exp() for each in logs]
        return torch.stack(taken, 1)
    order, size = table.order, table.num_symbols + 1
    led = torch.nn.functional.pad(paths, (order, 0), value=size - 1)
    probs = torch.ones(len(paths), table.num_conditions, dtype=torch.float64)
    for at in range(paths.shape[1]):
        context = torch.zeros(len(paths), dtype=torch.int64)
        for symbol in led[:, at : at + order].unbind(1):
            context = context * size + symbol
        probs *= table.table.exp()[:, context, paths[:, at]].T
    return probs


def any_event(dice, num_symbols, length):
    """Return an event by chance, and the same in plain Python."""
    event, occurs = _simple(dice, num_symbols)
    if dice.random() < 0.4:
        start = dice.randrange(length + 1)
        stop = dice.choice([None, dice.randint(start, length + 1)])
        event, occurs = event.within(start, stop), _within(occurs, start, stop)
    if dice.random() < 0.3:
        event, occurs = ~event, _not(occurs)
    if dice.random() < 0.2:
        other, also = _simple(dice, num_symbols)
        return (
            (event & other, _both(occurs, also))
            if dice.random() < 0.5
            else (
                event | other,
                _either(occurs, also),
            )
        )
    return event, occurs


def _simple(dice, q):
    among = dice.sample(range(q), dice.randint(1, q))
    kind = dice.choice(["hit", "count", "word", "run", "before"])
    if kind == "hit":
        return Event.hit(among, q), lambda path: any(v in among for v in path)
    if kind == "count":
        least = dice.randint(0, 2)
        most = dice.choice([None, least + dice.randint(0, 2)])
        event = Event.count(among, q, at_least=least, at_most=most)
        limit = math.inf if most is None else most
        return event, lambda path: least <= sum(v in among for v in path) <= limit
    if kind == "word":
        word = [dice.randrange(q) for _ in range(dice.randint(1, 3))]
        text = "".join(map(str, word))
        return Event.word(word, q), lambda path: text in "".join(map(str, path))
    if kind == "run":
        run = dice.randint(1, 3)
        return Event.run(
            among, run, q
        ), lambda path: "1" * run in "".join(str(int(v in among)) for v in path)
    rest = [v for v in range(q) if v not in among]

    def before(path):
        met = [v for v in path if v in among or v in rest]
        return bool(met) and met[0] in among

    return Event.before(among, rest, q), before


def _within(occurs, start, stop):
    return lambda path: occurs(path[start:stop])


def _not(occurs):
    return lambda path: not occurs(path)


def _both(one, two):
    return lambda path: one(path) and two(path)


def _either(one, two):
    return lambda path: one(path) or two(path)


def asked(**fixed):
    """Return recipes of all kinds, or of those that are given."""
    parts = {
        "kind": st.sampled_from(MODELS),
        "num_symbols": st.sampled_from([1, 2, 2, 2, 3, 3]),
        "order": st.integers(0, 4) | st.integers(0, 9),
        # Every other one is short, so that there can be many.
        "length": st.integers(0, 5) | st.integers(0, 9),
        "factors": st.sampled_from([(), (), (2,), (3,), (2, 2)]),
        "known": st.sampled_from(KNOWN),
        "prior": st.sampled_from(PRIORS),
        "seed": st.integers(0, 2**32 - 1),
    }
    parts |= {name: st.just(value) for name, value in fixed.items()}
    return st.builds(Asked, **parts)


def cast(seed, **fixed):
    """Return a recipe by a seed alone."""
    dice = random.Random(seed)
    parts = {
        "kind": dice.choice(MODELS),
        "num_symbols": dice.choice([2, 3]),
        "order": dice.randint(1, 4),
        "length": dice.randint(3, 8),
        "factors": dice.choice([(), (2,), (3,), (2, 2)]),
        "known": dice.choice(("none", "beginning", *6 * ("sets", "some"))),
        "prior": dice.choice(PRIORS),
        "seed": dice.randrange(2**32),
    }
    return Asked(**(parts | fixed))
