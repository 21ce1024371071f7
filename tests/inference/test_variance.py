"""Standard errors of what weighted paths say, against closed forms and the truth."""

import math

import pytest
import torch

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.cloud import Cloud
from autoreg.inference.particles import particle_filter
from autoreg.inference.problem import pose
from autoreg.inference.variance import (
    FEWEST,
    LARGEST,
    effective_size,
    genealogical_variance,
    log_mean,
    log_ratio,
    log_upper,
    mean_ratio,
    reliable,
    singly,
    unseen,
)
from autoreg.models.markov import MarkovTable
from tests.inference.questions import ask, questions

QUESTIONS = questions()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def filtered(question, islands, particles, seed=0, **options):
    return particle_filter(
        question.problem,
        islands=islands,
        particles=particles,
        generator=generator(seed),
        **options,
    )


def test_an_effective_size_counts_equal_weights():
    equal = torch.zeros(3, 8, dtype=torch.float64)
    equal[1, 4:], equal[2] = -torch.inf, -torch.inf
    assert torch.allclose(effective_size(equal - 1e5), torch.tensor([8.0, 4.0, 0.0]).double())


def test_the_log_of_a_mean_and_its_error_follow_the_estimates():
    values = torch.rand(12, 3, dtype=torch.float64, generator=generator())
    value, error = log_mean(values.log() - 800)
    assert torch.allclose(value, values.mean(0).log() - 800)
    assert torch.allclose(error, values.std(0) / 12**0.5 / values.mean(0))
    wider = log_mean(values.log(), unseen=0.3)[1]
    assert torch.allclose(wider, (error**2 + 0.09).sqrt())


def test_nothing_is_known_of_the_error_of_one_estimate_or_of_none_alive():
    assert log_mean(torch.tensor([-3.0]))[1] == torch.inf
    value, error = log_mean(torch.full((5,), -torch.inf))
    assert value == -torch.inf
    assert error == torch.inf


def test_plain_importance_sampling_pools_its_paths():
    """Per path: the mean weight, and the standard deviation of weights over sqrt(paths) mean."""
    cloud = filtered(QUESTIONS["runs"], 30, 8, threshold=0.0)
    weights = cloud.log_weights.exp() * 8
    alone = singly(cloud)
    value, error = log_mean(alone.log_z)
    assert alone.symbols.shape == (240, 1, cloud.symbols.shape[-1])
    assert torch.allclose(value, weights.mean().log())
    assert torch.allclose(value, log_mean(cloud.log_z)[0])
    assert torch.allclose(error, weights.std() / 240**0.5 / weights.mean())
    assert torch.allclose(
        effective_size(alone.log_weights.flatten()), weights.sum() ** 2 / (weights**2).sum()
    )


def test_resampled_paths_are_not_taken_singly():
    cloud = filtered(QUESTIONS["runs"], 5, 8, threshold=1.0)
    with pytest.raises(ValueError, match="paths that were resampled are not independent"):
        singly(cloud)


def share(question, at, symbol):
    return question.probs[question.paths[:, at] == symbol].sum() / question.z


# Of "event", most weight of an island may be on one path: errors of so few paths mean nothing.
@pytest.mark.parametrize("threshold", [0.0, 1.0])
@pytest.mark.parametrize("name", sorted(set(QUESTIONS) - {"event"}))
def test_ratios_are_as_far_off_as_their_error_says(name, threshold):
    question = QUESTIONS[name]
    at = int(question.problem.hidden[-1]) - question.problem.start
    symbol = int(question.paths[0, at])
    truth = share(question, at, symbol)
    cloud = filtered(question, 900, 48, 2, threshold=threshold)
    has = cloud.symbols[..., at] == symbol
    logs = cloud.log_weights.masked_fill(~has, -torch.inf).logsumexp(1)
    # Thirty islands at a time, thirty times: the spread of z is that of Student's t.
    scores = []
    for part in range(30):
        rows = slice(30 * part, 30 * part + 30)
        value, error = log_ratio(logs[rows], cloud.log_z[rows])
        scores.append(float((value - truth.log()) / error))
        mean, its_error = mean_ratio(cloud.log_weights[rows], has[rows].double())
        assert torch.allclose(mean, value.exp())
        assert torch.allclose(its_error, error * mean)
    scores = torch.tensor(scores)
    assert abs(scores.mean()) < 4 / 30**0.5
    assert 0.6 < scores.std() < 1.6


def test_a_ratio_knows_what_never_occurred_and_what_always_did():
    log_z = torch.randn(6, dtype=torch.float64, generator=generator())
    never, always = torch.full((6,), -torch.inf, dtype=torch.float64), log_z
    value, error = log_ratio(torch.stack([never, always], 1), log_z, unseen=0.1)
    assert value.tolist() == pytest.approx([-math.inf, 0.0])
    assert error.tolist() == pytest.approx([math.inf, 0.1])
    assert float(log_ratio(always, log_z)[1]) == 0
    dead = log_ratio(never, never)
    assert (float(dead[0]), float(dead[1])) == (-math.inf, math.inf)
    quarter = log_ratio(log_z - math.log(4), log_z, unseen=0.1)[1]
    assert float(quarter) == pytest.approx(0.2)


def test_values_of_paths_without_weight_do_not_count():
    weights = torch.tensor([[0.0, -torch.inf], [0.0, 0.0]]).double()
    values = torch.tensor([[[1.0], [torch.nan]], [[4.0], [4.0]]])
    mean, error = mean_ratio(weights, values)
    assert mean.tolist() == [3.0]
    assert error.isfinite().all()


def test_a_filter_rests_on_what_its_least_likely_observation_leaves():
    """Nothing restricts but the last symbol, of probability 1/1000 on every path."""
    table = torch.tensor([[[0.999, 0.001]]], dtype=torch.float64).log()
    problem = pose(MarkovTable(table), Evidence.free(2, 4).restrict(3, [1]), 0)
    cloud = particle_filter(problem, islands=32, particles=64, generator=generator())
    assert unseen(cloud) == pytest.approx(1000 / 2048)
    fine, reason = reliable(cloud.log_z, unseen=unseen(cloud))
    assert not fine
    assert "rests on 2 effective paths, where 5 would do" in reason


def test_what_was_enumerated_leaves_nothing_unseen():
    symbols, weights = torch.zeros(1, 1, 2).long(), torch.zeros(1, 1, dtype=torch.float64)
    assert unseen(Cloud(symbols, weights, exhaustive=True)) == 0
    assert unseen(Cloud(symbols, weights, support=torch.tensor([3.0, 0.0]))) == math.inf


def two_ways(rare, tiny):
    """Return a chain in which a late 1 has probability ``tiny``, but 0.9 after a rare 2."""
    start, other = [0.6, 0.4 - rare, rare], [0.7, tiny, 0.3 - tiny]
    rows = [other, other, [0.05, 0.9, 0.05], start]
    return MarkovTable(torch.tensor([rows], dtype=torch.float64).log())


@pytest.mark.parametrize("rare", [1e-2, 1e-3, 1e-4, 1e-5])
def test_an_observation_that_only_rare_paths_explain_is_never_called_reliable_and_wrong(rare):
    evidence = Evidence.free(3, 2, 1).restrict(1, [1])
    model = two_ways(rare, 1e-6)
    truth = math.log(rare * 0.9 + (1 - rare) * 1e-6)
    agreed = 0
    for seed in range(20):
        cloud = particle_filter(
            pose(model, evidence, 0), islands=32, particles=64, generator=generator(seed)
        )
        value, error = log_mean(cloud.log_z, unseen=unseen(cloud))
        agreed += float(log_mean(cloud.log_z)[1]) < LARGEST
        fine, _ = reliable(cloud.log_z, unseen=unseen(cloud))
        assert not fine or abs(float(value) - truth) < 4 * float(error)
    if rare < 1e-4:
        assert agreed > 15, "the islands alone would agree on the wrong value"


def test_few_islands_and_uneven_ones_and_dead_ones_are_not_trusted():
    even = torch.randn(32, dtype=torch.float64, generator=generator()) / 10
    assert reliable(even) == (True, "")
    assert "say too little of their spread" in reliable(even[: FEWEST - 1])[1]
    uneven = even.clone()
    uneven[3] += 5
    fine, reason = reliable(uneven)
    assert not fine
    assert "one of 32 islands holds" in reason
    assert reliable(torch.full((32,), -torch.inf)) == (False, "every path is dead")
    assert reliable(uneven, std_error=0.1)[0]
    assert not reliable(even, unseen=math.inf)[0]


def test_three_misses_bound_a_probability():
    assert log_upper(1000) == pytest.approx(math.log(3e-3), abs=2e-3)
    assert log_upper(1) == 0
    # A success of just this probability is missed by all with probability 0.05.
    assert (1 - math.exp(log_upper(1000))) ** 1000 == pytest.approx(0.05, rel=0.01)


def test_the_genealogy_of_one_filter_tells_its_variance():
    question = QUESTIONS["runs"]
    cloud = filtered(question, 4000, 48, 3, resampling="multinomial", threshold=1.0)
    assert cloud.resamplings.double().mean() > 1
    ratio = (cloud.log_z - question.log_z).exp()
    variance = ratio.var()
    # Z^2 times the estimate is nearly unbiased for the variance (Lee and Whiteley, Theorem 1).
    scaled = ratio**2 * genealogical_variance(cloud)
    used = ~scaled.isnan()
    assert used.double().mean() > 0.9
    error = scaled[used].std() / used.sum() ** 0.5 + (ratio - 1).square().std() / 4000**0.5
    assert abs(scaled[used].mean() - variance) < 5 * error
    one = filtered(question, 3, 16, threshold=0.0)
    weights = one.log_weights.exp() * 16
    plain = weights.var(1) / 16 / weights.mean(1) ** 2
    assert torch.allclose(genealogical_variance(one), plain)


def test_paths_of_one_eve_tell_nothing():
    cloud = Cloud(
        torch.zeros(2, 3, 1).long(),
        torch.zeros(2, 3, dtype=torch.float64),
        eves=torch.tensor([[1, 1, 1], [0, 1, 1]]),
        resamplings=torch.tensor([2, 1]),
    )
    assert genealogical_variance(cloud).isnan().tolist() == [True, False]
    assert (
        genealogical_variance(Cloud(torch.zeros(2, 1, 1).long(), torch.zeros(2, 1))).isnan().all()
    )


def random_question(chance):
    """Return a question of a chain of at most three symbols, seven positions and order five."""

    def below(count):
        return int(torch.randint(count, (1,), generator=chance))

    q, length = 2 + below(2), 2 + below(6)
    concentration = [0.15, 0.3, 0.6, 1.0, 2.0][below(5)]
    model = MarkovTable.random(
        q, 1 + below(min(length, 5)), 2, concentration=concentration, generator=chance
    )
    sets = torch.ones(length, q, dtype=torch.bool)
    for row, kind in zip(sets, torch.rand(length, generator=chance), strict=True):
        if kind < 0.35:
            row[:] = False
            row[below(q)] = True
        elif kind < 0.55 and q > 2:
            row[below(q)] = False
    often = Event.count([0], q, at_least=1 + below(3)) if below(4) == 0 else None
    return ask(model, Evidence.among(sets, 2), often)


@pytest.mark.slow
@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_intervals_of_what_is_called_reliable_cover_the_truth(threshold):
    chance, scores, asked = generator(21), [], 0
    while asked < 800:
        question = random_question(chance)
        if not len(question.problem.hidden) or not float(question.z) > 0:
            continue
        asked += 1
        cloud = particle_filter(
            question.problem, islands=32, particles=16, threshold=threshold, generator=chance
        )
        rest = unseen(cloud)
        value, error = log_mean(cloud.log_z, unseen=rest)
        if reliable(cloud.log_z, unseen=rest)[0]:
            scores.append((value - question.log_z) / error)
    scores = torch.stack(scores)
    assert len(scores) > 0.8 * asked
    assert 0.93 < (scores.abs() < 1.96).double().mean() < 0.97
    assert scores.mean().abs() < 4 / len(scores) ** 0.5
    assert (scores.abs() > 4).sum() <= 1
