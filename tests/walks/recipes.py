"""Small WaveNets with what walks of them are asked, as frozen recipes."""

import math
from dataclasses import dataclass

import torch

from autoreg.events import Rules
from autoreg.models.networks import network_of
from autoreg.models.wavenet import WaveNet
from autoreg.walks import cpu, reference
from autoreg.walks.request import request


@dataclass(frozen=True)
class NetRecipe:
    """A WaveNet with every parameter random, and scaled so that no width saturates it.

    Attributes:
        gain: By how much a layer makes its inputs larger, as a rule.
        vectors: Conditions that replace those of the model; 0 leaves them.
        rows: Rows of the bank of features, where there are any.
        length: Positions that have features.
    """

    num_symbols: int = 5
    conditions: tuple[int, ...] = ()
    residual: int = 5
    gate: int | None = None
    skip: int = 6
    hidden: int = 7
    kernel_size: int = 2
    dilations: tuple[int, ...] = (1, 2, 4)
    input_kernel: int = 2
    num_features: int = 0
    vectors: int = 0
    rows: int = 1
    length: int = 60
    dropout: float = 0.0
    gain: float = 1.5
    seed: int = 0
    mixtures: int = 0
    scalar: bool = False

    def build(self, dtype=torch.float64):
        generator = torch.Generator().manual_seed(self.seed)
        with torch.random.fork_rng(devices=[]):
            model = WaveNet(
                self.num_symbols,
                conditions=self.conditions,
                residual=self.residual,
                gate=self.gate,
                skip=self.skip,
                hidden=self.hidden,
                kernel_size=self.kernel_size,
                dilations=self.dilations,
                input_kernel=self.input_kernel,
                condition_width=3,
                num_features=self.num_features,
                dropout=self.dropout,
                mixtures=self.mixtures,
                scalar=self.scalar,
            ).double()
        for name, parameter in model.named_parameters():
            fan = parameter.shape[-1] if parameter.ndim == 2 and "embedding" not in name else 1
            drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            with torch.no_grad():
                parameter.copy_((self.gain if fan > 1 else 0.7) * drawn / math.sqrt(fan))
        model = model.to(dtype)

        def drawn(*shape):
            return torch.randn(shape, generator=generator, dtype=torch.float64)

        if self.vectors and self.conditions:
            model = model.with_conditions(drawn(self.vectors, 3))
        if self.num_features:
            model = model.with_features(drawn(self.rows, self.length, self.num_features))
        return model.eval()


@dataclass(frozen=True)
class AskRecipe:
    """A walk: where it begins, what may be drawn, when it stops.

    Attributes:
        primed: How many random symbols the state has read.
        states: States of the automaton.
        density: How likely a symbol is in a set; below 1 some sets are empty.
        forced: How likely a symbol is forced.
        least: The part of a group below which its effective sample size stops the walk.
    """

    rows: int = 3
    length: int = 9
    primed: int = 0
    states: int = 1
    density: float = 1.0
    potentials: bool = False
    temperature: float = 1.0
    top_p: float = 1.0
    forced: float = 0.0
    groups: int = 1
    least: float = 0.0
    seed: int = 0

    @torch.no_grad()
    def build(self, model):
        """Return the whole request, for a state of this model."""
        generator = torch.Generator().manual_seed(self.seed)
        count = self.rows * self.groups

        def below(limit, *shape):
            return torch.randint(limit, shape, generator=generator)

        def chance(*shape):
            return torch.rand(shape, generator=generator, dtype=torch.float64)

        rules = self._rules(model.num_symbols, below, chance)
        row = None if model.features is None else below(len(model.features), count)
        state = model.start(below(model.num_conditions, count), row=row)
        state = model.read(state, below(model.num_symbols, count, self.primed))[1]
        options = {
            "rule_state": below(self.states, count),
            "groups": self.groups,
            "log_weights": chance(count),
            "min_ess": self.least * self.rows,
            "temperature": self.temperature,
            "top_p": self.top_p,
        }

        def asked(path=None):
            uniforms = chance(count, self.length)
            return request(model.num_symbols, state, rules, uniforms, path=path, **options)

        if not self.forced:
            return asked()
        # A path that is allowed as long as nothing else is drawn in between.
        possible = reference.walk(model, asked()._replace(min_ess=0.0)).symbols
        return asked(possible.masked_fill(chance(*possible.shape) >= self.forced, -3))

    def _rules(self, num_symbols, below, chance):
        sets = chance(4, num_symbols) < self.density
        value = 2 * chance(self.states, self.length + 1) - 1
        value[chance(*value.shape) < 0.1] = -math.inf
        return Rules(
            below(self.states, self.states, num_symbols),
            below(4, self.states, self.length),
            sets,
            value if self.potentials else None,
        )


def packed(model):
    """Return a model's weights as the compiled loops take them."""
    return cpu.pack(network_of(model))


@torch.no_grad()
def outcome(walk, *arguments):
    """Return what a walk did, or by which words it refused."""
    try:
        return walk(*arguments)
    except ValueError as refusal:
        return str(refusal)


def assert_close(got, wanted, bound=1e-12):
    """Fail where two tensors differ in kind or by more than a bound; infinities need to agree."""
    assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
    if got.numel():
        apart = (got.double() - wanted.double()).abs()
        apart = apart.masked_fill(got.double() == wanted.double(), 0.0)
        assert apart.max() <= bound, f"{apart.max():.3g} apart, {bound:.3g} allowed"


def assert_same_state(got, wanted, bound=1e-12):
    """Fail where two states differ by more than a bound."""
    assert len(got.memory) == len(wanted.memory)
    assert all(map(torch.equal, got.memory[:3], wanted.memory[:3]))
    for one, other in zip(
        (got.next, *got.memory[3:]), (wanted.next, *wanted.memory[3:]), strict=True
    ):
        assert_close(one, other, bound)


def assert_same(got, wanted, bound=1e-12):
    """Fail where two outcomes of a walk differ in anything."""
    if isinstance(wanted, str):
        assert got == wanted
        return
    assert got.length == wanted.length
    assert (got.symbols.dtype, got.rule_state.dtype) == (torch.int64, torch.int64)
    assert torch.equal(got.symbols, wanted.symbols)
    assert torch.equal(got.rule_state, wanted.rule_state)
    assert_close(got.log_mass, wanted.log_mass, bound)
    assert_same_state(got.state, wanted.state, bound)


def agree(model, asked):
    """Fail where the compiled walk of a float64 model is not the reference's; return it."""
    got = outcome(cpu.walk, packed(model), asked)
    assert_same(got, outcome(reference.walk, model, asked))
    return got


def rounding(network, unit=2.0**-24):
    """Return by how much any logit, or any number in a ring, may be off through rounding.

    Lengths of vectors throughout. A sum of n products, in whatever order, is off by at most about
    n units of the sum of their sizes (Higham, Accuracy and Stability of Numerical Algorithms,
    2002, equation 3.5), beside what the errors of its inputs make of it: they pass a matrix with
    its greatest singular value. tanh(a) sigmoid(b) passes on the error of a, and a quarter of that
    of b, and is given eight units of its own.
    """

    def norm(matrix):
        return float(torch.linalg.matrix_norm(matrix.double(), 2)) if matrix.numel() else 0.0

    def linear(weight, bias, size, error):
        total = norm(weight.abs()) * size + float(bias.double().norm())
        return total, norm(weight) * error + (weight.shape[1] + 2) * unit * total

    size = float(network.embedding.double().norm(dim=1).max()) * math.sqrt(network.input_kernel)
    size, error = linear(network.input_weight, network.input_bias, size, 0.0)
    worst, units, width = error, 0.0, math.sqrt(network.filters.shape[1] // 2)
    seen = math.sqrt(network.kernel_size)
    for layer, filters in enumerate(network.filters):
        added, off = network.biases[:, layer].double().norm(dim=1).max()[None], 0.0
        if network.drift is not None:
            largest = float(network.drift.double().norm(dim=-1).max())
            weight = network.drift_weight[layer]
            total, off = linear(weight, weight[:0, 0], largest, 0.0)
            added = added + total
        off += linear(filters, added, seen * size, seen * error)[1]
        off = math.sqrt(17 / 16) * off + 8 * unit * width
        units = math.hypot(units, off)
        if layer < len(network.residual_weight):
            weight, bias = network.residual_weight[layer], network.residual_bias[layer]
            more, off = linear(weight, bias, width, off)
            size, error = size + more, error + off + unit * (size + more)
        worst = max(worst, error)
    size = width * math.sqrt(len(network.filters))
    size, error = linear(network.skip_weight, network.skip_bias, size, units)
    size, error = linear(network.hidden_weight, network.hidden_bias, size, error)
    return max(worst, linear(network.output_weight, network.output_bias, size, error)[1])
