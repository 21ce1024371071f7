"""What rules allow, and where events occur."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.events import Event, Rules
from tests.oracles import every
from tests.statements import Happening, happenings


def rules(**changes):
    parts = {
        "next": torch.tensor([[0, 1, 1], [1, 1, 0]]),
        "which": torch.tensor([[0, 1, 0, 1], [1, 1, 1, 1]]),
        "sets": torch.tensor([[True, True, False], [True, True, True]]),
        "log_value": torch.zeros(2, 5),
    }
    return Rules(**{**parts, **changes})


def test_free_rules_allow_every_symbol_everywhere():
    free = Rules.free(3, 4)
    assert free.length == 4
    assert free.sets[free.which].all()
    assert free.log_value is None


def test_sets_of_their_own_are_kept_position_by_position():
    generator = torch.Generator().manual_seed(0)
    sets = torch.rand(20, 3, generator=generator) < 0.5
    among = Rules.among(sets)
    assert torch.equal(among.sets[among.which[0]], sets)
    assert len(among.sets) <= 8
    assert (among.next == 0).all()


@pytest.mark.parametrize("length", [0, 1])
def test_rules_of_no_or_one_position_are_legal(length):
    assert Rules.free(3, length).length == length
    assert Rules.among(torch.ones(length, 3, dtype=torch.bool)).length == length


def test_moving_to_a_device_keeps_all_parts():
    moved = rules().to(torch.device("cpu"))
    assert torch.equal(moved.next, rules().next)
    assert torch.equal(moved.which, rules().which)
    assert torch.equal(moved.sets, rules().sets)
    assert torch.equal(moved.log_value, rules().log_value)
    assert rules(log_value=None).to(torch.device("cpu")).log_value is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"next": torch.zeros(2, 2).long()}, r"next of shape \(2, 3\).*got \(2, 2\)"),
        ({"next": torch.zeros(1, 3).long()}, r"next of shape \(2, 3\).*got \(1, 3\)"),
        ({"log_value": torch.zeros(2, 4)}, r"log_value of shape \(2, 5\); got \(2, 4\)"),
        ({"next": torch.full((2, 3), 2)}, r"next within 0\.\.1; got 2\.\.2"),
        ({"next": torch.full((2, 3), -1)}, r"next within 0\.\.1; got -1\.\.-1"),
        ({"which": torch.full((2, 4), 2)}, r"which within 0\.\.1; got 2\.\.2"),
    ],
)
def test_rules_that_do_not_fit_together_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        rules(**changes)


def told(num_symbols):
    """Strategy of an alphabet, a length and what may happen."""
    return st.tuples(
        st.just(num_symbols), st.integers(0, 6 if num_symbols < 3 else 5), happenings(num_symbols)
    )


stories = st.integers(1, 3).flatmap(told)


HIT = Happening("hit", ([1],))
SAID = [
    *(Happening("hit", (among,)) for among in ([], [1], [0, 2], [0, 1, 2])),
    *(
        Happening("before", sets)
        for sets in (([0], [1]), ([0, 1], [2]), ([2], [0, 1]), ([], [1]), ([1], []))
    ),
    *(
        Happening("count", (among, least, most))
        for among in ([1], [0, 2])
        for least in (0, 1, 3)
        for most in (None, 3, 4)
    ),
    Happening("count", ([1], 0, 0)),
    *(
        Happening("word", (list(word),))
        for length in range(5)
        for word in itertools.product(range(2), repeat=length)
    ),
    *(Happening("run", (among, length)) for among in ([1], [0, 2]) for length in range(5)),
    *(
        Happening("within", (Happening("within", (event, 1, 4)), *window))
        for event in (HIT, Happening("not", (HIT,)), Happening("word", ([1, 0],)))
        for window in ((0, None), (0, 3), (2, None), (2, 3), (3, 9), (4, 5))
    ),
]


@pytest.mark.parametrize("happening", SAID, ids=str)
def test_each_kind_of_event_occurs_where_it_is_seen(happening):
    sequences = every(3, 5)
    found = happening.build(3).occurs(sequences)
    assert found.tolist() == [happening.holds(row) for row in sequences.tolist()]


@given(stories)
def test_an_event_occurs_where_it_can_be_read_off_the_sequence(story):
    num_symbols, length, happening = story
    sequences = every(num_symbols, length)
    found = happening.build(num_symbols).occurs(sequences)
    assert found.tolist() == [happening.holds(row) for row in sequences.tolist()]


@given(stories, st.data())
def test_reading_goes_on_from_any_position(story, data):
    num_symbols, length, happening = story
    sequences, event = every(num_symbols, length), happening.build(num_symbols)
    first = torch.zeros(len(sequences), dtype=torch.int64)
    cut = data.draw(st.integers(0, length))
    half = event.after(sequences[:, :cut], 0, first)
    assert torch.equal(
        event.after(sequences[:, cut:], cut, half), event.after(sequences, 0, first)
    )


@given(stories)
def test_transitions_change_at_breaks_alone(story):
    num_symbols, length, happening = story
    event = happening.build(num_symbols)
    changed = [
        at for at in range(2, length) if not torch.equal(event.table(at), event.table(at - 1))
    ]
    assert set(changed) <= set(event.breaks(1, length))
    assert all(1 < at < length for at in event.breaks(1, length))


@pytest.mark.parametrize(
    ("window", "breaks"),
    [
        ((2, 5), [2, 5]),
        ((0, 5), [5]),
        ((2, None), [2]),
        ((0, None), []),
        ((0, 0), []),
        ((3, 3), [3]),
    ],
)
def test_a_window_breaks_at_its_ends(window, breaks):
    assert Event.hit([1], 2).within(*window).breaks(0, 9) == breaks


def test_an_open_window_has_no_end():
    event = Event.word([0, 1], 2).within(3)
    assert event.occurs(torch.tensor([[0, 1, 0, 1, 1, 0], [0, 0, 0, 1, 0, 1]])).tolist() == [
        False,
        True,
    ]


def test_a_word_that_overlaps_itself_is_found():
    word = [0, 1, 0, 0, 1, 0, 1]
    text = [0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 1]
    assert Event.word(word, 2).occurs(torch.tensor([text, text[::-1]])).tolist() == [True, False]


def test_symbols_come_in_any_integer_type():
    symbols = torch.tensor([[0, 250]], dtype=torch.uint8)
    assert Event.hit([250], 256).occurs(symbols).tolist() == [True]


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (Event.hit(range(4), 5), "hit(0..3)"),
        (Event.hit([2, 0], 5), "hit({0, 2})"),
        (Event.before([1], [3], 5), "{1} before {3}"),
        (Event.count([1], 5, at_least=2), "2 <= count({1})"),
        (Event.count([1], 5, at_most=2), "0 <= count({1}) <= 2"),
        (Event.word([1, 1], 5), "word([1, 1])"),
        (Event.run([1, 2, 3], 4, 5), "run(1..3) >= 4"),
        (~Event.hit([1], 5).within(2), "not (hit({1}) in 2:)"),
        (Event.hit([1], 5) & Event.hit([2], 5).within(0, 3), "(hit({1})) and (hit({2}) in 0:3)"),
        (Event.hit([1], 5) | Event.hit([2], 5), "(hit({1})) or (hit({2}))"),
    ],
)
def test_an_event_is_named_as_it_is_said(event, name):
    assert event.name == name


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Event.hit([3], 3), r"within 0\.\.2; got 3"),
        (lambda: Event.run([-1], 2, 3), r"within 0\.\.2; got -1"),
        (lambda: Event.word([0, 3], 3), r"within 0\.\.2; got 3"),
        (lambda: Event.before([0, 1], [1], 3), r"shares no symbol; got \[0, 1\] and \[1\]"),
        (
            lambda: Event.count([0], 3, at_least=2, at_most=1),
            "0 <= at_least <= at_most; got 2 and 1",
        ),
        (lambda: Event.count([0], 3, at_least=-1), "0 <= at_least <= at_most; got -1 and None"),
        (lambda: Event.run([0], -1, 3), "length of 0 or more; got -1"),
        (lambda: Event.hit([0], 3).within(-1), "0 <= start <= stop; got -1 and None"),
        (lambda: Event.hit([0], 3).within(2, 1), "0 <= start <= stop; got 2 and 1"),
        (lambda: Event.hit([0], 3) & Event.hit([0], 2), "as many symbols; got 3 and 2"),
        (lambda: Event.hit([0], 3) | Event.hit([0], 2), "as many symbols; got 3 and 2"),
        (lambda: Event((), torch.ones(1, dtype=torch.bool)), r"start at 0 and ascend; got \[\]"),
        (
            lambda: automaton([(1, [[0, 0]])], [True]),
            r"start at 0 and ascend; got \[1\]",
        ),
        (
            lambda: automaton([(0, [[0, 0]]), (2, [[0, 0]]), (1, [[0, 0]])], [True]),
            r"start at 0 and ascend; got \[0, 2, 1\]",
        ),
        (
            lambda: automaton([(0, [[0, 1]])], [True]),
            r"transitions of shape \(1, 2\) within 0\.\.0; got shape \(1, 2\)",
        ),
        (
            lambda: automaton([(0, [[0, 0]])], [True, False]),
            r"transitions of shape \(2, 2\) within 0\.\.1; got shape \(1, 2\)",
        ),
    ],
)
def test_what_is_no_event_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def automaton(pieces, accept):
    tables = tuple((start, torch.tensor(table)) for start, table in pieces)
    return Event(tables, torch.tensor(accept))
