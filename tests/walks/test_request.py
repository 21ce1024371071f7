"""What a walk is asked, filled in and checked."""

import math

import pytest
import torch

from autoreg.events import Rules
from autoreg.protocol import State
from autoreg.walks.request import check_chance, refuse_forced, request

DEFAULTS = {
    "rule_state": None,
    "path": None,
    "groups": 1,
    "log_weights": None,
    "min_ess": 0.0,
    "temperature": 1.0,
    "top_p": 1.0,
}


def state(count=4):
    return State(torch.zeros(count, 3), (torch.arange(count),))


def uniforms(count=4, length=2):
    return torch.zeros(count, length, dtype=torch.float64)


def test_what_is_left_out_is_filled_in():
    begin, rules, chance = state(), Rules.free(3, 2), uniforms()
    asked = request(3, begin, rules, chance, **DEFAULTS)
    assert asked.state is begin
    assert torch.equal(asked.uniforms, chance)
    assert torch.equal(asked.rule_state, torch.zeros(4, dtype=torch.int64))
    assert torch.equal(asked.log_weights, torch.zeros(4, dtype=torch.float64))
    assert (asked.rule_state.dtype, asked.log_weights.dtype) == (torch.int64, torch.float64)
    assert asked.path is None
    assert asked[5:6] + asked[7:] == (1, 0.0, 1.0, 1.0)


def test_what_is_given_is_kept():
    given = {
        "rule_state": torch.tensor([0, 1, 1, 0]),
        "path": torch.tensor([[0, -1]] * 4),
        "groups": 2,
        "log_weights": torch.tensor([0.0, -1.0, -math.inf, 2.0]),
        "min_ess": 1.5,
        "temperature": 0.5,
        "top_p": 0.25,
    }
    rules = Rules(
        torch.zeros(2, 3, dtype=torch.int64),
        torch.zeros(2, 2, dtype=torch.int64),
        torch.ones(1, 3, dtype=torch.bool),
        torch.zeros(2, 3, dtype=torch.float64),
    )
    asked = request(3, state(), rules, uniforms(), **given)
    assert torch.equal(asked.rules.log_value, rules.log_value)
    for name, value in given.items():
        kept = getattr(asked, name)
        assert torch.equal(kept, value.to(kept.dtype)) if torch.is_tensor(value) else kept == value
    assert asked.log_weights.dtype == torch.float64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": 3}, "4 paths do not make 3 equal groups"),
        ({"groups": 0}, "4 paths do not make 0 equal groups"),
        ({"groups": -2}, "4 paths do not make -2 equal groups"),
        ({"rule_state": torch.zeros(3).long()}, r"rule_state needs shape \(4,\).*got \(3,\)"),
        ({"log_weights": torch.zeros(4, 1)}, r"log_weights needs shape \(4,\).*got \(4, 1\)"),
        ({"path": torch.zeros(4, 3).long()}, r"path needs shape \(4, 2\).*got \(4, 3\)"),
        ({"rules": Rules.free(3, 3)}, "speak of 2 positions.*3 symbols; got 3 and 3"),
        ({"rules": Rules.free(4, 2)}, "of 3 symbols; got 2 and 4"),
        ({"state": state(3)}, "a row for each of 3 paths; got 4"),
        ({"temperature": 0.0}, r"temperature needs to be above 0.*got 0\.0"),
        ({"top_p": 1.01}, r"top_p needs to lie within \(0, 1\]"),
    ],
)
def test_what_does_not_fit_is_refused(changes, message):
    begin, rules = changes.pop("state", state()), changes.pop("rules", Rules.free(3, 2))
    with pytest.raises(ValueError, match=message):
        request(3, begin, rules, uniforms(), **DEFAULTS | changes)


@pytest.mark.parametrize("temperature", [-1.0, 0.0, math.inf, math.nan])
def test_temperatures_by_which_nothing_can_be_drawn_are_refused(temperature):
    with pytest.raises(ValueError, match="A small one favours the likeliest"):
        check_chance(temperature, 1.0)


@pytest.mark.parametrize("top_p", [-0.5, 0.0, 1.5, math.nan])
def test_nuclei_that_hold_nothing_or_too_much_are_refused(top_p):
    with pytest.raises(ValueError, match="top_p needs to lie within"):
        check_chance(1.0, top_p)


@pytest.mark.parametrize(("temperature", "top_p"), [(5e-324, 1e-300), (1e300, 1.0)])
def test_the_rest_is_chance(temperature, top_p):
    check_chance(temperature, top_p)


def test_a_refused_symbol_is_named_with_its_place():
    with pytest.raises(
        ValueError, match="path forces symbol 7 at position 3 of row 2, where the rules do not"
    ):
        refuse_forced(7, 3, 2)
