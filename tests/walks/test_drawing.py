"""Compiled draws against heads, inversion and the reference's rules."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.events import Rules
from autoreg.models.heads import Categorical
from autoreg.protocol import State
from autoreg.walks import reference
from autoreg.walks.drawing import Tables, draw
from autoreg.walks.request import request
from tests.walks.recipes import outcome

PLACES = 16
"""What numbers of symbols are filled up to here: whole vectors of any type on any machine."""


@dataclass(frozen=True)
class Still:
    """A model that forgets everything: its logits never change."""

    num_symbols: int

    @property
    def head(self):
        return Categorical(self.num_symbols)

    def step(self, state, symbols):
        return state


@dataclass(frozen=True)
class Draw:
    """One draw, as numbers that need no rounding; ``steps`` of a quarter make up the logits."""

    steps: tuple[int, ...]
    allowed: tuple[bool, ...]
    potentials: tuple[float, ...] | None
    temperature: float
    top_p: float
    uniform: float
    forced: int

    def build(self):
        count = len(self.steps)
        logits = torch.tensor([self.steps], dtype=torch.float64) / 4
        # Symbol v leads into state v, where it weighs what the potential says.
        rules = Rules(
            torch.arange(count).expand(count, -1).contiguous(),
            torch.zeros(count, 1, dtype=torch.int64),
            torch.tensor([self.allowed[:count]]),
            None
            if self.potentials is None
            else torch.tensor(self.potentials[: 2 * count], dtype=torch.float64).reshape(-1, 2),
        )
        return logits, rules


@st.composite
def draws(drawn):
    count = drawn(st.integers(1, 9))

    def many(values, length):
        return st.lists(values, min_size=length, max_size=length).map(tuple)

    values = st.sampled_from([-math.inf, -1.0, 0.0, 0.5, 3.0])
    return Draw(
        steps=drawn(many(st.integers(-8, 8), count)),
        allowed=drawn(many(st.booleans(), count)),
        potentials=drawn(st.none() | many(values, 2 * count)),
        temperature=drawn(st.sampled_from([1.0, 1.0, 0.3, 4.0])),
        # No sum of a few likely symbols comes to these.
        top_p=drawn(st.sampled_from([1.0, 1.0, 0.3141592, 0.8765432])),
        uniform=drawn(st.integers(0, 2**20 - 1)) / 2**20 + 2**-30,
        forced=drawn(st.sampled_from([-1, -1, -1, 0, 1, 20])),
    )


def tables(rules, temperature=1.0, top_p=1.0):
    value = rules.log_value
    return Tables(
        rules.next.numpy(),
        rules.which.numpy(),
        rules.sets.numpy(),
        rules.sets.all(1).numpy(),
        np.zeros((0, 0)) if value is None else value.numpy(),
        temperature,
        top_p,
    )


def compiled(logits, rules, uniform, forced=-1, d=0, **options):
    """Return the symbol, the log mass, and whether the symbol was refused."""
    filled = np.full(-(-len(logits) // PLACES) * PLACES, -np.inf)
    filled[: len(logits)] = logits
    work = np.full((2, len(filled)), -np.inf)
    return draw(tables(rules, **options), filled, work, d, 0, uniform, forced)


@given(case=draws())
def test_a_compiled_draw_is_that_of_the_reference(case):
    logits, rules = case.build()
    options = {"temperature": case.temperature, "top_p": case.top_p}
    asked = request(
        len(case.steps),
        State(logits, ()),
        rules,
        torch.tensor([[case.uniform]], dtype=torch.float64),
        rule_state=None,
        path=torch.tensor([[case.forced]]),
        groups=1,
        log_weights=None,
        min_ess=0.0,
        **options,
    )
    symbol, log_mass, refused = compiled(
        logits[0].numpy(), rules, case.uniform, case.forced, **options
    )
    wanted = outcome(reference.walk, Still(len(case.steps)), asked)
    assert refused == isinstance(wanted, str)
    if not refused:
        assert log_mass == pytest.approx(float(wanted.log_mass), abs=1e-12)
        assert symbol == int(wanted.symbols)


@pytest.mark.parametrize(
    ("uniform", "symbol"), [(0.0, 0), (0.25 - 2**-54, 0), (0.25, 1), (0.5, 2), (1 - 2**-53, 3)]
)
def test_the_symbol_drawn_is_the_first_above_the_uniform(uniform, symbol):
    free = Rules.free(4, 1)
    assert compiled([0.0] * 4, free, uniform) == (symbol, 0.0, False)
    assert compiled([-7.0] * 4, free, uniform)[0] == symbol


@pytest.mark.parametrize("uniform", [0.0, 0.5 - 2**-54, 0.5, 1 - 2**-53, 1.0])
def test_what_has_no_weight_is_never_drawn(uniform):
    rules = Rules.among(torch.tensor([[False, True, False, True, False]]))
    symbol, log_mass, _ = compiled([9.0, 0.0, 5.0, 0.0, 9.0], rules, uniform)
    assert symbol == (1 if uniform < 0.5 else 3)
    total = 2 * math.exp(9) + math.exp(5) + 2
    assert log_mass == pytest.approx(math.log(2 / total), abs=1e-12)


def test_an_unlikely_set_keeps_its_law():
    # Beside the likeliest symbol both weights vanish; beside each other they do not.
    rules = Rules.among(torch.tensor([[False, True, True]]))
    logits = [0.0, -800.0, -800.0 + math.log(3)]
    assert compiled(logits, rules, 0.2)[0] == 1
    symbol, log_mass, _ = compiled(logits, rules, 0.3)
    assert symbol == 2
    assert log_mass == pytest.approx(-800 + math.log(4), abs=1e-12)


def test_nothing_allowed_is_a_mass_of_nothing():
    empty = Rules.among(torch.tensor([[False] * 3]))
    assert compiled([0.0, 1.0, 2.0], empty, 0.5) == (0, -math.inf, False)
    impossible = Rules.among(torch.tensor([[True, False, False]]))
    assert compiled([-math.inf, 1.0, 2.0], impossible, 0.5) == (0, -math.inf, False)


def test_the_mass_of_a_forced_symbol_is_that_of_its_set():
    rules = Rules.among(torch.tensor([[True, True, False, False]]))
    for forced in (0, 1):
        symbol, log_mass, refused = compiled([0.0] * 4, rules, 0.9, forced)
        assert (symbol, refused) == (forced, False)
        assert log_mass == pytest.approx(-math.log(2), abs=1e-15)
    for forced in (2, 4, 10**9):
        assert compiled([0.0] * 4, rules, 0.9, forced)[2]


def test_a_logit_that_is_no_number_makes_the_mass_none():
    free, some = Rules.free(3, 1), Rules.among(torch.tensor([[True, True, False]]))
    for place in range(3):
        logits = [0.0, 0.0, 0.0]
        logits[place] = math.nan
        assert math.isnan(compiled(logits, free, 0.5)[1])
        assert math.isnan(compiled(logits, some, 0.5)[1])
