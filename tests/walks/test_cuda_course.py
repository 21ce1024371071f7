"""What a course copies, and how its kernel's blocks fit each other."""

import pytest
import torch

from autoreg.walks.cuda_course import Course
from autoreg.walks.cuda_network import pack
from tests.walks.wavenets import MODELS, ask, automaton, network, standing, wavenet


def begin(streams=1, chunk=0, count=3, **changes):
    model = wavenet(**changes)
    state = standing(model, count, read=4)
    asked = ask(state, automaton(2, 6, model.num_symbols))
    return Course.begin(pack(network(model)), asked, streams, chunk), asked


def test_a_course_begins_as_the_state_and_shares_nothing_with_it():
    course, asked = begin(kernel_size=3)
    walked = course.walked(0)
    memory = (asked.state.next, *asked.state.memory[3:])
    for mine, theirs in zip((walked.state.next, *walked.state.memory[3:]), memory, strict=True):
        assert torch.equal(mine, theirs)
        assert not mine.numel() or mine.data_ptr() != theirs.data_ptr()
    assert torch.equal(walked.rule_state, asked.rule_state)
    assert walked.symbols.shape == walked.log_mass.shape == (3, 0)


def test_a_journal_has_room_for_each_ring_and_position_and_is_left_out_if_nothing_stops():
    course, _ = begin(chunk=5, residual=6, dilations=[1, 2])
    assert course.journal.shape == (3 * 5 * 3 * 6,)
    assert course.logits.shape == (6, 3, 5)
    assert begin()[0].journal.numel() == 0


@pytest.mark.parametrize("streams", [1, 16, 64])
@pytest.mark.parametrize("name", MODELS)
def test_blocks_divide_what_they_are_taken_from(name, streams):
    course, _ = begin(streams, count=1, **MODELS[name], dtype=torch.bfloat16)
    constants = course.constants()
    for size, block in (
        ("UP", "INNER"),
        ("SP", "INNER"),
        ("HP", "INNER"),
        ("SP", "OUTER"),
        ("HP", "OUTER"),
        ("QP", "OUTER"),
    ):
        assert constants[size] % min(constants[size], constants[block]) == 0
    for edge in ("RP", "GP", "DP", "N", "DRAWN", "INNER", "OUTER"):
        assert constants[edge].bit_count() == 1, f"{edge} needs to be a power of two"
    assert len(course.units) % streams == 0
    shapes = (course.packed.skip.shape, course.packed.hidden.shape, course.packed.output.shape)
    assert shapes == tuple(
        (constants[a], constants[b]) for a, b in (("UP", "SP"), ("SP", "HP"), ("HP", "QP"))
    )
