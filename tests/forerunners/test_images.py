"""What other systems get wrong with images and generators, and this one does not."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from autoreg.codecs.linear import Linear
from autoreg.codecs.pixels import Grey, Threshold
from autoreg.codecs.scan import Scan
from autoreg.conditions import ConditionSpace
from autoreg.data.picture import Picture
from autoreg.data.split import Split
from autoreg.density import Density
from autoreg.models.wavenet import WaveNet
from autoreg.queries.likelihood import log_prob
from autoreg.queries.sampling import complete, sample
from tests.laws.recipes import MarkovRecipe, WaveNetRecipe, randomise
from tests.oracles import every

PICTURES = WaveNetRecipe(2, (3,), None, 2, (1, 2), 2, 3, 0, 5, 0).build()
SCANS = pytest.mark.parametrize("kind", ["raster", "serpentine", "column", "reversed"])


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(kind):
    """Return a density over pictures of 2 x 3 pixels, black or white, of three digits."""
    scan = Scan(kind, 2, 3)
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(
            *(2,), conditions=(3,), residual=4, skip=6, hidden=5, dilations=[1, 2], num_features=5
        )
    model = randomise(model.double(), chance()).requires_grad_(requires_grad=False).eval()
    return Density(
        model=model.with_features(scan.features()[None]),
        signal=Picture(Threshold(), scan),
        space=ConditionSpace({"digit": ("0", "1", "2")}),
        target="digit",
        card={},
    )


SMILE = np.array([[1, 0, 1], [0, 1, 1]], dtype=np.uint8) * 255


@pytest.mark.parametrize("condition", [0, 1, 2])
def test_the_first_pixel_is_scored_so_that_all_images_have_mass_one(condition):
    rows = every(2, 5)
    total = log_prob(PICTURES, rows, given={"condition": condition}).value.logsumexp(0)
    assert float(total) == pytest.approx(0, abs=1e-10)
    # Without its first factor, the mass is that of as many first symbols as there are.
    given_first = torch.full((len(rows),), condition)
    free = PICTURES.log_probs(rows, given_first).detach().gather(-1, rows[..., None])[:, 1:, 0]
    assert float(free.sum(1).logsumexp(0)) == pytest.approx(math.log(2), abs=1e-10)


@pytest.mark.parametrize("levels", [2, 3, 16, 126, 127, 255, 256, 1024])
def test_codes_of_an_even_number_of_levels_stay_within_the_alphabet(levels):
    codec = Linear(levels)
    codes = codec.encode(torch.linspace(-1.5, 1.5, 4001)).long()
    assert (int(codes.min()), int(codes.max())) == (0, levels - 1)
    assert codec.encode(codec.decode(torch.arange(levels))).tolist() == list(range(levels))
    grey = Grey(min(levels, 256))
    assert int(grey.encode(torch.tensor([255], dtype=torch.uint8))) == grey.num_symbols - 1


def test_after_no_pixel_at_all_the_posterior_is_the_prior():
    density = pictures("raster")
    prior = {"digit": {"0": 0.2, "1": 0.5, "2": 0.3}}
    every_prefix = density.posterior(SMILE, prior=prior, every_prefix=True)
    assert every_prefix.probs[0].tolist() == pytest.approx([0.2, 0.5, 0.3])
    assert every_prefix.probs.shape == (7, 3)


def test_what_is_shown_after_k_pixels_was_computed_from_k_pixels():
    density = pictures("serpentine")
    rows = density.posterior(SMILE, every_prefix=True).value
    symbols = density.encode(SMILE)[0]
    for k in range(7):
        prior = torch.full((3,), -math.log(3), dtype=torch.float64)
        joint = prior.clone()
        for y in range(3):
            factors = density.model.log_probs(symbols, torch.tensor([y]))[0]
            joint[y] += factors[torch.arange(k), symbols[0, :k]].sum()
        torch.testing.assert_close(rows[k], joint.log_softmax(0), rtol=0, atol=1e-12)


@SCANS
def test_what_is_drawn_is_shown_and_saved_upright_whatever_the_scan(kind, tmp_path):
    density = pictures(kind)
    draws = density.complete(SMILE, 3, keep=6, generator=chance())
    assert torch.equal(draws.decode(), torch.from_numpy(SMILE).expand(3, 2, 3))
    replace(draws, symbols=draws.symbols[:1]).save(tmp_path / "smile.png")
    with Image.open(tmp_path / "smile.png") as shown:
        pixels = np.asarray(shown.convert("L"))
    rows, columns = np.linspace(0, 1, 5)[1:4:2], np.linspace(0, 1, 7)[1:6:2]
    picked = pixels[
        np.ix_((rows * pixels.shape[0]).astype(int), (columns * pixels.shape[1]).astype(int))
    ]
    assert np.array_equal(picked > 127, SMILE > 127)


@SCANS
@pytest.mark.parametrize("kept", [0, 1, 5, 6])
def test_nothing_or_everything_may_be_observed(kind, kept):
    density = pictures(kind)
    draws = density.complete(SMILE, 2, keep=kept, generator=chance())
    assert draws.decode().shape == (2, 2, 3)
    assert torch.equal(draws.symbols[:, :kept], density.encode(SMILE)[0][:, :kept].expand(2, -1))


def test_a_scan_back_and_forth_is_called_what_it_is_and_is_no_default():
    with pytest.raises(ValueError, match="got 'peano'"):
        Scan("peano", 2, 3)
    assert Picture(Threshold(), Scan("raster", 2, 2)).scan.kind == "raster"


def test_seed_0_is_a_seed():
    chain = MarkovRecipe(num_symbols=3, order=1, num_conditions=1, seed=0).build()
    one, two, other = (
        sample(chain, 20, length=20, generator=chance(seed)).symbols for seed in (0, 0, 1)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_what_is_held_out_stays_held_out_without_any_seed(tmp_path):
    for number in range(60):
        (tmp_path / f"{number}.txt").write_text(str(number))
    paths = sorted(tmp_path.iterdir())
    assert Split(0.3, 0.3).assign(paths) == Split(0.3, 0.3).assign(paths)


def test_generators_of_one_model_are_values_that_do_not_disturb_each_other():
    condition, order = torch.tensor([1]), PICTURES.order
    hooks = [len(module._forward_pre_hooks) for module in PICTURES.modules()]
    one, abandoned = PICTURES.start(condition), PICTURES.start(condition)
    one = PICTURES.step(one, torch.tensor([1]))
    for _ in range(3):
        abandoned = PICTURES.step(abandoned, torch.tensor([0]))
    one = PICTURES.step(one, torch.tensor([0]))
    taught = PICTURES.log_probs(torch.tensor([[1, 0, 0]]), condition)[:, 2]
    got = PICTURES.head.log_probs(one.next)
    torch.testing.assert_close(got, taught, rtol=0, atol=1e-12)
    assert [len(module._forward_pre_hooks) for module in PICTURES.modules()] == hooks
    assert order is not None


def test_a_draw_that_no_seed_began_needs_none():
    draws = complete(PICTURES, torch.zeros(0).long(), 2, generator=chance())
    assert draws.symbols.shape == (2, 5)


def test_features_of_each_position_are_in_the_score_and_in_the_walk():
    density = pictures("column")
    drawn = density.sample(200, given={"digit": "1"}, generator=chance())
    symbols, condition = drawn.symbols, drawn.condition
    law = density.model.log_probs(symbols, condition).exp()
    shares = drawn.symbols.double().mean(0)
    expected = law[..., 1].mean(0)
    error = (law[..., 1] * law[..., 0]).mean(0).sqrt() / math.sqrt(200)
    assert ((shares - expected).abs() < 4.5 * error + 1e-12).all()


def test_a_state_holds_as_much_as_the_network_reaches_and_no_more():
    # (k - 1) d slots a layer and the input's: what a step has to keep does not grow with T.
    model = pictures("raster").model
    state = model.start(torch.tensor([0]))
    sizes = [tensor.numel() for tensor in state.memory]
    for _ in range(6):
        state = model.step(state, torch.tensor([1])) if state.next.numel() else state
    assert [tensor.numel() for tensor in state.memory] == sizes
