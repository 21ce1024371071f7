"""What is left of a question has the answer of the whole one, by plain enumeration."""

import itertools
import math
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg import scoring
from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.problem import check, pose, reachable, spans, split
from autoreg.models.markov import MarkovTable
from tests.inference.tiny import Forgotten
from tests.laws.recipes import MarkovRecipe, WaveNetRecipe, wavenet_recipes
from tests.oracles import chain_probs, every
from tests.statements import Happening, Known, happenings, knowns


@dataclass(frozen=True)
class Asked:
    """A question about a Markov chain of two conditions, and how much of it to keep."""

    recipe: MarkovRecipe
    known: Known
    happening: Happening | None
    tail: bool
    condition: int

    def pose(self, **parts):
        happening = self.happening
        event = None if happening is None else happening.build(self.recipe.num_symbols)
        model = self.recipe.build()
        evidence = self.known.build()
        return pose(model, evidence, self.condition, event, tail=self.tail, **parts)

    def holds(self, symbols):
        """Return whether a sequence, or the beginning of one, agrees with what is asked."""
        known = replace(self.known, sets=self.known.sets[: len(symbols)])
        happens = self.happening is None or self.happening.holds(symbols)
        return known.holds(symbols) and happens

    def log_z(self):
        """Return log p(what is known, what happens), summed over whole sequences."""
        sequences = every(self.recipe.num_symbols, self.known.length)
        probs = chain_probs(self.recipe.build(), sequences)[:, self.condition]
        held = torch.tensor([self.holds(row) for row in sequences.tolist()])
        return probs[held].sum().log()


def questions(*, events=True, impossible=True, longest=6):
    """Strategy of questions about chains of order 0 to 3."""

    def ask(sizes):
        num_symbols, order, length = sizes
        return st.builds(
            Asked,
            st.builds(
                MarkovRecipe,
                st.just(num_symbols),
                st.just(order),
                st.just(2),
                st.integers(0, 2**16),
            ),
            knowns(num_symbols, length, 2, impossible=impossible),
            st.none() | happenings(num_symbols) if events else st.none(),
            st.booleans(),
            st.integers(0, 1),
        )

    sizes = st.tuples(st.integers(1, 3), st.integers(0, 3), st.integers(0, longest))
    return sizes.filter(lambda size: size[0] ** size[2] <= 300).flatmap(ask)


def allowed(problem):
    """Return all paths of a problem, those that count among them, and their log factors."""
    paths = every(problem.model.num_symbols, problem.length)
    mask = problem.evidence.mask(problem.start, problem.stop)
    held = mask[torch.arange(problem.length), paths].all(-1)
    if problem.event is not None:
        first = torch.full((len(paths),), problem.rule_state)
        held &= problem.event.accept[problem.event.after(paths, problem.start, first)]
    state = problem.state.at(torch.zeros(len(paths), dtype=torch.int64))
    with torch.no_grad():
        factors, _ = problem.model.read(state, paths)
    return paths, held, factors.sum(-1)


def log_z(problem):
    _, held, log_probs = allowed(problem)
    return problem.log_before + log_probs[held].logsumexp(0)


def close(left, right):
    return float(left) == pytest.approx(float(right), rel=0, abs=1e-10)


@given(questions())
def test_what_is_left_has_the_probability_of_the_whole(asked):
    problem = asked.pose()
    assert close(log_z(problem), asked.log_z())
    assert problem.evidence == asked.known.build()


@given(questions())
def test_only_what_was_observed_before_and_what_is_free_after_is_left_out(asked):
    problem = asked.pose()
    sizes = [len(allowed) for allowed in asked.known.sets]
    assert all(size == 1 for size in sizes[: problem.start])
    assert problem.start == len(sizes) or sizes[problem.start] != 1
    assert all(size == asked.known.num_symbols for size in sizes[problem.stop :])
    assert problem.start <= problem.stop <= len(sizes)
    if asked.tail:
        assert problem.stop == len(sizes)
    elif asked.happening is None and problem.stop > problem.start:
        assert sizes[problem.stop - 1] < asked.known.num_symbols
    wanted = [at for at in range(problem.start, problem.stop) if sizes[at] > 1]
    assert problem.hidden.tolist() == wanted
    assert problem.length == problem.stop - problem.start


@pytest.mark.parametrize("memory", [1, 300, scoring.MEMORY])
def test_reading_in_pieces_is_reading_at_once(memory):
    sets = [frozenset([at % 2]) for at in range(7)]
    known = Known(2, (*sets, frozenset([0, 1]), *sets, frozenset([0, 1]), *sets))
    model = MarkovRecipe(2, 2, 1, seed=3).build()
    problem = pose(model, known.build(), 0, memory=memory)
    whole = pose(model, known.build(), 0)
    assert close(problem.log_before, whole.log_before)
    assert all(map(torch.equal, problem.state.memory, whole.state.memory))
    for piece, wanted in zip(split(problem, memory=memory), split(whole), strict=True):
        assert close(piece.log_before, wanted.log_before)
        assert all(map(torch.equal, piece.state.memory, wanted.state.memory))


@pytest.mark.parametrize("event", [None, Event.hit([1], 2), Event.hit([1], 2).within(1, 3)])
def test_of_no_positions_nothing_is_left(event):
    problem = pose(MarkovRecipe(2, 1, 1, seed=0).build(), Evidence.free(2, 0), 0, event)
    assert (problem.start, problem.stop, problem.rule_state) == (0, 0, 0)
    assert problem.log_before == 0
    assert spans(problem) == []
    assert len(split(problem)) == 1


def test_where_all_is_observed_it_is_read_and_the_event_has_seen_it():
    model = MarkovRecipe(2, 2, 1, seed=0).build()
    symbols = torch.tensor([0, 1, 1, 0])
    event = Event.word([1, 1], 2)
    problem = pose(model, Evidence.observe(symbols, 2), 0, event)
    assert (problem.start, problem.stop) == (4, 4)
    assert event.accept[problem.rule_state]
    assert close(problem.log_before, chain_probs(model, symbols[None])[0, 0].log())
    assert spans(problem) == []


def test_an_event_keeps_the_positions_that_move_it():
    model, free = MarkovRecipe(2, 1, 1, seed=0).build(), Evidence.free(2, 9)
    hit = Event.hit([1], 2)
    for event, stop in (
        (None, 0),
        (hit, 9),
        (hit.within(2, 5), 5),
        (hit.within(2, 5) & hit.within(1, 3), 5),
        (hit.within(2), 9),
        (hit.within(3, 20), 9),
        (hit.within(20), 0),
        (hit.within(4, 4), 0),
        (Event.count([0], 2), 0),
    ):
        assert pose(model, free, 0, event).stop == stop, event
        assert pose(model, free, 0, event, tail=True).stop == 9


@given(questions(events=False))
def test_pieces_add_up_to_the_whole(asked):
    problem = asked.pose()
    pieces = split(problem)
    assert close(sum(log_z(piece) for piece in pieces), asked.log_z())


@given(questions(events=False, impossible=False, longest=8))
def test_pieces_are_independent(asked):
    # Each sequence is as probable as its parts in each piece, whatever the other parts are.
    assert_factorised(asked.pose(), asked.holds)


@given(wavenet_recipes().filter(lambda recipe: recipe.num_symbols < 4), st.data())
def test_pieces_of_a_wavenet_are_independent(recipe, data):
    model = recipe.build()
    longest = {2: 8, 3: 5}[model.num_symbols]
    length = longest if model.length is None else min(model.length, longest)
    known = data.draw(knowns(model.num_symbols, length, model.num_conditions, impossible=False))
    problem = pose(model, known.build(), model.num_conditions - 1)
    assert_factorised(problem, lambda row: replace(known, sets=known.sets[: len(row)]).holds(row))


def assert_factorised(problem, holds):
    pieces = split(problem)
    sequences = [
        row for row in every(problem.model.num_symbols, problem.stop).tolist() if holds(row)
    ]
    symbols = torch.tensor(sequences, dtype=torch.int64).reshape(len(sequences), problem.stop)
    condition = torch.full((len(symbols),), problem.condition)
    with torch.no_grad():
        whole = scoring.log_factors(problem.model, symbols, condition).sum(-1)
        total = torch.zeros(len(symbols), dtype=torch.float64)
        for piece in pieces:
            state = piece.state.at(torch.zeros(len(symbols), dtype=torch.int64))
            path = symbols[:, piece.start : piece.stop]
            total += piece.log_before + piece.model.read(state, path)[0].sum(-1)
    assert torch.allclose(total, whole, rtol=0, atol=1e-10)


@given(questions(events=False, longest=8))
def test_pieces_are_cut_at_runs_of_the_order_and_at_no_shorter_ones(asked):
    problem, order = asked.pose(), asked.recipe.order
    hidden = [len(sets) != 1 for sets in asked.known.sets[: problem.stop]]
    pieces = split(problem)
    assert pieces[0].start == problem.start
    assert pieces[-1].stop == problem.stop
    for piece in pieces:
        unseen = [at for at in range(piece.start, piece.stop) if hidden[at]]
        assert all(after - before <= order for before, after in itertools.pairwise(unseen))
        assert piece.hidden.tolist() == [at for at in unseen if asked.known.sets[at]]
        assert not unseen or piece.stop - 1 - unseen[-1] <= order
    for before, after in itertools.pairwise(pieces):
        assert not any(hidden[before.stop - order : after.start])
        assert before.stop <= after.start


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_a_run_of_the_order_is_cut_and_one_less_is_not(order):
    model = MarkovRecipe(2, order, 1, seed=1).build()
    for run, pieces in ((order - 1, 1), (order, 2), (order + 1, 2)):
        if run < 0:
            continue
        seen = torch.tensor([False] + [True] * run + [False] + [True] * order)
        evidence = Evidence.observe(torch.zeros(len(seen), dtype=torch.int64), 2, where=seen)
        assert len(split(pose(model, evidence, 0, tail=True))) == pieces


@pytest.mark.parametrize("event", [None, Event.hit([1], 2)])
def test_what_remembers_is_left_whole(event):
    model = MarkovRecipe(2, 1, 1, seed=1).build()
    if event is None:
        model = Forgotten(model)
    evidence = Evidence.observe(torch.zeros(9).long(), 2, where=torch.arange(9) % 4 > 0)
    assert split(problem := pose(model, evidence, 0, event)) == [problem]


def walked(problem, parts, twist=None):
    """Return all paths that spans allow, and the joint automaton state after each.

    Where a path may go from each of its beginnings is returned too: (beginning, symbols).
    """
    states = 1 if twist is None else twist.num_states
    paths, ways = [((), problem.rule_state * states)], {}
    for part in parts:
        for at in range(part.stop - part.start):
            grown = []
            for path, state in paths:
                if part.rules is None:
                    symbols, after = [int(part.symbols[at])], None
                else:
                    allowed = part.rules.sets[part.rules.which[state, at]]
                    symbols, after = allowed.nonzero()[:, 0].tolist(), part.rules.next[state]
                    ways[path] = symbols
                grown += [((*path, v), state if after is None else int(after[v])) for v in symbols]
            paths = grown
        if part.rules is None:
            paths = [(path, int(part.moves[state])) for path, state in paths]
    return paths, ways


@given(questions())
def test_spans_cover_every_position_once_and_in_order(asked):
    problem = asked.pose()
    parts = spans(problem)
    ends = [problem.start, *(part.stop for part in parts)]
    assert [part.start for part in parts] == ends[:-1]
    assert ends[-1] == problem.stop
    for part in parts:
        seen = {len(sets) == 1 for sets in asked.known.sets[part.start : part.stop]}
        assert seen == {part.rules is None}
        assert (part.symbols is None, part.moves is None) == (not seen.pop(),) * 2
        if part.symbols is not None:
            wanted = [min(sets) for sets in asked.known.sets[part.start : part.stop]]
            assert part.symbols.tolist() == wanted
        else:
            assert part.rules.length == part.stop - part.start


@given(questions())
def test_paths_through_spans_are_those_that_count(asked):
    assert_ways(asked)


@pytest.mark.parametrize("seen", ["....", ".0..", ".10.", "0.1.", "..11", ".0.0", ".01.1"])
@pytest.mark.parametrize(
    ("kind", "parts"),
    [("hit", ([1],)), ("word", ([0, 1],)), ("count", ([1], 2, 2)), ("run", ([1], 2))],
)
@pytest.mark.parametrize("window", [(0, None), (0, 2), (1, 3), (2, None), (3, 4)])
def test_paths_through_windows_and_what_is_seen_are_those_that_count(seen, kind, parts, window):
    known = Known(2, tuple(frozenset({0, 1} if v == "." else {int(v)}) for v in seen))
    happening = Happening("within", (Happening(kind, parts), *window))
    recipe = MarkovRecipe(2, 1, 1, seed=0)
    assert_ways(Asked(recipe, known, happening, tail=True, condition=0))
    assert_ways(Asked(recipe, known, Happening("not", (happening,)), tail=True, condition=0))


def assert_ways(asked):
    """Check the paths that spans allow, and what may follow each of their beginnings."""
    problem = asked.pose()
    found, ways = walked(problem, spans(problem))
    before = asked.known.build().low[: problem.start].tolist()
    paths = every(asked.recipe.num_symbols, problem.length).tolist()
    whole = [tuple(path) for path in paths if asked.holds([*before, *path])]
    if problem.length == 0:
        # Nothing is walked: what was read has decided whether the event occurs.
        found = [pair for pair in found if whole]
    assert sorted(path for path, _ in found) == whole
    assert reachable(problem) == bool(whole)
    for path, symbols in ways.items():
        size = len(path) + 1
        if problem.event is None or bool(problem.event.accept.all()):
            wanted = asked.known.sets[problem.start + len(path)]
        else:
            # Those after which the event can still occur, given what is known later.
            wanted = {one[len(path)] for one in whole if one[: size - 1] == path}
        assert symbols == sorted(wanted)


@given(questions(), st.integers(0, 2**16))
def test_a_twist_rides_along_and_its_potential_telescopes(asked, seed):
    problem = asked.pose()
    twist = Event.word([0, 0], asked.recipe.num_symbols)
    twist = replace(twist, accept=torch.ones(3, dtype=torch.bool))
    generator = torch.Generator().manual_seed(seed)
    value = torch.randn(3, problem.length + 1, dtype=torch.float64, generator=generator)
    states = 1 if problem.event is None else problem.event.num_states
    parts = spans(problem, twist=twist, log_value=value)
    paths, _ = walked(problem, parts, twist)
    plain, _ = walked(problem, spans(problem))
    assert [path for path, _ in paths] == [path for path, _ in plain]
    for (path, joint), (_, alone) in zip(paths, plain, strict=True):
        symbols = torch.tensor([path], dtype=torch.int64).reshape(1, len(path))
        rode = int(twist.after(symbols, problem.start, torch.zeros(1, dtype=torch.int64)))
        assert (joint // 3, joint % 3) == (alone, rode)
        assert joint < states * 3
        total, state = 0.0, problem.rule_state * 3
        for part in parts:
            seen = symbols[:, part.start - problem.start : part.stop - problem.start]
            before = state
            if part.rules is None:
                state = int(part.moves[state])
                total += float(part.gain[before])
                continue
            for symbol in seen[0].tolist():
                state = int(part.rules.next[state, symbol])
            assert part.rules.log_value.shape == (states * 3, part.stop - part.start + 1)
            total += float(part.rules.log_value[state, -1] - part.rules.log_value[before, 0])
        assert close(total, value[rode, -1] - value[0, 0])


def test_spans_without_a_twist_carry_no_potential():
    seen = torch.tensor([False, True, False])
    evidence = Evidence.observe(torch.zeros(3).long(), 2, where=seen)
    model = MarkovRecipe(2, 1, 1, seed=0).build()
    parts = spans(pose(model, evidence, 0, tail=True))
    assert [part.rules is None for part in parts] == [False, True, False]
    assert all(part.gain is None for part in parts)
    assert all(part.rules is None or part.rules.log_value is None for part in parts)


def test_impossible_evidence_leaves_no_way_at_the_position_that_has_none():
    evidence = Evidence.free(2, 4).restrict(2, [])
    problem = pose(MarkovRecipe(2, 1, 1, seed=0).build(), evidence, 0)
    (part,) = spans(problem)
    assert part.rules.sets[part.rules.which[0]].sum(-1).tolist() == [2, 2, 0]
    assert log_z(problem) == -math.inf
    assert walked(problem, [part])[0] == []


def test_symbols_that_the_model_forbids_are_read_as_impossible():
    model = MarkovTable(torch.tensor([[[1.0, 0.0]]], dtype=torch.float64).log())
    symbols, seen = torch.tensor([1, 0]), torch.tensor([True, False])
    problem = pose(model, Evidence.observe(symbols, 2, where=seen), 0)
    assert problem.log_before == -math.inf


def test_long_runs_are_spans_that_fit_in_memory(monkeypatch):
    monkeypatch.setattr("autoreg.inference.problem.WRITTEN_OUT", 8)
    problem = pose(
        MarkovRecipe(2, 1, 1, seed=0).build(), Evidence.free(2, 11).between(-1, 0, 0), 0
    )
    assert [(part.start, part.stop) for part in spans(problem)] == [
        (0, 4),
        (4, 8),
        (8, 10),
        (10, 11),
    ]


MODEL = MarkovRecipe(3, 1, 2, seed=0).build()


@pytest.mark.parametrize(
    ("evidence", "event", "message"),
    [
        (Evidence.free(2, 4, 2), None, "the model has 3 symbols; got evidence of 2"),
        (Evidence.free(3, 4), None, "the model has 2 conditions; got evidence of 1"),
        (
            Evidence.free(3, 4, 2),
            Event.hit([0], 2),
            "the model has 3 symbols; got an event of 2",
        ),
    ],
)
def test_a_question_about_another_model_is_refused(evidence, event, message):
    with pytest.raises(ValueError, match=message):
        check(MODEL, evidence, event)
    with pytest.raises(ValueError, match=message):
        pose(MODEL, evidence, 0, event)


def test_a_sequence_longer_than_the_model_knows_is_refused():
    model = WaveNetRecipe(2, (), None, 2, (1,), 1, 1, 0, length=5, seed=0).build()
    check(model, Evidence.free(2, 5))
    with pytest.raises(ValueError, match="sequences of 5 symbols; got evidence of 6"):
        check(model, Evidence.free(2, 6))
