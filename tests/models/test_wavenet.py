"""What is a WaveNet's own: its memory, its options, and what it refuses."""

import math

import pytest
import torch
from hypothesis import given

from autoreg.events import Rules
from autoreg.models.wavenet import WaveNet
from autoreg.protocol import State
from autoreg.scoring import log_factors
from autoreg.testing import check_sequence_model
from tests.laws.recipes import randomise, wavenet_recipes
from tests.walks.wavenets import ask, told

SIZES = {
    "num_symbols": 3,
    "conditions": (2, 3),
    "dilations": (1, 2),
    "residual": 4,
    "skip": 5,
    "hidden": 5,
    "condition_width": 3,
}


def fresh(**changes):
    with torch.random.fork_rng(devices=[]):
        return WaveNet(**{**SIZES, **changes})


def wavenet(**changes):
    """Return a WaveNet whose parameters are all random, float64, in evaluation mode."""
    model = fresh(**changes).double().eval()
    return randomise(model, torch.Generator().manual_seed(0)).requires_grad_(requires_grad=False)


def bank(rows, length, width=2):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(rows, length, width, generator=generator, dtype=torch.float64)


def some(model, rows, length):
    generator = torch.Generator().manual_seed(2)
    symbols = torch.randint(model.num_symbols, (rows, length), generator=generator)
    return symbols, torch.arange(rows) % model.num_conditions


@given(recipe=wavenet_recipes())
def test_a_wavenet_is_rebuilt_from_its_config(recipe):
    model = recipe.build()
    with torch.random.fork_rng(devices=[]):
        copy = WaveNet(**model.config()).double().eval()
    if recipe.num_features:
        copy = copy.with_features(model.features)
    if recipe.vectors and recipe.conditions:
        copy = copy.with_conditions(model.conditions.vectors)
    copy.load_state_dict(model.state_dict())
    symbols, condition = some(model, 4, model.length or 6)
    assert torch.equal(
        log_factors(copy, symbols, condition), log_factors(model, symbols, condition)
    )
    assert copy.config() == model.config()


def test_config_is_a_copy():
    model = fresh()
    model.config()["dilations"].append(64)
    assert model.config()["dilations"] == [1, 2]


@pytest.mark.parametrize(
    ("changes", "order"),
    [
        ({}, 1 + 1 + 3),
        ({"input_kernel": 1}, 1 + 0 + 3),
        ({"input_kernel": 4, "kernel_size": 3}, 1 + 3 + 2 * 3),
        ({"kernel_size": 1}, 1 + 1 + 0),
        ({"dilations": (5, 1, 9)}, 1 + 1 + 15),
    ],
)
def test_order_counts_all_reaches_and_the_input_filter(changes, order):
    assert fresh(**changes).order == order


def test_a_stack_of_the_paper_sees_1024_symbols():
    dilations = [2**power for power in range(10)]
    assert fresh(dilations=dilations, input_kernel=1).order == 1024


def test_memory_is_laid_out_as_documented():
    model = wavenet(kernel_size=3, input_kernel=3)
    symbols, _ = some(model, 2, 9)
    state = model.start(torch.tensor([4, 1]))
    assert state.memory[0].tolist() == [0, 0]
    for ring in state.memory[3:]:
        assert (ring[:, 0] != 0).all()
        assert (ring[:, 1:] == 0).all(), "before the start all is zero"
    inputs = [model.embed(torch.tensor([3, 3]))]  # the start symbol is number 0
    for column in symbols.unbind(1):
        state = model.step(state, column)
        inputs.append(model.embed(column))
    position, condition, row, first, *others = state.memory
    assert position.tolist() == [9, 9]
    assert condition.tolist() == [4, 1]
    assert row.tolist() == [0, 0]
    assert [ring.shape for ring in (first, *others)] == [(2, 2, 4), (2, 2, 4), (2, 4, 4)]
    for number in (8, 9):
        assert torch.equal(first[:, number % 2], inputs[number])


def test_any_state_can_be_entered_from_its_documented_parts():
    model = wavenet(kernel_size=3)
    symbols, condition = some(model, 2, 12)
    _, state = model.read(model.start(condition), symbols[:, :7])
    rebuilt = State(state.next.clone(), tuple(tensor.clone() for tensor in state.memory))
    factors, _ = model.read(rebuilt, symbols[:, 7:])
    assert torch.equal(factors, model.read(state, symbols[:, 7:])[0])


def test_two_walkers_on_one_model_do_not_disturb_each_other():
    model = wavenet()
    symbols, condition = some(model, 2, 10)
    wanted = log_factors(model, symbols, condition)
    states, factors = [model.start(condition[:1]), model.start(condition[1:])], [[], []]
    for t in range(10):
        for who in (0, 1):
            one = symbols[who : who + 1, t]
            factors[who].append(model.head.log_prob(states[who].next, one))
            states[who] = model.step(states[who], one)
    assert torch.allclose(torch.stack([torch.cat(row) for row in factors]), wanted, atol=1e-12)


def test_the_start_symbol_is_none_of_the_alphabet():
    model = wavenet()
    assert model.embedding.num_embeddings == model.num_symbols + 1
    first = model.start(torch.tensor([0])).next
    model.embedding.weight.data[: model.num_symbols] += 1
    assert torch.equal(model.start(torch.tensor([0])).next, first)
    model.embedding.weight.data[model.num_symbols] += 1
    assert not torch.equal(model.start(torch.tensor([0])).next, first)


def test_the_first_loss_is_log_q():
    for num_symbols in (2, 3, 256):
        model = fresh(num_symbols=num_symbols).double()
        symbols, condition = some(model, 3, 20)
        found = log_factors(model, symbols, condition)
        assert (found + math.log(num_symbols)).abs().max() <= 2**-52 * math.log(num_symbols)


def test_nothing_is_as_wide_as_the_alphabet_but_its_ends():
    model = fresh(num_symbols=200)
    wide = {
        name for name, parameter in model.named_parameters() if {200, 201} & set(parameter.shape)
    }
    assert wide == {"embedding.weight", "stack.output.weight", "stack.output.bias"}


@pytest.mark.parametrize("gate", [None, 7])
def test_widths_are_free(gate):
    model = fresh(residual=6, gate=gate, skip=9, hidden=8, condition_width=2)
    assert model.stack.layers[0].filters.shape == (2 * (gate or 6), 12)
    assert model.stack.skip.weight.shape == (9, 2 * (gate or 6))
    assert model.stack.hidden.weight.shape == (8, 9)
    assert model.conditions().shape == (6, 2)


def test_a_condition_changes_every_factor_and_none_is_one_condition():
    model = wavenet()
    symbols = torch.zeros(6, 5, dtype=torch.int64)
    factors = log_factors(model, symbols, torch.arange(6))
    for t in range(5):
        assert factors[:, t].unique().numel() == 6
    free = wavenet(conditions=())
    assert free.num_conditions == 1
    assert not any("context" in name for name, _ in free.named_parameters())


def test_given_vectors_replace_the_conditions():
    model = wavenet()
    vectors = torch.cat([model.conditions()[[4, 1]], model.conditions()[[4, 1]].mean(0)[None]])
    other = model.with_conditions(vectors)
    symbols, _ = some(model, 3, 6)
    assert (model.num_conditions, other.num_conditions) == (6, 3)
    factors = log_factors(other, symbols, torch.arange(3))
    wanted = log_factors(model, symbols[:2], torch.tensor([4, 1]))
    assert torch.equal(factors[:2], wanted)
    assert other.embedding.weight is model.embedding.weight
    assert isinstance(model.conditions(), torch.Tensor)
    assert model.num_conditions == 6


def test_given_vectors_can_be_learned_through():
    model = wavenet()
    vectors = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    symbols, condition = torch.tensor([[0, 1, 2]]), torch.tensor([0])
    log_factors(model.with_conditions(vectors), symbols, condition).sum().backward()
    assert vectors.grad.abs().max() > 0


def test_given_vectors_and_features_take_the_model_type():
    model = wavenet(num_features=2).float()
    model = model.with_features(bank(1, 4)).with_conditions(torch.zeros(2, 3).double())
    assert model.conditions().dtype == model.features.dtype == torch.float32
    assert log_factors(model, torch.tensor([[0, 1]]), torch.tensor([1])).isfinite().all()


def test_features_are_those_of_the_position_that_is_predicted():
    model, features = wavenet(num_features=2), bank(1, 6)
    symbols, condition = some(model, 2, 6)
    wanted = model.with_features(features).log_probs(symbols, condition)
    for t in range(6):
        moved = features.clone()
        moved[0, t] += 1
        rows = model.with_features(moved).log_probs(symbols, condition)
        changed = (rows != wanted).any(-1).any(0)
        assert not changed[:t].any()
        assert changed[t]


def test_a_bank_has_a_row_for_each_sequence():
    model, features = wavenet(num_features=2), bank(3, 6)
    many, symbols = model.with_features(features), some(model, 3, 6)[0]
    condition, row = torch.tensor([0, 5, 2]), torch.tensor([2, 0, 2])
    factors, _ = many.read(many.start(condition, row=row), symbols)
    for number in range(3):
        one = model.with_features(features[row[number]][None])
        alone = log_factors(one, symbols[number : number + 1], condition[number : number + 1])
        assert torch.allclose(factors[number], alone[0], rtol=0, atol=1e-12)
    state = many.start(condition, row=row)
    for column in symbols.unbind(1):
        state = many.step(state, column)
    assert torch.allclose(state.next, many.read(many.start(condition, row=row), symbols)[1].next)


def test_each_condition_has_its_row_of_a_bank():
    model, features = wavenet(num_features=2), bank(3, 6)
    rows = torch.tensor([0, 2, 1, 0, 1, 2])
    many = model.with_features(features, rows=rows)
    symbols, condition = some(many, 9, 6)
    wanted = torch.cat(
        [
            log_factors(model.with_features(features[rows[c]][None]), own[None], c[None])
            for own, c in zip(symbols, condition, strict=True)
        ]
    )
    near = {"rtol": 0, "atol": 1e-12}
    assert torch.allclose(log_factors(many, symbols, condition), wanted, **near)
    few = log_factors(many, symbols[:2], condition[:2])  # fewer sequences than rows
    assert torch.allclose(few, wanted[:2], **near)
    check_sequence_model(many, length=6)
    own = many.start(condition, row=torch.zeros_like(condition))
    assert own.memory[2].tolist() == [0] * 9
    assert many.start(condition).memory[2].tolist() == rows[condition].tolist()


def test_compiled_and_reference_walks_take_the_row_of_the_condition():
    model = wavenet(num_features=2).with_features(bank(2, 6), rows=torch.arange(6) % 2)
    condition = torch.arange(6)
    with torch.no_grad():
        asked = ask(model.start(condition), Rules.free(3, 6))
        slow, fast = told(model, asked), model.fast_walk(asked)
    assert torch.equal(slow.symbols, fast.symbols)
    scored = log_factors(model, slow.symbols, condition)
    swapped = log_factors(model.with_features(bank(2, 6)), slow.symbols, condition)
    assert torch.allclose(fast.state.next, slow.state.next, rtol=0, atol=1e-12)
    assert (scored != swapped)[1::2].any(1).all(), "features have to count"
    assert torch.equal(scored[::2], swapped[::2])


def test_features_travel_with_the_weights():
    model = wavenet(num_features=2)
    assert "features" not in model.state_dict()
    known = model.with_features(bank(1, 6))
    assert torch.equal(known.state_dict()["features"], bank(1, 6))
    assert known.embedding.weight is model.embedding.weight
    assert (model.length, known.length, known.stationary) == (None, 6, False)
    assert wavenet().stationary
    rows = torch.tensor([0, 0, 1, 1, 0, 1])
    scanned = model.with_features(bank(2, 6), rows=rows)
    assert torch.equal(scanned.state_dict()["rows"], rows)
    assert "rows" not in known.state_dict()


def test_dropout_is_off_in_evaluation():
    model = wavenet(dropout=0.5)
    symbols, condition = some(model, 4, 8)
    wanted = log_factors(wavenet(), symbols, condition)
    assert torch.equal(log_factors(model, symbols, condition), wanted)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        dropped = log_factors(model.train(), symbols, condition)
    assert (dropped != wanted).any()


def test_scoring_makes_no_wide_copy_in_float64():
    model = fresh(num_symbols=64)
    symbols, condition = some(model, 2, 50)
    wide = []

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor) and result.dtype == torch.float64:
                wide.append(result.numel())
            return result

    with Watch():
        log_factors(model, symbols, condition)
    assert max(wide) <= symbols.numel()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
def test_a_model_of_any_type_gives_float64_factors(dtype):
    model = wavenet().to(dtype)
    symbols, condition = some(model, 3, 7)
    factors = log_factors(model, symbols, condition)
    exact = log_factors(wavenet(), symbols, condition)
    assert factors.dtype == torch.float64
    # Some ten products deep, each rounded to the type.
    size = 1 + exact.abs().max()
    assert (factors - exact).abs().max() <= 32 * torch.finfo(dtype).eps * size


@pytest.mark.parametrize("changes", [{}, {"kernel_size": 3, "input_kernel": 1, "conditions": ()}])
def test_laws_hold_in_lower_precision_within_its_rounding(changes):
    model = wavenet(**changes).float()
    check_sequence_model(model, tolerance=32 * 2**-23)
    with torch.autocast("cpu", torch.bfloat16):
        check_sequence_model(model, tolerance=32 * 2**-8)


def test_features_at_a_hop_count_among_what_reading_takes():
    plain = fresh(num_features=2).floats_per_symbol
    every = fresh(num_features=2, hop=4).floats_per_symbol - plain
    # Those of two layers of four units, tanh and sigmoid; three frames of width 3 and their sum.
    assert every == 2 * 4 * 2 + 4 * 3


def test_memory_estimate_covers_what_reading_takes():
    model = fresh(num_symbols=256, residual=32, skip=128, hidden=64, dilations=[1, 2, 4, 8] * 4)
    symbols, condition = some(model, 1, 2000)
    held = 0

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            nonlocal held
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                held = max(held, result.numel())
            return result

    with torch.no_grad(), Watch():
        log_factors(model, symbols, condition)
    # The largest tensor alone, the gated units of all layers or the logits, is well below it.
    assert held <= 2000 * model.floats_per_symbol <= 20 * held


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_symbols": 0}, "num_symbols needs whole numbers of at least 1; got 0"),
        ({"residual": 2.0}, r"residual needs whole numbers of at least 1; got 2\.0"),
        ({"gate": 0}, "gate needs whole numbers of at least 1; got 0"),
        ({"skip": True}, "skip needs whole numbers of at least 1; got True"),
        ({"hidden": -3}, "hidden needs whole numbers"),
        ({"kernel_size": 0}, "kernel_size needs whole numbers"),
        ({"input_kernel": 0}, "input_kernel needs whole numbers"),
        ({"dilations": (1, 0)}, r"dilations needs whole numbers of at least 1; got \[1, 0\]"),
        ({"dilations": ()}, "dilations needs at least one number; got none"),
        ({"conditions": (2, 0)}, r"conditions needs whole numbers of at least 1; got \[2, 0\]"),
        ({"condition_width": 0}, "condition_width needs whole numbers"),
        ({"num_features": -1}, "num_features needs whole numbers of at least 0; got -1"),
        ({"dropout": 1.0}, r"dropout needs to lie within 0\.\.1, 1 excluded; got 1\.0"),
        ({"dropout": -0.1}, r"dropout needs to lie within 0\.\.1"),
        ({"dropout": math.nan}, r"dropout needs to lie within 0\.\.1"),
    ],
)
def test_sizes_that_make_no_model_are_refused(changes, message):
    # Without the shape checks of the tests, which would refuse some by type before.
    build = getattr(WaveNet.__init__, "__wrapped__", WaveNet.__init__)
    with torch.random.fork_rng(devices=[]), pytest.raises(ValueError, match=message):
        build(WaveNet.__new__(WaveNet), **{**SIZES, **changes})


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: wavenet(num_features=2).start(torch.tensor([0])), "call with_features first"),
        (lambda: wavenet().start(torch.tensor([0, 6])), r"condition needs indices 0\.\.5; got 0"),
        (lambda: wavenet().start(torch.tensor([-1])), r"indices 0\.\.5; got -1\.\.-1"),
        (
            lambda: wavenet().start(torch.tensor([0]), row=torch.tensor([1])),
            r"row needs indices 0\.\.0; got 1\.\.1",
        ),
        (
            lambda: wavenet().with_conditions(torch.zeros(2, 4)),
            r"conditional model and vectors \(K, 3\); got \(2, 4\)",
        ),
        (
            lambda: wavenet(conditions=()).with_conditions(torch.zeros(2, 3)),
            "with_conditions needs a conditional model",
        ),
        (
            lambda: wavenet().with_features(bank(1, 4)),
            "with_features needs a model built with num_features",
        ),
        (
            lambda: wavenet(num_features=2).with_features(bank(1, 4, 3)),
            r"a bank \(rows, T, 2\); got \(1, 4, 3\)",
        ),
        (
            lambda: wavenet(num_features=2).with_features(bank(2, 4), rows=torch.tensor([0, 1])),
            r"rows needs whole numbers of shape \(6,\), one for each condition; got .* \(2,\)",
        ),
        (
            lambda: wavenet(num_features=2).with_features(bank(2, 4), rows=torch.arange(6)),
            r"rows needs indices 0\.\.1; got 0\.\.5",
        ),
        (
            lambda: (
                wavenet(num_features=2)
                .with_features(bank(2, 4), rows=torch.arange(6) % 2)
                .with_conditions(torch.zeros(2, 3).double())
            ),
            "with_conditions needs 6 vectors, for as many conditions have a row .*; got 2",
        ),
    ],
)
def test_what_does_not_fit_the_model_is_refused(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()


def test_walking_past_the_last_features_is_refused():
    model = wavenet(num_features=2).with_features(bank(1, 4))
    symbols, condition = some(model, 2, 5)
    with pytest.raises(ValueError, match="features for 4 positions; position 5 lies beyond them"):
        model.read(model.start(condition), symbols)
    _, state = model.read(model.start(condition), symbols[:, :4])
    with pytest.raises(ValueError, match="position 5 lies beyond"):
        model.step(state, symbols[:, 4])


def test_no_rows_are_legal():
    model = wavenet(num_features=2).with_features(bank(1, 4))
    nobody = torch.zeros(0, dtype=torch.int64)
    factors, state = model.read(model.start(nobody), torch.zeros(0, 3, dtype=torch.int64))
    assert factors.shape == (0, 3)
    assert model.step(state, nobody).next.shape == (0, 3)
