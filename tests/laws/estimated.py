"""Estimates of answers that are known, and how far off they are in their own standard errors."""

import math
import random
from dataclasses import dataclass, field

import torch

from autoreg.inference.effort import Effort
from autoreg.queries.compare import divergence
from autoreg.queries.hitting import hitting
from autoreg.queries.information import entropy, information, learning_curve
from autoreg.queries.marginals import marginals
from autoreg.queries.partial import posterior_given
from autoreg.queries.probability import probability, solve
from tests.laws.asked import cast

METHODS = ("importance", "particles", "particles", "twisted")
RESAMPLINGS = ("systematic", "stratified", "residual", "multinomial")
THRESHOLDS = (0.3, 0.5, 1.0)


@dataclass
class Tally:
    """What became of many estimates of numbers that are known.

    Attributes:
        z: The errors of what was called reliable, in standard errors.
        flagged: How many were called unreliable, or have an infinite standard error.
        exact: How many had no chance in them.
        wrong: Answers without chance that are not the truth.
    """

    z: list = field(default_factory=list)
    flagged: int = 0
    exact: int = 0
    wrong: list = field(default_factory=list)

    def add(self, answer, truth, dice):
        """Count one entry of an answer, chosen by dice, for those of one answer depend."""
        truth = torch.as_tensor(truth, dtype=torch.float64)
        assert answer.value.shape == truth.shape
        if not truth.numel():
            return
        at = dice.randrange(truth.numel())
        value, truth = float(answer.value.flatten()[at]), float(truth.flatten()[at])
        error = answer.std_error
        error = 0.0 if error is None else float(error.flatten()[at])
        # What is impossible may keep a rounding.
        same = value == truth or (truth == -math.inf and value < math.log(1e-14))
        gap = 0.0 if same else value - truth
        if answer.kind == "exact" or (answer.reliable and error < 1e-12):
            self.exact += 1
            if not abs(gap) < 1e-9:
                self.wrong.append((value, truth, answer))
        elif not answer.reliable or error == math.inf:
            self.flagged += 1
        else:
            self.z.append(gap / error)

    @property
    def mean(self):
        """The mean z, times the root of their number: a normal number if all is well."""
        return sum(self.z) / max(1, len(self.z)) ** 0.5

    @property
    def beyond(self):
        """How many are more than four standard errors off."""
        return sum(abs(z) > 4 for z in self.z)

    def covered(self, reach=1.96):
        """The share of intervals that hold the truth."""
        return sum(abs(z) <= reach for z in self.z) / max(1, len(self.z))

    def __repr__(self):
        n = len(self.z)
        spread = torch.tensor(self.z).std() if n > 1 else math.nan
        return (
            f"{n} reliable, {self.flagged} flagged, {self.exact} exact, {len(self.wrong)} wrong; "
            f"mean z sqrt(n) {self.mean:.2f}, sd {spread:.3f}, beyond 4: {self.beyond}, "
            f"covered {self.covered():.4f}"
        )


def _solve(case, effort, generator):
    return solve(case.model, case.evidence, effort=effort, generator=generator), math.log(case.z)


def _event(case, effort, generator):
    share = float(case.joint[case.happens].sum() / case.z)
    answer = probability(case.model, case.event, case.evidence, effort=effort, generator=generator)
    return answer, math.log(share) if share else -math.inf


def _target(case, effort, generator):
    target = case.evidence.relax()
    for at in range(target.length):
        if case.dice.random() < 0.3:
            size = case.dice.randint(1, target.num_symbols)
            target = target.restrict(at, case.dice.sample(range(target.num_symbols), size))
    share = float(case.joint_of(case.evidence & target).sum() / case.z)
    answer = probability(case.model, target, case.evidence, effort=effort, generator=generator)
    return answer, math.log(share) if share else -math.inf


def _posterior(case, effort, generator):
    names = case.dice.choice([case.space.names, case.space.names[:1]])
    truth = case.by_label(case.shares.sum(0), names).log()
    answer = posterior_given(
        case.model, case.evidence, case.space, of=names, effort=effort, generator=generator
    )
    return answer, truth


def _marginals(case, effort, generator):
    answer = marginals(case.model, case.evidence, effort=effort, generator=generator)
    return answer, case.marginals().log()


def _hitting(case, effort, generator):
    q = case.model.num_symbols
    among = case.dice.sample(range(q), case.dice.randint(1, q - 1))
    answer = hitting(case.model, among, case.evidence, effort=effort, generator=generator)
    return answer, case.hitting(among).log()


def _entropy(case, effort, generator):
    answer = entropy(case.model, case.evidence, effort=effort, generator=generator)
    return answer, case.entropy()


def _information(case, effort, generator):
    names = case.dice.choice([case.space.names, case.space.names[:1]])
    answer = information(
        case.model, case.evidence, case.space, of=names, effort=effort, generator=generator
    )
    return answer, case.information(names)


def _divergence(case, effort, generator):
    prior = torch.rand(case.model.num_conditions, generator=generator).double() + 0.05
    base = case.evidence.relax()
    other = base.given((prior / prior.sum()).log())
    p, q = case.joint_of(base).sum(1), case.joint_of(other).sum(1)
    p, q = p / p.sum(), q / q.sum()
    truth = torch.where(p > 0, p * (p.log() - q.log()), 0.0).sum()
    answer = divergence(case.model, base, other, effort=effort, generator=generator)
    return answer, truth


def _learning(case, effort, generator):
    log_condition = case.evidence.log_condition - case.evidence.log_condition.logsumexp(0)
    answer = learning_curve(
        case.model,
        case.evidence.length,
        case.space,
        log_condition=log_condition,
        effort=effort,
        generator=generator,
    )
    joint = case.joint_of(case.evidence.relax().given(log_condition))
    return answer, case.learning(joint)


QUESTIONS = {
    "evidence": (_solve, {}),
    "event": (_event, {}),
    "target": (_target, {}),
    "posterior": (_posterior, {"conditional": True}),
    "marginals": (_marginals, {}),
    "hitting": (_hitting, {}),
    "entropy": (_entropy, {}),
    "information": (_information, {"conditional": True}),
    "divergence": (_divergence, {"conditional": True}),
    "learning": (_learning, {"conditional": True}),
}
"""What is asked, with the truth; and whether it needs more conditions than one."""


def effort_of(dice):
    """Return an effort of a method that rests on chance."""
    return Effort(
        method=dice.choice(METHODS),
        resampling=dice.choice(RESAMPLINGS),
        threshold=dice.choice(THRESHOLDS),
        particles=dice.choice([16, 32, 64]),
        growth=dice.choice([1, 4]),
    )


def tally(name, cases, *, first=0):
    """Ask a question of many cases, each of its own seed, and count how far answers are off."""
    ask, needs = QUESTIONS[name]
    counted, seed = Tally(), first
    while cases:
        seed += 1
        dice = random.Random(f"{name} {seed}")
        fixed = {"factors": dice.choice([(2,), (3,), (2, 2)])} if needs else {}
        case = cast(dice.randrange(2**32), **fixed).build()
        if not case.z > 0:
            continue
        generator = torch.Generator().manual_seed(dice.randrange(2**32))
        counted.add(*ask(case, effort_of(dice), generator), dice)
        cases -= 1
    return counted
