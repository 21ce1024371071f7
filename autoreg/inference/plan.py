"""Which method answers a question, and at what cost."""

from dataclasses import dataclass

from autoreg.inference.effort import Effort
from autoreg.inference.exact import contexts_within, paths_within
from autoreg.inference.problem import Problem, walked_through
from autoreg.protocol import DENSE_LIMIT


@dataclass(frozen=True)
class Step:
    """How one independent piece of a question is answered.

    Attributes:
        problem: The piece.
        method: "nothing hidden", "one mass" or one of ``effort.METHODS``.
        reason: Why this one, in a few words.
        stepped: Positions that will be stepped through, over all paths; the most it can be.
        scored: Positions that will be read in parallel.
    """

    problem: Problem
    method: str
    reason: str
    stepped: int = 0
    scored: int = 0


EXACT = ("nothing hidden", "one mass", "enumeration", "dynamic programming")
"""Methods without chance, of which the law of every position is known too."""


DENSE = ("dynamic programming", "beam", "twisted")
"""Methods that write a distribution out, symbol by symbol."""


def plan(problem: Problem, effort: Effort) -> Step:
    """Return the first method that applies: exact ones before bounds before estimates."""
    hidden = problem.hidden
    if not len(hidden):
        return Step(problem, "nothing hidden", "all of it was observed", scored=problem.length)
    if effort.method is not None:
        return _forced(problem, effort)
    if problem.length == 1:
        return Step(problem, "one mass", "the last position alone is open")
    return _exact(problem, effort) or _estimate(problem, effort)


def _exact(problem: Problem, effort: Effort) -> Step | None:
    """Return the exact method that costs least, if one is cheap enough."""
    paths, length, hidden = paths_within(problem), problem.length, len(problem.hidden)
    found = []
    if paths <= effort.most_paths and paths * length <= effort.most_steps:
        reason = f"{paths} paths, at most {effort.most_paths}"
        read = paths * (length - hidden)
        found.append(Step(problem, "enumeration", reason, paths * hidden, read))
    if problem.model.num_symbols <= DENSE_LIMIT:
        most, total = contexts_within(problem)
        if most <= effort.most_contexts and total <= effort.most_steps:
            reason = f"{most} contexts, at most {effort.most_contexts}"
            found.append(Step(problem, "dynamic programming", reason, total))
    return min(found, key=lambda step: step.stepped + step.scored, default=None)


def _estimate(problem: Problem, effort: Effort) -> Step:
    method = "importance" if effort.threshold == 0 else "particles"
    return _walked(problem, effort, method, "too many paths and contexts to be exact")


def _walked(problem: Problem, effort: Effort, method: str, reason: str) -> Step:
    paths = effort.islands * effort.particles
    walked = walked_through(problem)
    return Step(problem, method, reason, paths * walked, paths * (problem.length - walked))


def _forced(problem: Problem, effort: Effort) -> Step:
    reason = "asked for"
    length = problem.length
    if effort.method in DENSE and problem.model.num_symbols > DENSE_LIMIT:
        raise ValueError(
            f"{', '.join(DENSE)} write out distributions of at most {DENSE_LIMIT} symbols; the "
            f"model has {problem.model.num_symbols}. Take enumeration, importance or particles."
        )
    if effort.method == "enumeration":
        return Step(problem, "enumeration", reason, paths_within(problem) * length)
    if effort.method == "dynamic programming":
        return Step(problem, "dynamic programming", reason, contexts_within(problem)[1])
    if effort.method == "beam":
        return Step(problem, "beam", reason, effort.beams * length)
    return _walked(problem, effort, str(effort.method), reason)
