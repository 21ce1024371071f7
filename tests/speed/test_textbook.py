import pytest
import torch

from autoreg import scoring
from autoreg.models.wavenet import WaveNet
from autoreg.speed.subjects import perturbed, sequences, subject
from autoreg.speed.textbook import textbook_of


@pytest.mark.parametrize(
    "shape",
    [
        {"kernel_size": 3, "gate": 5, "input_kernel": 4},
        {"kernel_size": 2, "gate": None, "input_kernel": 1},
    ],
)
def test_the_plain_implementation_is_the_same_function(shape):
    model = perturbed(
        5, conditions=(2, 3), residual=4, skip=7, hidden=6, dilations=(1, 2, 4), **shape
    ).double()
    symbols, condition = sequences(model, 6, 40)
    theirs = textbook_of(model).log_factors(symbols, condition)
    torch.testing.assert_close(
        theirs, scoring.log_factors(model, symbols, condition), rtol=0, atol=1e-12
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", "ABC")
def test_so_it_is_of_what_is_measured(name):
    model = subject(name).double()
    symbols, condition = sequences(model, 2, 900)
    with torch.no_grad():
        theirs = textbook_of(model).log_factors(symbols, condition)
        ours = scoring.log_factors(model, symbols, condition)
    torch.testing.assert_close(theirs, ours, rtol=0, atol=1e-12)


def test_its_queues_hold_what_its_convolutions_see(tiny, monkeypatch):
    """Each symbol is drawn from what scoring the drawn sequence says of it."""
    plain = textbook_of(tiny.double())
    condition = torch.tensor([0, 1, 1])
    laws = []

    def first(probs, count, *, generator):
        laws.append(probs)
        return drawn(probs, count, generator=generator)

    drawn = torch.multinomial
    monkeypatch.setattr(torch, "multinomial", first)
    with torch.no_grad():
        symbols = plain.generate(condition, 30, generator=torch.Generator().manual_seed(0))
        scored = plain(symbols, condition).softmax(1)
    torch.testing.assert_close(torch.stack(laws, 2), scored, rtol=0, atol=1e-12)


def test_features_and_a_single_condition_are_refused():
    with torch.random.fork_rng(devices=[]):
        alone = WaveNet(2, dilations=(1,))
        placed = WaveNet(2, dilations=(1,), conditions=(2,), num_features=3)
    for model in (alone, placed):
        with pytest.raises(ValueError, match="plain implementation has conditions, and no feat"):
            textbook_of(model)
