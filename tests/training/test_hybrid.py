import pytest
import torch

from autoreg import scoring
from autoreg.models.wavenet import WaveNet
from autoreg.training import hybrid
from autoreg.training.hybrid import Hybrid
from autoreg.training.objective import Objective


@pytest.fixture
def model():
    with torch.random.fork_rng(devices=[]):
        shape = {"residual": 4, "skip": 4, "hidden": 4, "dilations": (1, 2)}
        return WaveNet(3, conditions=(2, 2), **shape).double()


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(1)
    symbols = torch.randint(3, (5, 6), generator=generator)
    lengths = torch.tensor([6, 4, 6, 1, 5])
    return symbols, torch.tensor([0, 3, 2, 1, 3]), lengths, torch.zeros(5, dtype=torch.int64)


def gradients(model, loss):
    return torch.autograd.grad(loss, list(model.parameters()))


def by_autograd(model, batch, share):
    """Return the loss with all conditions left to autograd."""
    symbols, condition, lengths, _ = batch
    joint = torch.stack(
        [
            scoring.log_factors(model, symbols, torch.full_like(lengths, k), lengths).sum(1)
            for k in range(model.num_conditions)
        ],
        dim=1,
    )
    own = joint.gather(1, condition[:, None])[:, 0]
    return -((1 - share) * own + share * (own - joint.logsumexp(1))).sum()


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_loss_and_gradient_are_those_of_every_condition_by_autograd(model, batch, share):
    found, expected = Hybrid(model, share)(*batch), by_autograd(model, batch, share)
    torch.testing.assert_close(found.loss, expected)
    for ours, theirs in zip(gradients(model, found.loss), gradients(model, expected), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=1e-9)


def test_nats_that_are_reported_are_those_of_the_likelihood(model, batch):
    torch.testing.assert_close(Hybrid(model, 0.7)(*batch).nats, Objective(model)(*batch).nats)


def test_only_rivals_that_matter_are_read_with_a_gradient(model, batch, monkeypatch):
    rows = []
    read = Hybrid._read

    def counted(self, symbols, condition, lengths):
        rows.append((len(symbols), torch.is_grad_enabled()))
        return read(self, symbols, condition, lengths)

    monkeypatch.setattr(Hybrid, "_read", counted)
    monkeypatch.setattr(hybrid, "NEGLIGIBLE", 1.0)  # no rival can be more probable
    Hybrid(model, 0.5)(*batch)
    assert rows == [(5, False)] * 4 + [(5, True)]


def test_pieces_of_sequences_are_refused(model, batch):
    with pytest.raises(ValueError, match="leave training"):
        Hybrid(model, 0.5)(*batch[:3], torch.ones(5, dtype=torch.int64))
