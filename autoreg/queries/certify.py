"""How far off an estimate may be, told on sequences that the model wrote itself."""

import time

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from autoreg.answers import Answer
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.inference.meter import Metered
from autoreg.inference.problem import pose, split
from autoreg.inference.readout import spent
from autoreg.inference.sandwich import sandwich
from autoreg.protocol import SequenceModel
from autoreg.queries.sampling import sample


def certify(
    model: SequenceModel,
    seen: Bool[Tensor, " T"],
    *,
    log_condition: Float[Tensor, " K"] | None = None,
    count: int = 8,
    effort: Effort | None = None,
    generator: Generator | None = None,
) -> Answer:
    r"""Return the gap between bounds of log p(what is seen | condition), averaged over sequences.

    The sequences are drawn from the model and then hidden where ``seen`` is False. What was there
    is an exact draw given the rest, so that a filter kept on it estimates the log evidence too
    high on average, as a free one does too low: on average neither is further off than the gap,
    however long the sequence and however many paths there are. Of real data only the lower
    estimate is at hand.

    Args:
        model: Any sequence model.
        seen: Where sequences are seen, (T,).
        log_condition: log p(y), (K,); uniform if None.
        count: How many sequences, 2 or more.
        effort: Islands and particles of both filters; nothing is planned and nothing grows.
        generator: Source of all chance.

    Returns:
        The mean gap in nats, by chance perhaps below 0, and its standard error over sequences.

    Example:
        >>> coin = MarkovTable(torch.tensor([[[0.25, 0.75]]]).log())
        >>> gap = certify(coin, torch.tensor([False, True]), generator=torch.Generator())
        >>> round(abs(gap.value.item()), 6)  # what is seen does not depend on what is hidden
        0.0
    """
    begin, effort, metered = time.perf_counter(), effort or Effort(), Metered(model)
    if count < 2:
        raise ValueError(f"count needs to be at least 2, for a standard error; got {count}")
    if log_condition is None:
        log_condition = Evidence.free(1, 0, model.num_conditions).log_condition
    drawn = sample(
        metered,
        count,
        length=len(seen),
        prior=(log_condition - log_condition.logsumexp(0)).exp(),
        memory=effort.memory,
        generator=generator,
    )
    gaps = torch.zeros(count, dtype=torch.float64)
    for number, (symbols, condition) in enumerate(
        zip(drawn.symbols, drawn.condition.tolist(), strict=True)
    ):
        known = Evidence.observe(
            symbols, model.num_symbols, where=seen, num_conditions=model.num_conditions
        )
        for problem in split(pose(metered, known, condition, memory=effort.memory)):
            kept = symbols[problem.start : problem.stop].expand(effort.islands, -1)
            if len(problem.hidden):
                gaps[number] += sandwich(
                    problem,
                    kept,
                    particles=effort.particles,
                    resampling=effort.resampling,
                    threshold=effort.threshold,
                    memory=effort.memory,
                    generator=generator,
                ).gap
    return Answer(
        value=gaps.mean(),
        kind="consistent",
        method=f"filters of {effort.islands} x {effort.particles} paths, free and kept",
        std_error=gaps.std() / count**0.5,
        cost=spent(metered, begin),
    )
