"""Every sequence that is possible."""

import math

import pytest
import torch

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.table import log_count, tabulate
from tests.laws.recipes import MarkovRecipe
from tests.oracles import chain_probs, every

CHAIN = MarkovRecipe(num_symbols=3, order=1, num_conditions=2, seed=0).build()
SETS = torch.tensor([[1, 1, 0], [1, 0, 1], [1, 1, 1], [0, 1, 0]], dtype=torch.bool)


def test_a_table_holds_each_allowed_sequence_once_with_its_probability():
    known = Evidence.among(SETS, 2)
    table = tabulate(CHAIN, known, most=24)
    allowed = every(3, 4)[known.allows(every(3, 4))]
    assert table.symbols.tolist() == allowed.tolist()
    assert len(allowed) == 12
    wanted = chain_probs(CHAIN, allowed).T / 2
    torch.testing.assert_close(table.log_joint.exp(), wanted, rtol=0, atol=1e-12)
    assert table.scored == 12 * 4 * 2
    assert log_count(known) == pytest.approx(math.log(12))


def test_more_sequences_and_conditions_than_may_be_are_not_tabulated():
    known = Evidence.among(SETS, 2)
    assert tabulate(CHAIN, known, most=23) is None
    one = known.given(torch.tensor([0.0, -torch.inf]).double())
    assert tabulate(CHAIN, one, most=12).conditions.tolist() == [0]


def test_sequences_on_which_an_event_does_not_occur_have_no_probability():
    table = tabulate(CHAIN, Evidence.free(3, 2, 2), event=Event.hit([2], 3), most=18)
    hit = (table.symbols == 2).any(1)
    assert bool(table.log_joint[:, hit].isfinite().all())
    assert bool(table.log_joint[:, ~hit].isneginf().all())


def test_the_impossible_and_the_empty_have_tables_too():
    nothing = tabulate(CHAIN, Evidence.free(3, 2, 2).restrict(0, []), most=1)
    assert nothing.symbols.shape == (0, 2)
    assert float(nothing.log_joint.flatten().logsumexp(0)) == -torch.inf
    empty = tabulate(CHAIN, Evidence.free(3, 0, 2), most=2)
    assert empty.symbols.shape == (1, 0)
    assert empty.log_joint.exp().flatten().tolist() == pytest.approx([0.5, 0.5])


def test_memory_does_not_change_a_table():
    known = Evidence.among(SETS, 2)
    little = tabulate(CHAIN, known, most=24, memory=1)
    assert torch.equal(little.log_joint, tabulate(CHAIN, known, most=24).log_joint)
