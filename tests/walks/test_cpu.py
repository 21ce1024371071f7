"""The walk and the reading by compiled loops against those by ``step`` and by torch."""

import copy
import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.events import Rules
from autoreg.walks import cpu, panels, reference
from autoreg.walks.columns import Desk
from autoreg.walks.network import Network
from autoreg.walks.request import request
from autoreg.walks.walking import walk
from tests.walks.recipes import (
    AskRecipe,
    NetRecipe,
    agree,
    assert_close,
    assert_same,
    assert_same_state,
    outcome,
    packed,
    rounding,
)

WIDTHS = (1, 5, 7, 17, 33, 70)

nets = st.builds(
    NetRecipe,
    num_symbols=st.sampled_from([1, 2, 3, 17, 33]),
    conditions=st.sampled_from([(), (3,), (2, 2)]),
    residual=st.sampled_from(WIDTHS),
    gate=st.sampled_from([None, *WIDTHS]),
    skip=st.sampled_from(WIDTHS),
    hidden=st.sampled_from(WIDTHS),
    kernel_size=st.integers(1, 3),
    dilations=st.lists(st.sampled_from([1, 2, 3, 5, 30]), min_size=1, max_size=4).map(tuple),
    input_kernel=st.integers(1, 3),
    num_features=st.sampled_from([0, 0, 2]),
    vectors=st.sampled_from([0, 0, 4]),
    rows=st.sampled_from([1, 3]),
    seed=st.integers(0, 2**16),
)
asks = st.builds(
    AskRecipe,
    rows=st.integers(0, 9),
    length=st.integers(0, 14),
    primed=st.sampled_from([0, 1, 2, 7, 31]),
    states=st.integers(1, 3),
    density=st.sampled_from([1.0, 0.7, 0.3]),
    potentials=st.booleans(),
    temperature=st.sampled_from([1.0, 1.0, 0.3, 2.5]),
    top_p=st.sampled_from([1.0, 1.0, 0.83, 0.41]),
    forced=st.sampled_from([0.0, 0.5, 1.0]),
    groups=st.integers(1, 3),
    # No whole numbers of paths, which an effective sample size may come to exactly.
    least=st.sampled_from([0.0, 0.31, 0.71, 0.97]),
    seed=st.integers(0, 2**16),
)


@pytest.fixture
def _two_threads(monkeypatch):
    """Two threads share whatever there is to do."""
    monkeypatch.setattr(cpu, "ALONE", 0)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def split(monkeypatch):
    """Return how to have little room, so that tiles, breaths and features come in pieces."""

    def apart(columns, positions, model):
        weights = packed(model)
        row = 2**40 // Desk.columns_within(weights.panels.net, 2**40)
        added = weights.panels.arrays["biases"][0].nbytes
        monkeypatch.setattr(cpu, "DESK", columns * row)
        monkeypatch.setattr(cpu, "BREATH", positions * weights.network.multiplications)
        monkeypatch.setattr(cpu, "ADDED", positions * added)

    return apart


@given(net=nets, ask=asks)
def test_a_compiled_walk_is_the_reference_walk(net, ask):
    model = net.build()
    agree(model, ask.build(model))


@given(net=nets, rows=st.integers(1, 5), length=st.integers(1, 40), seed=st.integers(0, 99))
def test_compiled_reading_is_reading_by_torch(net, rows, length, seed):
    model = net.build()
    ask = AskRecipe(rows=rows, primed=seed % 7, seed=seed).build(model)
    generator = torch.Generator().manual_seed(seed)
    symbols = torch.randint(net.num_symbols, (rows, length), generator=generator)
    with torch.no_grad():
        factors, state = model.read(ask.state, symbols)
    got, after = cpu.read(packed(model), ask.state, symbols)
    assert_close(got, factors)
    assert_same_state(after, state)


@pytest.mark.parametrize("width", [*WIDTHS, 130])
@pytest.mark.parametrize("part", ["residual", "gate", "skip", "hidden", "num_symbols"])
def test_no_width_needs_to_be_whole_vectors(part, width):
    model = replace(NetRecipe(gate=9, conditions=(2,)), **{part: width}).build()
    agree(model, AskRecipe(rows=7, length=7, density=0.8).build(model))


@pytest.mark.parametrize("num_symbols", [1, 2, 3, 17, 256, 300])
@pytest.mark.parametrize("density", [1.0, 0.2])
def test_any_alphabet_is_walked(num_symbols, density):
    model = NetRecipe(num_symbols=num_symbols).build()
    agree(model, AskRecipe(rows=20, length=12, density=density).build(model))


@pytest.mark.parametrize("temperature", [0.3, 1e-300])
def test_an_alphabet_that_is_not_written_out_is_tempered(temperature):
    model = NetRecipe(num_symbols=4100).build()
    agree(model, AskRecipe(rows=2, length=3, temperature=temperature).build(model))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 17, 130])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_any_number_of_paths_is_walked(count, dtype):
    # Products take 6, 4, 2 or 1 columns at a time and panels of 4, 2 or 1 vectors.
    net = NetRecipe(residual=20, gate=40, skip=70, hidden=17, gain=0.3)
    model = net.build(dtype)
    twin = copy.deepcopy(model).double()
    ask = AskRecipe(rows=count, length=5, forced=1.0)
    asked = ask.build(model)
    got = cpu.walk(packed(model), asked)
    bound = 1e-12 if dtype == torch.float64 else 2 * rounding(packed(model).network)
    wanted = reference.walk(twin, asked._replace(state=doubled(asked.state)))
    assert bound < 1e-2
    assert_close(got.log_mass, wanted.log_mass, bound)
    assert_same_state(doubled(got.state), wanted.state, bound)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 130])
def test_any_number_of_columns_is_read(length):
    model = NetRecipe(residual=20, gate=40, skip=70, hidden=17).build()
    asked = AskRecipe(rows=1, length=length, primed=3).build(model)
    symbols = reference.walk(model, asked).symbols
    got, after = cpu.read(packed(model), asked.state, symbols)
    with torch.no_grad():
        factors, state = model.read(asked.state, symbols)
    assert_close(got, factors)
    assert_same_state(after, state)


@pytest.mark.parametrize(
    ("kernel_size", "input_kernel"), [(1, 1), (1, 3), (2, 1), (2, 2), (3, 1), (3, 2), (3, 3)]
)
@pytest.mark.parametrize("dilations", [(1,), (50,), (1, 2, 4), (7, 1, 50)], ids=str)
@pytest.mark.parametrize("primed", [0, 13])
def test_every_ring_is_where_steps_would_find_it(kernel_size, input_kernel, dilations, primed):
    net = NetRecipe(kernel_size=kernel_size, input_kernel=input_kernel, dilations=dilations)
    model = net.build()
    walked = agree(model, AskRecipe(length=11, primed=primed).build(model))
    # It goes on where the compiled walk stood, by whichever runtime.
    again = AskRecipe(length=9).build(model)._replace(state=walked.state)
    agree(model, again)
    with torch.no_grad():
        symbols = torch.arange(9).remainder(5).expand(3, -1)
        factors, state = model.read(walked.state, symbols)
        stepped = walked.state
        for symbol in symbols.T:
            stepped = model.step(stepped, symbol)
    got, after = cpu.read(packed(model), walked.state, symbols)
    assert_close(got, factors)
    assert_same_state(after, state)
    assert_same_state(after, stepped)


@pytest.mark.parametrize("primed", range(9))
def test_every_runtime_takes_up_the_state_of_every_other(primed):
    model = NetRecipe(kernel_size=3, dilations=(1, 3), input_kernel=3, conditions=(2,)).build()
    weights = packed(model)
    symbols = torch.randint(5, (3, 40), generator=torch.Generator().manual_seed(primed))

    def stepped(state, some):
        for symbol in some.T:
            state = model.step(state, symbol)
        return state

    def walked(by):
        def go(state, some):
            chance = torch.zeros(some.shape, dtype=torch.float64)
            asked = request(5, state, Rules.free(5, some.shape[1]), chance, **DEFAULTS, path=some)
            return by(asked).state

        return go

    runtimes = {
        "read": lambda state, some: model.read(state, some)[1],
        "step": stepped,
        "reference": walked(lambda asked: reference.walk(model, asked)),
        "walk": walked(lambda asked: cpu.walk(weights, asked)),
        "loops": lambda state, some: cpu.read(weights, state, some)[1],
    }
    with torch.no_grad():
        begin = model.start(torch.tensor([0, 1, 1]))
        wanted = stepped(begin, symbols[:, : primed + 8])
        for first in runtimes.values():
            for second in runtimes.values():
                state = first(begin, symbols[:, :primed]) if primed else begin
                state = second(state, symbols[:, primed : primed + 8])
                assert_same_state(state, wanted)


DEFAULTS = {
    "rule_state": None,
    "groups": 1,
    "log_weights": None,
    "min_ess": 0.0,
    "temperature": 1.0,
    "top_p": 1.0,
}


def doubled(state):
    return state._replace(
        next=state.next.double(),
        memory=(*state.memory[:3], *(r.double() for r in state.memory[3:])),
    )


@pytest.mark.parametrize(
    "net",
    [
        NetRecipe(residual=33, skip=70, kernel_size=3, gain=0.3),
        NetRecipe(residual=7, gate=17, conditions=(3, 2), num_symbols=256, gain=0.3),
        NetRecipe(num_features=2, rows=3, kernel_size=1, input_kernel=1, gain=0.3),
    ],
    ids=["deep", "conditions", "features"],
)
@pytest.mark.parametrize("density", [1.0, 0.5])
def test_float32_is_float64_up_to_what_rounding_can_do(net, density):
    model = net.build(torch.float32)
    twin = copy.deepcopy(model).double()
    # log_softmax passes on an error of the logits at most twice: for the symbol and for the sum.
    bound = 2 * rounding(packed(model).network)
    assert bound < 1e-2
    ask = AskRecipe(rows=9, length=30, primed=4, density=density, states=2, forced=1.0)
    asked = ask.build(twin)
    narrowed = ask.build(model)._replace(path=asked.path)
    wide = asked._replace(state=doubled(narrowed.state))
    got, wanted = cpu.walk(packed(model), narrowed), cpu.walk(packed(twin), wide)
    assert_same(wanted, reference.walk(twin, wide))
    assert torch.equal(got.symbols, wanted.symbols)
    assert got.log_mass.dtype == torch.float64
    assert got.state.next.dtype == torch.float32
    assert_close(got.log_mass, wanted.log_mass, bound)
    assert_same_state(doubled(got.state), wanted.state, bound)
    factors, after = cpu.read(packed(model), narrowed.state, got.symbols)
    exact, state = cpu.read(packed(twin), wide.state, got.symbols)
    assert_close(factors, exact, bound)
    assert_same_state(doubled(after), state, bound)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("count", [1, 2, 7])
def test_16_bit_weights_are_unpacked_exactly(width, count):
    net = NetRecipe(
        residual=width,
        gate=8,
        skip=width,
        hidden=40,
        num_symbols=17,
        conditions=(3,),
        gain=0.3,
    )
    model = net.build(torch.bfloat16)
    halves = packed(model)
    wide = Network(
        *(part.float() if isinstance(part, torch.Tensor) else part for part in halves.network)
    )
    asked = AskRecipe(rows=count, length=8, forced=1.0).build(model)
    floats = asked.state._replace(
        next=asked.state.next.float(),
        memory=(*asked.state.memory[:3], *(r.float() for r in asked.state.memory[3:])),
    )
    got, wanted = cpu.walk(halves, asked), cpu.walk(cpu.pack(wide), asked._replace(state=floats))
    bound = 4 * rounding(wide)
    assert bound < 1e-2
    assert torch.equal(got.symbols, wanted.symbols)
    assert_close(got.log_mass, wanted.log_mass, bound)
    assert got.state.next.dtype == torch.bfloat16
    # The state is bfloat16 again: it is rounded once more, by half a unit of its last place.
    for one, other in zip(
        (got.state.next, *got.state.memory[3:]),
        (wanted.state.next, *wanted.state.memory[3:]),
        strict=True,
    ):
        largest = float(other.abs().max()) if other.numel() else 0.0
        assert_close(one.float(), other, bound + largest * 2**-8)
    factors, _ = cpu.read(halves, asked.state, got.symbols)
    exact, _ = cpu.read(cpu.pack(wide), floats, got.symbols)
    assert_close(factors, exact, bound)


FORMS = [
    AskRecipe(rows=8, length=9),
    AskRecipe(rows=9, length=13, primed=6, density=0.6, states=2, potentials=True),
    AskRecipe(rows=1, length=17, primed=3, density=0.8),
    AskRecipe(rows=7, length=11, density=0.9, forced=0.8),
]
STOPPING = [
    AskRecipe(rows=5, length=12, groups=2, least=0.71, density=0.6),
    AskRecipe(rows=3, length=17, density=0.97, least=0.9, potentials=True),
    AskRecipe(rows=2, length=17, density=0.97, least=0.6, potentials=True),
    AskRecipe(rows=1, length=17, density=0.9, least=0.6),
]
RICH = NetRecipe(
    residual=20,
    gate=24,
    skip=17,
    hidden=40,
    conditions=(3,),
    num_features=2,
    rows=2,
    kernel_size=3,
)


@pytest.mark.parametrize("ask", FORMS, ids=range(len(FORMS)))
@pytest.mark.parametrize("columns", [1, 2, 3, 1000])
@pytest.mark.parametrize("positions", [1, 3, 1000])
def test_pieces_change_nothing(split, ask, columns, positions):
    model = RICH.build()
    asked = ask.build(model)
    split(columns, positions * max(1, ask.rows), model)
    agree(model, asked)


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("columns", [1, 4, 5, 1000])
@pytest.mark.parametrize("positions", [1, 7, 1000])
def test_reading_in_pieces_changes_nothing(split, rows, columns, positions):
    model = RICH.build()
    asked = AskRecipe(rows=rows, length=23, primed=2).build(model)
    symbols = reference.walk(model, asked).symbols
    with torch.no_grad():
        factors, state = model.read(asked.state, symbols)
    split(columns, positions, model)
    got, after = cpu.read(packed(model), asked.state, symbols)
    assert_close(got, factors)
    assert_same_state(after, state)


@pytest.mark.usefixtures("_two_threads")
@pytest.mark.parametrize("ask", [*FORMS, *STOPPING], ids=range(8))
@pytest.mark.parametrize("heavy", [0, 2**40], ids=["heavy", "light"])
def test_two_threads_do_what_one_does(monkeypatch, split, ask, heavy):
    monkeypatch.setattr(panels, "HEAVY", heavy)
    model = RICH.build()
    asked = ask.build(model)
    agree(model, asked)
    split(2, 10**9, model)
    agree(model, asked)
    symbols = torch.arange(11).remainder(5).expand(len(asked.uniforms), -1)
    with torch.no_grad():
        factors, state = model.read(asked.state, symbols)
    got, after = cpu.read(packed(model), asked.state, symbols)
    assert_close(got, factors)
    assert_same_state(after, state)


@pytest.mark.usefixtures("_two_threads")
@pytest.mark.parametrize("width", [5, 70])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_two_threads_share_matrices_of_any_size(monkeypatch, width, dtype):
    monkeypatch.setattr(panels, "HEAVY", 0)
    net = NetRecipe(residual=width, skip=width, hidden=width, num_symbols=width)
    model = net.build(dtype)
    asked = AskRecipe(rows=1, length=4, forced=1.0).build(model)
    two = cpu.walk(packed(model), asked)
    torch.set_num_threads(1)
    one = cpu.walk(packed(model), asked)
    # Each sum is added up by one thread, as if it were alone.
    assert_same(two, one, 0.0)


@pytest.mark.usefixtures("_two_threads")
@pytest.mark.parametrize("ask", [*FORMS, *STOPPING], ids=range(8))
def test_threads_that_part_and_meet_again_change_nothing(monkeypatch, split, ask):
    model, modes, choose = RICH.build(), [], cpu._Team._choose

    def watched(team):
        choose(team)
        modes.append(team.splitting)

    monkeypatch.setattr(cpu._Team, "_choose", watched)
    for name, value in (("PROBE", 1), ("MOMENT", 0.0), ("AGAIN", 2)):
        monkeypatch.setattr(cpu, name, value)
    asked = replace(ask, rows=2, groups=1).build(model)
    split(1, 10**9, model)
    walked = agree(model, asked)
    assert walked.length < 4 or {True, False} <= set(modes)
    symbols, alone = torch.arange(11).remainder(5)[None], asked.state.at(torch.tensor([0]))
    with torch.no_grad():
        factors, state = model.read(alone, symbols)
    modes.clear()
    got, after = cpu.read(packed(model), alone, symbols)
    assert_close(got, factors)
    assert_same_state(after, state)
    assert {True, False} <= set(modes)


@pytest.mark.parametrize("groups", [1, 2, 5])
def test_walks_stop_where_the_reference_stops(groups):
    model = NetRecipe().build()
    lengths = set()
    for least in (0.27, 0.53, 0.83):
        for seed in range(4):
            ask = AskRecipe(
                rows=6, groups=groups, length=9, states=3, potentials=True, least=least
            )
            lengths.add(agree(model, replace(ask, seed=seed).build(model)).length)
    assert len(lengths) > 3


@pytest.mark.parametrize("positions", [1, 2])
def test_a_walk_stops_where_python_looks_around(split, positions):
    model = NetRecipe().build()
    asked = AskRecipe(rows=4, length=8).build(model)
    weights = torch.tensor([0.0, -50.0, -50.0, -50.0], dtype=torch.float64)
    sets = torch.ones(8, 5, dtype=torch.bool)
    sets[0, 0] = False
    asked = asked._replace(rules=Rules.among(sets), log_weights=weights, min_ess=1.5)
    if positions == 2:  # the weights are even until the second position
        rules = Rules(
            torch.tensor([[0] * 5, [1] * 5]),
            torch.tensor([[0] * 8, [0, 1, *[0] * 6]]),
            torch.tensor([[True] * 5, [False] * 5]),
        )
        states = torch.tensor([0, 1, 1, 1])
        asked = asked._replace(rules=rules, rule_state=states, log_weights=0 * weights)
    split(1000, 4 * positions, model)
    assert agree(model, asked).length == positions


def test_a_walk_that_is_too_poor_before_it_begins_still_takes_a_position():
    model = NetRecipe().build()
    asked = AskRecipe(rows=4, length=5).build(model)
    weights = torch.tensor([0.0, -50.0, -50.0, -50.0], dtype=torch.float64)
    walked = agree(model, asked._replace(log_weights=weights, min_ess=1.5))
    assert walked.length == 1


def test_a_group_without_weight_is_poor():
    model = NetRecipe().build()
    asked = AskRecipe(rows=2, groups=2, length=5).build(model)
    weights = torch.tensor([0.0, 0.0, -math.inf, -math.inf], dtype=torch.float64)
    assert agree(model, asked._replace(log_weights=weights, min_ess=0.5)).length == 1
    assert agree(model, asked._replace(log_weights=weights, min_ess=0.0)).length == 5


def test_every_forced_symbol_outside_its_set_is_refused_by_the_same_words(split):
    model = NetRecipe().build()
    sets = torch.ones(6, 5, dtype=torch.bool)
    sets[4, 2] = False
    free = AskRecipe(rows=4, length=6).build(model)._replace(rules=Rules.among(sets))
    told = set()
    for place, symbol in [((2, 4), 2), ((0, 0), 5), ((3, 5), 99), ((1, 3), 5)]:
        path = torch.full((4, 6), -1)
        path[place] = symbol
        # A later one, in an earlier row, is not the one that is named.
        path[0, 5] = 7
        for room in (1, 1000):
            split(2, 4 * room, model)
            told.add(agree(model, free._replace(path=path)))
    assert len(told) == 4
    assert any("path forces symbol 2 at position 4 of row 2, where" in words for words in told)


@pytest.mark.usefixtures("_two_threads")
@pytest.mark.parametrize("least", [0.0, 0.01])
def test_the_first_symbol_refused_is_named_whichever_thread_met_it(least):
    model = NetRecipe().build()
    path = torch.full((8, 6), -1)
    path[1, 4], path[6, 2], path[7, 2] = 5, 6, 7
    asked = AskRecipe(rows=8, length=6).build(model)._replace(path=path, min_ess=least)
    assert "symbol 6 at position 2 of row 6" in agree(model, asked)


def test_a_dead_path_may_be_forced_anywhere():
    model = NetRecipe().build()
    sets = torch.ones(4, 5, dtype=torch.bool)
    sets[1] = False
    asked = AskRecipe(rows=2, length=4).build(model)._replace(rules=Rules.among(sets))
    path = torch.tensor([[-1, -1, 9, 9], [1, -1, 3, -1]])
    walked = agree(model, asked._replace(path=path))
    assert walked.log_mass[:, 1:].tolist() == [[-math.inf, 0.0, 0.0]] * 2
    assert not walked.symbols[:, 1:].any()


def test_a_set_of_one_is_that_symbol_and_its_probability():
    model = NetRecipe(num_symbols=17).build()
    asked = AskRecipe(rows=6, length=20, primed=3).build(model)
    single = torch.randint(17, (20,), generator=torch.Generator().manual_seed(4))
    rules = Rules.among(torch.nn.functional.one_hot(single, 17).bool())
    walked = agree(model, asked._replace(rules=rules))
    assert torch.equal(walked.symbols, single.expand(6, -1))
    with torch.no_grad():
        assert_close(walked.log_mass, model.read(asked.state, walked.symbols)[0])


@pytest.mark.parametrize("uniform", [0.0, 0.25, 0.5, 0.75, 1 - 2**-53])
def test_at_an_edge_the_symbol_above_is_drawn(uniform):
    # Without output weights all symbols are equally likely, in exact numbers.
    model = NetRecipe(num_symbols=4).build()
    with torch.no_grad():
        model.stack.output.weight.zero_()
        model.stack.output.bias.zero_()
    asked = AskRecipe(rows=3, length=4).build(model)
    chance = torch.full((3, 4), uniform, dtype=torch.float64)
    walked = agree(model, asked._replace(uniforms=chance))
    assert walked.symbols.unique().tolist() == [int(4 * uniform)]


@pytest.mark.parametrize("top_p", [0.24, 0.5 - 1e-9, 0.99])
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_of_equally_likely_symbols_top_p_keeps_the_smaller(top_p, temperature):
    model = NetRecipe(num_symbols=64).build()
    with torch.no_grad():
        model.stack.output.weight.zero_()
        model.stack.output.bias.zero_()
    asked = AskRecipe(rows=200, length=4, top_p=top_p, temperature=temperature).build(model)
    walked = agree(model, asked)
    assert walked.symbols.unique().tolist() == list(range(math.ceil(64 * top_p)))


@pytest.mark.parametrize(("primed", "length"), [(0, 11), (4, 7), (10, 1)])
def test_no_walk_goes_on_beyond_the_features(primed, length):
    model = NetRecipe(num_features=2, length=10).build()
    told = walk_both(model, AskRecipe(length=length, primed=primed))
    assert "features for 10 positions; position 11 lies" in told


def test_features_end_where_the_model_ends():
    model = NetRecipe(num_features=2, length=10).build()
    for primed, length in [(0, 10), (4, 6), (10, 0)]:
        walked = walk_both(model, AskRecipe(length=length, primed=primed))
        assert walked.length == length


def walk_both(model, ask):
    """Return what the walk does of a model that brings its own, after a look at the reference."""
    asked = ask.build(model)
    options = {"rule_state": asked.rule_state, "log_weights": asked.log_weights}
    got = outcome(
        lambda: walk(model, asked.state, asked.rules, asked.uniforms, **options),
    )
    assert_same(got, outcome(reference.walk, model, asked))
    return got


@pytest.mark.parametrize("rows", [1, 4])
def test_each_path_goes_with_its_row_of_features(split, rows):
    model = NetRecipe(num_features=3, rows=rows, conditions=(3,), length=30).build()
    asked = AskRecipe(rows=9, length=20, primed=5).build(model)
    agree(model, asked)
    split(5, 9 * 6, model)
    agree(model, asked)


def test_conditions_that_were_given_enter_the_gates():
    base = NetRecipe(conditions=(3, 2), seed=5).build()
    given_vectors = torch.randn(
        4, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    other = base.with_conditions(given_vectors)
    ask = AskRecipe(rows=9, length=9)
    one, two = agree(base, ask.build(base)), agree(other, ask.build(other))
    assert not torch.equal(one.state.next, two.state.next)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_the_callers_tensors_stay_as_they_were(dtype):
    model = NetRecipe(kernel_size=3).build(dtype)
    asked = AskRecipe(rows=4, length=9, primed=7, states=2, forced=0.5, least=0.1).build(model)
    tensors = [asked.state.next, *asked.state.memory, asked.uniforms, asked.rule_state]
    tensors += [asked.path, asked.log_weights, asked.rules.next, asked.rules.which]
    kept = [tensor.clone() for tensor in tensors]
    weights = [parameter.clone() for parameter in model.parameters()]
    first = cpu.walk(packed(model), asked)
    cpu.read(packed(model), asked.state, first.symbols)
    assert all(map(torch.equal, tensors, kept))
    assert all(map(torch.equal, model.parameters(), weights))
    # What came out is nobody else's either: a second walk does not write there.
    told = [first.symbols.clone(), first.state.next.clone(), first.rule_state.clone()]
    second = cpu.walk(packed(model), asked._replace(path=None))
    assert all(map(torch.equal, told, (first.symbols, first.state.next, first.rule_state)))
    assert second.state.next.data_ptr() != first.state.next.data_ptr()


def test_no_graph_is_built():
    model = NetRecipe(conditions=(2,), num_features=2).build()
    state = model.start(torch.tensor([0, 1]))
    assert state.next.requires_grad
    asked = AskRecipe(rows=2, length=4).build(model)._replace(state=state)
    walked = cpu.walk(packed(model), asked)
    factors, after = cpu.read(packed(model), state, walked.symbols)
    tensors = [walked.log_mass, factors]
    for one in (walked.state, after):
        tensors += [one.next, *one.memory]
    assert not any(tensor.requires_grad for tensor in tensors)


@pytest.mark.parametrize(("count", "length"), [(0, 0), (0, 4), (3, 0)])
def test_walks_of_no_position_or_no_path_are_legal(count, length):
    model = NetRecipe(num_features=2, rows=2).build()
    asked = AskRecipe(rows=count, length=length, primed=2).build(model)
    walked = agree(model, asked)
    assert walked.symbols.shape == walked.log_mass.shape == (count, length)
    agree(model, asked._replace(min_ess=0.5))


def test_symbols_outside_of_the_alphabet_are_refused():
    model = NetRecipe().build()
    with pytest.raises((ValueError, IndexError)):
        cpu.read(packed(model), model.start(torch.tensor([0])), torch.tensor([[1, 5, 1]]))


def test_weights_that_are_no_numbers_are_not_taken_for_the_impossible():
    model = NetRecipe().build()
    with torch.no_grad():
        model.stack.output.bias[3] = math.nan
    asked = AskRecipe(rows=3, length=1).build(model)
    walked = cpu.walk(packed(model), asked)
    assert walked.log_mass.isnan().all()
    sets = torch.tensor([[True, True, False, False, False]])
    walked = cpu.walk(packed(model), asked._replace(rules=Rules.among(sets)))
    assert walked.log_mass.isnan().all()
