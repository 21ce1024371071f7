"""Rolling forecasts against enumeration of small models."""

import pytest
import torch
from scipy.stats import binom

from autoreg import scoring
from autoreg.models.markov import MarkovTable
from autoreg.queries.rolling import Means, rolling
from tests.laws.recipes import MarkovRecipe, WaveNetRecipe
from tests.oracles import chain_probs, every

CHAIN = MarkovRecipe(num_symbols=3, order=2, num_conditions=2, seed=0).build()
NET = WaveNetRecipe(3, (2,), None, 2, (1, 2), 2, 0, 0, 0, 0).build()
PLACED = WaveNetRecipe(3, (2,), None, 2, (1, 2), 2, 3, 0, 12, 0).build()
EVEN = torch.zeros(1, 2)


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def marginal(model, prefix, ahead, log_condition):
    """Return p(x_t = v | prefix), ahead symbols after it, by adding up everything between."""
    tails = every(model.num_symbols, ahead + 1)
    whole = torch.cat([prefix.expand(len(tails), -1), tails], 1)
    joint = torch.zeros(len(tails), dtype=torch.float64)
    for condition, log_prior in enumerate(log_condition.double().softmax(0).log()):
        with torch.no_grad():
            told = scoring.log_factors(model, whole, torch.full((len(whole),), condition))
        joint += (told.sum(1) + log_prior).exp()
    law = torch.zeros(model.num_symbols, dtype=torch.float64).index_add(0, tails[:, -1], joint)
    return law / law.sum()


@pytest.mark.parametrize("model", [CHAIN, NET, PLACED])
@pytest.mark.parametrize("log_condition", [EVEN, torch.tensor([[-torch.inf, 0.0]])])
def test_log_score_and_accuracy_are_those_of_the_marginals(model, log_condition):
    sequence = torch.randint(3, (1, 12), generator=chance(1))
    origin = 8
    found = rolling(
        model,
        sequence[:, : origin + 3],
        log_condition,
        horizon=3,
        origins=1,
        first=origin,
        paths=20_000,
        generator=chance(2),
    )
    assert found.places.tolist() == [[0, origin]]
    for ahead in range(3):
        law = marginal(model, sequence[0, :origin], ahead, log_condition[0])
        share = float(law[sequence[0, origin + ahead]])
        # A path's probability of the truth deviates by at most 1/2 from its mean.
        near = 4 * 0.5 / 20_000**0.5
        assert float(found.log_score.value[ahead].exp()) == pytest.approx(share, abs=near)
        error = 4 * (share * (1 - share) / 20_000) ** 0.5
        assert float(found.draw_accuracy.value[ahead]) == pytest.approx(share, abs=error)


def test_the_first_horizon_is_exact_where_the_condition_is_known():
    sequence = torch.randint(3, (1, 9), generator=chance(1))
    found = rolling(
        NET, sequence, torch.tensor([[0.0, -torch.inf]]), horizon=1, paths=20, generator=chance()
    )
    with torch.no_grad():
        factors = scoring.log_factors(NET, sequence, torch.tensor([0]))
    assert len(found.places) == 9
    assert float(found.log_score.value[0]) == pytest.approx(float(factors.mean()), abs=1e-12)


@pytest.mark.parametrize("model", [CHAIN, NET])
def test_greedy_path_takes_the_likeliest_symbol_under_the_likeliest_condition(model):
    sequence = torch.randint(3, (1, 10), generator=chance(3))
    values = torch.tensor([0.0, 1.0, 10.0])
    found = rolling(
        model, sequence, EVEN, horizon=4, origins=1, first=6, values=values, generator=chance()
    )
    with torch.no_grad():
        past = [
            float(scoring.log_factors(model, sequence[:, :6], torch.tensor([y])).sum())
            for y in (0, 1)
        ]
        condition = torch.tensor([int(past[1] > past[0])])
        path = sequence[:, :6]
        for _ in range(4):
            law = model.log_probs(torch.cat([path, path[:, :1]], 1), condition)[:, -1]
            path = torch.cat([path, law.argmax(-1, keepdim=True)], 1)
    wanted, truth = path[0, 6:], sequence[0, 6:]
    assert found.accuracy.value.tolist() == (wanted == truth).double().tolist()
    assert found.error.value.tolist() == (values[wanted] - values[truth]).abs().tolist()


def test_coverage_on_the_model_s_own_sequences_is_the_exact_one():
    """Truth and draws share one law: order statistics of ties are a binomial matter."""
    model = MarkovRecipe(num_symbols=3, order=1, num_conditions=1, seed=4).build()
    count, paths, level = 3000, 19, 0.5
    table = model.table[0].exp()
    sequences = []
    generator = chance(5)
    last = torch.full((count,), 3)
    for _ in range(4):
        last = torch.multinomial(table[last], 1, generator=generator)[:, 0]
        sequences.append(last)
    symbols = torch.stack(sequences, 1)
    found = rolling(
        model,
        symbols,
        torch.zeros(count, 1),
        horizon=3,
        origins=1,
        first=1,
        paths=paths,
        levels=(level,),
        generator=generator,
    )
    out = int((1 - level) / 2 * (paths + 1))
    for ahead in range(3):
        exact = 0.0
        for start, share in enumerate(table[3].tolist()):
            law = torch.linalg.matrix_power(table[:3], ahead + 1)[start]
            below = law.cumsum(0)
            for v, p in enumerate(law.tolist()):
                # Inside, unless the band ends before v or begins after it.
                ends_before = 0 if v == 0 else binom.sf(paths - out, paths, float(below[v - 1]))
                begins_after = binom.cdf(out - 1, paths, min(1.0, float(below[v])))
                exact += share * p * (1 - ends_before - begins_after)
        error = 4 * (exact * (1 - exact) / count) ** 0.5
        assert exact > level
        assert float(found.coverage[level].value[ahead]) == pytest.approx(exact, abs=error)


def test_every_way_of_batching_gives_the_same_forecasts():
    symbols = torch.randint(3, (3, 14), generator=chance(6))
    lengths = torch.tensor([14, 11, 9])
    log_condition = torch.tensor([[0.0, 0.0], [-torch.inf, 0.0], [1.0, 0.0]])

    class Whole:
        """The same model, told to be of another kind: every prefix is read from its start."""

        def __getattr__(self, name):
            return True if name == "stationary" else getattr(NET, name)

        order = None

    class Stepped(Whole):
        order = NET.order

        def fast_walk(self, asked):
            return None

    options = {"horizon": 3, "origins": 4, "lengths": lengths, "paths": 3000}
    one, two, three, four = (
        rolling(model, symbols, log_condition, memory=memory, generator=chance(8), **options)
        for model, memory in ((NET, 2**28), (Whole(), 2**28), (Stepped(), 2**28), (NET, 2**20))
    )
    assert torch.equal(one.places, four.places)
    for other in (two, three, four):
        for name, means in one.means().items():
            # The order of the uniforms differs: shares of 3,000 paths and 12 origins.
            near = 0.02 if name != "accuracy" and name != "error" else 1e-9
            torch.testing.assert_close(
                means.value, other.means()[name].value, atol=6 * near, rtol=0
            )


def test_states_and_windows_keep_to_the_memory(monkeypatch):
    """Rings of a long reach are far larger than what is held while one symbol is read."""
    model = WaveNetRecipe(3, (2,), None, 2, (64, 64), 2, 0, 0, 0, 0).build()
    rows, read = [], []

    class Watched:
        def __getattr__(self, name):
            return getattr(model, name)

        def read(self, state, symbols):
            read.append(symbols.shape)
            return model.read(state, symbols)

        def fast_walk(self, asked):
            rows.append(len(asked.uniforms))
            return model.fast_walk(asked)

    symbols = torch.randint(3, (2, 140), generator=chance(6))
    options = {"horizon": 2, "origins": 6, "first": 136 - 6, "paths": 19}
    known = torch.tensor([[0.0, -torch.inf]]).expand(2, 2)
    each = model.start(torch.tensor([0])).bytes_per_row
    memory = 3 * 20 * 4 * each
    wanted = rolling(model, symbols, known, generator=chance(), **options)
    found = rolling(Watched(), symbols, known, memory=memory, generator=chance(), **options)
    assert max(rows) <= 3 * 19
    assert len(rows) > len(wanted.places) / 3
    assert 4 * model.floats_per_symbol * max(b * t for b, t in read) <= memory
    assert found.accuracy.value.equal(wanted.accuracy.value)


def test_origins_are_evenly_spaced_and_none_is_all_there_are():
    symbols = torch.zeros(2, 10, dtype=torch.int64)
    lengths = torch.tensor([10, 7])

    def places(**options):
        return rolling(
            CHAIN, symbols, EVEN.expand(2, 2), horizon=2, lengths=lengths, paths=3, levels=(0.5,),
            generator=chance(), **options,
        ).places.tolist()  # fmt: skip

    assert places(origins=3, first=1) == [[0, 1], [0, 5], [0, 8], [1, 1], [1, 3], [1, 5]]
    assert places(first=4) == [[0, t] for t in range(4, 9)] + [[1, 4], [1, 5]]
    assert places(origins=1) == [[0, 4], [1, 2]]


@pytest.mark.parametrize(("origins", "first"), [(7, 0), (None, 6)])
def test_sequences_that_are_too_short_are_left_out_and_counted(origins, first):
    symbols, lengths = torch.zeros(3, 10, dtype=torch.int64), torch.tensor([4, 10, 7])
    options = {"horizon": 2, "origins": origins, "first": first, "paths": 19}
    found = rolling(
        CHAIN, symbols, EVEN.expand(3, 2), lengths=lengths, generator=chance(), **options
    )
    assert (found.too_short, found.places[:, 0].unique().tolist()) == (2, [1])
    assert found.to_dict()["too_short"] == 2
    alone = rolling(CHAIN, symbols[:1], EVEN, generator=chance(), **options)
    assert alone.too_short == 0
    assert torch.allclose(alone.log_score.value, found.log_score.value)


def test_sequences_count_alike_and_errors_are_over_sequences():
    table = torch.tensor([[[1.0, 0.0]]], dtype=torch.float64).log()
    symbols = torch.tensor([[0, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]])
    found = rolling(
        MarkovTable(table), symbols, torch.zeros(3, 1), horizon=1,
        lengths=torch.tensor([6, 2, 2]), generator=chance(),
    )  # fmt: skip
    assert found.accuracy == found.draw_accuracy
    assert float(found.accuracy.value[0]) == pytest.approx((1 + 0 + 0.5) / 3)
    assert float(found.accuracy.std_error[0]) == pytest.approx(0.5 / 3**0.5)
    alone = rolling(
        MarkovTable(table), symbols[:1], torch.zeros(1, 1), horizon=1, generator=chance()
    )
    assert isinstance(alone.accuracy, Means)
    assert alone.accuracy.std_error.isnan().all()
    assert alone.to_dict()["origins"] == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"origins": 7}, "sequence 0 of 10 symbols, has 6 origins with 2 before them and 3 to "),
        ({"origins": 7}, "come; asked for 7; origins=None, --origins all, takes all there are"),
        ({"origins": 0}, "origins needs to be at least 1, or None for all; got 0"),
        ({"horizon": 9}, "has 0 origins with 2 before them and 9 to come; asked for 1$"),
        ({"levels": ()}, "bands need a level or more"),
        ({"horizon": 0}, "got 1, 0, 64 and 2"),
        ({"first": -1}, "and first 0 or more"),
        ({"paths": 0}, "a horizon and a path"),
        ({"paths": 5}, "a band of 0.9 needs 19 draws or more; got 5"),
        ({"log_condition": torch.zeros(1, 3)}, r"needs shape \(1, 2\); got \(1, 3\)"),
        ({"lengths": torch.tensor([11])}, r"lengths needs numbers within 0\.\.10; got 11"),
    ],
)  # fmt: skip
def test_what_cannot_be_forecast_is_refused(options, message):
    settings = {"log_condition": EVEN, "horizon": 3, "first": 2, **options}
    with pytest.raises(ValueError, match=message):
        rolling(CHAIN, torch.zeros(1, 10, dtype=torch.int64), generator=chance(), **settings)


def test_probabilities_of_the_oracle_sum_to_one():
    law = marginal(CHAIN, torch.tensor([0, 1]), 1, EVEN[0])
    assert float(law.sum()) == pytest.approx(1)
    both = chain_probs(CHAIN, every(3, 2)).sum(0)
    assert both.tolist() == pytest.approx([1, 1])
