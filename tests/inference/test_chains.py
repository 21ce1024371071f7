import math

import pytest
import torch

from autoreg.inference.chains import beginnings, mix, r_hat
from autoreg.inference.cloud import Cloud
from autoreg.inference.kernels import Moved
from autoreg.inference.particles import particle_filter
from autoreg.inference.problem import pose
from tests.inference.invariance import FAST, SAME, cases, largest_z, markov, seen

CASES = cases()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    "kernels",
    [
        {"particles": 3, "blocks": 2, "gibbs": True},
        {"particles": 4, "blocks": 0, "resampling": "multinomial"},
        {"particles": 0, "blocks": 3},
    ],
)
@pytest.mark.parametrize("name", ["observed", "event"])
def test_a_mixture_leaves_the_posterior_as_it_is(name, kernels):
    def kernel(problem, paths, generator):
        chains = mix(problem, paths, sweeps=2, generator=generator, **kernels)
        return Moved(chains.last, chains.changed.mean(-1))

    assert largest_z(CASES[name], kernel, FAST) < SAME


def test_chains_from_anywhere_forget_it():
    given = CASES["uneven"]
    start = given.paths[-1:].expand(4_000, -1)
    chains = mix(given.problem, start, sweeps=12, particles=4, gibbs=True, generator=generator())
    assert chains.paths.shape == (4_000, 12, 4)
    truth = float(given.probs[given.paths[:, 0] == 0].sum())
    share = float((chains.last[:, 0] == 0).double().mean())
    assert abs(share - truth) < 4.5 * math.sqrt(truth * (1 - truth) / 4_000)


def test_chains_that_mix_have_an_r_hat_of_one_and_others_more():
    given = CASES["uneven"]
    starts = given.paths[torch.arange(8) % len(given.paths)]
    chains = mix(given.problem, starts, sweeps=120, particles=4, blocks=1, generator=generator())
    mixed = r_hat((chains.paths[..., 0] == 0).double())
    assert 0.99 < float(mixed) < 1.05
    noise = 0.1 * torch.rand(8, 120, generator=generator(), dtype=torch.float64)
    apart = r_hat((starts[:, 0] == 0).double()[:, None] + noise)
    assert float(apart) > 2


def test_r_hat_is_the_formula():
    samples = torch.randn(3, 9, 2, generator=generator(), dtype=torch.float64)
    halves = [chain for piece in (samples[:, 1:5], samples[:, 5:]) for chain in piece]
    for column in range(2):
        means = [float(half[:, column].mean()) for half in halves]
        within = sum(float(half[:, column].var()) for half in halves) / 6
        centre = sum(means) / 6
        between = sum((mean - centre) ** 2 for mean in means) / 5
        truth = math.sqrt((3 / 4 * within + between) / within)
        assert math.isclose(float(r_hat(samples)[column]), truth, rel_tol=1e-12)


def test_r_hat_of_constants():
    same = torch.ones(2, 4, dtype=torch.float64)
    assert float(r_hat(same)) == 1
    assert float(r_hat(same * torch.tensor([[1.0], [2.0]]))) == math.inf
    with pytest.raises(ValueError, match=r"4 samples or more; got \(2, 3\)"):
        r_hat(same[:, :3])


def test_beginnings_count_first_ancestors_by_weight():
    symbols, equal = torch.zeros(2, 2, 3, dtype=torch.int64), torch.zeros(2, 2).double()
    assert beginnings(Cloud(symbols, equal)) == pytest.approx(4)
    merged = torch.tensor([[1, 1], [0, 1]])
    assert beginnings(Cloud(symbols, equal, eves=merged)) == pytest.approx(1 / 0.375)
    assert beginnings(Cloud(symbols, equal - torch.inf)) == 0


def test_paths_merge_on_a_long_way_and_mixing_parts_them():
    symbols = [None, None, None, 1] * 12
    problem = pose(markov(2, 2, 1), seen(2, symbols), 0)
    cloud = particle_filter(problem, islands=1, particles=8, threshold=1.0, generator=generator())
    assert 1 <= beginnings(cloud) < 3
    picked = torch.multinomial(cloud.shares.exp(), 8, replacement=True, generator=generator())
    paths = cloud.paths[picked]
    moved = mix(problem, paths, sweeps=3, particles=4, generator=generator()).last
    assert len(moved[:, :7].unique(dim=0)) > len(paths[:, :7].unique(dim=0))


def test_refuses_to_mix_by_nothing():
    given = CASES["event"]
    with pytest.raises(ValueError, match="a sweep and particles"):
        mix(given.problem, given.paths, sweeps=0)
    with pytest.raises(ValueError, match="0 particles and 0 blocks"):
        mix(given.problem, given.paths, sweeps=1, particles=0, blocks=0)
