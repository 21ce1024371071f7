import itertools
from dataclasses import replace

import pytest
import torch

from autoreg import scoring
from autoreg.models.wavenet import WaveNet
from autoreg.training.batches import Batch, scoring_batches, training_batches
from autoreg.training.chance import seeded
from autoreg.training.config import Config
from autoreg.training.learner import Learner
from autoreg.training.objective import Objective
from autoreg.training.relaxation import gumbel
from autoreg.training.unrolled import Unrolled

ALL = 1000
CPU = torch.device("cpu")


def scrambled(model):
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data += 0.4 * torch.randn(parameter.shape, generator=generator)
    return model.double().eval()


def unrolled(model, steps, **changes):
    settings = {"origins": ALL, "relaxation": "straight-through", "temperature": 0.8}
    return Unrolled(model, steps=steps, **{**settings, **changes})


@pytest.fixture
def model(fresh):
    return scrambled(fresh())


@pytest.fixture
def batch(corpus, model):
    """Crops and whole files, under both conditions."""
    train = corpus.parts["train"].take(range(8))
    return next(scoring_batches(train, order=model.order, crop=4, columns=10_000))


def lookups(batch, steps):
    """Return the places (row, column) where all steps are scored, column by column."""
    rows, columns = (range(size) for size in batch.symbols.shape)
    return [
        (row, column)
        for column, row in itertools.product(columns, rows)
        if int(batch.skip[row]) <= column <= int(batch.lengths[row]) - steps
    ]


def by_hand(model, batch, steps, seed):
    """Return the loss by scoring every drawn sequence from its first symbol on."""
    places = lookups(batch, steps)
    nats = -scoring.log_factors(model, *batch[:3], skip=batch.skip).sum()
    paths = [batch.symbols[row, :column].tolist() for row, column in places]
    later = 0.0
    with seeded(seed, device=CPU):
        torch.rand(len({column for _, column in places}))  # which columns come first
        for ahead in range(1, steps):
            noise = gumbel(torch.rand(len(places), model.num_symbols, dtype=torch.float64))
            told = []
            for (row, column), path, shift in zip(places, paths, noise, strict=True):
                condition = batch.condition[row : row + 1]
                zeros = torch.tensor([[*path, 0]])
                law = model.log_probs(zeros, condition)[0, -1]
                path.append(int((law + shift).argmax()))
                law = model.log_probs(torch.tensor([[*path, 0]]), condition)[0, -1]
                told.append(-law[batch.symbols[row, column + ahead]])
            later = later + torch.stack(told).mean()
    return (nats + batch.scored * later) / steps


def test_one_step_is_the_ordinary_loss_exactly(model, batch):
    loss, nats = unrolled(model, 1)(*batch)
    assert loss == nats == Objective(model)(*batch).nats


def test_loss_is_that_of_drawn_sequences_scored_from_their_start(model, batch):
    with seeded(5, device=CPU), torch.no_grad():
        loss, nats = unrolled(model, 3)(*batch)
    with torch.no_grad():
        expected = by_hand(model, batch, 3, 5)
        ordinary = float(Objective(model)(*batch).nats)
    assert float(loss) == pytest.approx(float(expected), rel=1e-10)
    assert float(nats) == pytest.approx(ordinary, rel=1e-12)
    assert abs(float(loss) - float(nats)) > 1e-3 * float(nats)


def test_it_works_with_features_of_positions():
    generator = torch.Generator().manual_seed(1)
    with seeded(0, device=CPU):
        bare = WaveNet(3, dilations=[1, 2], conditions=[2], residual=4, num_features=2)
    features = torch.randn(1, 6, 2, dtype=torch.float64, generator=generator)
    model = scrambled(bare).with_features(features)
    symbols = torch.randint(3, (3, 6), generator=generator)
    batch = Batch(symbols, torch.tensor([0, 1, 1]), torch.tensor([6, 6, 4]), torch.zeros(3).long())
    with seeded(5, device=CPU), torch.no_grad():
        loss, _ = unrolled(model, 4)(*batch)
    with torch.no_grad():
        assert float(loss) == pytest.approx(float(by_hand(model, batch, 4, 5)), rel=1e-10)


def test_as_few_columns_as_asked_for_are_chosen_among_those_with_room(model, batch):
    few = unrolled(model, 3, origins=2)
    with seeded(0, device=CPU):
        chosen = [few._choose(batch) for _ in range(20)]
    room = {column for _, column in lookups(batch, 3)}
    assert {int(one.sum()) for one in chosen} == {2}
    found = {column for one in chosen for column in one.nonzero()[:, 0].tolist()}
    assert found <= room
    assert len(found) > 4


def test_sequences_too_short_to_unroll_count_as_they_are(model, batch):
    loss, nats = unrolled(model, 100)(*batch)
    assert nats == Objective(model)(*batch).nats
    # Their one horizon weighs as much as that of rows with room for all.
    assert float(loss.detach()) == pytest.approx(float(nats.detach()) / 100, rel=1e-12)


def test_gradient_of_the_soft_relaxation_is_that_of_finite_differences(model, batch):
    objective = unrolled(model, 4, relaxation="soft")
    generator = torch.Generator().manual_seed(2)
    parameters = list(model.parameters())
    way = [torch.randn(p.shape, dtype=torch.float64, generator=generator) for p in parameters]

    def loss():
        with seeded(3, device=CPU):
            return objective(*batch).loss

    gradients = torch.autograd.grad(loss(), parameters)
    slope = sum(float((g * w).sum()) for g, w in zip(gradients, way, strict=True))
    sides = []
    for sign in (1, -1):
        for parameter, one in zip(parameters, way, strict=True):
            parameter.data += sign * 1e-5 * one
        with torch.no_grad():
            sides.append(loss().item())
        for parameter, one in zip(parameters, way, strict=True):
            parameter.data -= sign * 1e-5 * one
    # A central difference of step h is off by h^2; rounding adds 1e-16 / h.
    assert slope == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-6)


@pytest.mark.parametrize("relaxation", ["straight-through", "soft"])
def test_gradient_passes_through_the_draws(model, batch, relaxation):
    found = []
    for detached in (False, True):
        objective = unrolled(model, 3, relaxation=relaxation)
        if detached:
            draw = objective._draw
            objective._draw = lambda logits, draw=draw: draw(logits).detach()
        with seeded(3, device=CPU):
            loss = objective(*batch).loss
        weight = model.stack.output.weight
        found.append((loss.item(), torch.autograd.grad(loss, weight)[0]))
    assert found[0][0] == found[1][0]
    assert not torch.allclose(found[0][1], found[1][1], rtol=1e-3)


def test_bfloat16_is_near(model, batch):
    model.float()
    losses = []
    for precision in (torch.float32, torch.bfloat16):
        with seeded(0, device=CPU):
            losses.append(unrolled(model, 2, relaxation="soft", precision=precision)(*batch))
    exact, rough = losses
    assert rough.loss.dtype == torch.float64
    assert 0 < abs(rough.loss - exact.loss) < 2**-7 * exact.loss


def test_reported_nats_are_the_log_likelihood_and_the_step_is_not(
    fresh, corpus, config, accelerator
):
    training = replace(config.training, unroll=3, crop=None)
    found = []
    for settings in (training, replace(training, unroll=0)):
        model = fresh()
        model.stack.dropout = 0.0
        model.stack.output.weight.data[0] = 1.0
        batch = next(
            training_batches(
                corpus.parts["train"], order=model.order, crop=None, columns=64, seed=0
            )
        )
        learner = Learner(model, settings, accelerator)
        nats, _ = learner.update(batch, 0)
        # After one step AdamW's first moment is a tenth of the gradient.
        found.append((nats, learner.optimizer.state[model.stack.output.weight]["exp_avg"]))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    assert not torch.allclose(found[0][1], found[1][1], rtol=1e-2)


def test_an_update_is_a_function_of_seed_and_step(fresh, corpus, config, accelerator):
    training = replace(config.training, unroll=3)
    runs = []
    for seed in (0, 0, 1):
        model = fresh()
        learner = Learner(model, replace(training, seed=seed), accelerator)
        batches = training_batches(
            corpus.parts["train"], order=model.order, crop=7, columns=64, seed=0
        )
        for step, batch in enumerate(itertools.islice(batches, 3)):
            learner.update(batch, step)
        runs.append(model.stack.output.weight.detach())
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_a_head_whose_draws_cannot_be_relaxed_is_refused(model):
    model.head = object()
    with pytest.raises(ValueError, match=r"one logit for each symbol.*unroll = 0"):
        unrolled(model, 2)


def test_an_input_without_a_vector_for_each_symbol_is_refused(model):
    model.embedding = torch.nn.Identity()
    with pytest.raises(ValueError, match=r"has an embedding Identity\. Set training\.unroll = 0"):
        unrolled(model, 2)


def test_features_at_a_hop_are_refused(model):
    model.upsampling = torch.nn.Identity()
    with pytest.raises(ValueError, match="no model that takes features at a hop: set it to 0"):
        unrolled(model, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"relaxation": "hard"}, "'straight-through' or 'soft'; got 'hard'"),
        ({"relaxation_temperature": 0.0}, "relaxation_temperature needs to be more than 0"),
        ({"unroll": -1}, "unroll needs to be 0 or more; got -1"),
        ({"unroll": 2, "discriminative": 0.1}, "set one to 0; got 2 and 0.1"),
        ({"unroll_origins": 0}, "unroll_origins needs to be more than 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Config.from_dict({"training": settings})
