"""Which walk serves a model."""

import inspect

import pytest
import torch

from autoreg.events import Rules
from autoreg.models.markov import MarkovTable
from autoreg.walks import reference
from autoreg.walks.request import Walk
from autoreg.walks.walking import walk
from tests.walks.recipes import AskRecipe, NetRecipe, assert_same, outcome


class Bringing:
    """A model that brings a walk, and keeps what it was asked."""

    def __init__(self, model, answer):
        self.model, self.answer, self.asked = model, answer, []

    def __getattr__(self, name):
        return getattr(self.model, name)

    def fast_walk(self, asked):
        self.asked.append(asked)
        return self.answer


@pytest.fixture
def table():
    return MarkovTable.random(3, 1, generator=torch.Generator().manual_seed(0))


def chance(count=4, length=5):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, length, dtype=torch.float64, generator=generator)


def begin(model, count=4):
    return model.start(torch.zeros(count, dtype=torch.int64))


def test_a_walk_that_a_model_brings_is_taken(table):
    answer = Walk(torch.zeros(4, 5).long(), torch.zeros(4, 5), begin(table), torch.zeros(4), 5)
    model = Bringing(table, answer)
    weights, forced = torch.arange(4.0), torch.full((4, 5), -1)
    got = walk(
        model,
        begin(table),
        Rules.free(3, 5),
        chance(),
        path=forced,
        groups=2,
        log_weights=weights,
        min_ess=0.5,
        temperature=0.7,
        top_p=0.9,
    )
    assert got is answer
    (asked,) = model.asked
    assert torch.equal(asked.rule_state, torch.zeros(4, dtype=torch.int64))
    assert torch.equal(asked.log_weights, weights.double())
    assert torch.equal(asked.path, forced)
    assert torch.equal(asked.uniforms, chance())
    assert asked[5:6] + asked[7:] == (2, 0.5, 0.7, 0.9)


def test_the_reference_serves_where_no_other_walk_does(table):
    model = Bringing(table, None)
    got = walk(model, begin(table), Rules.free(3, 5), chance())
    assert len(model.asked) == 1
    assert_same(got, walk(table, begin(table), Rules.free(3, 5), chance()), 0.0)
    assert_same(got, reference.walk(table, model.asked[0]), 0.0)


def test_nothing_is_asked_that_makes_no_sense(table):
    model = Bringing(table, None)
    with pytest.raises(ValueError, match="4 paths do not make 3 equal groups"):
        walk(model, begin(table), Rules.free(3, 5), chance(), groups=3)
    assert not model.asked


def test_a_wavenet_is_walked_by_its_own_walk(monkeypatch):
    model = NetRecipe().build()
    asked = AskRecipe(rows=4, length=6, states=2, density=0.8, forced=0.5, least=0.2).build(model)
    options = {
        name: getattr(asked, name)
        for name, parameter in inspect.signature(walk).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    wanted = outcome(reference.walk, model, asked)

    def refuse(*arguments):
        raise AssertionError("the reference was asked")

    monkeypatch.setattr(reference, "walk", refuse)
    assert_same(
        outcome(lambda: walk(model, asked.state, asked.rules, asked.uniforms, **options)), wanted
    )
