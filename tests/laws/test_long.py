"""Samplers at full length, against a dynamic programme that is exact there."""

import pytest
import torch

from autoreg.evidence import Evidence
from autoreg.inference.chains import mix
from autoreg.inference.effort import Effort
from autoreg.inference.exact import dynamic_programme
from autoreg.inference.problem import pose
from autoreg.inference.solution import work_out
from autoreg.queries.sampling import sample
from tests.laws.recipes import WaveNetRecipe

LENGTH = 784


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def case():
    """A WaveNet of order 12, one of its sequences seen at one position in ten, and the truth."""
    model = WaveNetRecipe(2, (3,), None, 2, (1, 2, 4, 3), 2, 0, 0, 0, 3).build()
    assert model.order == 12
    symbols = sample(model, 1, length=LENGTH, generator=chance()).symbols[0]
    seen = torch.rand(LENGTH, generator=chance(1)) < 0.1
    seen[-1] = True
    known = Evidence.observe(symbols, 2, where=seen, num_conditions=3)
    lattices = [dynamic_programme(pose(model, known, condition)) for condition in range(3)]
    return model, known, lattices


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"method": "importance"},
        {"method": "twisted"},
        *(
            {"method": "particles", "resampling": name, "threshold": threshold}
            for name in ("systematic", "stratified", "residual", "multinomial")
            for threshold in (0.5, 1.0)
        ),
    ],
)
def test_evidence_at_full_length_is_that_of_the_dynamic_programme(case, options):
    model, known, lattices = case
    effort = Effort(**options, islands=64, particles=16, growth=1)
    found = work_out(model, known, effort, generator=chance(2)).log_joint
    truth = torch.tensor([float(lattice.log_z) for lattice in lattices]).double()
    gaps = (found - (truth - torch.tensor(3.0).double().log())[:, None]).exp()
    z = (gaps.mean(1) - 1) / (gaps.std(1) / 8)
    assert float(z.abs().max()) < 4


@pytest.mark.slow
def test_chains_at_full_length_keep_the_marginals_of_the_dynamic_programme(case):
    model, known, lattices = case
    problem = pose(model, known, 0)
    start = lattices[0].draws(400, generator=chance(3)).symbols[0]
    paths = mix(problem, start, sweeps=1, particles=4, blocks=8, generator=chance(4)).last
    assert bool((paths != start).any(1).double().mean() > 0.9)
    share = lattices[0].marginals().exp()[:, 1]
    hidden = (share > 0.01) & (share < 0.99)
    z = (paths.double().mean(0) - share) / (share * (1 - share) / 400).sqrt()
    # Of some 700 positions the largest is expected near 3.3.
    assert float(z[hidden].abs().max()) < 4.8
