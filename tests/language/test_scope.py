"""A name stands for one thing, in a known order."""

import numpy as np
import pytest
import torch

from autoreg.codecs.mulaw import MuLaw
from autoreg.conditions import ConditionSpace
from autoreg.data.plain import Plain
from autoreg.data.sound import Sound
from autoreg.events import Event
from autoreg.language.errors import QuestionError
from autoreg.language.parser import parse
from autoreg.language.places import Name, Position, Seconds, Symbols
from autoreg.language.scope import Scope

SPACE = ConditionSpace({"x": ("0", "1"), "digit": ("3", "t")})


def scope(values=None, loop=None, signal=None):
    return Scope(signal or Plain(5), SPACE, values or {}, loop or {})


@pytest.mark.parametrize(
    ("name", "values", "loop", "meaning"),
    [
        (Name("digit"), {}, {}, "factor"),
        (Name("digit"), {"digit": "a.png"}, {}, "signal"),
        (Name("digit"), {"digit": "a.png"}, {"digit": 3}, "number"),
        (Name("digit", quoted=True), {"digit": "a.png"}, {"digit": 3}, "factor"),
        (Name("x"), {}, {}, "signal"),
        (Name("x", quoted=True), {"x": "a.png"}, {}, "factor"),
        (Name("y"), {"y": np.zeros(3)}, {}, "signal"),
        (Name("y"), {"y": torch.zeros(3)}, {}, "signal"),
        (Name("y"), {"y": [1, 2]}, {}, "set"),
        (Name("y"), {"y": np.int64(7)}, {}, "number"),
        (Name("y"), {"y": Event.hit([0], 5)}, {}, "event"),
    ],
)
def test_a_bare_name_means_the_nearest_thing(name, values, loop, meaning):
    assert scope(values, loop).meaning(name) == meaning


def test_an_unknown_name_is_told_what_there_is():
    with pytest.raises(QuestionError, match="q is not known: the factors of the model are x, dig"):
        scope({"y": 1}).meaning(Name("q"))
    with pytest.raises(QuestionError, match="bound is t, y"):
        scope({"y": 1}, {"t": 2}).meaning(Name("q"))


@pytest.mark.parametrize(
    ("label", "found"), [("digit=3", "3"), ("digit=t", "3"), ('digit="t"', "t")]
)
def test_a_label_is_itself_or_the_value_of_the_loop(label, found):
    (term,) = parse(f"P({label})").form.asked
    assert scope(loop={"t": 3}).label(term) == ("digit", found)


def number(text):
    (place,) = parse(f"P(x[{text}])").form.asked
    (index,) = place.index
    return index


@pytest.mark.parametrize(
    ("text", "value"),
    [("3", 3), ("-1", -1), ("t + 2 - n", 5), ("-t", -7), ("0.5s - 0.25s", Seconds(0.25))],
)
def test_numbers_add_up(text, value):
    assert scope({"n": 4}, {"t": 7}).number(number(text)) == value


def test_seconds_are_rounded_to_samples():
    heard = Sound(1000, MuLaw(4))
    assert scope(signal=heard).count(number("0.2504s")) == 250
    assert scope(loop={"t": Seconds(0.01)}, signal=heard).count(number("t + 0.001s")) == 11


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("3", [3]),
        ("1..3", [1, 2, 3]),
        ("3..", [3, 4]),
        ("..1", [0, 1]),
        ("{4, 0..1, 1}", [0, 1, 4]),
        ("{}", []),
        ("{S, 2}", [0, 2, 4]),
        ("t", [3]),
    ],
)
def test_sets_are_unions(text, found):
    (term,) = parse(f"P(x in {text})").form.asked
    assert scope({"S": (0, 4)}, {"t": 3}).symbols(term.symbols) == found


@pytest.mark.parametrize("value", [range(2), {0, 1}, torch.tensor([0, 1]), np.array([1, 0])])
def test_any_collection_is_a_set(value):
    assert scope({"S": value}).symbols(Symbols((Name("S"),))) == [0, 1]


def test_what_is_no_set_is_refused():
    for value, message in (
        ("a.png", "S is no set of symbols"),
        (True, "S is no set of symbols"),
        ([0.5], r"symbols are 0\.\.4; S holds 0\.5"),
        ([-1], "S holds -1"),
    ):
        with pytest.raises(QuestionError, match=message):
            scope({"S": value}).symbols(Symbols((Name("S"),)))


def test_a_mask_is_a_name_that_is_no_number():
    assert scope().is_mask(number("mask")) == Name("mask")
    assert scope({"mask": 3}).is_mask(number("mask")) is None
    assert scope().is_mask(number("mask + 1")) is None
    assert scope().is_mask(Position(((True, Name("mask")),))) is None
