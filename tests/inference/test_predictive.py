"""The next symbol, the condition summed out along the way."""

import pytest
import torch

from autoreg.inference.predictive import predictive
from autoreg.models.markov import MarkovTable
from tests.laws.recipes import MarkovRecipe
from tests.oracles import chain_probs, every

CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=3, seed=0).build()
PRIOR = torch.tensor([0.5, 0.0, 0.2], dtype=torch.float64).log()


def test_it_is_the_ratio_of_probabilities_of_prefixes():
    symbols = every(3, 4)
    found = torch.cat([logs for _, logs, _ in predictive(CHAIN, symbols, PRIOR)])
    weights = torch.tensor([5 / 7, 0, 2 / 7], dtype=torch.float64)
    for t in range(4):
        before = (chain_probs(CHAIN, symbols[:, :t]) * weights).sum(1)
        for v in range(3):
            longer = torch.cat([symbols[:, :t], torch.full((81, 1), v)], 1)
            wanted = (chain_probs(CHAIN, longer) * weights).sum(1) / before
            torch.testing.assert_close(found[:, t, v].exp(), wanted, rtol=0, atol=1e-12)


def test_the_joint_of_conditions_comes_with_it():
    symbols = every(3, 3)
    joint = torch.cat([total for _, _, total in predictive(CHAIN, symbols, PRIOR)])
    weights = torch.tensor([5 / 7, 2 / 7], dtype=torch.float64)
    wanted = chain_probs(CHAIN, symbols)[:, [0, 2]] * weights
    torch.testing.assert_close(joint.exp(), wanted, rtol=0, atol=1e-12)


def test_a_condition_that_has_died_weighs_nothing():
    probs = torch.tensor([[[1.0, 0.0]], [[0.5, 0.5]]], dtype=torch.float64)
    dying, prior = MarkovTable(probs.log()), torch.tensor([0.5, 0.5]).double().log()
    ((_, logs, _),) = predictive(dying, torch.tensor([[1, 0, 0]]), prior)
    assert logs[0, :, 0].exp().tolist() == pytest.approx([0.75, 0.5, 0.5])


def test_batches_and_memory_change_nothing():
    symbols = every(3, 3)
    (whole,) = (logs for _, logs, _ in predictive(CHAIN, symbols, PRIOR))
    pieces = list(predictive(CHAIN, symbols, PRIOR, memory=1))
    assert len(pieces) == 27
    assert torch.equal(torch.cat([logs for _, logs, _ in pieces]), whole)
    assert [rows.start for rows, _, _ in pieces] == list(range(27))
