from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from autoreg import scoring
from autoreg.codecs.scan import Scan
from autoreg.data.sequences import Sequences
from autoreg.training.batches import Batch, training_batches
from autoreg.training.learner import Learner, learning_rate, weight_groups
from autoreg.training.shifts import Shifts


@pytest.fixture
def learner(fresh, config, accelerator):
    return Learner(fresh(), config.training, accelerator)


@pytest.fixture
def batch(corpus, learner):
    order = learner.model.order
    return next(training_batches(corpus.parts["train"], order=order, crop=7, columns=64, seed=0))


def test_learning_rate_rises_to_its_peak_and_falls_to_its_final_fraction(config):
    training = replace(config.training, warmup=3, final_fraction=0.1, learning_rate=1.0)
    rates = [learning_rate(training, step) for step in range(training.steps + 1)]
    assert rates[:4] == pytest.approx([1 / 3, 2 / 3, 1, 1])
    assert rates[-1] == pytest.approx(0.1)
    assert rates[3:] == sorted(rates[3:], reverse=True)


def test_all_decays_but_biases_and_embeddings(fresh):
    model = fresh()
    decayed, free = weight_groups(model, 0.1)
    spared = {id(parameter) for parameter in free["params"]}
    names = {name for name, parameter in model.named_parameters() if id(parameter) in spared}
    biases = {name for name, _ in model.named_parameters() if name.endswith("bias")}
    assert names == biases | {"embedding.weight", "conditions.factors.0"}
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0.0)
    assert len(decayed["params"]) + len(free["params"]) == len(list(model.parameters()))


def test_decay_shrinks_products_and_filters_and_nothing_else(fresh):
    model = fresh()
    products = [m.weight for m in model.modules() if isinstance(m, torch.nn.Linear)]
    products += [one for layer in model.stack.gated for one in (layer.filters, layer.context)]
    shrunk = {id(parameter) for parameter in products}
    before = [parameter.clone() for parameter in model.parameters()]
    optimizer = torch.optim.AdamW(weight_groups(model, 0.1), lr=0.5)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for old, new in zip(before, model.parameters(), strict=True):
        scale = 0.95 if id(new) in shrunk else 1.0
        torch.testing.assert_close(new.detach(), scale * old)
    assert len(shrunk) < len(before)


def test_untrained_model_costs_what_a_uniform_guess_does(corpus, learner):
    assert learner.validate(corpus.parts["valid"]) == pytest.approx(torch.tensor(3.0).log().item())


def test_update_returns_the_nats_of_the_batch_before_it(learner, batch):
    nats, stop = learner.update(batch, 0)
    assert nats == pytest.approx(batch.scored * torch.tensor(3.0).log().item())
    assert not stop
    assert learner.update(batch, 1)[0] < nats


@pytest.mark.parametrize("clip", [1e9, 1e-3])
def test_step_follows_the_clipped_gradient_of_nats_per_symbol(
    fresh, config, accelerator, batch, clip
):
    model = fresh()
    model.stack.dropout = 0.0
    model.stack.output.weight.data[0] = 1.0
    log_factors = scoring.log_factors(model, *batch[:3], skip=batch.skip)
    gradients = torch.autograd.grad(-log_factors.sum() / batch.scored, list(model.parameters()))
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    learner = Learner(model, replace(config.training, clip=clip), accelerator)
    learner.update(batch, 0)
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        # After one step AdamW's first moment is a tenth of the gradient.
        moment = learner.optimizer.state[parameter]["exp_avg"]
        expected = 0.1 * gradient * min(1.0, clip / float(norm))
        torch.testing.assert_close(moment, expected, atol=1e-5 * min(1.0, clip), rtol=1e-4)


def test_average_moves_by_its_decay_and_faster_at_first(learner, batch):
    means = [mean.clone() for mean in learner.average.parameters()]
    for step, decay in [(0, 0.1), (500, 0.9)]:
        learner.update(batch, step)
        weights = learner.model.parameters()
        means = [decay * m + (1 - decay) * w for m, w in zip(means, weights, strict=True)]
        for mean, found in zip(means, learner.average.parameters(), strict=True):
            torch.testing.assert_close(found, mean.detach())


def test_loss_that_is_not_finite_is_an_error_and_changes_nothing(learner, batch):
    learner.model.stack.hidden.bias.data[0] = torch.nan
    before = [parameter.clone() for parameter in learner.model.parameters()]
    with pytest.raises(FloatingPointError, match=r"loss at step 7 is nan: lower .*learning_rate"):
        learner.update(batch, 7)
    for old, new in zip(before, learner.model.parameters(), strict=True):
        assert torch.equal(old.nan_to_num(), new.nan_to_num())


def test_validation_is_that_of_whole_files_under_the_average(corpus, learner, batch):
    for step in range(5):
        learner.update(batch, step)
    valid = corpus.parts["valid"]
    nats = 0.0
    for index in range(len(valid)):
        symbols, condition = valid[index].long()[None], valid.condition[index : index + 1]
        nats -= float(scoring.log_factors(learner.average, symbols, condition).sum())
    # Crops, padding and order of summation: float32 inside.
    assert learner.validate(valid) == pytest.approx(nats / len(valid.symbols), rel=1e-6)
    assert learner.average.training is False


def test_validation_of_parts_weighs_every_symbol_alike(corpus, learner):
    valid = corpus.parts["valid"]
    long, short = valid[0], valid[1][:1]
    both = Sequences.from_list([long, short], [0, 0])
    learner.average.stack.output.bias.data = torch.tensor([1.0, 0.0, -1.0])
    each = [learner.validate(Sequences.from_list([s], [0])) for s in (long, short)]
    mean = (each[0] * len(long) + each[1]) / (len(long) + 1)
    assert learner.validate(both) == pytest.approx(mean)


def test_a_process_without_a_row_moves_pictures_all_the_same(fresh, config, accelerator):
    """Two processes share a batch of one picture: the second has nothing, and breaks nothing."""
    scan = Scan("raster", 2, 3)
    one = torch.ones(1, dtype=torch.int64)
    batch = Batch(torch.tensor([[0, 1, 2, 0, 1, 2]]), 0 * one, 6 * one, 0 * one)
    shared = SimpleNamespace(
        process_index=1,
        num_processes=2,
        device=accelerator.device,
        prepare=lambda module: module,
        reduce=lambda told: told,
        backward=lambda loss: loss.backward(),
        clip_grad_norm_=lambda parameters, most: None,
    )
    learner = Learner(fresh(), config.training, shared, change=Shifts(scan, 1))
    assert learner.update(batch, 0) == (0.0, False)
