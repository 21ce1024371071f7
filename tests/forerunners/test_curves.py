"""What went wrong in an earlier program for curves, and does not here."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from autoreg import modeldir, scoring
from autoreg.conditions import ConditionSpace
from autoreg.data.fourier import Curves, fourier
from autoreg.density import load
from autoreg.models.wavenet import WaveNet
from autoreg.queries.rolling import rolling
from autoreg.training.batches import training_batches
from autoreg.training.config import preset
from autoreg.training.objective import Objective
from autoreg.training.run import build
from tests.laws.recipes import WaveNetRecipe

NET = WaveNetRecipe(4, (), None, 2, (1, 2, 4), 2, 0, 0, 0, 3).build()


def fresh(num_symbols, **shape):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return WaveNet(num_symbols, **{"residual": 8, "dilations": [1, 2], **shape})


@pytest.mark.parametrize("length", [1, 2, NET.order - 1, NET.order, NET.order + 1, 20])
def test_every_symbol_counts_once_however_short_a_sequence_is_beside_the_reach(length):
    corpus = fourier(6, length, levels=4, seed=0)
    batch = next(
        training_batches(corpus.parts["train"], order=NET.order, crop=None, columns=999, seed=0)
    )
    assert batch.scored == 6 * length
    with torch.no_grad():
        nats = float(Objective(NET)(*batch).nats)
        each = scoring.log_factors(NET, batch.symbols, batch.condition)
    assert math.isfinite(nats)
    assert nats == pytest.approx(-float(each.sum()))
    assert (each < 0).all()


def test_training_and_rolling_forecasts_score_the_same_positions():
    symbols = torch.randint(4, (3, 20), generator=torch.Generator().manual_seed(0))
    told = rolling(
        NET,
        symbols,
        torch.zeros(3, 1),
        horizon=1,
        paths=19,
        generator=torch.Generator().manual_seed(1),
    )
    with torch.no_grad():
        each = scoring.log_factors(NET, symbols, torch.zeros(3, dtype=torch.int64))
    assert len(told.places) == symbols.numel()
    assert float(told.log_score.value[0]) == pytest.approx(float(each.mean()), abs=1e-12)


def test_noise_far_beyond_the_range_still_has_a_symbol():
    corpus = fourier(50, 40, levels=9, curves=Curves(amplitude=0.1, noise=0.3), seed=0)
    wild = corpus.signal.decode(corpus.parts["train"].symbols).double()
    wild = wild + 50 * torch.randn(wild.shape, generator=torch.Generator().manual_seed(0))
    symbols = corpus.signal.encode(wild)
    assert set(symbols.unique().tolist()) >= {0, 8}
    assert symbols.max() <= 8


@pytest.mark.parametrize("levels", [2, 3, 126, 127, 256])
def test_symbols_begin_at_0_for_even_and_odd_numbers_of_levels(levels):
    signal = fourier(5, 9, levels=levels).signal
    ends = torch.tensor([signal.codec.low, signal.codec.high], dtype=torch.float64)
    assert signal.encode(ends).tolist() == [0, levels - 1]
    everything = torch.arange(levels)
    assert signal.encode(signal.decode(everything)).tolist() == everything.tolist()


def test_as_many_symbols_as_channels_are_no_other_architecture():
    same, other = fresh(8, residual=8), fresh(9, residual=8)
    names = [name for name, _ in same.named_parameters()]
    assert names == [name for name, _ in other.named_parameters()]
    assert "stack.input_filter.filters.weight" in names
    for name, parameter in same.named_parameters():
        wider = dict(other.named_parameters())[name]
        grown = [a - b for a, b in zip(wider.shape, parameter.shape, strict=True)]
        in_symbols = name in ("embedding.weight", "stack.output.weight", "stack.output.bias")
        assert (sum(grown) == 1) == in_symbols


def test_the_last_layer_has_nothing_that_no_gradient_reaches():
    model = fresh(3, dilations=[1, 2, 4])
    assert [layer.residual is None for layer in model.stack.gated] == [False, False, True]


def test_the_reach_that_is_written_down_is_the_one_there_is():
    shape = preset("fourier-cpu").model
    corpus = fourier(2, 3)
    model = build(corpus, shape, seed=0)
    assert model.order == 256  # as the preset's comment says
    assert NET.order == 2 + sum((1, 2, 4))
    generator = torch.Generator().manual_seed(0)
    symbols = torch.randint(4, (1, 30), generator=generator)
    zero = torch.zeros(1, dtype=torch.int64)
    with torch.no_grad():
        law = NET.log_probs(symbols, zero)[0, -1]
        for back in range(1, 30):
            other = symbols.clone()
            other[0, -1 - back] = (other[0, -1 - back] + 1) % 4
            moved = not torch.equal(NET.log_probs(other, zero)[0, -1], law)
            assert moved == (back <= NET.order)


def test_weights_begin_as_documented():
    model = fresh(5, dilations=[1, 2, 4])
    for layer in model.stack.gated:
        assert not layer.bias.any()
    for linear in (model.stack.skip, model.stack.hidden, model.stack.output):
        assert not linear.bias.any()
    symbols = torch.randint(5, (2, 9), generator=torch.Generator().manual_seed(0))
    law = model.log_probs(symbols, torch.zeros(2, dtype=torch.int64))
    assert torch.equal(law, torch.full_like(law, law[0, 0, 0].item()))
    assert float(law[0, 0, 0].detach()) == pytest.approx(-math.log(5))


def test_a_symbol_means_the_same_amplitude_after_loading(tmp_path):
    made = [fourier(30, 20, curves=Curves(noise=0.1), seed=seed) for seed in (0, 1)]
    one, other = (corpus.signal for corpus in made)
    assert one == other
    modeldir.save(
        tmp_path / "model", model=fresh(127), signal=one, space=ConditionSpace({}), training={}
    )
    again = load(tmp_path / "model").signal
    everything = torch.arange(127)
    assert torch.equal(again.decode(everything), one.decode(everything))
    assert all(low < high for low, high in pairwise(again.decode(everything).tolist()))


def test_forecasts_of_many_origins_walk_together():
    """As many steps for all origins from the reach on as for one of them."""
    steps = []

    class Counting:
        def __getattr__(self, name):
            return getattr(NET, name)

        def fast_walk(self, asked):
            steps.append(len(asked.uniforms))

        def step(self, state, symbols):
            return NET.step(state, symbols)

    symbols = torch.randint(4, (2, 30), generator=torch.Generator().manual_seed(0))
    walks = []
    for origins in (1, 10):
        steps.clear()
        rolling(
            Counting(),
            symbols,
            torch.zeros(2, 1),
            horizon=3,
            origins=origins,
            first=NET.order,
            paths=19,
            generator=torch.Generator().manual_seed(1),
        )
        walks.append((len(steps), max(steps)))
    assert walks == [(4, 2 * 19), (4, 20 * 19)]


def test_modules_keep_no_trace_of_generation():
    hooks = [hook for module in NET.modules() for hook in _hooks(module)]
    before = {name: tensor.clone() for name, tensor in NET.state_dict().items()}
    state = NET.start(torch.zeros(2, dtype=torch.int64))
    NET.step(state, torch.tensor([0, 3]))  # and abandoned
    assert hooks == [hook for module in NET.modules() for hook in _hooks(module)] == []
    assert all(torch.equal(tensor, before[name]) for name, tensor in NET.state_dict().items())


def _hooks(module: nn.Module):
    return [*module._forward_hooks.values(), *module._forward_pre_hooks.values()]
