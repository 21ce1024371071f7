"""A law is worth something if a model can break it."""

from types import SimpleNamespace

import pytest
import torch

from autoreg.models.markov import MarkovTable
from autoreg.models.wavenet import WaveNet
from autoreg.protocol import SequenceModel, State
from autoreg.testing import LAWS, Laws, check_sequence_model

MEMBERS = [name for name in vars(SequenceModel) if not name.startswith("_")]
TABLE = MarkovTable.random(3, 2, 2, generator=torch.Generator().manual_seed(0))
HEAD = TABLE.head


def with_members(model=TABLE, **replaced):
    """Return a model that differs from another in some members."""
    kept = {name: getattr(model, name) for name in MEMBERS}
    return SimpleNamespace(**{**kept, **replaced})


def with_head(**replaced):
    """Return the table with a head of other functions."""
    names = ("num_symbols", "log_prob", "log_mass", "draw", "log_probs")
    kept = {name: getattr(HEAD, name) for name in names}
    return with_members(head=SimpleNamespace(**{**kept, **replaced}))


def wavenet(length=None):
    features = 0 if length is None else 2
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(2, dilations=[1], residual=3, skip=3, hidden=3, num_features=features)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.double().parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator))
    if length is not None:
        bank = torch.randn(1, length, 2, generator=generator, dtype=torch.float64)
        model = model.with_features(bank)
    return model.eval()


def drops_the_first_factor():
    def read(state, symbols):
        factors, after = TABLE.read(state, symbols)
        at = state.memory[0][:, None] + torch.arange(symbols.shape[1])
        return factors.masked_fill(at == 0, 0.0), after

    return with_members(read=read)


def is_not_normalised():
    return with_members(log_probs=lambda *asked: TABLE.log_probs(*asked) + 0.1)


def sums_in_float32():
    def read(state, symbols):
        factors, after = TABLE.read(state, symbols)
        return factors.float(), after

    return with_members(read=read)


def writes_out_the_symbol_after():
    return with_members(log_probs=lambda *asked: TABLE.log_probs(*asked).roll(-1, 1))


def steps_with_another_symbol():
    return with_members(step=lambda state, symbols: TABLE.step(state, (symbols + 1) % 3))


def forgets_what_was_read():
    def read(state, symbols):
        return TABLE.read(TABLE.start(state.memory[1]), symbols)

    return with_members(read=read)


def counts_positions_differently():
    def step(state, symbols):
        following, (position, *rest) = TABLE.step(state, symbols)
        return State(following, (position + 1, *rest))

    return with_members(step=step)


def remembers_more_when_it_steps():
    def step(state, symbols):
        after = TABLE.step(State(state.next, state.memory[:3]), symbols)
        return State(after.next, (*after.memory, symbols))

    return with_members(step=step)


def gives_a_free_set_another_mass():
    return with_head(log_mass=lambda *asked: HEAD.log_mass(*asked) + 0.1)


def draws_outside_singletons():
    return with_head(draw=lambda params, sets, uniforms: (sets.int().argmax(-1) + 1) % 3)


def gives_every_set_mass_one():
    return with_head(log_mass=lambda params, sets: 0 * HEAD.log_mass(params, sets | True))


def steps_in_place():
    def step(state, symbols):
        following, memory = TABLE.step(state, symbols)
        for old, new in zip(state.memory, memory, strict=True):
            old.copy_(new)
        return State(following, state.memory)

    return with_members(
        step=step,
        start=lambda condition: TABLE.start(condition.clone()),
        log_probs=TABLE.log_probs,
    )


def keeps_its_memory_in_other_rows():
    def stored(state):
        return State(state.next, tuple(tensor.roll(1, 0) for tensor in state.memory))

    def used(state):
        return State(state.next, tuple(tensor.roll(-1, 0) for tensor in state.memory))

    def read(state, symbols):
        factors, after = TABLE.read(used(state), symbols)
        return factors, stored(after)

    return with_members(
        start=lambda condition: stored(TABLE.start(condition)),
        step=lambda state, symbols: stored(TABLE.step(used(state), symbols)),
        read=read,
    )


def mixes_the_rows_of_a_batch():
    def read(state, symbols):
        factors, after = TABLE.read(state, symbols)
        return factors - factors.mean(0), after

    return with_members(read=read)


def scales_by_the_length():
    def read(state, symbols):
        factors, after = TABLE.read(state, symbols)
        return factors * (1 + 0.01 * symbols.shape[1]), after

    return with_members(read=read)


def looks_at_the_next_symbol():
    def read(state, symbols):
        factors, after = TABLE.read(state, symbols)
        factors[:, :-1] -= 0.1 * symbols[:, 1:]
        return factors, after

    return with_members(read=read)


def lets_a_row_see_its_own_symbol():
    def log_probs(symbols, condition):
        own = torch.nn.functional.one_hot(symbols, 3)
        return (TABLE.log_probs(symbols, condition) + own).log_softmax(-1)

    return with_members(log_probs=log_probs)


def claims_a_smaller_order():
    return with_members(order=1)


def claims_to_be_stationary():
    return with_members(wavenet(length=8), stationary=True)


def claims_a_length():
    return with_members(length=9)


def goes_on_reading_past_its_end():
    inside = wavenet(length=8)

    def read(state, symbols):
        # One symbol more than there is room for is read as if it were not there.
        room = 8 - int(state.memory[0][0])
        factors, after = inside.read(state, symbols[:, :room])
        return torch.nn.functional.pad(factors, (0, max(0, symbols.shape[1] - room))), after

    return with_members(inside, read=read)


def moves_when_nothing_is_read():
    def read(state, symbols):
        if not symbols.shape[1]:
            return torch.zeros(symbols.shape, dtype=torch.float64), TABLE.step(
                state, 0 * state.memory[0]
            )
        return TABLE.read(state, symbols)

    return with_members(read=read)


def has_a_row_for_no_symbol():
    def log_probs(symbols, condition):
        if not symbols.shape[1]:
            return TABLE.start(condition).next[:, None]
        return TABLE.log_probs(symbols, condition)

    return with_members(log_probs=log_probs)


def gives_a_factor_for_no_symbol():
    def read(state, symbols):
        factors, after = TABLE.read(state, symbols)
        return (factors if symbols.shape[1] else factors.new_zeros(len(symbols), 1)), after

    return with_members(read=read)


def lets_no_set_be_empty():
    return with_head(log_mass=lambda *asked: HEAD.log_mass(*asked).clamp_min(-300))


def draws_from_the_other_end():
    return with_head(draw=lambda params, sets, uniforms: HEAD.draw(params, sets, 1 - uniforms))


# The law that each model breaks, in the words that it is told in.
BROKEN = {
    is_not_normalised: (Laws.normalised, "each row of log_probs sums to one: off by 0.1"),
    sums_in_float32: (Laws.normalised, "factors are float64"),
    drops_the_first_factor: (
        Laws.mass_of_all_sequences_is_one,
        "the mass of all sequences is one: its log is 1.1",  # log 3
    ),
    writes_out_the_symbol_after: (Laws.reading_equals_writing_out, "reading equals writing out"),
    steps_with_another_symbol: (Laws.reading_equals_stepping, "stepping equals reading"),
    forgets_what_was_read: (
        Laws.reading_equals_stepping,
        "reading in two pieces equals reading at once",
    ),
    counts_positions_differently: (
        Laws.reading_equals_stepping,
        "the state after reading is the state after stepping",
    ),
    remembers_more_when_it_steps: (
        Laws.reading_equals_stepping,
        "the state after reading is the state after stepping: as many tensors",
    ),
    gives_a_free_set_another_mass: (Laws.walk_equals_scoring, "a free set has mass one"),
    draws_outside_singletons: (Laws.walk_equals_scoring, "a singleton set is its symbol"),
    gives_every_set_mass_one: (Laws.walk_equals_scoring, "a walk along a path equals its score"),
    steps_in_place: (Laws.state_is_a_value, "a state can be advanced twice"),
    keeps_its_memory_in_other_rows: (
        Laws.state_is_a_value,
        "a gathered state behaves as its row",
    ),
    mixes_the_rows_of_a_batch: (
        Laws.rows_are_independent,
        "a row of a batch is scored as alone",
    ),
    scales_by_the_length: (
        Laws.padding_counts_nothing,
        "a row that ends early is scored as alone",
    ),
    looks_at_the_next_symbol: (
        Laws.no_factor_sees_its_future,
        "no factor sees its future: changing symbol 1 moved an earlier one",
    ),
    lets_a_row_see_its_own_symbol: (
        Laws.no_factor_sees_its_future,
        "no distribution sees its own symbol: changing 0 moved its row",
    ),
    claims_a_smaller_order: (
        Laws.no_factor_sees_beyond_the_order,
        "order 1: changing symbol 0 moved one beyond it",
    ),
    claims_to_be_stationary: (Laws.crops_equal_the_whole, "stationary: a crop is scored as in"),
    claims_a_length: (Laws.nothing_follows_the_end, "length 9: one symbol more is a ValueError"),
    goes_on_reading_past_its_end: (
        Laws.nothing_follows_the_end,
        "length 8: one symbol more is a ValueError",
    ),
    moves_when_nothing_is_read: (Laws.empty_is_legal, "reading nothing changes nothing"),
    has_a_row_for_no_symbol: (Laws.empty_is_legal, "an empty sequence has no rows"),
    gives_a_factor_for_no_symbol: (Laws.empty_is_legal, "an empty sequence has no factors"),
    lets_no_set_be_empty: (Laws.head_is_consistent, "an empty set has no mass"),
    draws_from_the_other_end: (
        Laws.head_is_consistent,
        "a draw is the inverse of the cumulative mass",
    ),
}

# These break laws that come before the one that names them best.
SEVERAL = {
    lets_a_row_see_its_own_symbol,
    looks_at_the_next_symbol,
    mixes_the_rows_of_a_batch,
    scales_by_the_length,
    gives_a_factor_for_no_symbol,
    moves_when_nothing_is_read,
}


@pytest.mark.parametrize("make", BROKEN, ids=lambda make: make.__name__)
def test_a_broken_model_is_told_the_law_it_breaks(make):
    law, message = BROKEN[make]
    with torch.no_grad(), pytest.raises(AssertionError, match=f"^{message}"):
        law(Laws(make()))
    told = None if make in SEVERAL else f"^{message}"
    with pytest.raises(AssertionError, match=told):
        check_sequence_model(make())


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_be_broken(law):
    assert law in {broken for broken, _ in BROKEN.values()}


def test_every_method_that_states_a_law_is_tried():
    stated = {name for name, member in vars(Laws).items() if callable(member)}
    helpers = {"__init__", "uniforms", "close", "same"}
    assert stated - helpers == {law.__name__ for law in LAWS}


def with_zeros():
    table = torch.tensor([[[0.0, 1.0, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5], [1.0, 0.0, 0.0]]])
    return MarkovTable(table.double().log())


@pytest.mark.parametrize(
    "model",
    [
        with_zeros(),
        MarkovTable(torch.zeros(2, 8, 1)),
        MarkovTable.random(4, 0, 9, generator=torch.Generator().manual_seed(1)),
        with_members(order=None, stationary=False),
        wavenet(),
        wavenet(length=1),
        wavenet(length=12),
        wavenet().float(),
    ],
    ids=["zeros", "one symbol", "order 0", "order None", "free", "one pixel", "twelve", "float32"],
)
def test_a_model_that_keeps_the_laws_passes(model):
    check_sequence_model(model)


def test_no_more_symbols_are_tried_than_asked_for():
    longest = 0

    def read(state, symbols):
        nonlocal longest
        longest = max(longest, symbols.shape[1])
        return TABLE.read(state, symbols)

    check_sequence_model(with_members(read=read), length=4)
    assert longest == 4
    check_sequence_model(with_members(read=read, order=20))
    assert longest == 23
    check_sequence_model(with_members(read=read, order=1000))
    assert longest == 64


def test_the_tolerance_is_an_argument():
    def log_probs(symbols, condition):
        return TABLE.log_probs(symbols, condition) + 1e-6

    check_sequence_model(with_members(log_probs=log_probs), tolerance=1e-5)
    with pytest.raises(AssertionError, match="off by 1e-06, tolerance 1e-10"):
        check_sequence_model(with_members(log_probs=log_probs))
