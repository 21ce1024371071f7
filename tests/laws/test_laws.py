"""Laws of every model, on small random ones of each kind."""

import importlib
import inspect
import itertools
import pkgutil
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import autoreg.models
from autoreg import modeldir
from autoreg.codecs.pixels import Threshold
from autoreg.codecs.scan import KINDS, Scan
from autoreg.conditions import ConditionSpace
from autoreg.data.picture import Picture
from autoreg.models.huggingface import CausalLM
from autoreg.models.mixture import Mixture
from autoreg.models.wavenet import WaveNet
from autoreg.protocol import SequenceModel
from autoreg.scoring import log_factors
from autoreg.testing import check_sequence_model
from tests.laws.recipes import RECIPES, NetworkRecipe, randomise, wavenet_recipes


def model_classes():
    """Return the classes of autoreg.models that offer what a sequence model offers."""
    found = []
    for module in pkgutil.walk_packages(autoreg.models.__path__, "autoreg.models."):
        home = importlib.import_module(module.name)
        for _, kind in inspect.getmembers(home, inspect.isclass):
            methods = {"log_probs", "start", "read", "step"}  # an instance has the rest
            if kind.__module__ == module.name and methods <= set(dir(kind)):
                found.append(kind)
    return found


def every(num_symbols, length):
    """Return all sequences of a length, (Q^T, T)."""
    return torch.tensor(list(itertools.product(range(num_symbols), repeat=length)))


def random_symbols(model, rows, length, seed=0):
    generator = torch.Generator().manual_seed(seed)
    symbols = torch.randint(model.num_symbols, (rows, length), generator=generator)
    return symbols, torch.arange(rows) % model.num_conditions


def factors_of(model, symbols, condition):
    with torch.no_grad():
        return log_factors(model, symbols, torch.full((len(symbols),), condition))


def pictures(scan, conditions=(), num_symbols=2, seed=0):
    """Return a WaveNet that sees rows and columns of the pixels on a scan."""
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(
            num_symbols,
            conditions=conditions,
            residual=4,
            skip=5,
            hidden=5,
            condition_width=3,
            dilations=[1, scan.width],
            num_features=scan.height + scan.width,
        )
    model = randomise(model.double(), torch.Generator().manual_seed(seed))
    return model.with_features(scan.features()[None]).eval()


def test_every_model_of_the_package_has_a_recipe():
    # A mean over orders has no next symbol, which the laws are about; it has tests of its own.
    kinds = {kind for kind in model_classes() if kind is not Mixture}
    missing = {kind.__name__ for kind in kinds} - {kind.__name__ for kind in RECIPES}
    assert not missing, f"tests/laws/recipes.py needs recipes for {', '.join(missing)}"
    assert kinds == set(RECIPES)


@pytest.mark.parametrize("kind", RECIPES, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_model_obeys_the_laws(kind, data):
    model = data.draw(RECIPES[kind]).build()
    assert isinstance(model, kind)
    assert isinstance(model, SequenceModel)
    check_sequence_model(model)


@pytest.mark.parametrize("kind", KINDS)
@given(conditions=st.sampled_from([(), (2,), (2, 2)]), seed=st.integers(0, 2**16))
def test_mass_of_all_images_is_one_along_every_scan(kind, conditions, seed):
    scan = Scan(kind, 2, 3)
    model = pictures(scan, conditions, seed=seed)
    sequences = scan.unroll(every(2, 6).reshape(-1, 2, 3))
    for condition in range(model.num_conditions):
        factors = factors_of(model, sequences, condition)
        assert abs(float(factors.sum(1).exp().sum()) - 1) < 1e-10


@pytest.mark.parametrize("kind", KINDS)
def test_mass_of_all_images_is_one_after_saving_and_loading(kind, tmp_path):
    scan, space = Scan(kind, 2, 3), ConditionSpace({"who": ("a", "b"), "what": ("x", "y", "z")})
    model = pictures(scan, space.sizes)
    modeldir.save(tmp_path, model=model, signal=Picture(Threshold(), scan), space=space)
    loaded = modeldir.load(tmp_path, device="cpu")
    images = every(2, 6).reshape(-1, 2, 3)
    for condition in range(space.size):
        factors = factors_of(loaded.model, loaded.signal.scan.unroll(images), condition)
        assert abs(float(factors.sum(1).exp().sum()) - 1) < 1e-10
        assert torch.equal(factors, factors_of(model, scan.unroll(images), condition))


@given(recipe=wavenet_recipes())
def test_receptive_field_is_the_formula_and_is_reached(recipe):
    model = recipe.build()
    reach = (recipe.kernel_size - 1) * sum(recipe.dilations) + recipe.input_kernel - 1
    assert model.order == 1 + reach
    if model.length is not None:
        model = replace(recipe, length=reach + 6).build()
    symbols, condition = random_symbols(model, 6, reach + 6, seed=recipe.seed)
    with torch.no_grad():
        factors = log_factors(model, symbols, condition)
    for at in (0, 1, 3):
        changed = symbols.clone()
        changed[:, at] = (changed[:, at] + 1) % model.num_symbols
        with torch.no_grad():
            moved = (log_factors(model, changed, condition) != factors).any(0)
        farthest = at + model.order
        assert moved[farthest], f"factor {farthest} does not see symbol {at}"
        assert not moved[farthest + 1 :].any()
        assert not moved[:at].any()


def stationary_of_finite_order(recipe):
    if isinstance(recipe, NetworkRecipe):
        return recipe.order is not None and recipe.length is None
    return not getattr(recipe, "num_features", 0)


@pytest.mark.parametrize(
    "kind", [kind for kind in RECIPES if kind is not CausalLM], ids=lambda kind: kind.__name__
)
@given(data=st.data())
def test_crops_in_a_batch_with_whole_files_equal_the_files(kind, data):
    model = data.draw(RECIPES[kind].filter(stationary_of_finite_order)).build()
    length = model.order + 8
    symbols, condition = random_symbols(model, 1, length)
    condition = torch.full((4,), model.num_conditions - 1)
    whole = log_factors(model, symbols, condition[:1])[0]
    # From the start, cropped, cropped and cut off, cropped with more context than is needed.
    begins = torch.tensor([0, 2, 3, 1])
    skip = torch.tensor([0, model.order, model.order, model.order + 1])
    lengths = torch.tensor([length, length - 2, length - 5, length - 1])
    crops = torch.zeros(4, length, dtype=torch.int64)
    for row, (begin, own) in enumerate(zip(begins.tolist(), lengths.tolist(), strict=True)):
        crops[row, :own] = symbols[0, begin : begin + own]
    factors = log_factors(model, crops, condition, lengths, skip=skip)
    for row, begin in enumerate(begins.tolist()):
        first, last = int(skip[row]), int(lengths[row])
        assert torch.allclose(
            factors[row, first:last], whole[begin + first : begin + last], rtol=0, atol=1e-10
        )
        assert (factors[row, :first] == 0).all()
        assert (factors[row, last:] == 0).all()


@given(recipe=wavenet_recipes())
def test_every_parameter_receives_a_gradient(recipe):
    model = recipe.build()
    length = model.length or model.order + 4
    rows = model.num_symbols * model.num_conditions
    symbols, condition = random_symbols(model, rows, length, recipe.seed)
    symbols[:, 0] = torch.arange(rows) // model.num_conditions
    log_factors(model, symbols, condition).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        # One symbol's factors say nothing on what comes after it.
        if length > 1 or not name.startswith("embedding"):
            assert parameter.grad.abs().max() > 0, name
    if length > 1:
        assert (model.embedding.weight.grad != 0).any(1).all(), "a symbol is not embedded"


@given(recipe=wavenet_recipes(), seed=st.integers(0, 2**16))
def test_precisions_agree_within_their_rounding(recipe, seed):
    exact = recipe.build()
    length = exact.length or exact.order + 4
    symbols, condition = random_symbols(exact, 8, length, seed)
    with torch.no_grad():
        wanted = log_factors(exact, symbols, condition)
        single = recipe.build().float()
        in_float32 = log_factors(single, symbols, condition)
        with torch.autocast("cpu", torch.bfloat16):
            in_bfloat16 = log_factors(single, symbols, condition)
    assert in_float32.dtype == in_bfloat16.dtype == torch.float64
    # Rounding errors grow with the size of the logits, some ten products deep.
    size = 1 + wanted.abs().max()
    assert (in_float32 - wanted).abs().max() <= 32 * 2**-23 * size
    assert (in_bfloat16 - wanted).abs().max() <= 32 * 2**-8 * size
