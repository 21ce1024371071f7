import pytest
import torch

from autoreg.evidence import Evidence
from autoreg.inference.contexts import Stepped, Table, Tabled, distinct
from autoreg.inference.meter import Metered
from autoreg.inference.problem import pose
from autoreg.models.markov import MarkovTable
from tests.inference.tiny import Forgotten


def table(order, num_symbols=2):
    generator = torch.Generator().manual_seed(0)
    return MarkovTable.random(num_symbols, order, generator=generator)


def free(model, length=9):
    return pose(model, Evidence.free(model.num_symbols, length), 0, tail=True)


def everywhere(contexts, num_symbols=2):
    """Return the contexts after every symbol."""
    count = len(contexts.log_probs())
    rows = torch.arange(count).repeat_interleave(num_symbols)
    return contexts.extend(rows, torch.arange(num_symbols).repeat(count))


def test_contexts_merge_on_the_last_symbols_alone():
    contexts, counts = Stepped.begin(free(table(2))), []
    for _ in range(4):
        contexts, merged = everywhere(contexts)
        counts.append(len(contexts.past))
    assert counts == [2, 4, 4, 4]
    assert merged.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]


def test_contexts_of_unknown_order_never_merge():
    contexts = Stepped.begin(free(Forgotten(table(1))))
    for _ in range(4):
        contexts, _ = everywhere(contexts)
    assert len(contexts.past) == 16


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_a_run_is_read_to_where_steps_lead(length):
    contexts = Stepped.begin(free(table(3)))
    for _ in range(3):
        contexts, _ = everywhere(contexts)
    run = torch.tensor([0, 1, 1, 0, 1])[:length]
    total, after, index = contexts.read(run)
    expected, at, stepped = torch.zeros(8).double(), torch.arange(8), contexts
    for symbol in run:
        expected += stepped.log_probs()[at, symbol]
        rows = torch.arange(len(stepped.past))
        stepped, merged = stepped.extend(rows, symbol.expand(len(rows)))
        at = merged[at]
    assert torch.allclose(total, expected, atol=1e-12)
    assert len(after.past) == max(1, 8 >> length) == len(after.state.next)
    assert torch.allclose(after.log_probs()[index], stepped.log_probs()[at], atol=1e-12)


def test_a_table_says_what_states_say():
    model = Metered(table(2))
    contexts = Stepped.begin(free(model))
    for _ in range(3):
        contexts, _ = everywhere(contexts)
    tabled, index = Tabled.begin(Table(model, 0), contexts)
    assert torch.allclose(tabled.log_probs()[index], contexts.log_probs(), atol=1e-12)
    read, run = contexts.read(torch.tensor([1, 0, 0])), tabled.read(torch.tensor([1, 0, 0]))
    assert torch.allclose(run[0][index], read[0], atol=1e-12)
    assert len(run[1].codes) == len(read[1].past) == 1
    scored = model.scored
    everywhere(everywhere(tabled)[0])[0].log_probs()
    assert model.scored == scored  # all four contexts were known


def test_a_table_needs_a_stationary_model_of_finite_order():
    with pytest.raises(ValueError, match="stationary model of finite order"):
        Table(Forgotten(table(1)), 0)


def test_rows_too_long_for_a_number_are_told_apart():
    rows = torch.randint(3, (50, 200), generator=torch.Generator().manual_seed(0))
    rows = torch.cat([rows, rows[:20], rows[:5]])
    rows[70:, -1] = (rows[70:, -1] + 1) % 3
    first, index = distinct(rows, 3)
    assert len(first) == 55
    assert torch.equal(rows[first][index], rows)


def test_contexts_that_change_places_take_their_states_along():
    model = table(2)
    contexts, _ = Stepped.begin(free(model)).extend(torch.tensor([0, 0]), torch.tensor([0, 1]))
    # 0 1 and 1 0: once the first symbol is out of sight they are told apart by 1 and 0.
    contexts, _ = contexts.extend(torch.tensor([0, 1]), torch.tensor([1, 0]))
    total, _, _ = contexts.read(torch.tensor([0, 1]))
    paths = torch.tensor([[0, 1, 0, 1], [1, 0, 0, 1]])
    logs = model.log_probs(paths, torch.tensor([0, 0])).gather(-1, paths[..., None])[..., 0]
    assert torch.allclose(total, logs[:, 2:].sum(1), atol=1e-12)
