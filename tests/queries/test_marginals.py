"""What each hidden symbol may be."""

import pytest
import torch

from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.queries.marginals import marginals
from tests.laws.recipes import MarkovRecipe
from tests.oracles import chain_probs, every

CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=2, seed=4).build()
KNOWN = Evidence.free(3, 6, 2).restrict(0, 1).restrict(3, [0, 2])


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def law(evidence):
    symbols = every(3, evidence.length)
    probs = (chain_probs(CHAIN, symbols) / 2).sum(1) * evidence.allows(symbols)
    probs = probs / probs.sum()
    return torch.stack(
        [
            torch.stack([probs[symbols[:, t] == v].sum() for v in range(3)])
            for t in evidence.hidden.tolist()
        ]
    )


@pytest.mark.parametrize("evidence", [KNOWN, Evidence.free(3, 5, 2).restrict([0, 1], 2)])
@pytest.mark.parametrize("effort", [Effort(), Effort(most_paths=1)])
def test_exact_marginals_are_sums_over_sequences(evidence, effort):
    answer = marginals(CHAIN, evidence, effort=effort)
    assert answer.kind == "exact"
    torch.testing.assert_close(answer.value.exp(), law(evidence), rtol=0, atol=1e-9)


@pytest.mark.parametrize("method", ["importance", "particles"])
def test_estimated_marginals_are_as_far_off_as_they_say(method):
    effort = Effort(method=method, particles=128)
    answer = marginals(CHAIN, KNOWN, effort=effort, generator=chance())
    wanted, sure = law(KNOWN), answer.std_error.isfinite() & (answer.std_error > 0)
    z = (answer.value - wanted.log())[sure] / answer.std_error[sure]
    assert float(z.abs().max()) < 4
    assert float((answer.value.exp().sum(-1) - 1).abs().max()) < 0.02


def test_positions_behind_the_last_known_one_are_averages_not_counts():
    # Eight draws an island, and yet no entry is a multiple of an eighth: Rao and Blackwell.
    ahead = Evidence.free(3, 5, 2).restrict(0, 1)
    effort = Effort(method="particles", islands=2, draws=1)
    answer = marginals(CHAIN, ahead, effort=effort, generator=chance())
    entries = answer.value[1:].exp() * 2
    assert float((entries - entries.round()).abs().min()) > 1e-6
    assert float((answer.value.exp().sum(-1) - 1).abs().max()) < 1e-9


def test_nothing_hidden_has_no_marginals():
    assert marginals(
        CHAIN, Evidence.observe(torch.tensor([1]), 3, num_conditions=2)
    ).value.shape == (
        0,
        3,
    )
