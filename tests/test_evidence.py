"""Evidence is the set of symbols at each position, however it was said."""

import functools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.evidence import Evidence
from tests.oracles import every
from tests.statements import Known, knowns

Q, T, K = 5, 6, 3


def several(number):
    """Strategy of pieces of evidence about the same sequences."""
    return st.tuples(st.integers(1, Q), st.integers(0, T), st.integers(1, K)).flatmap(
        lambda sizes: st.tuples(*[knowns(*sizes)] * number)
    )


one = several(1).map(lambda alone: alone[0])


def meet(*known):
    """Return what is known where all hold, in plain Python."""
    sets = zip(*(piece.sets for piece in known), strict=True)
    possible = zip(*(piece.possible for piece in known), strict=True)
    return Known(
        known[0].num_symbols,
        tuple(frozenset.intersection(*here) for here in sets),
        tuple(map(all, possible)),
    )


@given(one)
def test_masks_are_the_sets_it_was_made_of(known):
    evidence = known.build()
    assert torch.equal(evidence.mask(), known.table)
    assert torch.equal(evidence.mask(1, 3), known.table[1:3])
    assert torch.equal(evidence.mask(-2), known.table[-2:])
    sizes = torch.tensor([len(here) for here in known.sets])
    assert evidence.observed.tolist() == (sizes == 1).tolist()
    assert evidence.unknown.tolist() == (sizes == known.num_symbols).tolist()
    assert evidence.hidden.tolist() == (sizes > 1).nonzero()[:, 0].tolist()
    assert evidence.impossible == (not (sizes > 0).all() or not any(known.possible))


@given(several(2))
def test_what_both_know_is_the_sets_both_allow(pair):
    one, two = pair
    both = one.build() & two.build()
    wanted = meet(one, two)
    assert torch.equal(both.mask(), wanted.table)
    assert torch.equal(both.log_condition, wanted.log_condition)
    assert both == wanted.build() == two.build() & one.build()
    assert both & one.build() == both
    assert (one.build() <= two.build()) == (both == one.build())


@given(several(3))
def test_joining_does_not_depend_on_the_order(triple):
    one, two, three = (known.build() for known in triple)
    assert (one & two) & three == one & (two & three) == three & two & one
    assert hash((one & two) & three) == hash(three & two & one)


@given(one)
def test_joining_with_itself_or_with_nothing_adds_nothing(known):
    evidence = known.build()
    free = Evidence.free(known.num_symbols, known.length, len(known.possible))
    nothing = free.given(Known(1, (), (True,) * len(known.possible)).log_condition)
    assert evidence & evidence == evidence
    assert evidence & nothing == evidence
    assert evidence <= evidence <= nothing


@given(one, st.randoms(use_true_random=False))
def test_evidence_is_equal_however_it_was_said(known, random):
    # Each set said in two halves that overlap in it alone, position by position in any order.
    free = Evidence.free(known.num_symbols, known.length).relax().given(known.log_condition)
    spoken = []
    for at, allowed in enumerate(known.sets):
        rest = set(range(known.num_symbols)) - allowed
        half = {symbol for symbol in rest if random.random() < 0.5}
        spoken += [free.restrict(at, allowed | half), free.restrict(at, allowed | rest - half)]
        if allowed == set(range(min(allowed, default=0), max(allowed, default=-1) + 1)):
            spoken.append(free.between(at, min(allowed, default=1), max(allowed, default=0)))
    random.shuffle(spoken)
    evidence = functools.reduce(Evidence.__and__, spoken, free)
    assert evidence == known.build()
    assert hash(evidence) == hash(known.build())
    assert evidence <= known.build() <= evidence


@given(several(2))
def test_evidence_of_other_sets_is_unequal(pair):
    one, two = pair
    assert (one.build() == two.build()) == (one == two)
    assert one.build() != "evidence"


@given(several(2))
def test_knowing_more_is_allowing_a_subset(pair):
    one, two = pair
    subset = all(a <= b for a, b in zip(one.sets, two.sets, strict=True)) and all(
        second or not first for first, second in zip(one.possible, two.possible, strict=True)
    )
    assert (one.build() <= two.build()) == (two.build() >= one.build()) == subset


def test_how_probable_conditions_are_does_not_count_in_what_is_allowed():
    uneven = torch.tensor([0.1, 0.9], dtype=torch.float64).log()
    one, two = Evidence.free(2, 3, 2), Evidence.free(2, 3, 2).given(uneven)
    assert one <= two <= one
    assert one != two


@given(one, st.data())
def test_relaxing_forgets_those_positions_alone(known, data):
    taken = torch.tensor(
        data.draw(st.lists(st.booleans(), min_size=known.length, max_size=known.length)),
        dtype=torch.bool,
    )
    evidence = known.build()
    assert torch.equal(evidence.relax(taken).mask(), known.table | taken[:, None])
    assert torch.equal(evidence.relax(taken).log_condition, known.log_condition)
    assert evidence <= evidence.relax(taken) <= evidence.relax()
    assert evidence.relax().unknown.all()
    assert evidence.relax(taken) & evidence == evidence


@given(one, st.data())
def test_restricting_meets_the_masks(known, data):
    symbol = st.integers(0, known.num_symbols - 1)
    among = data.draw(st.frozensets(symbol).map(sorted))
    allowed = torch.zeros(known.num_symbols, dtype=torch.bool)
    allowed[among] = True
    low, high = data.draw(st.tuples(*[st.integers(-2, known.num_symbols + 1)] * 2))
    ends = st.none() | st.integers(-known.length - 1, known.length + 1)
    where = data.draw(st.builds(slice, ends, ends, st.none() | st.integers(1, 2)))
    taken = torch.zeros(known.length, dtype=torch.bool)
    taken[where] = True
    evidence = known.build()
    within = (torch.arange(known.num_symbols) >= low) & (torch.arange(known.num_symbols) <= high)
    restricted = known.table & (allowed | ~taken[:, None])
    for positions in (where, taken, taken.nonzero()[:, 0]):
        for symbols in (among, allowed, torch.tensor(among, dtype=torch.uint8)):
            assert torch.equal(evidence.restrict(positions, symbols).mask(), restricted)
        between = evidence.between(positions, low, high)
        assert torch.equal(between.mask(), known.table & (within | ~taken[:, None]))


@pytest.mark.parametrize("at", [0, 2, -1, -3])
def test_one_position_counts_from_either_end(at):
    evidence = Evidence.free(4, 3).restrict(at, 2)
    assert evidence.observed.nonzero()[:, 0].tolist() == [at % 3]
    assert evidence == Evidence.free(4, 3).restrict(at, range(2, 3)).between(at, 0, 2**40)


@given(one, st.data())
def test_observing_meets_a_single_symbol_where_the_mask_says_so(known, data):
    symbols = torch.tensor(
        [data.draw(st.integers(0, known.num_symbols - 1)) for _ in known.sets], dtype=torch.int64
    )
    seen = torch.tensor([data.draw(st.booleans()) for _ in known.sets], dtype=torch.bool)
    observed = Evidence.observe(symbols, known.num_symbols, where=seen)
    rows = torch.nn.functional.one_hot(symbols, known.num_symbols).bool() | ~seen[:, None]
    assert torch.equal(observed.mask(), rows)
    joined = known.build() & observed.given(known.log_condition)
    assert torch.equal(joined.mask(), known.table & rows)


@given(st.tuples(st.integers(1, 3), st.integers(0, 5)).flatmap(lambda sizes: knowns(*sizes)))
def test_sequences_are_allowed_where_every_symbol_is_in_its_set(known):
    sequences = every(known.num_symbols, known.length)
    found = known.build().allows(sequences)
    assert found.tolist() == [known.holds(row) for row in sequences.tolist()]


def test_symbols_beyond_the_alphabet_are_not_allowed():
    evidence = Evidence.free(3, 2) & Evidence.free(3, 2).restrict(0, [0, 2])
    assert evidence.allows(torch.tensor([[3, 0], [-1, 0], [2, 3], [2, 0]])).tolist() == [
        False,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_symbols_come_in_any_integer_type(dtype):
    symbols = torch.tensor([250, 3], dtype=dtype)
    evidence = Evidence.observe(symbols, 256)
    assert evidence.low.tolist() == [250, 3]
    assert evidence.allows(symbols[None]).tolist() == [True]


def test_symbols_that_are_not_seen_may_be_anything():
    symbols, seen = torch.tensor([7, -1, 1]), torch.tensor([False, False, True])
    assert Evidence.observe(symbols, 3, where=seen).mask(1, 3).tolist() == [
        [True] * 3,
        [False, True, False],
    ]


def test_evidence_of_no_positions_allows_the_empty_sequence():
    nothing = Evidence.free(3, 0)
    assert nothing == Evidence.among(torch.zeros(0, 3, dtype=torch.bool))
    assert nothing == nothing & nothing.relax() == nothing.restrict(slice(None), [])
    assert not nothing.impossible
    assert nothing.allows(torch.zeros(2, 0, dtype=torch.int64)).tolist() == [True, True]
    assert nothing.mask().shape == (0, 3)


@pytest.mark.parametrize(
    "evidence",
    [
        Evidence.free(3, 2).restrict(0, []),
        Evidence.free(3, 2).between(1, 2, 1),
        Evidence.free(3, 2).between(1, 3, 9),
        Evidence.free(3, 2).between(1, -5, -1),
        Evidence.free(3, 2).restrict(0, 1) & Evidence.free(3, 2).restrict(0, [0, 2]),
        Evidence.free(3, 2).given(torch.tensor([-math.inf])),
    ],
)
def test_impossible_evidence_is_legal_and_says_so(evidence):
    assert evidence.impossible
    assert evidence & evidence == evidence
    assert evidence.hidden.tolist() == [0, 1] or not evidence.mask().any(-1).all()


def test_what_is_left_of_a_set_is_an_observation_or_an_interval_again():
    odd = Evidence.free(5, 1).restrict(0, [0, 2, 3])
    assert len(odd.sets) == 1
    assert odd.between(0, 1, 4) == Evidence.free(5, 1).between(0, 2, 3)
    assert odd.between(0, 0, 1) == Evidence.observe(torch.tensor([0]), 5)
    assert len(odd.between(0, 1, 4).sets) == len(odd.between(0, 0, 1).sets) == 0


def test_it_is_printed_as_how_much_is_known():
    evidence = Evidence.observe(torch.tensor([1, 0, 0, 0]), 3, where=torch.arange(4) < 1)
    assert repr(evidence) == "Evidence(4 positions of 3 symbols: 1 observed, 3 free)"
    assert repr(evidence.between(-1, 0, 1)) == (
        "Evidence(4 positions of 3 symbols: 1 observed, 1 restricted, 2 free)"
    )


def test_long_sequences_of_many_symbols_take_a_few_bytes_a_position():
    length, shown = 300_000, 64
    symbols = torch.randint(65536, (length,), generator=torch.Generator().manual_seed(0))
    evidence = Evidence.observe(symbols, 65536, where=symbols < 30_000)
    ranges = evidence.between(slice(None, None, 3), 100, 60_000)
    sets = ranges.restrict(slice(1, None, 2), [5, 700, 40_000, 40_001])
    for known in (evidence, ranges, sets, sets & ranges, sets.relax(slice(10))):
        held = sum(part.nbytes for part in (known.low, known.high, known.which, known.sets))
        assert held <= 12 * length + 8 * 65536
    alphabet = torch.arange(65536)
    wanted = torch.zeros(shown, 65536, dtype=torch.bool)
    wanted[:, [5, 700, 40_000, 40_001]] = True
    wanted[::2] = True
    wanted[::3] &= (alphabet >= 100) & (alphabet <= 60_000)
    seen = symbols[:shown] < 30_000
    wanted[seen] &= alphabet == symbols[:shown][seen][:, None]
    assert torch.equal(sets.mask(0, shown), wanted)


def test_sets_are_stored_once_each_and_only_while_used():
    sets = Evidence.free(6, 100).restrict(slice(0, 50), [0, 2]).restrict(slice(50, 90), [1, 5])
    assert sets.sets.tolist() == [
        [False, True, False, False, False, True],
        [True, False, True, False, False, False],
    ]
    assert len(sets.relax(slice(50, 90)).sets) == 1
    assert len((sets & sets.relax()).sets) == 2


def test_the_prior_is_uniform_until_another_is_given():
    evidence = Evidence.free(2, 1, 4)
    assert evidence.log_condition.exp().tolist() == [0.25] * 4
    prior = torch.tensor([0.5, 0.25, 0.125, 0.125], dtype=torch.float32).log()
    told = evidence.given(prior, torch.tensor([0, 2]))
    assert told.log_condition.dtype == torch.float64
    assert told.log_condition.exp().tolist() == pytest.approx([0.5, 0, 0.125, 0], rel=1e-7)
    assert told <= evidence.given(prior)
    assert not evidence.given(prior) <= told


def test_conditions_that_either_rules_out_are_ruled_out():
    prior = torch.tensor([0.2, 0.3, 0.5], dtype=torch.float64).log()
    free = Evidence.free(2, 1, 3)
    one, two = free.given(prior, torch.tensor([0, 1])), free.given(prior, torch.tensor([1, 2]))
    assert (one & two).log_condition.exp().tolist() == pytest.approx([0, 0.3, 0])
    assert (one & two).log_condition.tolist() == (two & one).log_condition.tolist()
    last = free.given(prior, torch.tensor([2]))
    assert (one & last).impossible


def test_priors_that_differ_by_rounding_are_one_prior():
    prior = torch.tensor([0.1, 0.9], dtype=torch.float64).log()
    one, two = Evidence.free(2, 1, 2).given(prior), Evidence.free(2, 1, 2).given(prior + 1e-15)
    assert one & two == two & one


EVIDENCE = Evidence.free(3, 4, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Evidence.free(0, 1), "a length of 0 or more, a symbol and a condition; got 1, 0"),
        (lambda: Evidence.free(2, -1), "got -1, 2 and 1"),
        (lambda: Evidence.free(2, 1, 0), "got 1, 2 and 0"),
        (
            lambda: Evidence.observe(torch.zeros(2), 3),
            r"whole numbers of shape \(T,\); got torch.float32 of shape \(2,\)",
        ),
        (
            lambda: Evidence.observe(torch.zeros(1, 2).long(), 3),
            r"whole numbers of shape \(T,\); got torch.int64 of shape \(1, 2\)",
        ),
        (
            lambda: Evidence.observe(torch.zeros(2, dtype=torch.bool), 3),
            "whole numbers .*; got torch.bool",
        ),
        (
            lambda: Evidence.observe(torch.tensor([0, 3]), 3),
            r"within 0\.\.2; got 3 at position 1",
        ),
        (
            lambda: Evidence.observe(torch.tensor([0, -1]), 3),
            r"within 0\.\.2; got -1 at position 1",
        ),
        (
            lambda: Evidence.observe(torch.tensor([0, 1]), 3, where=torch.tensor([True])),
            r"boolean mask of shape \(2,\), one entry a symbol; got torch.bool of shape \(1,\)",
        ),
        (
            lambda: Evidence.observe(torch.tensor([0, 1]), 3, where=torch.tensor([1, 0])),
            r"boolean mask of shape \(2,\).*; got torch.int64",
        ),
        (
            lambda: Evidence.among(torch.ones(2, 3)),
            r"booleans of shape \(T, Q\); got torch.float32 of shape \(2, 3\)",
        ),
        (
            lambda: Evidence.among(torch.ones(3, dtype=torch.bool)),
            r"booleans of shape \(T, Q\); got torch.bool of shape \(3,\)",
        ),
        (lambda: EVIDENCE.restrict(4, 0), r"positions need to lie within 0\.\.3; got 4"),
        (lambda: EVIDENCE.restrict(-5, 0), r"positions need to lie within 0\.\.3; got -5"),
        (
            lambda: EVIDENCE.restrict(torch.tensor([0.5]), 0),
            r"positions need to lie within 0\.\.3; got tensor\(\[0\.5",
        ),
        (
            lambda: EVIDENCE.relax(torch.ones(3, dtype=torch.bool)),
            r"a mask of positions needs shape \(4,\); got \(3,\)",
        ),
        (lambda: EVIDENCE.restrict(0, 3), r"symbols of a set need to lie within 0\.\.2; got 3"),
        (lambda: EVIDENCE.restrict(0, [0, -1]), r"within 0\.\.2; got \[0, -1\]"),
        (lambda: EVIDENCE.restrict(0, [0.5]), r"set of symbols needs whole numbers; got torch.fl"),
        (
            lambda: EVIDENCE.restrict(0, [True]),
            r"set of symbols needs whole numbers; got torch.bo",
        ),
        (
            lambda: EVIDENCE.restrict(0, torch.ones(4, dtype=torch.bool)),
            r"a set of symbols needs shape \(3,\); got \(4,\)",
        ),
        (
            lambda: EVIDENCE.given(torch.tensor([0.5, 0.5])),
            r"log probabilities of shape \(K,\); got \[0\.5, 0\.5\]",
        ),
        (lambda: EVIDENCE.given(torch.tensor([math.nan])), r"log probabilities.*; got \[nan\]"),
        (lambda: EVIDENCE.given(torch.zeros(1, 2)), r"log probabilities of shape \(K,\)"),
        (
            lambda: EVIDENCE & Evidence.free(3, 5, 2),
            r"as many positions and symbols; got .*4 positions of 3 .*5 positions of 3",
        ),
        (lambda: Evidence.free(4, 4, 2) >= EVIDENCE, "as many positions and symbols"),
        (lambda: EVIDENCE & Evidence.free(3, 4), "as many conditions; got 2 and 1"),
        (lambda: Evidence.free(3, 4) >= EVIDENCE, "as many conditions; got 2 and 1"),
        (
            lambda: EVIDENCE & EVIDENCE.given(torch.tensor([0.25, 0.75]).log()),
            r"the same prior over conditions; got \[0\.5, 0\.5\] and \[0\.2",
        ),
        (
            lambda: EVIDENCE.allows(torch.zeros(2, 3).long()),
            r"symbols need shape \(N, 4\), a column a position; got \(2, 3\)",
        ),
        (lambda: EVIDENCE.allows(torch.zeros(4).long()), r"shape \(N, 4\).*; got \(4,\)"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
