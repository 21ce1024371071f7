"""When something first happens."""

import pytest
import torch

from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.models.markov import MarkovTable
from autoreg.queries.hitting import hitting
from tests.laws.recipes import MarkovRecipe
from tests.oracles import chain_probs, every

CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=2, seed=6).build()
BEGUN = Evidence.free(3, 6, 2).restrict([0, 1], 2)
LATER = BEGUN.restrict(4, [0, 1])


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def law(evidence, among, start):
    symbols = every(3, evidence.length)
    probs = (chain_probs(CHAIN, symbols) / 2).sum(1) * evidence.allows(symbols)
    rest = [[symbol in among for symbol in row[start:]] for row in symbols.tolist()]
    first = torch.tensor([row.index(True) if any(row) else len(row) for row in rest])
    entries = [probs[first == at].sum() for at in range(evidence.length - start + 1)]
    return torch.stack(entries) / probs.sum()


@pytest.mark.parametrize("evidence", [BEGUN, LATER])
@pytest.mark.parametrize("effort", [Effort(), Effort(most_paths=1)])
def test_the_exact_law_is_a_sum_over_sequences(evidence, effort):
    answer = hitting(CHAIN, [0, 1], evidence, effort=effort)
    assert answer.kind == "exact"
    torch.testing.assert_close(answer.value.exp(), law(evidence, [0, 1], 2), rtol=0, atol=1e-9)


@pytest.mark.parametrize("evidence", [BEGUN, LATER])
def test_the_estimated_law_is_as_far_off_as_it_says_and_sums_to_one(evidence):
    effort = Effort(method="particles", particles=128, draws=64)
    answer = hitting(CHAIN, [0], evidence, effort=effort, generator=chance())
    wanted = law(evidence, [0], 2)
    sure = answer.std_error.isfinite() & (answer.std_error > 0)
    z = (answer.value - wanted.log())[sure] / answer.std_error[sure]
    assert float(z.abs().max()) < 4
    assert float(answer.value.exp().sum()) == pytest.approx(
        1, abs=1e-9 if evidence is BEGUN else 0.01
    )


def test_a_law_that_is_off_by_one_would_be_wrong():
    fair = MarkovTable(torch.full((1, 1, 2), 0.5).double().log())
    effort = Effort(method="particles", islands=4, particles=2)
    found = hitting(fair, [1], Evidence.free(2, 4), effort=effort, generator=chance())
    halves = torch.tensor([1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 16]).double()
    # A memoryless law has no variance in one run: each path tells it whole.
    torch.testing.assert_close(found.value.exp(), halves, rtol=0, atol=1e-12)
    shifted = torch.cat([halves[1:], halves[:1]])
    assert float((found.value.exp() - shifted).abs().max()) > 0.1


def test_a_set_that_is_certain_or_never_hit():
    fair = MarkovTable(torch.full((1, 1, 2), 0.5).double().log())
    for effort in (Effort(), Effort(method="particles")):
        always = hitting(fair, [0, 1], Evidence.free(2, 3), effort=effort, generator=chance())
        assert always.value.exp().tolist() == pytest.approx([1, 0, 0, 0])
        never = hitting(fair, [], Evidence.free(2, 3), effort=effort, generator=chance())
        assert never.value.exp().tolist() == pytest.approx([0, 0, 0, 1])


def test_nothing_left_is_not_hit():
    answer = hitting(CHAIN, [0], Evidence.free(3, 2, 2).restrict([0, 1], 0))
    assert answer.value.tolist() == [0.0]
