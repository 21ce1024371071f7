"""Small models as Hypothesis draws them: frozen recipes, from which a test builds the model."""

from dataclasses import dataclass

import pytest
import torch
from hypothesis import strategies as st
from torch import nn

from autoreg.models.adapters import NextSymbolLogits
from autoreg.models.huggingface import CausalLM
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
    mixtures: int = 0
    scalar: bool = False

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
                mixtures=self.mixtures,
                scalar=self.scalar,
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


class Network(nn.Module):
    """A network as others write them: logits from symbols, and from a condition if there are any.

    Args:
        masked: Row t is about input t and sees those before it; else it is about the next one.
        taps: How many inputs a row sees; 0 is all of them, by a recurrent layer.
        positions: Positions that have a vector of their own; 0 is none.
    """

    def __init__(self, num_symbols, num_conditions, *, masked, taps, positions):
        super().__init__()
        self.masked, self.taps, self.positions = masked, taps, positions
        self.embedding = nn.Embedding(num_symbols + 1, 3)
        self.condition = nn.Embedding(num_conditions, 3)
        self.position = nn.Embedding(max(1, positions), 3)
        self.past = nn.Conv1d(3, 3, taps) if taps else nn.GRU(3, 3, batch_first=True)
        self.dropout = nn.Dropout(0.5)
        self.output = nn.Linear(3, num_symbols)

    def forward(self, symbols, condition=None):
        inputs = self.embedding(symbols)
        if self.masked:
            inputs = nn.functional.pad(inputs, (0, 0, 1, 0))[:, :-1]
        if self.taps:
            padded = nn.functional.pad(inputs.mT, (self.taps - 1, 0))
            hidden = self.past(padded).mT
        else:
            hidden = self.past(inputs)[0]
        if condition is not None:
            hidden = hidden + self.condition(condition)[:, None]
        if self.positions:
            hidden = hidden + self.position(torch.arange(symbols.shape[1]))
        return self.output(self.dropout(hidden.tanh()))


@dataclass(frozen=True)
class NetworkRecipe:
    """A network of random parameters in float64, adapted.

    Attributes:
        start: What stands before the first symbol; None is a network that is masked.
        order: As in the adapter; not above ``length``, where there is one.
        length: Positions that have a vector of their own, or None.
    """

    num_symbols: int
    num_conditions: int
    start: int | None
    order: int | None
    length: int | None
    seed: int

    def network(self):
        with torch.random.fork_rng(devices=[]):
            network = Network(
                self.num_symbols,
                self.num_conditions,
                masked=self.start is None,
                taps=self.order or 0,
                positions=self.length or 0,
            )
        generator = torch.Generator().manual_seed(self.seed)
        for parameter in network.double().parameters():
            parameter.data.copy_(torch.randn(parameter.shape, generator=generator))
        return network.eval()

    def build(self):
        return NextSymbolLogits(
            self.network(),
            num_symbols=self.num_symbols,
            num_conditions=self.num_conditions,
            start=None if self.start is None else min(self.start, self.num_symbols),
            order=self.order,
            stationary=self.order is not None and self.length is None,
            length=self.length,
        )


@dataclass(frozen=True)
class CausalLMRecipe:
    """A GPT-2 of random parameters in float64.

    Attributes:
        extra: Symbols of its vocabulary that are left out of the alphabet.
        prompts: How many conditions, each with a prompt of random symbols; 0 is one start symbol.
        width: Symbols in a prompt.
        room: The most symbols in a sequence.
    """

    num_symbols: int
    extra: int
    prompts: int
    width: int
    room: int
    seed: int

    def gpt2(self):
        """Return the model itself."""
        transformers = pytest.importorskip("transformers")
        config = transformers.GPT2Config(
            vocab_size=self.num_symbols + self.extra,
            n_positions=self.room + (self.width if self.prompts else 1) - 1,
            n_layer=2,
            n_head=2,
            n_embd=4,
            initializer_range=0.7,
            bos_token_id=0,
            eos_token_id=0,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return transformers.GPT2LMHeadModel(config).double().eval()

    def bos(self):
        if not self.prompts:
            return self.num_symbols + self.extra - 1
        shape = (self.prompts, self.width)
        generator = torch.Generator().manual_seed(self.seed)
        return torch.randint(self.num_symbols, shape, generator=generator).tolist()

    def build(self):
        return CausalLM(self.gpt2(), bos=self.bos(), num_symbols=self.num_symbols)


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
        mixtures=st.sampled_from([0, 0, 1, 3]),
        scalar=st.booleans(),
    )


def network_recipes():
    return st.builds(
        NetworkRecipe,
        num_symbols=st.integers(1, 4),
        num_conditions=st.integers(1, 3),
        start=st.none() | st.integers(0, 4),
        order=st.none() | st.integers(1, 3),
        length=st.none() | st.integers(1, 9),
        seed=st.integers(0, 2**16),
    )


def causal_lm_recipes():
    return st.builds(
        CausalLMRecipe,
        num_symbols=st.integers(1, 5),
        extra=st.integers(0, 2),
        prompts=st.sampled_from([0, 0, 1, 3]),
        width=st.integers(1, 3),
        room=st.integers(1, 9),
        seed=st.integers(0, 2**16),
    )


RECIPES = {
    MarkovTable: markov_recipes(),
    WaveNet: wavenet_recipes(),
    NextSymbolLogits: network_recipes(),
    CausalLM: causal_lm_recipes(),
}
"""For every model of the package, small ones like it."""
