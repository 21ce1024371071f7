"""What a state does, and what counts as a model."""

import pytest
import torch

from autoreg.models.heads import Categorical
from autoreg.models.markov import MarkovTable
from autoreg.models.wavenet import WaveNet
from autoreg.protocol import DENSE_LIMIT, Head, SequenceModel, State


def state():
    memory = (torch.arange(3), torch.arange(12.0).reshape(3, 2, 2))
    return State(torch.arange(6.0).reshape(3, 2), memory)


def test_gathering_takes_the_same_rows_of_everything():
    gathered = state().at(torch.tensor([2, 0, 2, 2]))
    assert gathered.next.tolist() == [[4, 5], [0, 1], [4, 5], [4, 5]]
    assert gathered.memory[0].tolist() == [2, 0, 2, 2]
    assert gathered.memory[1][1].tolist() == [[0, 1], [2, 3]]


def test_gathering_leaves_the_state_as_it_was():
    kept = state()
    forked = kept.at(torch.tensor([0, 0]))
    forked.memory[0].fill_(9)
    forked.next.fill_(9)
    assert torch.equal(kept.next, state().next)
    assert torch.equal(kept.memory[0], state().memory[0])


def test_gathering_nothing_keeps_all_other_axes():
    none = state().at(torch.zeros(0, dtype=torch.int64))
    assert none.next.shape == (0, 2)
    assert [tensor.shape for tensor in none.memory] == [(0,), (0, 2, 2)]


def test_a_row_takes_what_its_tensors_hold_however_many_there_are():
    # Two float32 of the head; an int64 and four float32 of the memory; and one, never nothing.
    for index in ([0], [0, 1, 2], [2, 2, 1, 0, 0]):
        assert state().at(torch.tensor(index)).bytes_per_row == 1 + 2 * 4 + 8 + 4 * 4
    assert State(torch.zeros(1, 0), ()).bytes_per_row == 1


@pytest.mark.parametrize("missing", ["order", "read", "head", "length"])
def test_a_model_without_a_member_is_none(missing):
    class Partial:
        num_symbols = num_conditions = 1
        order = length = head = None
        stationary = True
        log_probs = start = read = step = print

    assert isinstance(Partial(), SequenceModel)
    delattr(Partial, missing)
    assert not isinstance(Partial(), SequenceModel)


def test_the_models_and_the_head_of_the_package_satisfy_the_protocols():
    with torch.random.fork_rng(devices=[]):
        wavenet = WaveNet(2, dilations=[1])
    assert isinstance(wavenet, SequenceModel)
    assert isinstance(MarkovTable(torch.zeros(1, 1, 1)), SequenceModel)
    assert isinstance(Categorical(2), Head)


def test_a_million_levels_are_not_dense():
    assert 256 <= DENSE_LIMIT < 2**16
