"""Small models as Hypothesis draws them: frozen recipes, from which a test builds the model."""

from dataclasses import dataclass

import torch
from hypothesis import strategies as st

from autoreg.models.markov import MarkovTable
from autoreg.models.wavenet import WaveNet


@dataclass(frozen=True)
class MarkovRecipe:
    """A table of random rows."""

    num_symbols: int
    order: int
    num_conditions: int
    seed: int

    def build(self):
        generator = torch.Generator().manual_seed(self.seed)
        return MarkovTable.random(
            self.num_symbols, self.order, self.num_conditions, generator=generator
        )


@dataclass(frozen=True)
class WaveNetRecipe:
    """A WaveNet with every parameter random, in float64.

    Attributes:
        vectors: Conditions that replace those of the model; 0 leaves them.
        length: Positions that have features, where there are any.
    """

    num_symbols: int
    conditions: tuple[int, ...]
    gate: int | None
    kernel_size: int
    dilations: tuple[int, ...]
    input_kernel: int
    num_features: int
    vectors: int
    length: int
    seed: int

    def build(self):
        generator = torch.Generator().manual_seed(self.seed)
        with torch.random.fork_rng(devices=[]):
            model = WaveNet(
                self.num_symbols,
                conditions=self.conditions,
                residual=4,
                gate=self.gate,
                skip=6,
                hidden=5,
                kernel_size=self.kernel_size,
                dilations=self.dilations,
                input_kernel=self.input_kernel,
                condition_width=3,
                num_features=self.num_features,
            )
        model = randomise(model.double(), generator)
        if self.vectors and self.conditions:
            shape = (self.vectors, 3)
            model = model.with_conditions(
                torch.randn(shape, generator=generator, dtype=torch.float64)
            )
        if self.num_features:
            shape = (1, self.length, self.num_features)
            model = model.with_features(
                torch.randn(shape, generator=generator, dtype=torch.float64)
            )
        return model.eval()


def randomise(model, generator):
    """Give a model normal parameters, under which no unit is dead and no symbol is certain."""
    for parameter in model.parameters():
        with torch.no_grad():
            parameter.copy_(0.6 * torch.randn(parameter.shape, generator=generator))
    with torch.no_grad():
        model.stack.skip.bias += 2
        model.stack.hidden.bias += 2
        model.stack.output.weight *= 0.25
    return model


def markov_recipes():
    return st.builds(
        MarkovRecipe,
        num_symbols=st.integers(1, 4),
        order=st.integers(0, 3),
        num_conditions=st.integers(1, 5),
        seed=st.integers(0, 2**16),
    )


def wavenet_recipes():
    return st.builds(
        WaveNetRecipe,
        num_symbols=st.integers(2, 5),
        conditions=st.lists(st.integers(1, 3), max_size=3).map(tuple),
        gate=st.none() | st.integers(1, 5),
        kernel_size=st.integers(1, 3),
        dilations=st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple),
        input_kernel=st.integers(1, 3),
        num_features=st.sampled_from([0, 0, 1, 3]),
        vectors=st.sampled_from([0, 0, 1, 4]),
        length=st.integers(1, 9),
        seed=st.integers(0, 2**16),
    )


RECIPES = {MarkovTable: markov_recipes(), WaveNet: wavenet_recipes()}
"""For every model of the package, small ones like it."""
