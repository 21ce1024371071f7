"""Which symbol a uniform stands for."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.walks.inversion import invert

BELOW_1 = 1 - 2**-53


def logs(*masses):
    return torch.tensor(masses, dtype=torch.float64).log()


@pytest.mark.parametrize(
    ("uniform", "symbol"),
    [
        (0.0, 1),
        (0.25 - 2**-54, 1),
        (0.25, 3),
        (0.5 - 2**-53, 3),
        (0.5, 4),
        (BELOW_1, 4),
        (1.0, 4),
    ],
)
def test_symbol_is_the_first_whose_cumulative_mass_exceeds_the_uniform(uniform, symbol):
    masses = logs(0, 0.25, 0, 0.25, 0.5, 0)
    assert int(invert(masses, torch.tensor(uniform, dtype=torch.float64))) == symbol


@given(
    masses=st.lists(st.integers(0, 9), min_size=1, max_size=6).filter(any),
    part=st.integers(0, 2**20 - 1),
    scale=st.integers(-300, 300),
)
def test_inversion_is_that_of_exact_arithmetic(masses, part, scale):
    # Whole numbers over a power of two are exact, so there is no doubt at an edge.
    threshold = part * sum(masses)
    sums = [sum(masses[: symbol + 1]) for symbol in range(len(masses))]
    wanted = next(symbol for symbol, total in enumerate(sums) if total * 2**20 > threshold)
    apart = min(abs(total * 2**20 - threshold) for total in sums)
    drawn = int(invert(logs(*masses) + scale, torch.tensor(part / 2**20)))
    # exp and log round: at an edge itself either neighbour with mass may come out.
    assert drawn == wanted or (apart == 0 and masses[drawn] > 0 and abs(drawn - wanted) <= 6)


@given(data=st.data())
def test_a_symbol_without_mass_is_never_drawn(data):
    masses = data.draw(st.lists(st.sampled_from([0.0, 1e-300, 0.1, 1.0]), min_size=1).filter(any))
    uniform = data.draw(st.floats(0, 1))
    drawn = int(invert(logs(*masses), torch.tensor(uniform, dtype=torch.float64)))
    assert masses[drawn] > 0


def test_masses_need_no_scale():
    masses = logs(0.2, 0.3, 0.5)
    generator = torch.Generator().manual_seed(0)
    uniforms = torch.rand(101, dtype=torch.float64, generator=generator)
    wanted = invert(masses.expand(101, -1), uniforms)
    for shift in (-5000.0, 5000.0):
        assert torch.equal(invert((masses + shift).expand(101, -1), uniforms), wanted)


def test_a_row_without_mass_gives_0():
    nothing = torch.full((2, 3), -math.inf)
    assert invert(nothing, torch.tensor([0.0, 0.9])).tolist() == [0, 0]


def test_leading_axes_are_kept():
    masses = torch.zeros(4, 3, 2)
    assert invert(masses, torch.full((4, 3), 0.75)).shape == (4, 3)
    assert invert(masses[:0], torch.zeros(0, 3)).shape == (0, 3)
