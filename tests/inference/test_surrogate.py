"""Whether n-grams are counted as they say, and come to what they are drawn from."""

import itertools

import pytest
import torch

from autoreg.inference.surrogate import Surrogate, count_contexts, fit_surrogate, surrogate_of
from autoreg.models.markov import MarkovTable


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def row_of(table, past, width):
    """Return the row of a Markov table after a past, which is short at the beginning."""
    digits = [table.num_symbols] * table.order + list(past)
    row = 0
    for digit in digits[len(digits) - width :] if width else []:
        row = row * (table.num_symbols + 1) + digit
    return row


def test_a_context_moves_to_that_of_the_longer_past():
    num_symbols, order = 3, 2
    table = torch.zeros(1, count_contexts(3, 2), 3, dtype=torch.float64)
    surrogate = Surrogate(table, order, 1)
    assert surrogate.next.shape == (1 + 3 + 9, 3)
    seen = set()
    for length in range(4):
        for past in itertools.product(range(num_symbols), repeat=length):
            before = surrogate.context(torch.tensor(past, dtype=torch.int64))
            seen.add(before)
            for symbol in range(num_symbols):
                after = surrogate.context(torch.tensor([*past, symbol]))
                assert surrogate.next[before, symbol] == after
    assert seen == set(range(13))


def test_counts_are_backed_off_to_the_shorter_context():
    symbols = torch.tensor([[0, 0, 1], [0, 1, 1]])
    fitted = fit_surrogate(symbols, 2, 1, smoothing=2.0).log_probs.exp()[0]
    # Three of each: (3 + 2 / 2) / (6 + 2). After 0: 0, 1, 1; after 1: 1; first: 0, 0.
    zero = (3 + 2 * 0.5) / (6 + 2)
    expected = torch.tensor(
        [
            [(1 + 2 * zero) / 5, (2 + 2 * zero) / 5],
            [2 * zero / 3, (1 + 2 * zero) / 3],
            [(2 + 2 * zero) / 4, 2 * zero / 4],
        ],
        dtype=torch.float64,
    )
    torch.testing.assert_close(fitted, expected, rtol=0, atol=1e-12)


def test_a_context_that_was_never_met_is_one_without_its_oldest_symbol():
    symbols = torch.randint(2, (40, 9), generator=seeded(4)) + torch.tensor([0, 1] * 4 + [0])
    one, two = (fit_surrogate(symbols, 4, order).log_probs[0] for order in (1, 2))
    # Symbols alternate between 0, 1 and 1, 2; a 3 never comes.
    torch.testing.assert_close(two[3 * 4 + 1], one[1], rtol=0, atol=1e-12)
    torch.testing.assert_close(two[3 * 4 + 0], one[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("bins", [1, 3])
@pytest.mark.parametrize("bandwidth", [0.0, 0.7])
@pytest.mark.parametrize(("order", "begin"), [(0, 0), (1, 0), (2, 0), (2, 1), (1, 4)])
def test_rows_are_positive_and_sum_to_one(order, begin, bins, bandwidth):
    symbols = torch.randint(4, (5, 6), generator=seeded(0))
    fitted = fit_surrogate(symbols, 4, order, bins=bins, bandwidth=bandwidth, begin=begin)
    assert fitted.log_probs.shape == (bins, count_contexts(4, order), 4)
    assert fitted.log_probs.isfinite().all()
    sums = fitted.log_probs.exp().sum(-1)
    torch.testing.assert_close(sums, torch.ones_like(sums), rtol=0, atol=1e-12)


def test_many_draws_of_a_chain_give_back_its_table():
    model = MarkovTable.random(3, 2, concentration=3.0, generator=seeded(1))
    fitted = surrogate_of(model, 0, 40, 2, draws=4000, generator=seeded(2))
    for width, count in ((2, 9), (1, 3), (0, 1)):
        for past in itertools.product(range(3), repeat=width):
            true = model.table[0, row_of(model, past, 2)].exp()
            found = fitted.log_probs[0, fitted.context(torch.tensor(past).long())].exp()
            # Four standard errors, were each of ``count`` contexts met equally often, halved.
            visits = 4000 * (38 if width == 2 else 1) / count / 4
            assert float((found - true).abs().max()) < 4 * (0.25 / visits) ** 0.5


def test_stretches_of_positions_have_tables_of_their_own():
    symbols = torch.tensor([[0, 0, 0, 1, 1, 1]]).expand(200, -1)
    fitted = fit_surrogate(symbols, 2, 0, bins=2)
    assert [fitted.stretch(t) for t in range(6)] == [0, 0, 0, 1, 1, 1]
    assert fitted.stretch(99) == 1
    assert (fitted.log_probs.exp()[[0, 1], 0, [0, 1]] > 0.99).all()


def test_a_beginning_is_context_alone():
    symbols = torch.tensor([[1, 1, 1, 1, 0]])
    fitted = fit_surrogate(symbols, 2, 1, smoothing=1.0, begin=4).log_probs.exp()[0]
    once = 0.75  # (1 + 1 / 2) / (1 + 1)
    torch.testing.assert_close(float(fitted[1, 0]), (1 + once) / 2, rtol=0, atol=1e-12)
    torch.testing.assert_close(float(fitted[2, 0]), once, rtol=0, atol=1e-12)


def test_draws_after_a_beginning_go_on_from_it():
    # Symbol 0 stays, symbol 1 stays.
    model = MarkovTable(torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]]).double().log())
    after = surrogate_of(
        model, 0, 9, 1, draws=50, beginning=torch.tensor([1, 1]), generator=seeded(0)
    )
    assert float(after.log_probs[0, 1, 1].exp()) > 0.99
    assert float(after.log_probs[0, 0, 1].exp()) > 0.9, "nothing was seen after 0 but the prior"


def steps(num_symbols, width):
    """Return a chain that moves by small steps, as the levels of sound do."""
    levels = torch.arange(num_symbols).double()
    middle = torch.cat([levels, levels.mean()[None]])
    return MarkovTable((-0.5 * ((levels - middle[:, None]) / width) ** 2).log_softmax(-1)[None])


def test_counts_of_shifted_copies_bring_a_surrogate_of_levels_nearer():
    model = steps(64, width=2.0)
    draws = {"draws": 8, "generator": seeded(3)}
    true = model.table[0, :64]
    distance = []
    for bandwidth in (0.0, 2.0):
        fitted = surrogate_of(model, 0, 100, 1, bandwidth=bandwidth, **draws)
        distance.append(float((true.exp() * (true - fitted.log_probs[0, :64])).sum()) / 64)
    assert distance[1] < 0.6 * distance[0]


def test_shifting_keeps_a_step_as_narrow_as_it_is():
    # Always one level up: shifted copies say the same.
    symbols = torch.arange(20)[None]
    fitted = fit_surrogate(symbols, 20, 1, smoothing=1e-9, bandwidth=3.0).log_probs.exp()[0]
    up = fitted[torch.arange(19), torch.arange(1, 20)]
    torch.testing.assert_close(up, torch.ones_like(up), rtol=0, atol=1e-6)


def test_batches_of_draws_are_the_same_draws():
    model = MarkovTable.random(3, 1, generator=seeded(0))
    one, many = (
        surrogate_of(model, 0, 5, 1, draws=20, memory=memory, generator=seeded(1)).log_probs
        for memory in (2**20, 1)
    )
    torch.testing.assert_close(one, many, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order": -1}, "order >= 0"),
        ({"bins": 0}, "bins >= 1"),
        ({"smoothing": 0.0}, "smoothing > 0"),
        ({"bandwidth": -1.0}, "bandwidth >= 0"),
        ({"order": 40}, "smaller order or fewer stretches"),
    ],
)
def test_surrogates_that_cannot_be_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        fit_surrogate(torch.zeros(2, 3).long(), 2, **({"order": 1} | changes))


def test_a_table_of_the_wrong_size_and_no_draws_are_refused():
    with pytest.raises(ValueError, match="order 1 needs 3 contexts; got 2"):
        Surrogate(torch.zeros(1, 2, 2, dtype=torch.float64), 1, 5)
    model = MarkovTable.random(2, 1, generator=seeded(0))
    with pytest.raises(ValueError, match=r"a draw or more.*got 0 draws"):
        surrogate_of(model, 0, 5, 1, draws=0)
    with pytest.raises(ValueError, match="of 1 symbols after 2"):
        surrogate_of(model, 0, 1, 1, beginning=torch.tensor([0, 1]))
