"""Resampling: as many offspring as weights say, and the law given that one path is kept."""

import itertools

import pytest
import torch

from autoreg.inference.resampling import (
    RESAMPLINGS,
    conditional_resampling,
    find_resampling,
    stratified,
    systematic,
)
from tests.oracles import assert_drawn_from

NAMES = sorted(RESAMPLINGS)
WEIGHTS = {
    "uneven": [0.5, 0.3, 0.15, 0.04, 0.01],
    "equal": [0.2] * 5,
    "one": [0.0, 0.0, 1.0, 0.0, 0.0],
    "zeros": [0.0, 0.55, 0.0, 0.45, 0.0],
    "whole": [0.4, 0.2, 0.0, 0.4, 0.0],
}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def logs(weights, rows=1):
    return torch.tensor(weights, dtype=torch.float64).log().expand(rows, -1)


def offspring(ancestors):
    count = ancestors.shape[1]
    return torch.nn.functional.one_hot(ancestors, count).sum(1).double()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", WEIGHTS)
def test_offspring_are_as_many_as_weights_say_on_average(name, kind):
    rows = 20_000
    found = offspring(RESAMPLINGS[name](logs(WEIGHTS[kind], rows), generator=generator()))
    expected = 5 * torch.tensor(WEIGHTS[kind], dtype=torch.float64)
    error = found.std(0) / rows**0.5
    assert ((found.mean(0) - expected).abs() <= 4 * error + 1e-9).all()
    assert (found[:, expected == 0] == 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_scale_of_each_row_does_not_count(name):
    weights = torch.randn(7, 6, dtype=torch.float64, generator=generator())
    shift = torch.linspace(-1e4, 1e4, 7, dtype=torch.float64)[:, None].round()
    plain = RESAMPLINGS[name](weights, generator=generator(1))
    assert torch.equal(RESAMPLINGS[name](weights + shift, generator=generator(1)), plain)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_without_weight_stays_as_it_is_and_moves_no_other(name):
    weights = torch.randn(4, 6, dtype=torch.float64, generator=generator())
    plain = RESAMPLINGS[name](weights, generator=generator(1))
    broken = weights.clone()
    broken[2] = -torch.inf
    found = RESAMPLINGS[name](broken, generator=generator(1))
    assert found[2].tolist() == [0, 1, 2, 3, 4, 5]
    assert torch.equal(found[[0, 1, 3]], plain[[0, 1, 3]])


def test_systematic_offspring_are_the_share_rounded_up_or_down():
    weights = torch.randn(500, 8, dtype=torch.float64, generator=generator())
    found = offspring(systematic(weights, generator=generator(1)))
    expected = 8 * weights.softmax(-1)
    assert (found >= (expected - 1e-9).floor()).all()
    assert (found <= (expected + 1e-9).ceil()).all()


@pytest.mark.parametrize("name", ["systematic", "stratified", "residual"])
def test_equal_weights_leave_every_path_one_offspring(name):
    found = RESAMPLINGS[name](torch.full((20, 9), -3.0), generator=generator())
    assert (offspring(found) == 1).all()


def test_schemes_rank_by_how_much_offspring_vary():
    weights = logs(WEIGHTS["uneven"], 20_000)
    spread = {
        name: float(offspring(RESAMPLINGS[name](weights, generator=generator())).var(0).sum())
        for name in NAMES
    }
    assert spread["systematic"] < spread["multinomial"]
    assert spread["stratified"] < spread["multinomial"]
    assert spread["residual"] < spread["multinomial"]


@pytest.mark.parametrize("name", NAMES)
def test_a_single_path_is_its_own_ancestor(name):
    assert (RESAMPLINGS[name](torch.zeros(3, 1), generator=generator()) == 0).all()
    assert (conditional_resampling(name, torch.zeros(3, 1), generator=generator()) == 0).all()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_what_is_no_weight_is_refused(bad):
    with pytest.raises(ValueError, match="log_weights need to be finite or -inf"):
        stratified(torch.tensor([[0.0, bad]]), generator=generator())


def test_an_unknown_scheme_is_refused_by_name():
    message = "one of systematic, stratified, residual, multinomial; got 'best'"
    with pytest.raises(ValueError, match=message):
        find_resampling("best")
    with pytest.raises(ValueError, match=message):
        conditional_resampling("best", torch.zeros(1, 2))


# The law given that slot 0 descends from the kept path, from first principles: three weights that
# are multiples of 1/12, so that systematic resampling has 12 distinct outcomes of its uniform.
TWELFTHS = torch.tensor([5.0, 4.0, 3.0], dtype=torch.float64)


def independent_offspring(name, order):
    """Return (chance, laws): laws (N, N) of N independent offspring, of paths in an order."""
    weights = TWELFTHS / 12
    if name == "multinomial":
        return [(1.0, weights.repeat(3, 1))]
    fine = torch.repeat_interleave(order, TWELFTHS[order].long())
    strata = torch.nn.functional.one_hot(fine, 3).double().reshape(3, 4, 3)
    if name == "stratified":
        return [(1.0, strata.mean(1))]
    if name == "systematic":
        return [(0.25, strata[:, tooth]) for tooth in range(4)]
    # Of weights 5, 4 and 3 of 12: one, one and none for certain, the last by fractions 1 and 3.
    certain = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.25, 0.0, 0.75]]
    return [(1.0, torch.tensor(certain, dtype=torch.float64))]


def conditional_law(name, kept):
    """Return the probability of every ancestor vector whose slot 0 descends from ``kept``."""
    law = torch.zeros(3, 3, 3, dtype=torch.float64)
    orders = [torch.tensor(order) for order in itertools.permutations(range(3))]
    for paths, slots in itertools.product(orders, orders):
        for chance, laws in independent_offspring(name, paths):
            one, two, three = laws[slots]
            law += chance / 36 * one[:, None, None] * two[:, None] * three
    assert torch.allclose(law.sum((1, 2)), TWELFTHS / 12)
    return law[kept] / law[kept].sum()


def counted(ancestors):
    cells = torch.zeros(9).index_add(
        0, 3 * ancestors[:, 1] + ancestors[:, 2], torch.ones(len(ancestors))
    )
    return cells.reshape(3, 3)


@pytest.mark.parametrize("kept", [0, 1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_ancestors_given_a_kept_path_have_the_conditional_law(name, kept):
    rows = 20_000
    found = conditional_resampling(
        name,
        (TWELFTHS / 12).log().expand(rows, -1) - 5,
        kept=torch.full((rows,), kept),
        generator=generator(),
    )
    assert (found[:, 0] == kept).all()
    assert_drawn_from(counted(found), conditional_law(name, kept))


def overwritten(log_weights, generator):
    """Resample all by the systematic scheme, then overwrite slot 0."""
    found = systematic(log_weights, generator=generator)
    found[:, 0] = 0
    return found


def appended(log_weights, generator):
    """Draw N - 1 offspring by the systematic scheme; slot 0 keeps its own."""
    rows, count = log_weights.shape
    comb = torch.arange(count - 1) + torch.rand(rows, 1, dtype=torch.float64, generator=generator)
    cumulative = log_weights.softmax(-1).cumsum(-1)
    found = torch.searchsorted(cumulative, comb / (count - 1), right=True).clamp_max(count - 1)
    return torch.cat([torch.zeros(rows, 1, dtype=torch.int64), found], 1)


@pytest.mark.parametrize("wrong", [overwritten, appended])
def test_wrong_ways_to_keep_a_path_have_another_law(wrong):
    found = wrong((TWELFTHS / 12).log().expand(20_000, -1), generator())
    with pytest.raises(AssertionError):
        assert_drawn_from(counted(found), conditional_law("systematic", 0))


@pytest.mark.parametrize("name", NAMES)
def test_rows_of_all_kinds_are_resampled_at_once(name):
    weights = torch.randn(50, 7, dtype=torch.float64, generator=generator())
    weights[:, 3] = -torch.inf
    kept = torch.tensor([0, 1, 2, 4, 5, 6, 0, 1, 2, 6]).repeat(5)
    found = conditional_resampling(name, weights, kept=kept, generator=generator(1))
    assert torch.equal(found[:, 0], kept)
    assert ((found >= 0) & (found < 7) & (found != 3)).all()


def test_a_kept_path_without_weight_is_refused():
    with pytest.raises(ValueError, match="the path that is kept needs a weight"):
        conditional_resampling("systematic", torch.tensor([[-torch.inf, 0.0]]))
