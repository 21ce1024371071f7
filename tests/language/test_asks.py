"""A Density can be asked all that questions ask."""

import inspect

import pytest

from autoreg.density import Density
from autoreg.language.asks import Asks

METHODS = [name for name, _ in inspect.getmembers(Asks, inspect.isfunction) if name[0] != "_"]


@pytest.mark.parametrize("name", METHODS)
def test_density_takes_what_questions_pass(name):
    takes = inspect.signature(getattr(Density, name)).parameters
    for parameter in inspect.signature(getattr(Asks, name)).parameters:
        assert parameter in takes


def test_density_says_what_questions_look_at():
    names = {name for name, _ in inspect.getmembers(Asks, lambda one: isinstance(one, property))}
    assert names == {"signal", "space", "memory"}
    assert names <= set(Density.__dataclass_fields__)
