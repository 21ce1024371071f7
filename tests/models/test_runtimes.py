"""Which loops walk and read a WaveNet, and that they know its weights of today."""

import sys

import pytest
import torch

from autoreg.events import Rules
from autoreg.models import runtimes
from autoreg.walks import cpu, reference
from autoreg.walks.walking import walk
from tests.walks.recipes import AskRecipe, NetRecipe, assert_close, assert_same, assert_same_state


@pytest.fixture
def read(monkeypatch):
    """Read by compiled loops however little there is to do; return how often they did."""
    calls = []

    def counted(packed, state, symbols):
        calls.append(symbols.shape)
        return cpu_read(packed, state, symbols)

    cpu_read = cpu.read
    monkeypatch.setattr(runtimes, "READ", 0)
    monkeypatch.setattr(cpu, "read", counted)
    return calls


def walked(model, count=4, length=6):
    chance = torch.linspace(0, 0.99, count * length, dtype=torch.float64).reshape(count, length)
    state = model.start(torch.zeros(count, dtype=torch.int64))
    return walk(model, state, Rules.free(model.num_symbols, length), chance)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
def test_every_type_of_weights_is_walked_by_compiled_loops(dtype):
    model = NetRecipe().build(dtype)
    assert runtimes.fast_walk(model, AskRecipe().build(model)) is not None


@torch.no_grad()
def test_dropout_is_left_to_steps():
    model = NetRecipe(dropout=0.5).build()
    asked = AskRecipe(rows=4).build(model)
    assert runtimes.fast_walk(model, asked) is not None
    model.train()
    assert runtimes.fast_walk(model, asked) is None
    with torch.random.fork_rng(devices=[]):
        other = reference.walk(model, asked)
        assert not torch.equal(other.state.next, reference.walk(model, asked).state.next)
    # Without any dropout, training changes nothing.
    plain = NetRecipe().build().train()
    assert runtimes.fast_walk(plain, asked) is not None


@torch.no_grad()
@pytest.mark.parametrize("input_kernel", [1, 2, 5])
def test_levels_are_looked_up_by_compiled_loops(read, input_kernel):
    """A table of all levels is exact, and the states are the model's own."""
    model = NetRecipe(scalar=True, input_kernel=input_kernel, conditions=(2,)).build()
    asked = AskRecipe(rows=4, primed=3).build(model)
    found = runtimes.fast_walk(model, asked)
    assert_same(found, reference.walk(model, asked))
    assert found.state.memory[3].shape == (4, input_kernel - 1, 2)
    read.clear()
    symbols = torch.randint(5, (4, 9), generator=torch.Generator().manual_seed(1))
    factors, after = model.read(asked.state, symbols)
    assert len(read) == 1
    stepped, state = [], asked.state
    for column in symbols.unbind(1):
        stepped.append(model.head.log_prob(state.next, column))
        state = model.step(state, column)
    assert_close(factors, torch.stack(stepped, 1))
    assert_same_state(after, state)


@torch.no_grad()
@pytest.mark.parametrize("kind", [{"mixtures": 2}, {"mixtures": 2, "scalar": True},
                                  {"scalar": True, "num_symbols": 5000},
                                  {"scalar": True, "residual": 1}])  # fmt: skip
def test_what_is_not_looked_up_is_left_to_steps(read, kind):
    model = NetRecipe(**kind).build()
    asked = AskRecipe().build(NetRecipe(num_symbols=model.num_symbols).build())
    state = model.start(torch.zeros(len(asked.uniforms), dtype=torch.int64))
    assert runtimes.fast_walk(model, asked._replace(state=state)) is None
    model.read(state, torch.zeros(len(asked.uniforms), 3, dtype=torch.int64))
    assert not read


def test_other_devices_are_left_to_steps():
    model = NetRecipe().build()
    asked = AskRecipe().build(model)
    elsewhere = asked.state._replace(next=asked.state.next.to("meta"))
    assert runtimes.fast_walk(model, asked._replace(state=elsewhere)) is None


def _step(model):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    symbols = torch.tensor([[0, 1, 2, 3]])
    factors, _ = model.read(model.start(torch.tensor([0])), symbols)
    (-factors.sum()).backward()
    optimizer.step()


def _load(model):
    model.load_state_dict({n: 0.7 * tensor for n, tensor in model.state_dict().items()})


@pytest.mark.parametrize("change", [_step, _load])
def test_a_walk_knows_weights_that_changed(change):
    model = NetRecipe(conditions=(2,)).build()
    asked = AskRecipe(rows=6, length=9).build(model)
    before = runtimes.fast_walk(model, asked)
    change(model)
    with torch.no_grad():
        wanted = reference.walk(model, asked)
    assert not torch.equal(before.state.next, wanted.state.next)
    assert_same(runtimes.fast_walk(model, asked), wanted)


def test_models_that_share_weights_do_not_share_conditions():
    base = NetRecipe(conditions=(2,)).build()
    generator = torch.Generator().manual_seed(0)
    others = [
        base.with_conditions(torch.randn(2, 3, dtype=torch.float64, generator=generator))
        for _ in range(2)
    ]
    for _ in range(2):
        found = [walked(model).state.next for model in (base, *others)]
        for model, got in zip((base, *others), found, strict=True):
            asked = AskRecipe(rows=3, length=4).build(model)
            with torch.no_grad():
                assert_same(runtimes.fast_walk(model, asked), reference.walk(model, asked))
            assert not got.isnan().any()
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[1], found[2])


@pytest.mark.parametrize("length", [1, 2, 6, 7, 8, 30])
@pytest.mark.parametrize("primed", [0, 5])
@torch.no_grad()
def test_large_reads_by_compiled_loops_are_those_by_torch(read, monkeypatch, length, primed):
    model = NetRecipe(conditions=(3,), num_features=2, rows=2).build()
    state = AskRecipe(rows=4, primed=primed).build(model).state
    read.clear()
    symbols = torch.randint(5, (4, length), generator=torch.Generator().manual_seed(length))
    got, after = model.read(state, symbols)
    half, middle = model.read(state, symbols[:, : length // 2])
    rest, last = model.read(middle, symbols[:, length // 2 :])
    assert len(read) == (3 if length > 1 else 2)
    monkeypatch.setattr(runtimes, "READ", 10**18)
    factors, wanted = model.read(state, symbols)
    assert len(read) == (3 if length > 1 else 2)
    assert_close(got, factors)
    assert_close(torch.cat([half, rest], 1), factors)
    assert_same_state(after, wanted)
    assert_same_state(last, wanted)


def test_reading_is_compiled_from_so_many_multiplications_on(read, monkeypatch):
    model = NetRecipe().build()
    state, symbols = model.start(torch.tensor([0, 0])), torch.zeros(2, 5, dtype=torch.int64)
    work = 10 * model.stack.multiplications
    with torch.no_grad():
        for least, times in [(work, 1), (work + 1, 0)]:
            read.clear()
            monkeypatch.setattr(runtimes, "READ", least)
            model.read(state, symbols)
            assert len(read) == times


def test_gradients_are_left_to_torch(read):
    model = NetRecipe().build()
    symbols = torch.tensor([[1, 2, 3]])
    factors, _ = model.read(model.start(torch.tensor([0])), symbols)
    assert factors.requires_grad
    assert not read
    model.requires_grad_(False)
    model.read(model.start(torch.tensor([0])), symbols)
    assert len(read) == 1


@torch.no_grad()
def test_what_torch_does_better_or_alone_is_left_to_it(read):
    symbols = torch.tensor([[1, 2, 3]])

    def reads(model):
        read.clear()
        model.read(model.start(torch.tensor([0])), symbols)
        return len(read)

    assert reads(NetRecipe().build(torch.float32)) == 1
    assert reads(NetRecipe().build(torch.bfloat16)) == 0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert reads(NetRecipe().build(torch.float32)) == 0
    with torch.random.fork_rng(devices=[]):
        assert reads(NetRecipe(dropout=0.5).build().train()) == 0
    assert reads(NetRecipe(dropout=0.5).build()) == 1


@torch.no_grad()
def test_without_a_compiler_steps_are_taken_and_a_warning_is_given(monkeypatch):
    model = NetRecipe().build()
    asked = AskRecipe().build(model)
    monkeypatch.setitem(sys.modules, "autoreg.walks.cpu", None)
    with pytest.warns(RuntimeWarning, match="walking step by step, many times slower"):
        assert runtimes.fast_walk(model, asked) is None
    with pytest.warns(RuntimeWarning, match="many times slower"):
        got = walked(model)
    monkeypatch.undo()
    assert_same(got, walked(model))


@torch.no_grad()
def test_reading_beyond_the_features_is_refused_before_anything_is_read(read):
    model = NetRecipe(num_features=2, length=5).build()
    with pytest.raises(ValueError, match="position 6 lies beyond them"):
        model.read(model.start(torch.tensor([0])), torch.zeros(1, 6, dtype=torch.int64))
    assert not read


def test_a_nucleus_of_many_symbols_is_left_to_steps(monkeypatch):
    model = NetRecipe().build()
    asked = AskRecipe().build(model)._replace(top_p=0.9)
    assert runtimes.fast_walk(model, asked) is not None
    monkeypatch.setattr(runtimes, "NUCLEUS", model.num_symbols - 1)
    assert runtimes.fast_walk(model, asked) is None


def test_gradients_of_given_conditions_are_left_to_torch(read):
    model = NetRecipe(conditions=(2,)).build().requires_grad_(False)
    width = model.config()["condition_width"]
    vectors = torch.randn(2, width, generator=torch.Generator().manual_seed(0)).requires_grad_()
    given = model.with_conditions(vectors)
    factors, _ = given.read(given.start(torch.tensor([0])), torch.tensor([[0, 1, 1]]))
    assert factors.requires_grad
    assert not read


def test_a_runtime_that_cannot_be_loaded_is_done_without(monkeypatch):
    def refuse(name):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(runtimes, "import_module", refuse)
    model = NetRecipe().build()
    with pytest.warns(RuntimeWarning, match="walking step by step.*no locator"):
        assert runtimes.fast_walk(model, AskRecipe().build(model)) is None
