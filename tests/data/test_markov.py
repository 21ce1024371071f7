import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.data.markov import markov


@given(st.integers(2, 4), st.integers(0, 2), st.integers(1, 3), st.integers(0, 99))
def test_each_row_of_the_law_sums_to_one(num_symbols, order, num_conditions, seed):
    corpus, log_probs = markov(
        3, 4, num_symbols=num_symbols, order=order, num_conditions=num_conditions, seed=seed
    )
    assert log_probs.shape == (num_conditions, (num_symbols + 1) ** order, num_symbols)
    torch.testing.assert_close(
        log_probs.exp().sum(-1), torch.ones(log_probs.shape[:2], dtype=torch.float64)
    )
    assert corpus.space.size == num_conditions
    assert corpus.target == ("chain" if num_conditions > 1 else None)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_sequences_follow_the_law_they_come_with(order):
    corpus, log_probs = markov(4000, 5, num_symbols=2, order=order, num_conditions=2, seed=1)
    train = corpus.parts["train"]
    rows = train.symbols.reshape(-1, 5).long()
    # Before the beginning stand `order` digits 2; then the context is the last `order` digits.
    digits = torch.cat([torch.full((len(rows), order), 2), rows], 1)
    counts = torch.zeros(log_probs.shape, dtype=torch.float64)
    for t in range(5):
        context = torch.zeros(len(rows)).long()
        for digit in digits[:, t : t + order].T:
            context = context * 3 + digit
        counts.index_put_(
            (train.condition, context, rows[:, t]), torch.ones(()).double(), accumulate=True
        )
    seen = counts.sum(-1, keepdim=True)
    probs = log_probs.exp()
    deviation = (seen * probs * (1 - probs)).sqrt()
    assert ((counts - seen * probs).abs() <= 4.5 * deviation).all()


def test_training_sequences_stay_when_the_seed_does():
    (one, law), (same, same_law), (other, _) = (markov(9, 30, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.parts["train"].symbols, same.parts["train"].symbols)
    assert torch.equal(law, same_law)
    assert not torch.equal(one.parts["train"].symbols, other.parts["train"].symbols)


@pytest.mark.parametrize(
    "bad", [{"num_sequences": 0}, {"length": 0}, {"num_conditions": 0}, {"order": -1}]
)
def test_chains_of_nothing_are_refused(bad):
    with pytest.raises(ValueError, match="need to be 1 or more, order 0 or more; got"):
        markov(**{"num_sequences": 3, "length": 4} | bad)
