"""What the benchmarks of hidden parts share: filters of a known size, and what they tell."""

import torch

from autoreg import scoring
from autoreg.inference.draws import draw
from autoreg.inference.effort import Effort
from autoreg.inference.particles import particle_filter
from autoreg.inference.readout import evidence_answer
from autoreg.inference.variance import effective_size, log_mean, reliable, unseen
from autoreg.walks.inversion import invert
from tests.benchmarks import rows as bench


def effort(islands, particles, **changes):
    """Return the effort of a filter of just so many paths: no pilots, beams or sweeps."""
    return Effort(islands=islands, particles=particles, growth=1, beams=0, sweeps=0, **changes)


def weights(density):
    """Return which weights a trained model has."""
    return density.card.get("weights", {}).get("sha256", "")[:12]


def evidence_facts(solution):
    """Return what a solution says of the evidence, and what that took, as plain data."""
    known, log_z = evidence_answer(solution), solution.log_joint.logsumexp(0)
    error = known.std_error
    return cost_facts(solution.cost) | {
        "log_z": [round(one, 4) for one in log_z.tolist()],
        "exact": known.kind == "exact",
        "log_evidence": float(known.value),
        "std_error": 0.0 if error is None else float(error),
        "spread": 0.0 if error is None else float(log_mean(log_z)[1]),
        "ess": path_ess(solution),
        "reliable": known.reliable,
        "reason": known.reason,
    }


def island_facts(log_z, clouds, cost):
    """Return the same of filters that were run by hand: log evidence of islands, and clouds."""
    doubt = sum(unseen(cloud) for cloud in clouds)
    value, error = log_mean(log_z, unseen=doubt)
    fine, reason = reliable(log_z, unseen=doubt)
    sizes = [float(effective_size(cloud.log_weights.flatten())) for cloud in clouds]
    return cost_facts(cost) | {
        "log_z": [round(one, 4) for one in log_z.tolist()],
        "exact": False,
        "log_evidence": float(value),
        "std_error": float(error),
        "spread": float(log_mean(log_z)[1]),
        "ess": min(sizes, default=None),
        "reliable": fine,
        "reason": reason,
    }


def cost_facts(cost):
    """Return a cost as plain data."""
    return {"stepped": cost.stepped, "scored": cost.scored, "seconds": round(cost.seconds, 2)}


def spread(rows):
    """Return the mean standard error of some rows, as far as islands tell by how they differ."""
    return bench.mean(row["spread"] for row in rows)


def path_ess(solution):
    """Return the smallest effective number of paths of any part, all islands taken together."""
    sizes = [
        float(effective_size(part.cloud.log_weights.flatten()))
        for parts in solution.parts
        for part in parts
        if part.cloud is not None and not part.exact
    ]
    return min(sizes, default=None)


def flagged(rows):
    """Return how many of some rows are unreliable."""
    return bench.share(not row["reliable"] for row in rows)


def factors(model, symbols, condition):
    """Return log p(x_t | x_<t, y) of one sequence, (T,)."""
    with torch.no_grad():
        return scoring.log_factors(model, symbols[None], torch.tensor([condition]))[0].cpu()


def drawn(model, solution, count, generator):
    """Return sequences drawn given all that is known, (count, T)."""
    log_z = solution.log_joint.logsumexp(0)
    uniforms = torch.rand(count, dtype=torch.float64, generator=generator)
    island = invert(log_z.expand(count, -1), uniforms)
    return draw(model, solution, island, generator=generator)[1]


def pasted(problem, symbols, count, generator):
    """Return sequences (count, T) of which what is hidden was drawn from what precedes it alone.

    What is seen is pasted over as it comes: completion that ignores what follows.
    """
    cloud = particle_filter(
        problem, islands=1, particles=count, threshold=0.0, generator=generator
    )
    rows = symbols.expand(count, -1).clone()
    rows[:, problem.start : problem.stop] = cloud.symbols[0]
    return rows
