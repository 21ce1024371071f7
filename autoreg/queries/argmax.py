"""What is most likely."""

import time
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from autoreg.answers import Answer, Cost
from autoreg.conditions import ConditionSpace
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.inference.exact import contexts_within, dynamic_programme
from autoreg.inference.meter import Metered
from autoreg.inference.problem import Problem, pose
from autoreg.inference.search import best_first
from autoreg.protocol import DENSE_LIMIT, SequenceModel
from autoreg.queries.likelihood import check_space


@dataclass(frozen=True, kw_only=True)
class Best(Answer):
    """The most likely sequence and condition that were found.

    ``value`` is log p(y, x) of them. ``kind`` is "exact" where nothing is more likely, else
    "bounds": ``upper`` is then above log p(y, x) of all others.

    Attributes:
        symbols: The sequence, (T,).
        condition: Its condition's index.
        labels: Its condition's labels.
    """

    symbols: Int[Tensor, " T"]
    condition: int
    labels: dict[str, str]

    @property
    def proven(self) -> bool:
        """Whether nothing is more likely."""
        return self.kind == "exact"


def argmax(
    model: SequenceModel,
    evidence: Evidence,
    space: ConditionSpace | None = None,
    *,
    effort: Effort | None = None,
) -> Best:
    r"""Return the most likely completion and condition, :math:`\arg\max_{x \in E, y} p(y, x)`.

    Within each condition by dynamic programming (Viterbi, 1967) where the model's memory is short,
    else by best-first search, which knows the most that is left when its budget is spent: the
    answer is proven, or it says by how much something might be more likely.

    Args:
        model: Any sequence model.
        evidence: What is known.
        space: Names of the model's conditions.
        effort: How much work it may be: ``most_steps`` for the dynamic programme, and one in 64 of
            it, at most, for each search.

    Raises:
        ValueError: The evidence is impossible.

    Example:
        >>> chain = MarkovTable(torch.tensor([[[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]]]).log())
        >>> best = argmax(chain, Evidence.free(2, 3).restrict(0, 1))
        >>> best.symbols.tolist(), best.proven, round(best.value.exp().item(), 4)
        ([1, 1, 1], True, 0.252)
    """
    begin, effort, metered = time.perf_counter(), effort or Effort(), Metered(model)
    space = check_space(model, space)
    found: list[tuple[float, float, Tensor, int]] = []
    methods = set()
    with torch.no_grad():
        for condition in evidence.log_condition.isfinite().nonzero()[:, 0].tolist():
            problem = pose(metered, evidence, condition, tail=True, memory=effort.memory)
            before = float(evidence.log_condition[condition]) + problem.log_before
            if evidence.impossible:
                continue
            if _short(problem, effort):
                path, log_prob = dynamic_programme(problem).best()
                upper = float(log_prob)
                methods.add("dynamic programming")
            else:
                best = best_first(problem, max(1, effort.most_steps // 2**10))
                path, log_prob, upper = best.symbols, best.log_prob, best.log_upper
                methods.add("best-first search")
            symbols = torch.cat([evidence.low[: problem.start].long(), path])
            found.append((before + float(log_prob), before + upper, symbols, condition))
    if not found or max(upper for _, upper, _, _ in found) == -torch.inf:
        raise ValueError("the evidence has no probability in the model: nothing is most likely")
    value, _, symbols, condition = max(found, key=lambda item: item[0])
    upper = max(item[1] for item in found)
    proven = upper <= value + 1e-12 * abs(value)
    return Best(
        value=torch.tensor(value, dtype=torch.float64),
        kind="exact" if proven else "bounds",
        method=", ".join(sorted(methods)),
        lower=None if proven else torch.tensor(value, dtype=torch.float64),
        upper=None if proven else torch.tensor(upper, dtype=torch.float64),
        symbols=symbols,
        condition=condition,
        labels=space.describe(condition),
        cost=Cost(metered.stepped, metered.scored, time.perf_counter() - begin),
    )


def _short(problem: Problem, effort: Effort) -> bool:
    if problem.model.num_symbols > DENSE_LIMIT:
        return False
    most, total = contexts_within(problem)
    return most <= effort.most_contexts and total <= effort.most_steps
