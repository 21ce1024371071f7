from dataclasses import replace

import pytest
import torch

from autoreg import mixed
from autoreg.data.corpus import Corpus
from autoreg.data.fourier import Curves, fourier
from autoreg.data.orders import labels_of
from autoreg.data.sequences import Sequences
from autoreg.density import Density
from autoreg.forecasting import forecasting
from autoreg.models.mixture import Mixture
from autoreg.queries.bands import bands
from autoreg.queries.rolling import rolling
from tests.laws.recipes import WaveNetRecipe
from tests.mixtures import stored

CORPUS = fourier(20, 24, levels=7, curves=Curves(periods=(0.2, 0.5)), seed=1)
MODEL = WaveNetRecipe(7, (2,), None, 2, (1, 2), 2, 0, 0, 0, 0).build()
DENSITY = Density(model=MODEL, signal=CORPUS.signal, space=CORPUS.space, target="period", card={})


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_part_is_forecast_without_its_labels_and_in_its_unit():
    found = forecasting(DENSITY, CORPUS, horizon=3, origins=4, paths=30, generator=chance())
    test = CORPUS.parts["test"]
    symbols, condition, _ = test.pad(range(len(test)))
    plain = rolling(
        MODEL,
        symbols,
        torch.zeros(len(test), 2),
        horizon=3,
        origins=4,
        paths=30,
        generator=chance(),
    )
    step = (CORPUS.signal.codec.high - CORPUS.signal.codec.low) / 6
    for name in ("error", "median_error"):
        wanted, got = plain.means()[name], found.means()[name]
        torch.testing.assert_close(got.value, step * wanted.value, atol=1e-6, rtol=1e-6)
        torch.testing.assert_close(got.std_error, step * wanted.std_error, atol=1e-6, rtol=1e-6)
    assert torch.equal(found.log_score.value, plain.log_score.value)
    assert condition.unique().numel() > 0


def test_a_density_forecasts_arrays_as_it_does_a_corpus():
    test = CORPUS.parts["test"]
    curves = CORPUS.signal.decode(test.pad(range(len(test)))[0])
    one = DENSITY.rolling(curves, horizon=2, origins=3, first=4, generator=chance())
    two = forecasting(DENSITY, CORPUS, horizon=2, origins=3, first=4, generator=chance())
    for name, means in one.means().items():
        assert torch.equal(means.value, two.means()[name].value)
    known = DENSITY.rolling(curves, horizon=1, given={"period": "0.2"}, generator=chance())
    factors = MODEL.log_probs(test.pad(range(len(test)))[0], torch.zeros(len(test)).long())
    taken = factors.gather(-1, test.pad(range(len(test)))[0][..., None])[..., 0]
    assert float(known.log_score.value[0]) == pytest.approx(taken.mean().item())


def test_a_forecast_s_bands_are_those_of_its_draws():
    curve = CORPUS.signal.decode(CORPUS.parts["test"][0])
    found = DENSITY.forecast(curve, keep=20, horizon=9, count=50, generator=chance())
    drawn = DENSITY.complete(curve, 50, keep=20, length=29, generator=chance())
    assert torch.equal(found.draws.symbols, drawn.symbols)
    wanted = bands(drawn.decode()[:, 20:].double())
    for got, part in zip(found.bands[1:], wanted[1:], strict=True):
        assert torch.equal(got, part)
    # Four numbers came after the origin; the bands go on for nine.
    inside = wanted.lower[:, :4] <= curve[20:]
    inside &= curve[20:] <= wanted.upper[:, :4]
    assert list(found.coverage.values()) == inside.double().mean(1).tolist()
    assert torch.equal(found.truth, curve.double())


def test_a_corpus_of_other_things_and_an_empty_part_are_refused():
    other = fourier(20, 24, levels=9, seed=1)
    with pytest.raises(ValueError, match="the corpus needs the density's signal"):
        forecasting(DENSITY, other, horizon=2)
    with pytest.raises(ValueError, match=r"part needs one of train, valid, test .*; got 'all'"):
        forecasting(DENSITY, CORPUS, part="all", horizon=2)
    empty = {**CORPUS.parts, "test": Sequences.from_list([], [])}
    bare: Corpus = replace(CORPUS, parts=empty)
    with pytest.raises(ValueError, match="that is not empty; got 'test'"):
        forecasting(DENSITY, bare, horizon=2)


def test_a_mean_over_several_orders_is_refused_with_the_way_to_fix_one():
    model, signal, space = stored(2, 2)
    mixture = Mixture(mixed.by_scan(model, space, signal.kinds), signal.positions())
    density = replace(
        DENSITY, model=mixture, signal=signal.whole, space=labels_of(space), target="digit"
    )
    with pytest.raises(ValueError, match=r"a rolling forecast needs one order .* Fix one"):
        density.rolling(torch.zeros(2, 2), horizon=1)
    with pytest.raises(ValueError, match=r"a rolling forecast needs one order .* Fix one"):
        forecasting(density, CORPUS, horizon=1)
