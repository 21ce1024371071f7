import math

import pytest
import torch

from autoreg.models.mixture import Mixture
from autoreg.models.wavenet import WaveNet
from tests.laws.recipes import randomise
from tests.oracles import every


def part(seed, **changes):
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(
            **{"num_symbols": 2, "conditions": (2,), **changes},
            dilations=[1],
            residual=3,
            skip=3,
            hidden=3,
            condition_width=2,
        )
    return randomise(model.double().eval(), torch.Generator().manual_seed(seed))


ORDERS = torch.tensor([[0, 1, 2, 3], [3, 1, 0, 2]])


def mixture(**changes):
    return Mixture({"one": part(0), "two": part(1)}, ORDERS, **changes)


def total(model, symbols, condition):
    with torch.no_grad():
        return model.read(model.start(condition), symbols)[0].sum(1)


@pytest.mark.parametrize("weights", [None, [0.2, 0.8]])
def test_a_mixture_is_the_weighted_mean_of_its_parts_in_their_orders(weights):
    logs = None if weights is None else torch.tensor(weights, dtype=torch.float64).log()
    both, symbols = mixture(log_weights=logs), every(2, 4)
    shares = weights or [0.5, 0.5]
    for label in (0, 1):
        condition = torch.full((16,), label)
        one, two = (
            total(model, symbols[:, order], condition).exp()
            for model, order in zip(both.parts, ORDERS, strict=True)
        )
        found = total(both, symbols, condition)
        assert torch.allclose(found.exp(), shares[0] * one + shares[1] * two, rtol=1e-12)
        assert abs(float(found.logsumexp(0))) < 1e-10


def test_all_is_in_the_last_factor_for_no_other_is_one():
    both = mixture()
    with torch.no_grad():
        factors, state = both.read(both.start(torch.tensor([1])), torch.tensor([[0, 1, 1, 0]]))
    assert factors[0, :3].tolist() == [0, 0, 0]
    assert float(factors[0, 3]) < 0
    with pytest.raises(ValueError, match="a beginning needs one order"):
        both.read(state, torch.tensor([[0, 1, 1, 0]]))


def test_nothing_read_is_certain():
    both = mixture()
    state = both.start(torch.tensor([0, 1]))
    factors, same = both.read(state, torch.zeros(2, 0, dtype=torch.int64))
    assert factors.shape == (2, 0)
    assert same is state


@pytest.mark.parametrize(
    "use",
    [
        lambda both, state: both.read(state, torch.tensor([[0, 1]])),
        lambda both, state: both.step(state, torch.tensor([0])),
        lambda both, state: both.log_probs(torch.zeros(1, 4).long(), torch.tensor([0])),
    ],
)
def test_what_goes_along_an_order_is_refused(use):
    both = mixture(factor="voice")
    with pytest.raises(
        ValueError, match=r"mixture over the voices one, two\. .* --given voice=one"
    ):
        use(both, both.start(torch.tensor([0])))


def test_a_mixture_says_what_its_parts_are():
    both = mixture()
    assert (both.num_symbols, both.num_conditions, both.length) == (2, 2, 4)
    assert (both.order, both.stationary) == (None, False)
    assert both.floats_per_symbol == both.parts[0].floats_per_symbol
    assert both.head.num_symbols == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Mixture({}, ORDERS), "a mixture needs a part; got none"),
        (lambda: Mixture({"one": part(0)}, ORDERS), "a permutation of 4 positions for each of 1"),
        (
            lambda: Mixture({"one": part(0), "two": part(1)}, ORDERS.clamp(max=2)),
            "a permutation of 4 positions for each of 2 parts",
        ),
        (
            lambda: Mixture({"one": part(0), "two": part(1, num_symbols=3)}, ORDERS),
            "parts need the same symbols, conditions and length, 4; got",
        ),
        (
            lambda: mixture(log_weights=torch.tensor([0.0, 0.0])),
            "2 numbers whose exponentials add up to one; got",
        ),
        (
            lambda: mixture(log_weights=torch.tensor([-math.inf, -math.inf])),
            "log_weights need 2 numbers",
        ),
    ],
)
def test_what_makes_no_mixture_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
