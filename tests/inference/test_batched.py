import pytest
import torch

from autoreg.inference.batched import absorb, advance, joined, next_log_probs
from autoreg.models.markov import MarkovTable
from tests.laws.recipes import WaveNetRecipe


def wavenet():
    return WaveNetRecipe(3, (2,), None, 2, (1, 2), 1, 0, 0, 1, 0).build()


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_small_batches_step_and_read_to_the_same_state(rows):
    model = wavenet()
    memory = rows * 4 * model.floats_per_symbol
    state = model.start(torch.tensor([0, 1, 0, 1, 1]))
    picked, symbols = torch.tensor([4, 0, 0, 3]), torch.tensor([2, 1, 0, 0])
    whole = advance(model, state, picked, symbols)
    parts = advance(model, state, picked, symbols, memory=memory)
    assert torch.allclose(whole.next, parts.next, atol=1e-12)
    run = torch.tensor([0, 2, 1, 1])
    factors, after = absorb(model, whole, run)
    some, behind = absorb(model, parts, run, memory=memory)
    assert torch.allclose(factors, some, atol=1e-12)
    assert torch.allclose(after.next, behind.next, atol=1e-12)


def test_what_is_absorbed_has_the_probability_of_its_symbols():
    model, run = wavenet(), torch.tensor([1, 0, 2])
    total, _ = absorb(model, model.start(torch.tensor([0, 1])), run)
    with torch.no_grad():
        logs = model.log_probs(run.expand(2, -1), torch.tensor([0, 1]))
    assert torch.allclose(total, logs[:, torch.arange(3), run].sum(-1), atol=1e-12)


def test_joined_rows_stand_in_order():
    model = MarkovTable.random(2, 1, 3, generator=torch.Generator().manual_seed(0))
    one, two = model.start(torch.tensor([2])), model.start(torch.tensor([0, 1]))
    both = joined([one, two])
    assert torch.equal(both.memory[1], torch.tensor([2, 0, 1]))
    assert torch.equal(next_log_probs(model, both)[1:], next_log_probs(model, two))
