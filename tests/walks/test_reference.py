"""The reference walk against enumeration of all paths."""

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.events import Rules
from autoreg.models.heads import Categorical
from autoreg.models.markov import MarkovTable
from autoreg.walks import reference
from autoreg.walks.walking import walk
from tests.oracles import assert_drawn_from, chain_prob, chain_probs, every, index_of

Q, LENGTH = 3, 3
BELOW_1 = 1 - 2**-53


@dataclass(frozen=True)
class Case:
    """A chain and rules over it."""

    order: int
    states: int
    potentials: bool
    seed: int

    def build(self):
        generator = torch.Generator().manual_seed(self.seed)
        model = MarkovTable.random(Q, self.order, 2, generator=generator)

        def below(limit, *shape):
            return torch.randint(limit, shape, generator=generator)

        sets = torch.rand(4, Q, generator=generator) < 0.7
        value = torch.randn(self.states, LENGTH + 1, generator=generator, dtype=torch.float64)
        value[:, 1:][torch.rand(self.states, LENGTH, generator=generator) < 0.15] = -math.inf
        rules = Rules(
            below(self.states, self.states, Q),
            below(4, self.states, LENGTH),
            sets,
            value if self.potentials else None,
        )
        return model, rules, below(self.states, 1), generator


cases = st.builds(
    Case,
    order=st.integers(0, 2),
    states=st.integers(1, 3),
    potentials=st.booleans(),
    seed=st.integers(0, 2**16),
)


def by_hand(model, rules, begin, path, condition):
    """Return each position's mass and the weight of the symbol taken, as plain numbers.

    Both end at the first weight that is 0: the path is dead from there on, or never taken.
    """
    probs, steps, which = model.table.exp().tolist(), rules.next.tolist(), rules.which.tolist()
    sets = rules.sets.tolist()
    values = None if rules.log_value is None else rules.log_value.tolist()
    d, masses, weights = begin, [], []
    for t, symbol in enumerate(path):
        before = chain_prob(probs, model.order, path[:t], condition)
        entries = []
        for v in range(Q):
            entry = chain_prob(probs, model.order, [*path[:t], v], condition) / before
            if values is not None:
                entry *= math.exp(values[steps[d][v]][t + 1] - values[d][t])
            entries.append(entry if sets[which[d][t]][v] else 0.0)
        masses.append(sum(entries))
        weights.append(entries[symbol])
        if not weights[-1]:
            break
        d = steps[d][symbol]
    return masses, weights, d


def possible_paths(model, rules, begin, condition=0):
    """Return the paths that survive, how likely each is drawn, and its potential's gain."""
    paths, law, gains = [], [], []
    for path in every(Q, LENGTH).tolist():
        masses, weights, d = by_hand(model, rules, begin, path, condition)
        if len(weights) == LENGTH and weights[-1]:
            paths.append(path)
            law.append(math.prod(w / m for w, m in zip(weights, masses, strict=True)))
            value = rules.log_value
            gains.append(0.0 if value is None else float(value[d, LENGTH] - value[begin, 0]))
    law, gains = torch.tensor([law, gains], dtype=torch.float64).reshape(2, -1)
    return torch.tensor(paths, dtype=torch.int64).reshape(-1, LENGTH), law, gains


def start(model, count, condition=0):
    return model.start(torch.full((count,), condition))


def uniforms(count, length=LENGTH, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, length, dtype=torch.float64, generator=generator)


@given(case=cases, condition=st.integers(0, 1))
def test_masses_along_every_path_are_the_sums_over_what_is_allowed(case, condition):
    model, rules, begin, _ = case.build()
    paths = every(Q, LENGTH)
    told = [by_hand(model, rules, int(begin), path, condition) for path in paths.tolist()]
    alive = torch.tensor([sum(weight > 0 for weight in weights) for _, weights, _ in told])
    # What the rules forbid cannot be forced.
    forced = paths.masked_fill(torch.arange(LENGTH) >= alive[:, None], -1)
    walked = walk(
        model,
        start(model, len(paths), condition),
        rules,
        uniforms(len(paths)),
        rule_state=begin.expand(len(paths)),
        path=forced,
    )
    assert torch.equal(walked.symbols[forced >= 0], forced[forced >= 0])
    for (masses, _, d), own, log_mass, last in zip(
        told, alive.tolist(), walked.log_mass, walked.rule_state.tolist(), strict=True
    ):
        assert log_mass[: len(masses)].exp().tolist() == pytest.approx(masses, abs=1e-12)
        assert own < LENGTH or last == d


@given(case=cases, condition=st.integers(0, 1))
def test_weights_are_unbiased(case, condition):
    """The sum over paths of q(path) exp(sum of log_mass) f(path) is that of the model itself."""
    model, rules, begin, generator = case.build()
    function = torch.rand(Q**LENGTH, generator=generator, dtype=torch.float64)
    paths, law, potentials = possible_paths(model, rules, int(begin), condition)
    walked = walk(
        model,
        start(model, len(paths), condition),
        rules,
        uniforms(len(paths)),
        rule_state=begin.expand(len(paths)),
        path=paths,
    )
    function = function[index_of(paths, Q)]
    wanted = chain_probs(model, paths)[:, condition] * potentials.exp() * function
    estimate = law * walked.log_mass.sum(1).exp() * function
    assert float(estimate.sum()) == pytest.approx(float(wanted.sum()), rel=1e-10)


@pytest.mark.parametrize(
    "case",
    [Case(0, 1, False, 1), Case(1, 1, False, 2), Case(2, 2, False, 6), Case(2, 3, True, 5)],
)
def test_draws_follow_the_law_of_the_rules(case):
    model, rules, begin, _ = case.build()
    count = 20_000
    law = torch.zeros(Q**LENGTH + 1, dtype=torch.float64)  # the last entry: dead
    paths, probs, _ = possible_paths(model, rules, int(begin))
    law[index_of(paths, Q)] = probs
    law[-1] = 1 - law.sum()
    walked = walk(
        model, start(model, count), rules, uniforms(count), rule_state=begin.expand(count)
    )
    drawn = index_of(walked.symbols, Q)
    drawn[walked.log_mass.isneginf().any(1)] = Q**LENGTH
    assert_drawn_from(drawn.bincount(minlength=len(law)), law.where(law > 1e-12, 0.0))


def test_a_draw_is_the_smallest_symbol_whose_cumulative_mass_exceeds_the_uniform():
    model = MarkovTable(torch.tensor([[[0.25, 0.25, 0.5]]]).double().log())
    rules = Rules.among(torch.tensor([[True, True, True], [False, True, True]]))
    edges = [(0.0, 0), (0.25 - 2**-54, 0), (0.25, 1), (0.5, 2), (BELOW_1, 2)]
    pairs = [[u, v] for u, _ in edges for v in (0.0, 0.5, BELOW_1)]
    chance = torch.tensor(pairs, dtype=torch.float64)
    walked = walk(model, start(model, 15), rules, chance)
    assert walked.symbols[:, 0].tolist() == [symbol for _, symbol in edges for _ in range(3)]
    assert walked.symbols[:, 1].tolist() == [1, 2, 2] * 5


@given(case=cases)
def test_potentials_of_zero_change_no_draw_and_no_mass(case):
    model, rules, begin, _ = case.build()
    free = Rules(rules.next, rules.which, rules.sets)
    flat = Rules(rules.next, rules.which, rules.sets, torch.zeros(case.states, LENGTH + 1))
    chance = uniforms(50)
    one = walk(model, start(model, 50), free, chance, rule_state=begin.expand(50))
    other = walk(model, start(model, 50), flat, chance, rule_state=begin.expand(50))
    assert torch.equal(one.symbols, other.symbols)
    assert torch.allclose(one.log_mass, other.log_mass, rtol=0, atol=1e-12)


def table(*rows):
    return MarkovTable(torch.tensor([rows], dtype=torch.float64).log())


def test_a_dead_path_has_no_mass_once_then_0_and_symbol_0():
    model = MarkovTable.random(Q, 1, generator=torch.Generator().manual_seed(0))
    sets = torch.tensor([[True] * 3, [False] * 3, [True] * 3, [False] * 3])
    walked = walk(model, start(model, 5), Rules.among(sets), uniforms(5, 4))
    assert walked.log_mass[:, 1:].tolist() == [[-math.inf, 0, 0]] * 5
    assert walked.log_mass[:, 0].abs().max() < 1e-12
    assert (walked.symbols[:, 1:] == 0).all()
    assert walked.symbols[:, 0].unique().numel() > 1


def test_a_path_dies_where_what_is_allowed_has_no_probability():
    model = table([0.0, 0.5, 0.5])
    only_0 = torch.tensor([[True, False, False]])
    walked = walk(model, start(model, 1), Rules.among(only_0.expand(2, 3)), uniforms(1, 2))
    assert walked.log_mass.tolist() == [[-math.inf, 0]]


def test_rows_die_alone():
    # Symbol 0 leads to automaton state 1, in which nothing is allowed.
    rules = Rules(
        torch.tensor([[1, 0, 0], [1, 1, 1]]),
        torch.tensor([[0, 0, 0], [1, 1, 1]]),
        torch.tensor([[True] * 3, [False] * 3]),
    )
    model = table([0.5, 0.25, 0.25])
    walked = walk(model, start(model, 200), rules, uniforms(200, 3))
    dead = (walked.symbols[:, :2] == 0).any(1)
    assert torch.equal(walked.log_mass.isneginf().any(1), dead)
    assert (walked.log_mass.isneginf().sum(1) <= 1).all()
    assert walked.log_mass[~dead].abs().max() < 1e-12
    assert torch.equal(walked.rule_state == 1, (walked.symbols == 0).any(1))


def test_nothing_leaves_a_state_whose_potential_is_none():
    model = table([0.5, 0.25, 0.25])
    rules = Rules.free(3, 1)
    rules = Rules(rules.next, rules.which, rules.sets, torch.tensor([[-math.inf, 0.0]]))
    walked = walk(model, start(model, 2), rules, uniforms(2, 1))
    assert walked.log_mass.tolist() == [[-math.inf], [-math.inf]]


def test_a_singleton_is_its_symbol_whatever_the_uniform():
    model = MarkovTable.random(Q, 2, generator=torch.Generator().manual_seed(0))
    path = [2, 0, 1]
    rules = Rules.among(torch.nn.functional.one_hot(torch.tensor(path), Q).bool())
    chance = torch.tensor([[0.0] * 3, [0.5] * 3, [BELOW_1] * 3], dtype=torch.float64)
    walked = walk(model, start(model, 3), rules, chance)
    assert walked.symbols.tolist() == [path] * 3
    factors, _ = model.read(start(model, 1), torch.tensor([path]))
    assert torch.allclose(walked.log_mass, factors.expand(3, -1), rtol=0, atol=1e-12)


def test_a_forced_symbol_leaves_the_mass_that_of_its_set():
    model = table([0.5, 0.3, 0.2])
    rules = Rules.among(torch.tensor([[True, True, False], [True, True, True]]))
    path = torch.tensor([[1, -1], [-1, 2]])
    walked = walk(model, start(model, 2), rules, torch.zeros(2, 2).double(), path=path)
    assert walked.symbols.tolist() == [[1, 0], [0, 2]]
    assert walked.log_mass.exp().flatten().tolist() == pytest.approx([0.8, 1, 0.8, 1])


def test_the_state_after_a_walk_is_that_after_reading_its_symbols():
    model = MarkovTable.random(Q, 2, 2, generator=torch.Generator().manual_seed(0))
    walked = walk(model, start(model, 9, 1), Rules.free(Q, LENGTH), uniforms(9))
    _, state = model.read(start(model, 9, 1), walked.symbols)
    assert torch.equal(walked.state.next, state.next)
    assert all(map(torch.equal, walked.state.memory, state.memory))


def test_walking_on_equals_walking_through():
    model, rules, begin, _ = Case(2, 3, True, 5).build()
    chance = uniforms(20)
    whole = walk(model, start(model, 20), rules, chance, rule_state=begin.expand(20))
    parts, state, d = [], start(model, 20), begin.expand(20)
    for first, last in ((0, 1), (1, 3)):
        piece = Rules(
            rules.next,
            rules.which[:, first:last],
            rules.sets,
            rules.log_value[:, first : last + 1],
        )
        parts.append(walk(model, state, piece, chance[:, first:last], rule_state=d))
        state, d = parts[-1].state, parts[-1].rule_state
    alive = ~whole.log_mass.isneginf().any(1)
    both = torch.cat([part.symbols for part in parts], 1)
    assert alive.any()
    assert torch.equal(both[alive], whole.symbols[alive])
    assert torch.equal(d[alive], whole.rule_state[alive])


def effective(log_weights):
    weights = log_weights.exp()
    return float(weights.sum() ** 2 / (weights**2).sum())


def test_a_walk_stops_where_a_group_has_too_few_effective_paths():
    model = MarkovTable.random(Q, 1, generator=torch.Generator().manual_seed(3))
    sets = torch.rand(12, Q, generator=torch.Generator().manual_seed(4)) < 0.6
    sets[~sets.any(1), 0] = True
    rules, chance = Rules.among(sets), uniforms(8, 12)
    log_weights = torch.linspace(-0.5, 0.5, 8).double()
    whole = walk(model, start(model, 8), rules, chance)
    running = log_weights[:, None] + whole.log_mass.cumsum(1)
    least = [min(effective(running[:4, t]), effective(running[4:, t])) for t in range(12)]
    assert max(least) > min(least) + 0.1
    for min_ess in (0.0, 1.0, sum(least) / 12, 3.99):
        stop = next((t + 1 for t in range(12) if least[t] < min_ess), 12)
        walked = walk(
            model,
            start(model, 8),
            rules,
            chance,
            groups=2,
            log_weights=log_weights,
            min_ess=min_ess,
        )
        assert walked.length == stop
        assert torch.equal(walked.symbols, whole.symbols[:, :stop])
        assert torch.equal(walked.log_mass, whole.log_mass[:, :stop])
        _, state = model.read(start(model, 8), walked.symbols)
        assert torch.equal(walked.state.next, state.next)


def test_one_dead_group_stops_the_walk():
    model = table([0.5, 0.25, 0.25])
    rules = Rules(
        torch.zeros(2, 3).long(),
        torch.tensor([[0, 0], [1, 1]]),
        torch.tensor([[True] * 3, [False] * 3]),
    )
    begin = torch.tensor([0, 0, 1, 1])
    options = {"rule_state": begin, "min_ess": 0.5}
    assert walk(model, start(model, 4), rules, uniforms(4, 2), **options).length == 2
    assert walk(model, start(model, 4), rules, uniforms(4, 2), **options, groups=2).length == 1


@pytest.mark.parametrize("count", [0, 1, 4])
def test_walks_of_no_position_or_no_path_are_legal(count):
    model = MarkovTable.random(Q, 1, generator=torch.Generator().manual_seed(0))
    walked = walk(model, start(model, count), Rules.free(Q, 0), torch.zeros(count, 0))
    assert walked.symbols.shape == walked.log_mass.shape == (count, 0)
    assert walked.log_mass.dtype == torch.float64
    assert walked.length == 0
    walked = walk(model, start(model, count), Rules.free(Q, 2), torch.zeros(count, 2))
    assert walked.symbols.shape == (count, 2)


def test_temperature_1_and_top_p_1_change_nothing():
    model = MarkovTable.random(Q, 2, generator=torch.Generator().manual_seed(0))
    chance = uniforms(500)
    plain = walk(model, start(model, 500), Rules.free(Q, LENGTH), chance)
    named = walk(
        model, start(model, 500), Rules.free(Q, LENGTH), chance, temperature=1.0, top_p=1.0
    )
    assert torch.equal(plain.symbols, named.symbols)
    assert torch.equal(plain.log_mass, named.log_mass)


@pytest.mark.parametrize("temperature", [0.5, 0.999, 3.0])
def test_a_temperature_walks_another_model_and_reports_its_masses(temperature):
    probs = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    other = probs ** (1 / temperature) / (probs ** (1 / temperature)).sum()
    rules = Rules.among(torch.tensor([[True, False, True]]))
    count = 20_000
    walked = walk(
        table(probs.tolist()),
        start(table(probs.tolist()), count),
        rules,
        uniforms(count, 1),
        temperature=temperature,
    )
    assert walked.log_mass.exp().unique().tolist() == pytest.approx([float(other[0] + other[2])])
    law = other * torch.tensor([1, 0, 1])
    assert_drawn_from(walked.symbols[:, 0].bincount(minlength=3), law / law.sum())


@pytest.mark.parametrize("temperature", [1e-3, 1e-300, 5e-324])
def test_a_small_temperature_takes_the_likeliest_symbol(temperature):
    model = table([0.3, 0.5, 0.2])
    walked = walk(
        model, start(model, 50), Rules.free(Q, 1), uniforms(50, 1), temperature=temperature
    )
    assert walked.symbols.unique().tolist() == [1]
    assert walked.log_mass.abs().max() < 1e-12


def test_a_large_temperature_evens_out_what_is_possible():
    model = table([0.9, 0.1, 0.0])
    walked = walk(
        model, start(model, 4000), Rules.free(Q, 1), uniforms(4000, 1), temperature=1e300
    )
    law = torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64)
    assert_drawn_from(walked.symbols[:, 0].bincount(minlength=3), law)


@pytest.mark.parametrize(
    ("top_p", "kept"),
    [
        (1e-9, [0, 1, 0, 0]),
        (0.4, [0, 1, 0, 0]),
        (0.41, [0, 1, 1, 0]),
        (0.7, [0, 1, 1, 0]),
        (0.71, [1, 1, 1, 0]),
        (0.95, [1, 1, 1, 1]),
    ],
)
def test_top_p_keeps_the_fewest_symbols_that_hold_as_much(top_p, kept):
    # In units that floating point keeps: sums at which top_p ends are not rounded.
    probs = torch.tensor([0.2, 0.4 + 2**-30, 0.3, 0.1 - 2**-30], dtype=torch.float64)
    model = table(probs.tolist())
    count = 5000
    walked = walk(model, start(model, count), Rules.free(4, 1), uniforms(count, 1), top_p=top_p)
    law = probs * torch.tensor(kept)
    assert_drawn_from(walked.symbols[:, 0].bincount(minlength=4), law / law.sum())
    assert walked.log_mass.abs().max() < 1e-12


def test_of_equally_likely_symbols_top_p_keeps_the_smaller():
    model = MarkovTable(torch.full((1, 1, 64), -math.log(64)).double())
    walked = walk(model, start(model, 500), Rules.free(64, 1), uniforms(500, 1), top_p=0.25)
    assert walked.symbols.unique().tolist() == list(range(16))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 0.0}, r"temperature needs to be above 0 and finite; got 0\.0"),
        ({"temperature": -1.0}, "temperature needs to be above 0"),
        ({"temperature": math.nan}, "temperature needs to be above 0"),
        ({"temperature": math.inf}, "temperature needs to be above 0 and finite"),
        ({"top_p": 0.0}, r"top_p needs to lie within \(0, 1\]; got 0\.0"),
        ({"top_p": 1.5}, "top_p needs to lie within"),
        ({"top_p": math.nan}, "top_p needs to lie within"),
        ({"groups": 3}, "4 paths do not make 3 equal groups"),
        ({"groups": 0}, "4 paths do not make 0 equal groups"),
        ({"rules": Rules.free(3, 2)}, "2 positions|speak of 3 positions.*got 2 and 3"),
        ({"rules": Rules.free(4, 3)}, "of 3 symbols; got 3 and 4"),
        ({"state": 3}, "a row for each of 3 paths; got 4"),
        ({"rule_state": torch.zeros(3).long()}, r"rule_state needs shape \(4,\).*got \(3,\)"),
        ({"log_weights": torch.zeros(3)}, r"log_weights needs shape \(4,\).*got \(3,\)"),
        ({"path": torch.zeros(4, 2).long()}, r"path needs shape \(4, 3\).*got \(4, 2\)"),
        ({"path": torch.full((4, 3), 3)}, "path forces symbol 3 at position 0 of row 0"),
    ],
)
def test_walks_that_make_no_sense_are_refused(changes, message):
    model = table([0.5, 0.25, 0.25])
    rules = changes.pop("rules", Rules.free(3, 3))
    state = start(model, changes.pop("state", 4))
    with pytest.raises(ValueError, match=message):
        walk(model, state, rules, uniforms(4, 3), **changes)


def test_forcing_what_the_rules_forbid_is_refused_by_place():
    model = table([0.5, 0.25, 0.25])
    rules = Rules.among(torch.tensor([[True] * 3, [True, False, True]]))
    path = torch.tensor([[-1, -1], [1, 1]])
    with pytest.raises(
        ValueError, match="symbol 1 at position 1 of row 1, where the rules do not"
    ):
        walk(model, start(model, 2), rules, uniforms(2, 2), path=path)


def test_a_dead_path_may_be_forced_anywhere():
    model = table([0.5, 0.25, 0.25])
    rules = Rules.among(torch.tensor([[False] * 3, [True, False, True]]))
    walked = walk(model, start(model, 1), rules, uniforms(1, 2), path=torch.tensor([[-1, 1]]))
    assert walked.log_mass.tolist() == [[-math.inf, 0]]
    assert walked.symbols.tolist() == [[0, 0]]


class Wide:
    """A model of one distribution over more symbols than are ever written out."""

    num_symbols = 5000
    head = Categorical(5000)

    def step(self, state, symbols):
        return state


def test_many_levels_are_walked():
    model = Wide()
    state = MarkovTable.random(2, 0, generator=torch.Generator().manual_seed(0))
    state = start(state, 3)._replace(next=torch.zeros(3, 5000, dtype=torch.float64))
    walked = walk(model, state, Rules.free(5000, 2), torch.tensor([[0.0, 0.5]] * 3).double())
    assert walked.symbols.tolist() == [[0, 2500]] * 3
    half = walk(model, state, Rules.free(5000, 2), torch.full((3, 2), 0.5).double(), top_p=0.5)
    assert half.symbols.tolist() == [[1250, 1250]] * 3
    assert torch.allclose(half.log_mass, torch.zeros(3, 2).double(), atol=1e-9)


@given(case=cases, temperature=st.sampled_from([1.0, 0.3]), top_p=st.sampled_from([1.0, 0.6]))
def test_distributions_written_out_one_by_one_are_walked_alike(case, temperature, top_p):
    model, rules, begin, _ = case.build()
    state, chance, d = start(model, 6), uniforms(6), begin.repeat(6)
    asked = {"rule_state": d, "temperature": temperature, "top_p": top_p}
    together = walk(model, state, rules, chance, **asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "DENSE_LIMIT", 1)
        alone = walk(model, state, rules, chance, **asked)
    assert torch.equal(alone.symbols, together.symbols)
    assert torch.equal(alone.log_mass, together.log_mass)
    assert torch.equal(alone.rule_state, together.rule_state)


def test_a_walk_leaves_its_arguments_as_they_were():
    model, rules, begin, _ = Case(2, 3, True, 5).build()
    state, chance, d = start(model, 6), uniforms(6), begin.repeat(6)
    weights = torch.zeros(6).double()
    kept = [tensor.clone() for tensor in (state.next, *state.memory, chance, d, weights)]
    walk(model, state, rules, chance, rule_state=d, log_weights=weights, min_ess=0.1)
    assert all(map(torch.equal, kept, (state.next, *state.memory, chance, d, weights)))
