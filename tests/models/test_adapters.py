"""Networks of other people: both meanings of a row, what is kept, and what is refused."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from autoreg.models.adapters import NextSymbolLogits
from autoreg.queries.sampling import sample
from autoreg.scoring import log_factors
from autoreg.testing import check_sequence_model
from tests.laws.recipes import NetworkRecipe
from tests.oracles import every

# Row t is about the symbol after input t (a start symbol of its own, or of the alphabet), or
# about input t.
CAUSAL = NetworkRecipe(num_symbols=3, num_conditions=2, start=3, order=None, length=None, seed=1)
MEANINGS = {
    "own start": CAUSAL,
    "shared start": replace(CAUSAL, start=0),
    "masked": replace(CAUSAL, start=None),
}


class Spy:
    """A module that notes the shapes of what it is given."""

    def __init__(self, module):
        self.module, self.widths = module, []

    def __call__(self, symbols, *condition):
        self.widths.append(symbols.shape[1])
        return self.module(symbols, *condition)


def one_by_one(recipe, prefix, condition):
    """Return log p(. | prefix) from one call of the network on one prefix, float64."""
    row = [*prefix, 0] if recipe.start is None else [recipe.start, *prefix]
    logits = recipe.network()(torch.tensor([row]), torch.tensor([condition]))
    return logits[0, -1].log_softmax(-1)


@pytest.mark.parametrize("recipe", MEANINGS.values(), ids=MEANINGS)
def test_every_factor_is_the_row_of_its_own_prefix(recipe):
    model, symbols = recipe.build(), every(3, 3)
    for y in (0, 1):
        condition = torch.full((len(symbols),), y)
        factors = log_factors(model, symbols, condition)
        rows = model.log_probs(symbols, condition)
        for at in range(3):
            for sequence, found, row in zip(symbols.tolist(), factors, rows, strict=True):
                wanted = one_by_one(recipe, sequence[:at], y)
                assert torch.allclose(row[at], wanted, rtol=0, atol=1e-12)
                assert torch.allclose(found[at], wanted[sequence[at]], rtol=0, atol=1e-12)
        assert factors.sum(1).logsumexp(0).item() == pytest.approx(0, abs=1e-12)


def test_a_causal_network_without_its_start_symbol_is_found_out():
    causal = NextSymbolLogits(CAUSAL.network(), num_symbols=3, num_conditions=2, start=None)
    with pytest.raises(AssertionError, match=r"mass of all sequences|sees its (own|future)"):
        check_sequence_model(causal)


def test_a_masked_network_with_a_start_symbol_lacks_the_symbol_before():
    # What the documentation warns of: every law holds, so nothing else would tell.
    model = replace(CAUSAL, start=None).network()
    shifted = NextSymbolLogits(model, num_symbols=3, num_conditions=2, start=3)
    check_sequence_model(shifted)
    rows = shifted.log_probs(every(3, 2), torch.zeros(9, dtype=torch.int64))[:, 1]
    assert torch.equal(rows, rows[:1].expand(9, -1))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("order", [None, 2])
@pytest.mark.parametrize("start", [None, 3])
def test_networks_of_either_precision_obey_the_laws(dtype, order, start):
    recipe = replace(CAUSAL, order=order, start=start)
    model = NextSymbolLogits(
        recipe.network().to(dtype),
        num_symbols=3,
        num_conditions=2,
        start=start,
        order=order,
        stationary=order is not None,
    )
    check_sequence_model(model)
    assert model.start(torch.tensor([0])).next.dtype == dtype
    assert log_factors(model, every(3, 2), torch.zeros(9).long()).dtype == torch.float64


@pytest.mark.parametrize("start", [None, 3])
def test_a_past_of_the_order_says_as_much_as_all_of_it(start):
    recipe = replace(CAUSAL, order=2, start=start)
    short, symbols = recipe.build(), every(3, 6)
    spy = Spy(recipe.network())
    whole = NextSymbolLogits(spy, num_symbols=3, num_conditions=2, start=start)
    condition = torch.arange(len(symbols)) % 2
    wanted = log_factors(whole, symbols, condition)
    state, factors = short.start(condition), []
    short.module = spy
    spy.widths.clear()
    for column in symbols.unbind(1):
        factors.append(short.head.log_prob(state.next, column))
        state = short.step(state, column)
    assert torch.allclose(torch.stack(factors, 1), wanted, rtol=0, atol=1e-12)
    # The order, the symbol that is read, and the start symbol or the one that is asked for.
    assert max(spy.widths) == 4


@pytest.mark.parametrize(
    ("options", "past"),
    [
        ({"order": None}, [2, 0, 1, 1]),
        ({"order": 2, "stationary": True}, [1, 1]),
        ({"order": 0, "stationary": True}, []),
        ({"order": 2, "stationary": False}, [2, 0, 1, 1]),
    ],
)
def test_memory_is_position_condition_and_the_past_that_is_needed(options, past):
    recipe = replace(CAUSAL, order=options["order"])
    network = recipe.network()
    model = NextSymbolLogits(network, num_symbols=3, num_conditions=2, start=3, **options)
    state = model.start(torch.tensor([1, 1]))
    assert [tensor.tolist() for tensor in state.memory] == [[0, 0], [1, 1], [[], []]]
    _, state = model.read(state, torch.tensor([[2, 0, 1, 1]] * 2))
    assert [tensor.tolist() for tensor in state.memory] == [[4, 4], [1, 1], [past, past]]


def test_symbols_beyond_the_length_are_refused_and_never_shown_to_the_module():
    for start in (None, 3):
        recipe = replace(CAUSAL, start=start, length=4)
        model = recipe.build()
        model.module = spy = Spy(model.module)
        state = model.start(torch.tensor([0]))
        factors, state = model.read(state, torch.tensor([[0, 1, 2, 2]]))
        assert factors.shape == (1, 4)
        assert factors.isfinite().all()
        message = r"the model knows sequences of 4 symbols; got 5"
        with pytest.raises(ValueError, match=message):
            model.step(state, torch.tensor([0]))
        with pytest.raises(ValueError, match=message):
            model.log_probs(torch.zeros(1, 5, dtype=torch.int64), torch.tensor([0]))
        assert max(spy.widths) == 4
        assert sample(model, 3, generator=torch.Generator()).symbols.shape == (3, 4)


def test_a_module_that_ignores_its_input_has_order_0():
    logits = torch.tensor([0.25, 0.75]).double().log()
    coin = lambda symbols: logits.expand(*symbols.shape, 2)
    for start in (None, 0):
        for length in (None, 1, 3):
            model = NextSymbolLogits(
                coin, num_symbols=2, start=start, order=0, stationary=True, length=length
            )
            check_sequence_model(model)
            ones = torch.ones(1, length or 3, dtype=torch.int64)
            factors, end = model.read(model.start(torch.tensor([0])), ones)
            assert factors[0].exp().tolist() == pytest.approx([0.75] * (length or 3))
            assert model.read(end, ones[:, :0])[1] is end


def test_a_module_that_trains_is_refused_and_left_as_it_is():
    network = CAUSAL.network()
    model = NextSymbolLogits(network, num_symbols=3, num_conditions=2, start=3)
    state = model.start(torch.tensor([0]))
    network.dropout.train()
    for ask in (
        lambda: model.start(torch.tensor([0])),
        lambda: model.step(state, torch.tensor([0])),
        lambda: model.log_probs(torch.tensor([[0]]), torch.tensor([0])),
    ):
        with pytest.raises(ValueError, match=r"evaluation mode: call module\.eval\(\) first"):
            ask()
    assert network.dropout.training
    assert not network.training
    network.eval()
    assert torch.equal(
        model.step(state, torch.tensor([0])).next, model.step(state, torch.tensor([0])).next
    )


def test_parameters_receive_gradients():
    model = CAUSAL.build()
    log_factors(model, every(3, 3), torch.arange(27) % 2).sum().backward()
    for name, parameter in model.module.named_parameters():
        used = not name.startswith("position")
        assert (parameter.grad is not None and bool((parameter.grad != 0).any())) == used


@pytest.mark.parametrize(
    ("module", "got"),
    [
        (lambda symbols: torch.zeros(*symbols.shape, 4), r"\(2, 1, 4\)"),
        (lambda symbols: torch.zeros(len(symbols), 3, symbols.shape[1]), r"\(2, 3, 1\)"),
        (lambda symbols: torch.zeros(len(symbols), 3), r"\(2, 3\)"),
        (lambda symbols: (torch.zeros(*symbols.shape, 3),), "tuple"),
    ],
)
def test_logits_of_another_shape_are_refused(module, got):
    model = NextSymbolLogits(module, num_symbols=3, start=3)
    with pytest.raises(ValueError, match=rf"\(B, T, Q\) = \(2, 1, 3\); got {got}$"):
        model.start(torch.tensor([0, 0]))


@pytest.mark.parametrize("name", ["num_symbols", "num_conditions", "length"])
def test_sizes_below_one_are_refused(name):
    sizes = {"num_symbols": 2, name: 0}
    with pytest.raises(ValueError, match=f"{name} needs to be at least 1; got 0"):
        NextSymbolLogits(nn.Identity(), start=0, **sizes)


@pytest.mark.parametrize("condition", [-1, 2])
def test_conditions_that_there_are_not_are_refused(condition):
    message = rf"condition needs indices 0\.\.1; got {condition}"
    with pytest.raises(ValueError, match=message):
        CAUSAL.build().start(torch.tensor([0, condition]))
