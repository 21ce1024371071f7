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
    monkeypatch.setattr(hybrid, "NEGLIGIBLE", 4.0)  # no rival is more probable than 4 / 4
    Hybrid(model, 0.5)(*batch)
    assert rows == [(5, False)] * 4 + [(5, True)]


def test_pieces_of_sequences_are_refused(model, batch):
    with pytest.raises(ValueError, match="leave training"):
        Hybrid(model, 0.5)(*batch[:3], torch.ones(5, dtype=torch.int64))


def test_what_is_left_out_is_less_than_a_thousandth_however_many_rivals_there_are(monkeypatch):
    shape = {"residual": 2, "skip": 2, "hidden": 2, "dilations": (1,), "condition_width": 2}
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(3, conditions=(40,), **shape).double()
    # One condition holds all but 39 times 0.9e-4: together more than a thousandth.
    joint = torch.full((1, 40), 0.9e-4, dtype=torch.float64)
    joint[0, 0] = 1 - 39 * 0.9e-4
    monkeypatch.setattr(Hybrid, "_read_all", lambda *_: joint.log())
    read, rivals = Hybrid._read, []

    def told(self, symbols, condition, lengths):
        rivals.append(condition)
        return read(self, symbols, condition, lengths)

    monkeypatch.setattr(Hybrid, "_read", told)
    one, zero = torch.tensor([4]), torch.tensor([0])
    Hybrid(model, 0.5)(torch.tensor([[0, 1, 2, 0]]), zero, one, zero)
    left_out = set(range(40)) - set(rivals[-1].tolist())
    assert float(joint[0, list(left_out)].sum()) < 1e-3


def test_features_that_accompany_the_data_are_refused_where_the_model_takes_them(model, batch):
    wanted = Hybrid(model, 0.5)(*batch)
    assert Hybrid(model, 0.5)(*batch, object()).loss == wanted.loss
    model.upsampling = torch.nn.Identity()
    with pytest.raises(ValueError, match="discriminative knows no features that accompany"):
        Hybrid(model, 0.5)
