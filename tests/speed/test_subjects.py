import pytest
import torch

from autoreg import scoring
from autoreg.speed.subjects import SUBJECTS, multiplications, sequences, subject, weight_bytes

MFLOP = {"A": 2.72, "B": 0.80, "C": 2.47}
"""By hand, from the widths; what the first filter multiplies is up to 0.02 of it."""


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_position_multiplies_as_much_as_it_should(name):
    model = subject(name)
    assert 2e-6 * multiplications(model) == pytest.approx(MFLOP[name], abs=0.02)
    assert weight_bytes(model) == 4 * multiplications(model)
    assert weight_bytes(model.bfloat16()) == 2 * multiplications(model)


@pytest.mark.parametrize("name", SUBJECTS)
def test_no_weight_is_zero_and_the_seed_decides(name):
    model, again, other = subject(name), subject(name), subject(name, seed=1)
    for mine, same, different in zip(
        model.parameters(), again.parameters(), other.parameters(), strict=True
    ):
        assert torch.equal(mine, same)
        assert not torch.equal(mine, different)
        assert (mine != 0).float().mean() > 0.999


def test_predictions_are_neither_uniform_nor_certain():
    model = subject("A")
    symbols, condition = sequences(model, 2, 64)
    factors = scoring.log_factors(model, symbols, condition)
    assert factors.std() > 0.1
    assert factors.exp().max() < 0.99


def test_sequences_are_of_the_model(tiny):
    symbols, condition = sequences(tiny, 3, 50)
    assert symbols.shape == (3, 50)
    assert (int(symbols.min()), int(symbols.max())) == (0, 3)
    assert condition.tolist() == [0, 1, 0]
