"""A question worked out under every condition that is possible."""

import math
import time
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from autoreg.answers import Cost
from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.beam import beam
from autoreg.inference.cloud import Cloud
from autoreg.inference.effort import Effort
from autoreg.inference.exact import dynamic_programme, enumerate_paths
from autoreg.inference.lattice import Lattice
from autoreg.inference.meter import Metered
from autoreg.inference.particles import particle_filter
from autoreg.inference.plan import EXACT, Step, plan
from autoreg.inference.problem import Problem, pose, reachable, spans, split
from autoreg.inference.surrogate import surrogate_of
from autoreg.inference.twist import Twist, choose_power, surrogate_twist
from autoreg.inference.variance import log_mean
from autoreg.protocol import DENSE_LIMIT, SequenceModel
from autoreg.walks.inversion import invert
from autoreg.walks.rows import log_row

PILOT = 8
"""Islands of the short run that decides how many paths the answer takes."""
AIM = 0.1
"""The standard error, in nats, above which a twist is tried and more paths are taken."""
WARY = 0.05
"""The floor of a twist whose surrogate was fitted to few draws. What that knows nothing of is
hardly drawn, and missed by all islands alike: no spread tells. On random chains 14 estimates of
1000 were more than four standard errors off with a floor of 1e-6, 3 with 0.01 and none with this,
which cost nothing elsewhere."""
CONTEXTS = 512
"""The most contexts of a surrogate."""


@dataclass(frozen=True)
class Part:
    """One independent piece, answered.

    Attributes:
        step: What was asked and how it was answered.
        log_z: log p(what is known at start..stop | what is known before), of each island, (M,);
            of shape (1,) where there is no chance in it.
        cloud: Weighted paths, if the method makes them.
        lattice: The dynamic programme, if that was the method.
        bounds: Certain bounds on ``log_z``, where it is not exact but bounded.
    """

    step: Step
    log_z: Float[Tensor, " M"]
    cloud: Cloud | None = None
    lattice: Lattice | None = None
    bounds: tuple[float, float] | None = None

    @property
    def exact(self) -> bool:
        """Whether ``log_z`` is what it should be, up to rounding."""
        return len(self.log_z) == 1 and self.bounds is None

    def draw(
        self, island: Int[Tensor, " n"], *, generator: Generator | None = None
    ) -> Int[Tensor, "n L"]:
        """Draw the symbols at start..stop given what is known, each from the paths of its island.

        Where the part is exact the draws are independent and exact, whatever the islands.
        """
        problem, count = self.step.problem, len(island)
        if self.lattice is not None:
            return self.lattice.draws(count, generator=generator).symbols[0]
        if self.cloud is not None:
            row = island if len(self.cloud.log_weights) > 1 else torch.zeros_like(island)
            uniforms = torch.rand(count, dtype=torch.float64, generator=generator)
            return self.cloud.symbols[row, invert(self.cloud.log_weights[row], uniforms)]
        if self.step.method == "nothing hidden":
            symbols = problem.evidence.low[problem.start : problem.stop].long()
            return symbols.expand(count, -1)
        walked = particle_filter(
            problem, islands=1, particles=count, threshold=0.0, generator=generator
        )
        return walked.symbols[0]

    def law(self, island: int = 0) -> Float[Tensor, "L Q"]:
        """Return p(x_t = v | what is known) at start..stop, from the paths of one island."""
        problem, width = self.step.problem, self.step.problem.model.num_symbols
        if self.lattice is not None:
            return self.lattice.marginals().exp()
        if self.cloud is None:
            logs = log_row(problem.model.head, problem.state.next).cpu()
            allowed = problem.evidence.mask(problem.start, problem.stop)
            return logs.masked_fill(~allowed, -torch.inf).softmax(-1)
        row = island if len(self.cloud.log_weights) > 1 else 0
        weights = self.cloud.log_weights[row].softmax(0)
        law = torch.zeros(problem.length, width, dtype=torch.float64)
        return law.scatter_add_(1, self.cloud.symbols[row].T, weights.expand(problem.length, -1))

    def entropy(self) -> Float[Tensor, ""]:
        """Return the entropy of the path at start..stop, in nats, of an exact part."""
        if self.lattice is not None:
            return torch.as_tensor(self.lattice.entropy(), dtype=torch.float64)
        logs = self.law().log()[0] if self.cloud is None else self.cloud.shares
        return -torch.where(logs.isfinite(), logs.exp() * logs, 0.0).sum()


@dataclass(frozen=True)
class Solution:
    """The pieces of a question under each of its conditions.

    Attributes:
        evidence: What was known.
        conditions: Those that are possible, (C,).
        parts: The pieces under each of them, in order.
        log_joint: log p(condition, what is known), of each island, (C, M), or (C, 1) if exact.
        cost: What it took.
    """

    evidence: Evidence
    conditions: Int[Tensor, " C"]
    parts: tuple[tuple[Part, ...], ...]
    log_joint: Float[Tensor, "C M"]
    cost: Cost

    @property
    def exact(self) -> bool:
        """Whether there is neither chance nor a gap between bounds in it."""
        return all(part.exact for parts in self.parts for part in parts)

    @property
    def bounds(self) -> tuple[Tensor, Tensor] | None:
        """Certain bounds on the log joint of each condition, (C,), where some piece has them."""
        if not any(part.bounds for parts in self.parts for part in parts):
            return None
        if self.log_joint.shape[1] > 1:
            return None
        gaps = torch.tensor(
            [
                [
                    sum(
                        part.bounds[end] - float(part.log_z) if part.bounds else 0.0
                        for part in row
                    )
                    for end in (0, 1)
                ]
                for row in self.parts
            ],
            dtype=torch.float64,
        )
        middle = self.log_joint[:, 0]
        return middle + gaps[:, 0], middle + gaps[:, 1]

    @property
    def method(self) -> str:
        """The methods that were used, the most frequent ones first."""
        names = [part.step.method for parts in self.parts for part in parts]
        used = sorted(set(names) - {"nothing hidden"}, key=names.count, reverse=True)
        return ", ".join(used) or "one score"


def work_out(
    model: SequenceModel,
    evidence: Evidence,
    effort: Effort | None = None,
    *,
    event: Event | None = None,
    generator: Generator | None = None,
) -> Solution:
    """Answer log p(condition, evidence, event) for every possible condition.

    Args:
        model: Any sequence model.
        evidence: What is known.
        effort: How much work it may be.
        event: What has to occur besides.
        generator: Source of all chance.
    """
    begin, effort, metered = time.perf_counter(), effort or Effort(), Metered(model)
    laid = [
        lay_out(metered, evidence, condition, effort, event=event)
        for condition in _possible(evidence)
    ]
    return _answered(metered, evidence, laid, effort, begin, generator)


def work_out_whole(
    model: SequenceModel, evidence: Evidence, effort: Effort | None = None
) -> Solution | None:
    """Answer the free positions at the end too; None where that takes more than exact methods."""
    begin, effort, metered = time.perf_counter(), effort or Effort(), Metered(model)
    laid = []
    for condition in _possible(evidence):
        laid.append(lay_out(metered, evidence, condition, effort, tail=True))
        if any(step.method not in EXACT for step in laid[-1]):
            return None
    return _answered(metered, evidence, laid, effort, begin, None)


def _possible(evidence: Evidence) -> list[int]:
    return evidence.log_condition.isfinite().nonzero()[:, 0].tolist()


def _answered(
    metered: Metered,
    evidence: Evidence,
    laid: list[list[Step]],
    effort: Effort,
    begin: float,
    generator: Generator | None,
) -> Solution:
    rows, joint = [], []
    conditions = torch.tensor(_possible(evidence), dtype=torch.int64)
    with torch.no_grad():
        for condition, steps in zip(conditions.tolist(), laid, strict=True):
            parts = tuple(answer(step, effort, generator=generator) for step in steps)
            before = sum(step.problem.log_before for step in steps)
            total = evidence.log_condition[condition] + before
            for part in parts:
                total = total + part.log_z
            rows.append(parts)
            joint.append(total)
    width = max([1, *(len(row) for row in joint)])
    table = torch.stack([row.expand(width) for row in joint]) if joint else torch.zeros(0, 1)
    cost = Cost(metered.stepped, metered.scored, time.perf_counter() - begin)
    return Solution(evidence, conditions, tuple(rows), table.double(), cost)


def lay_out(
    model: SequenceModel,
    evidence: Evidence,
    condition: int,
    effort: Effort,
    *,
    event: Event | None = None,
    tail: bool = False,
) -> list[Step]:
    """Return the pieces of a question under one condition and how each will be answered."""
    posed = pose(model, evidence, condition, event, tail=tail, memory=effort.memory)
    pieces = [posed] if evidence.impossible else split(posed, memory=effort.memory)
    return [plan(piece, effort) for piece in pieces]


def possible(model: SequenceModel, evidence: Evidence, event: Event, effort: Effort) -> bool:
    """Whether an event may occur within what is known, as far as symbols tell."""
    if evidence.impossible:
        return False
    condition = _possible(evidence)[0]
    return reachable(pose(model, evidence, condition, event, memory=effort.memory))


def answer(step: Step, effort: Effort, *, generator: Generator | None = None) -> Part:
    """Answer one piece by the method that was planned."""
    problem, method = step.problem, step.method
    if not reachable(problem):
        return Part(step, torch.tensor([-torch.inf], dtype=torch.float64))
    if method == "one mass":
        return Part(step, _mass(problem))
    if method in ("nothing hidden", "enumeration"):
        cloud = enumerate_paths(problem)
        return Part(step, cloud.log_z, cloud=cloud)
    if method == "dynamic programming":
        lattice = dynamic_programme(problem)
        return Part(step, torch.tensor([lattice.log_z], dtype=torch.float64), lattice=lattice)
    if method == "beam":
        found = beam(problem, effort.beams)
        bounds = None if found.lower == found.upper else (found.lower, found.upper)
        return Part(step, found.cloud.log_z, cloud=found.cloud, bounds=bounds)
    return _estimated(step, effort, generator)


def _mass(problem: Problem) -> Float[Tensor, " 1"]:
    """Return the log mass of what the last position, the only open one, may be."""
    rules = spans(problem)[0].rules
    if rules is None:
        raise ValueError("one mass needs an open position")
    allowed = rules.sets[rules.which[problem.rule_state, :1]]
    return problem.model.head.log_mass(
        problem.state.next, allowed.to(problem.state.next.device)
    ).cpu()


def _estimated(step: Step, effort: Effort, generator: Generator | None) -> Part:
    """Let short pilot runs decide the number of paths and the twist; then run afresh."""
    problem, method = step.problem, step.method
    dense = problem.model.num_symbols <= DENSE_LIMIT
    if effort.method is None and effort.beams and dense:
        found = beam(problem, effort.beams, give_up=effort.tolerance)
        if found.upper - found.lower <= effort.tolerance:
            bounds = None if found.lower == found.upper else (found.lower, found.upper)
            step = replace(step, method="beam", reason=f"bounds within {effort.tolerance} nats")
            return Part(step, found.cloud.log_z, cloud=found.cloud, bounds=bounds)
    threshold = 0.0 if method == "importance" else effort.threshold

    def run(islands: int, particles: int, twist: Twist | None) -> Cloud:
        return particle_filter(
            problem,
            islands=islands,
            particles=particles,
            resampling=effort.resampling,
            threshold=threshold,
            twist=twist,
            memory=effort.memory,
            generator=generator,
        )

    particles, fewer = effort.particles, max(1, effort.particles // 4)

    def foresee(twist: Twist | None) -> float:
        _, error = log_mean(run(PILOT, fewer, twist).log_z)
        # The variance falls as 1 / (islands * particles).
        return float(error) * (PILOT * fewer / (effort.islands * particles)) ** 0.5

    twist = _twist(problem, effort, generator) if method == "twisted" else None
    looks_ahead = effort.method is None and (effort.twist is not None or _resembled(problem))
    if effort.growth == 1 and not looks_ahead:
        cloud = run(effort.islands, particles, twist)
        return Part(step, cloud.log_z, cloud=cloud)
    foreseen = foresee(twist)
    if looks_ahead and not foreseen <= AIM:
        twist = _twist(problem, effort, generator)
        if twist is not None:
            step = replace(step, method="twisted", reason="untwisted paths are too uneven")
            foreseen = foresee(twist)
    while not foreseen <= AIM and particles < effort.growth * effort.particles:
        particles, foreseen = 2 * particles, foreseen / 2**0.5
    cloud = run(effort.islands, particles, twist)
    return Part(step, cloud.log_z, cloud=cloud)


def _surrogate_order(num_symbols: int) -> int:
    return int(math.log(CONTEXTS + 0.5, max(2, num_symbols)))


def _resembled(problem: Problem) -> bool:
    """Whether a surrogate may tell of the future: measured, it does where it nearly covers R."""
    order, reach = problem.model.order, _surrogate_order(problem.model.num_symbols)
    return order is not None and 0 < order <= 2 * reach


def _twist(problem: Problem, effort: Effort, generator: Generator | None) -> Twist | None:
    """Return the twist that is asked for, or that of a surrogate, at its best power."""
    if effort.twist is not None:
        twist = effort.twist(problem, generator)
    else:
        alphabet = problem.model.num_symbols
        # A context is no longer than the sequence, nor than what the model itself looks back at.
        reach = problem.stop if problem.model.order is None else problem.model.order
        order = max(1, min(_surrogate_order(alphabet), reach, problem.stop))
        surrogate = surrogate_of(
            problem.model,
            problem.condition,
            problem.stop,
            order,
            draws=effort.surrogate_draws,
            beginning=problem.evidence.low[: problem.start].long(),
            # Neighbouring levels of a fine scale are alike, and each is seldom seen.
            bandwidth=1.0 if alphabet > 32 else 0.0,
            memory=effort.memory,
            generator=generator,
        )
        twist = surrogate_twist(problem, surrogate, floor=WARY)
    power = choose_power(problem, twist, threshold=effort.threshold, generator=generator)
    return twist.tempered(power) if power else None
