import pytest
import torch

from autoreg import scoring
from autoreg.training.batches import scoring_batches
from autoreg.training.objective import Objective


@pytest.fixture
def batch(corpus, fresh):
    batches = scoring_batches(corpus.parts["train"], order=fresh().order, crop=3, columns=10_000)
    return next(batches)


def scrambled(model):
    """Give a model whose output is not zero, as that of an untrained one is."""
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)
    return model.eval()


def test_loss_is_minus_the_sum_of_the_log_factors(fresh, batch):
    model = scrambled(fresh())
    symbols, condition, lengths, skip = batch[:4]
    log_factors = scoring.log_factors(model, symbols, condition, lengths, skip=skip)
    assert Objective(model)(*batch).loss == -log_factors.sum()
    assert (log_factors != 0).sum() == batch.scored


def test_bfloat16_is_near_and_its_sum_is_float64(fresh, batch):
    model = scrambled(fresh())
    exact, rough = Objective(model)(*batch).nats, Objective(model, torch.bfloat16)(*batch).nats
    assert rough.dtype == torch.float64
    # A bfloat16 has 8 bits: each factor is off by a few times 2^-8, the sum by far less than that.
    assert 0 < abs(rough - exact) < 2**-8 * exact


def test_every_parameter_gets_a_gradient(fresh, batch):
    model = scrambled(fresh())
    Objective(model)(*batch).loss.backward()
    assert [
        name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()
    ] == []
