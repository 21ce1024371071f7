"""A model that is counted is the same model."""

import torch
from hypothesis import given

from autoreg import scoring
from autoreg.events import Rules
from autoreg.inference.meter import Metered
from autoreg.testing import check_sequence_model
from autoreg.walks.walking import walk
from tests.laws.recipes import MarkovRecipe, WaveNetRecipe, markov_recipes

MARKOV = MarkovRecipe(3, 2, 2, seed=1)
WAVENET = WaveNetRecipe(3, (2,), None, 2, (1, 2), 1, 0, 0, 9, seed=1)


@given(markov_recipes())
def test_a_metered_model_obeys_the_laws(recipe):
    check_sequence_model(Metered(recipe.build()))


def test_a_metered_model_is_as_large_as_the_model():
    model = WAVENET.build()
    metered = Metered(model)
    for name in ("num_symbols", "num_conditions", "order", "stationary", "length", "head"):
        assert getattr(metered, name) == getattr(model, name)
    assert scoring.chunk_length(metered, 3) == scoring.chunk_length(model, 3)
    unsaid = Metered(MARKOV.build())
    assert scoring.chunk_length(unsaid, 3) == scoring.chunk_length(unsaid.model, 3)


def test_a_metered_model_has_a_walk_of_its_own_where_the_model_does():
    assert hasattr(Metered(WAVENET.build()), "fast_walk")
    assert not hasattr(Metered(MARKOV.build()), "fast_walk")


def test_positions_are_counted_row_by_row():
    metered = Metered(MARKOV.build())
    assert (metered.stepped, metered.scored) == (0, 0)
    condition = torch.zeros(4, dtype=torch.int64)
    state = metered.start(condition)
    assert (metered.stepped, metered.scored) == (0, 0)
    _, state = metered.read(state, torch.zeros(4, 0, dtype=torch.int64))
    assert (metered.stepped, metered.scored) == (0, 0)
    _, state = metered.read(state, torch.zeros(4, 5, dtype=torch.int64))
    assert (metered.stepped, metered.scored) == (0, 20)
    state = metered.step(state, torch.zeros(4, dtype=torch.int64))
    metered.step(state.at(torch.tensor([0, 1, 1])), torch.zeros(3, dtype=torch.int64))
    assert (metered.stepped, metered.scored) == (7, 20)
    metered.log_probs(torch.zeros(4, 2, dtype=torch.int64), condition)
    assert (metered.stepped, metered.scored) == (7, 28)


def test_a_walk_steps_once_for_each_path_and_position():
    metered = Metered(MARKOV.build())
    uniforms = torch.rand(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    walk(metered, metered.start(torch.zeros(5, dtype=torch.int64)), Rules.free(3, 3), uniforms)
    assert (metered.stepped, metered.scored) == (15, 0)
