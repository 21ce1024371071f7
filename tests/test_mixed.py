"""Every answer of a mixture over scans against the enumeration of all pictures."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from autoreg import bulk, mixed, modeldir
from autoreg.conditions import ConditionSpace
from autoreg.density import load
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from tests.mixtures import KINDS, images_of, joint_of, stored
from tests.oracles import assert_drawn_from, index_of

FIELDS = ("value", "std_error")
SIZES = [(2, 2, KINDS), (2, 3, ("column", "reversed"))]


@pytest.fixture(scope="module", params=SIZES, ids=str)
def world(request, tmp_path_factory):
    """A density as it is loaded, all pictures, and log p(image | digit) by hand."""
    height, width, kinds = request.param
    model, signal, space = stored(height, width, kinds)
    path = tmp_path_factory.mktemp("mixtures") / "saved"
    modeldir.save(path, model=model, signal=signal, space=space, target="digit")
    joint = joint_of(model, signal, space)
    return load(path), images_of(height, width), joint


def grey(images):
    return images.numpy().astype(np.uint8) * 255


def counted(draws, images):
    """Count how often each picture was drawn."""
    white = (draws.decode() > 127).long()
    return index_of(white.flatten(1), 2).bincount(minlength=len(images))


def mean(joint):
    return joint.logsumexp(2) - math.log(joint.shape[2])


def test_the_mass_of_all_pictures_is_one_under_each_label(world):
    density, images, _ = world
    for digit in ("0", "1", "2"):
        found = density.log_prob(grey(images), given={"digit": digit})
        assert found.kind == "exact"
        assert abs(float(found.value.logsumexp(0))) < 1e-10


def test_a_mixture_is_the_mean_over_the_scans_and_not_over_their_logs(world):
    density, images, joint = world
    for digit in range(3):
        found = density.log_prob(grey(images), given={"digit": str(digit)}).value
        assert (found - mean(joint)[:, digit]).abs().max() < 1e-10
        assert (found - joint[:, digit].mean(1)).abs().max() > 1e-3
    total = density.log_prob(grey(images)).value
    assert (total - (mean(joint) - math.log(3)).logsumexp(1)).abs().max() < 1e-10


def test_a_component_is_the_density_of_one_scan(world):
    density, images, joint = world
    for number, kind in enumerate(density.model.names):
        alone = density.component(kind)
        assert alone.signal.scan.kind == kind
        for digit in range(3):
            found = alone.log_prob(grey(images), given={"digit": str(digit)}).value
            assert (found - joint[:, digit, number]).abs().max() < 1e-10
        along = alone.posterior(grey(images[:1]), every_prefix=True)
        assert along.value.shape[1] == 1 + images[0].numel()
        assert float(alone.surprise(grey(images[3])).value.sum()) == pytest.approx(
            -float(alone.log_prob(grey(images[3])).value), abs=1e-10
        )


def test_posteriors_of_whole_pictures(world):
    density, images, joint = world
    found = density.posterior(grey(images))
    wanted = mean(joint).log_softmax(1)
    assert (found.value - wanted).abs().max() < 1e-10
    assert (found.labels, found.kind) == (("0", "1", "2"), "exact")


def test_little_memory_changes_no_answer(world, tmp_path):
    density, images, _ = world
    small, files = replace(density, memory=1), [tmp_path / "a.png", tmp_path / "b.png"]
    for file, image in zip(files, images[5:7], strict=True):
        density.signal.write(file, density.signal.encode(grey(image)))
    assert len(list(small.pieces(files[0], 3))) == 1
    pairs = [
        (one.log_prob(files[0]), one.log_prob(grey(images[:9])), one.posterior(files))
        for one in (small, density)
    ]
    for found, wanted in zip(*pairs, strict=True):
        assert (found.value - wanted.value).abs().max() < 1e-10
    for ask in (bulk.log_probs, bulk.posteriors):
        (found,), (wanted,) = (list(ask(one, bulk.parcels(files))) for one in (small, density))
        assert not found.refusals
        assert (found.answer.value - wanted.answer.value).abs().max() < 1e-10


@pytest.mark.parametrize("seed", range(5))
def test_posteriors_and_evidence_where_parts_are_hidden(world, seed):
    density, images, joint = world
    chance = torch.Generator().manual_seed(seed)
    hidden = torch.rand(images[0].shape, generator=chance) < seed / 4  # from nothing to all
    image = images[torch.randint(len(images), (), generator=chance)]
    agrees = ((images == image) | hidden).flatten(1).all(1)
    by_label = mean(joint)[agrees].logsumexp(0) - math.log(3)
    known = density.evidence(grey(image), hidden=hidden)
    found = density.posterior(grey(image), hidden=hidden)
    assert found.kind == "exact"
    assert (found.value - by_label.log_softmax(0)).abs().max() < 1e-9
    assert abs(float(found.log_evidence - by_label.logsumexp(0))) < 1e-9
    told = density.probability(known)
    assert told.kind == "exact"
    assert abs(float(told.value - by_label.logsumexp(0))) < 1e-9
    whole = density.evidence(grey(image))
    share = density.probability(whole, known).value
    alone = (mean(joint)[(images == image).flatten(1).all(1)] - math.log(3)).logsumexp(1)
    assert abs(float(share - alone[0] + by_label.logsumexp(0))) < 1e-9


def test_what_is_known_of_grey_levels_and_labels(world):
    density, images, joint = world
    known = density.evidence(
        ranges=[((0, slice(None)), 200, 255)], prior=[0.5, 0.25, 0.25], given={"digit": "1"}
    )
    white = images[:, 0].all(1)
    wanted = mean(joint)[white, 1].logsumexp(0)
    assert abs(float(density.probability(known).value - wanted)) < 1e-9
    found = density.posterior(evidence=density.evidence(ranges=[((0, 0), 0, 100)]))
    black = images[:, 0, 0] == 0
    assert (found.value - mean(joint)[black].logsumexp(0).log_softmax(0)).abs().max() < 1e-9


def test_draws_are_pictures_of_the_mixture_and_not_of_the_scan(world):
    density, images, joint = world
    draws = density.sample(4000, generator=torch.Generator().manual_seed(1))
    assert draws.kind == "exact"
    wanted = (mean(joint) - math.log(3)).logsumexp(1).exp()
    assert_drawn_from(counted(draws, images), wanted)
    parts = {label["scan"] for label in draws.labels}
    assert parts == set(density.model.names)
    digits = torch.tensor([int(label["digit"]) for label in draws.labels])
    assert torch.equal(digits, draws.condition)
    fixed = density.sample(4000, given={"digit": 2}, generator=torch.Generator().manual_seed(2))
    assert_drawn_from(counted(fixed, images), mean(joint)[:, 2].exp())


def test_infills_choose_a_scan_by_its_evidence(world):
    density, images, joint = world
    hidden = torch.zeros(images[0].shape, dtype=torch.bool)
    hidden[:, 0] = True
    image = images[len(images) // 3]
    draws = density.infill(
        grey(image), hidden=hidden, draws=3000, generator=torch.Generator().manual_seed(3)
    )
    agrees = ((images == image) | hidden).flatten(1).all(1)
    weights = torch.where(agrees, (mean(joint) - math.log(3)).logsumexp(1), -torch.inf)
    assert draws.kind == "exact"
    assert_drawn_from(counted(draws, images), weights.softmax(0))
    assert abs(float(draws.log_evidence.value - weights.logsumexp(0))) < 1e-9
    names = list(density.model.names)
    chosen = torch.tensor([names.index(label["scan"]) for label in draws.labels])
    shares = joint[agrees].logsumexp(0).logsumexp(0).softmax(0)
    assert_drawn_from(chosen.bincount(minlength=len(names)), shares)


def test_pictures_are_written_upright(world, tmp_path):
    density, images, _ = world
    image = images[5]
    nothing = torch.zeros(image.shape, dtype=torch.bool)
    draws = density.infill(
        grey(image), hidden=nothing, draws=3, generator=torch.Generator().manual_seed(0)
    )
    assert torch.equal((draws.decode() > 127).long(), image.expand(3, -1, -1))
    one = density.signal.encode(grey(image))
    density.signal.write(tmp_path / "x.png", one)
    assert torch.equal(density.signal.read(tmp_path / "x.png"), one)
    assert float(density.log_prob(tmp_path / "x.png").value) == pytest.approx(
        float(density.log_prob(grey(image)).value), abs=1e-10
    )


def test_estimates_are_combined_with_their_errors(world):
    density, images, joint = world
    hidden = torch.ones(images[0].shape, dtype=torch.bool)
    hidden[-1, -1] = hidden[0, 0] = False
    image = images[-1]
    agrees = ((images == image) | hidden).flatten(1).all(1)
    by_label = mean(joint)[agrees].logsumexp(0) - math.log(3)
    wanted = by_label.logsumexp(0)
    effort = Effort(particles=32, islands=8, method="importance")
    known = density.evidence(grey(image), hidden=hidden)
    scores = []
    for seed in range(10):
        chance = torch.Generator().manual_seed(seed)
        told = density.probability(known, effort=effort, generator=chance)
        assert told.kind == "unbiased"
        scores.append(float((told.value - wanted) / told.std_error))
    # Of 10 standard normal numbers the mean square is 1 with a deviation of 0.45. It is far less
    # here: weights are nearly even, and the error is that of what no path may have met.
    assert float(np.mean(np.square(scores))) < 3.2
    # So that the error is held to its parts': independent, each by its share.
    names, chance = list(density.model.names), torch.Generator().manual_seed(9)
    parts = [density.component(name) for name in names]
    each = [
        part.probability(
            part.evidence(grey(image), hidden=hidden), effort=effort, generator=chance
        )
        for part in parts
    ]
    values, errors = (torch.stack([getattr(one, of) for one in each]) for of in FIELDS)
    assert torch.equal(told.value, values.logsumexp(0) - math.log(len(names)))
    assert torch.allclose(told.std_error, (values.softmax(0) * errors).square().sum().sqrt())
    chance = torch.Generator().manual_seed(0)
    found = density.posterior(evidence=known, effort=effort, generator=chance)
    assert found.kind == "consistent"
    assert ((found.value - by_label.log_softmax(0)).abs() < 4 * found.std_error).all()


def _step(model):
    condition = torch.tensor([0])
    return model.step(model.start(condition), condition)


def questions(density, image):
    known = density.evidence(image)
    return {
        "every_prefix": lambda: density.posterior(image, every_prefix=True),
        "decide": lambda: density.decide(image, threshold=0.9),
        "complete": lambda: density.complete(image, 2, keep=2),
        "surprise": lambda: density.surprise(image),
        "marginals": lambda: density.marginals(known),
        "hitting": lambda: density.hitting([1], known),
        "entropy of symbols": lambda: density.entropy(known),
        "information": lambda: density.information(known),
        "learning_curve": lambda: density.learning_curve(),
        "argmax": lambda: density.argmax(known),
        "divergence": lambda: density.divergence({"digit": 0}, {"digit": 1}),
        "certify": lambda: density.certify((0, 0)),
        "a question in words": lambda: density.ask("P(digit | x[:2])", x=image),
        "distribution": lambda: density.distribution(),
        "explain": lambda: density.explain(known),
        "a length of its own": lambda: density.sample(2, length=2),
        "a next symbol": lambda: _step(density.model),
        "a beginning": lambda: mixed.log_evidence(density.model, Evidence.free(2, 2, 3)),
    }


@pytest.mark.parametrize(
    "what",
    [
        "every_prefix",
        "decide",
        "complete",
        "surprise",
        "marginals",
        "hitting",
        "entropy of symbols",
        "information",
        "learning_curve",
        "argmax",
        "divergence",
        "certify",
        "a question in words",
        "distribution",
        "explain",
        "a length of its own",
        "a next symbol",
        "a beginning",
    ],
)
def test_whatever_goes_along_a_scan_is_refused_with_the_way_to_fix_one(world, what):
    density, images, _ = world
    name = density.model.names[0]
    message = (
        rf"{what} needs one order in which symbols are read; this is the mixture over the scans "
        rf"{name}, .*\. Fix one: density\.component\('{name}'\), or --given scan={name}"
    )
    with pytest.raises(ValueError, match=message):
        questions(density, grey(images[0]))[what]()


def test_symbols_of_a_file_one_by_one_are_refused(world, tmp_path):
    density, images, _ = world
    density.signal.write(tmp_path / "x.png", density.signal.encode(grey(images[1])))
    with pytest.raises(ValueError, match="per_symbol needs one order"):
        density.log_prob(tmp_path / "x.png", per_symbol=tmp_path / "x.npy")
    with pytest.raises(ValueError, match="a beginning needs one order"):
        density.model.read(density.model.start(torch.tensor([0])), torch.tensor([[0, 1]]))


@pytest.mark.parametrize("region", [3, slice(0, 2)])
def test_positions_along_the_scan_are_refused_and_pixels_are_not(world, region):
    density, images, _ = world
    with pytest.raises(ValueError, match=r"positions along the scan need one scan, .*; got"):
        density.posterior(grey(images[0]), hidden=region)
    assert (
        density.component(density.model.names[1]).posterior(grey(images[0]), hidden=region).kind
        == "exact"
    )
    assert density.posterior(grey(images[0]), hidden=(0, slice(None))).kind == "exact"


def test_components_that_are_not_there_are_refused(world):
    density, _, _ = world
    with pytest.raises(ValueError, match=r"the mixture has the scans .*; got 'serpentine'"):
        density.component("serpentine")
    with pytest.raises(ValueError, match="this density has one order"):
        density.component("column").component("column")


def test_impossible_evidence_draws_nothing(world):
    density, images, _ = world
    known = density.evidence(grey(images[0]), ranges=[((0, 0), 200, 255)])
    assert float(density.probability(known).value) == -math.inf
    assert math.isnan(float(density.probability(known, known).value))
    with pytest.raises(ValueError, match="rules everything out: nothing can be drawn"):
        density.infill(evidence=known, draws=2)
    with pytest.raises(ValueError, match="count needs to be at least 1; got 0"):
        density.infill(grey(images[0]), hidden=(0, 0), draws=0)


def test_a_model_without_features_is_a_mixture_too(tmp_path):
    model, signal, space = stored(2, 2, features=False)
    modeldir.save(tmp_path / "plain", model=model, signal=signal, space=space)
    found = load(tmp_path / "plain").log_prob(grey(images_of(2, 2)), given={"digit": 0}).value
    assert (found - mean(joint_of(model, signal, space))[:, 0]).abs().max() < 1e-10


def test_conditions_that_do_not_name_the_scans_are_refused():
    model, signal, space = stored(2, 2)
    with pytest.raises(ValueError, match="the model has no factor 'scan'"):
        mixed.by_scan(model, ConditionSpace({"digit": ("0", "1", "2"), "order": KINDS}), KINDS)
    with pytest.raises(ValueError, match="the model knows no scan 'upward'"):
        mixed.by_scan(model, space, (*KINDS, "upward"))
    mixed_up = model.with_features(model.features, rows=torch.arange(12) // 4)
    with pytest.raises(ValueError, match="conditions of a scan need one row of features; got"):
        mixed.by_scan(mixed_up, space, signal.kinds)
