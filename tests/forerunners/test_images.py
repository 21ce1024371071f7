"""What other systems get wrong with images and generators, and this one does not."""

import hashlib
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from autoreg.cli.app import app
from autoreg.cli.options import seeded
from autoreg.codecs.linear import Linear
from autoreg.codecs.pixels import Grey, Threshold
from autoreg.codecs.scan import Scan
from autoreg.conditions import ConditionSpace
from autoreg.data.fourier import fourier
from autoreg.data.picture import Picture
from autoreg.data.split import Split
from autoreg.density import Density
from autoreg.models.wavenet import WaveNet
from autoreg.queries.likelihood import log_prob
from autoreg.queries.sampling import complete, sample
from autoreg.training import run
from autoreg.training.batches import training_batches
from autoreg.training.config import ModelConfig
from autoreg.training.run import build
from autoreg.walks import cpu
from tests.laws.recipes import MarkovRecipe, WaveNetRecipe, randomise
from tests.oracles import every
from tests.walks.recipes import AskRecipe, NetRecipe, packed

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


def drawn_symbols(seed):
    chain = MarkovRecipe(num_symbols=3, order=1, num_conditions=1, seed=0).build()
    return sample(chain, 20, length=20, generator=seeded(seed)).symbols


def held_out_curves(seed):
    return fourier(30, 20, seed=seed).parts["valid"].symbols


def batch_of_training(seed):
    part = fourier(30, 20).parts["train"]
    return next(training_batches(part, order=9, crop=None, columns=100, seed=seed)).symbols


def weights_before_training(seed):
    return build(fourier(3, 4), ModelConfig(dilations=(1,)), seed=seed).embedding.weight


@pytest.mark.parametrize(
    "made", [drawn_symbols, held_out_curves, batch_of_training, weights_before_training]
)
def test_seed_0_is_a_seed(made):
    zero, again, one = (made(seed) for seed in (0, 0, 1))
    assert torch.equal(zero, again)
    assert not torch.equal(zero, one)


def test_seed_0_replaces_another_on_the_command_line(monkeypatch):
    seeds = []

    def caught(corpus, config, directory, **options):
        seeds.append(config.training.seed)
        raise FileExistsError("this is far enough")

    monkeypatch.setattr(run, "train", caught)
    asked = ["train", "digits", "--out", "nowhere", "--set", "training.seed=5"]
    for more in ([], ["--seed", "0"], ["--seed", "1"]):
        CliRunner().invoke(app, [*asked, *more])
    assert seeds == [5, 0, 1]


def test_what_is_held_out_follows_from_the_files_alone(tmp_path):
    for folder, prefix in (("one", "a"), ("other", "b")):
        (tmp_path / folder).mkdir()
        for number in range(60):
            (tmp_path / folder / f"{prefix}{number:02}.txt").write_text(str(number))
    one, other = (sorted((tmp_path / folder).iterdir()) for folder in ("one", "other"))
    wanted = []
    for number in range(60):
        place = int(hashlib.sha256(str(number).encode()).hexdigest(), 16) / 16**64
        wanted.append("test" if place < 0.3 else "valid" if place < 0.51 else "train")
    assert {*wanted} == {"train", "valid", "test"}
    assert Split(0.3, 0.3).assign(one) == wanted
    assert Split(0.3, 0.3).assign(other[::-1]) == wanted[::-1]


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


def test_a_position_of_a_compiled_walk_writes_one_slot_of_each_ring_and_moves_none(monkeypatch):
    """What a position costs does not grow with the dilations: no ring is copied or rolled."""
    model = NetRecipe(dilations=(1, 5, 512)).build()
    work, seen = cpu._Team.work, []

    def watched(team, go, begin, end):
        work(team, go, begin, end)
        seen.append([(ring.data_ptr(), ring.clone()) for ring in team.members[0].memory.rings])

    monkeypatch.setattr(cpu._Team, "work", watched)
    monkeypatch.setattr(cpu, "BREATH", 1)  # one position at a time
    asked = AskRecipe(rows=2, length=20, primed=3).build(model)
    first = int(asked.state.memory[0][0]) + 1
    walked = cpu.walk(packed(model), asked)
    assert len(seen) == 20
    for number, rings in enumerate(pairwise(seen), first + 1):
        for (where, before), (there, after) in zip(*rings, strict=True):
            assert there == where
            changed = (after != before).any(2).any(0).nonzero()[:, 0].tolist()
            # The same symbol twice leaves the slot of the input filter as it was.
            assert changed in ([number % before.shape[1]], [])
        assert changed
    assert [ring.data_ptr() for ring in walked.state.memory[3:]] == [at for at, _ in seen[0]]
