"""Every question of 65,536 levels against sums over them, or refused by name."""

import math

import pytest
import torch

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.models.wavenet import WaveNet
from autoreg.queries.argmax import argmax
from autoreg.queries.certify import certify
from autoreg.queries.compare import divergence
from autoreg.queries.hitting import hitting
from autoreg.queries.infill import infill
from autoreg.queries.information import entropy, information, learning_curve
from autoreg.queries.likelihood import log_prob, surprise
from autoreg.queries.marginals import marginals
from autoreg.queries.partial import posterior_given
from autoreg.queries.posterior import posterior
from autoreg.queries.probability import explain, probability, solve
from autoreg.queries.rolling import rolling
from autoreg.queries.sampling import complete, sample
from autoreg.scoring import log_factors
from tests.laws.recipes import randomise

Q = 2**16
LOUD = range(40_000, Q)
FEW = Effort(islands=32, particles=16, growth=1)


@pytest.fixture(scope="module")
def model():
    """Return a small random WaveNet of levels under two conditions, of order 4."""
    with torch.random.fork_rng(devices=[]):
        net = WaveNet(
            Q,
            conditions=(2,),
            residual=4,
            skip=5,
            hidden=5,
            dilations=[1],
            input_kernel=3,
            condition_width=3,
            mixtures=3,
            scalar=True,
        ).double()
    return randomise(net, torch.Generator().manual_seed(3)).eval()


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def free(length, conditions=None):
    prior = torch.tensor([0.3, 0.7], dtype=torch.float64).log()
    chosen = None if conditions is None else torch.tensor(conditions)
    return Evidence.free(Q, length, 2).given(prior, chosen)


def first(model, condition):
    """Return the distribution of the first symbol, (Q,), symbol by symbol."""
    every = torch.arange(Q)
    with torch.no_grad():
        params = model.start(torch.tensor([condition])).next
        return model.head.log_prob(params.expand(Q, -1), every)


def after(model, condition, heads, tail, among):
    """Return log p(head, tail in ``among``) of each head of one symbol."""
    with torch.no_grad():
        state = model.start(torch.full((len(heads),), condition))
        log_heads = model.head.log_prob(state.next, heads)
        state = model.step(state, heads)
        inside = torch.zeros(Q, dtype=torch.bool)
        inside[torch.as_tensor(list(among))] = True
        mass = model.head.log_mass(state.next, inside.expand(len(heads), -1))
    return log_heads + mass + tail


def near(answer, wanted, at=None):
    """Whether an estimate lies within 4.5 standard errors, or an exact answer is right."""
    value = answer.value if at is None else answer.value[at]
    if answer.kind == "exact":
        return float(value) == pytest.approx(float(wanted), abs=1e-9)
    error = answer.std_error if at is None else answer.std_error[at]
    assert answer.reliable, answer.reason
    return abs(float(value) - float(wanted)) < 4.5 * float(error) + 1e-9


def test_one_step_is_a_sum_over_its_range(model):
    known = free(1, [1]).between(0, 20_000, 40_000)
    answer = solve(model, known)
    wanted = math.log(0.7) + first(model, 1)[20_000:40_001].logsumexp(0)
    assert answer.kind == "exact"
    assert float(answer.value) == pytest.approx(float(wanted), abs=1e-10)
    share = probability(model, known.between(0, 30_000, Q), known)
    wanted = first(model, 1)[30_000:40_001].logsumexp(0) - first(model, 1)[
        20_000:40_001
    ].logsumexp(0)
    assert float(share.value) == pytest.approx(float(wanted), abs=1e-10)
    evens = free(1).restrict(0, range(0, Q, 1000))
    wanted = torch.stack([first(model, y)[::1000].logsumexp(0) for y in (0, 1)])
    wanted = (wanted + torch.tensor([0.3, 0.7], dtype=torch.float64).log()).logsumexp(0)
    assert float(solve(model, evens).value) == pytest.approx(float(wanted), abs=1e-10)


def test_two_ranges_are_a_sum_of_masses(model):
    heads = torch.arange(33_000, 33_050)
    narrow = free(2, [0]).between(0, 33_000, 33_049).between(1, 100, 130)
    wanted = after(model, 0, heads, math.log(0.3), range(100, 131)).logsumexp(0)
    answer = solve(model, narrow)
    assert (answer.kind, answer.method) == ("exact", "enumeration")
    assert float(answer.value) == pytest.approx(float(wanted), abs=1e-10)
    wide = free(2, [0]).between(0, 33_000, 33_049).restrict(1, LOUD)
    wanted = after(model, 0, heads, math.log(0.3), LOUD).logsumexp(0)
    answer = solve(model, wide, effort=FEW, generator=chance())
    assert near(answer, wanted)
    assert not near(answer, wanted + 1)
    exact = solve(model, wide, effort=Effort(method="importance"), generator=chance())
    assert near(exact, wanted)
    assert "importance" in explain(model, wide, effort=Effort(method="importance"))


def middles(model, condition, left, right):
    """Return log p(left, v, right) of all levels v in between, (Q,)."""
    rows = torch.stack([torch.full((Q,), left), torch.arange(Q), torch.full((Q,), right)], 1)
    with torch.no_grad():
        return torch.cat([
            log_factors(model, part, torch.full((len(part),), condition)).sum(1)
            for part in rows.split(8192)
        ])  # fmt: skip


@pytest.fixture(scope="module")
def gap(model):
    """Return a gap of one sample, and log p(condition, left, v, right) of all that it may be."""
    known = Evidence.observe(
        torch.tensor([30_000, 0, 36_000]), Q, where=torch.tensor([True, False, True]),
        num_conditions=2,
    ).given(torch.tensor([0.3, 0.7], dtype=torch.float64).log())  # fmt: skip
    joint = torch.stack([middles(model, y, 30_000, 36_000) for y in (0, 1)])
    return known, joint + torch.tensor([[0.3], [0.7]], dtype=torch.float64).log()


def test_a_gap_is_a_sum_over_all_levels(model, gap):
    known, joint = gap
    answer = solve(model, known, effort=FEW, generator=chance())
    assert near(answer, joint.flatten().logsumexp(0))
    loud = probability(model, known.restrict(1, LOUD), known, effort=FEW, generator=chance())
    wanted = joint[:, LOUD.start :].flatten().logsumexp(0) - joint.flatten().logsumexp(0)
    assert near(loud, wanted)
    told = posterior_given(model, known, effort=FEW, generator=chance())
    wanted = joint.logsumexp(1) - joint.flatten().logsumexp(0)
    assert near(told, wanted[0], 0)
    assert near(told, wanted[1], 1)
    drawn = infill(model, known, 200, effort=FEW, generator=chance())
    assert known.allows(drawn.symbols).all()
    share = float(joint[:, LOUD.start :].exp().sum() / joint.exp().sum())
    loud = (drawn.symbols[:, 1] >= LOUD.start).double().mean()
    assert abs(float(loud) - share) < 4.5 * (share * (1 - share) / 200) ** 0.5 + 0.05


def test_a_range_is_hit_as_often_as_its_mass_says(model):
    answer = hitting(model, LOUD, free(2, [1]), effort=FEW, generator=chance())
    quiet = torch.arange(LOUD.start)
    joint = torch.cat([after(model, 1, part, 0.0, LOUD) for part in quiet.split(8192)])
    at_once = float(first(model, 1)[LOUD.start :].exp().sum())
    law = [at_once, float(joint.exp().sum())]
    law.append(1 - sum(law))
    assert all(near(answer, math.log(share), at) for at, share in enumerate(law))
    loud = Event.hit(LOUD, Q)
    happens = probability(model, loud, free(2, [1]), effort=FEW, generator=chance())
    assert near(happens, math.log(law[0] + law[1]))
    both = probability(model, Event.run(LOUD, 2, Q), free(2, [1]), effort=FEW, generator=chance())
    joint = after(model, 1, torch.arange(LOUD.start, Q), 0.0, LOUD)
    assert near(both, joint.logsumexp(0))


def test_draws_follow_the_density(model):
    count, bins = 2000, 16
    drawn = sample(model, count, length=2, prior=[0.0, 1.0], generator=chance())
    wanted = count * first(model, 1).exp().reshape(bins, -1).sum(1)
    met = torch.bincount(drawn.symbols[:, 0] * bins // Q, minlength=bins)
    kept = wanted > 5
    surplus = ((met - wanted) ** 2 / wanted)[kept].sum() - (kept.sum() - 1)
    assert float(surplus) < 5 * (2 * float(kept.sum())) ** 0.5
    begun = complete(model, torch.tensor([123]), 3, length=4, generator=chance())
    assert (begun.symbols[:, 0] == 123).all()


def test_entropies_are_those_of_sums(model):
    logs = first(model, 0)
    one = entropy(model, free(1, [0]).between(0, 0, Q - 2))
    inside = logs[:-1] - logs[:-1].logsumexp(0)
    assert near(one, -(inside.exp() * inside).sum())
    heads = torch.arange(33_000, 33_020)
    known = free(2, [0]).between(0, 33_000, 33_019)
    answer = entropy(model, known, effort=FEW, generator=chance())
    rows = logs[heads] - logs[heads].logsumexp(0)
    with torch.no_grad():
        state = model.step(model.start(torch.zeros(20, dtype=torch.int64)), heads)
        every = torch.arange(Q).expand(20, -1)
        nexts = model.head.log_prob(state.next[:, None].expand(-1, Q, -1), every)
    wanted = -(rows.exp() * rows).sum() - (rows.exp() * (nexts.exp() * nexts).sum(1)).sum()
    assert near(answer, wanted)


def test_divergences_are_those_of_sums(model):
    logs, others = first(model, 0), first(model, 1)
    wanted = (logs.exp() * (logs - others)).sum()
    answer = divergence(
        model, free(1, [0]), free(1, [1]), effort=Effort(draws=64), generator=chance()
    )
    assert near(answer, wanted)


def test_scores_and_posteriors_are_bayes_rule(model):
    symbols = torch.tensor([[0, 65_535, 32_768, 7]])
    with torch.no_grad():
        each = torch.stack([log_factors(model, symbols, torch.tensor([y]))[0] for y in (0, 1)])
    joint = each.sum(1) + torch.tensor([0.3, 0.7], dtype=torch.float64).log()
    prior = [0.3, 0.7]
    assert float(log_prob(model, symbols, prior=prior).value) == pytest.approx(
        float(joint.logsumexp(0)), abs=1e-9
    )
    told = posterior(model, symbols, prior=prior, every_prefix=True).value[0, -1]
    assert torch.allclose(told, joint - joint.logsumexp(0), atol=1e-9)
    curious = surprise(model, symbols[0], torch.tensor(prior, dtype=torch.float64).log())
    assert float(curious.value.sum()) == pytest.approx(-float(joint.logsumexp(0)), abs=1e-9)
    learnt = learning_curve(model, 3, effort=FEW, generator=chance())
    assert learnt.value.isfinite().all()
    sure = certify(
        model, torch.tensor([True, False, True]), count=2, effort=FEW, generator=chance()
    )
    assert sure.value.isfinite()


def test_long_gaps_take_the_memory_of_a_few_sets(model):
    """Forty open positions of 64 paths would be a gigabyte in float64, were they written out."""
    seen = torch.zeros(40, dtype=torch.bool)
    seen[::15] = True
    symbols = torch.full((40,), 30_000)
    known = Evidence.observe(symbols, Q, where=seen, num_conditions=2).between(38, 0, 40_000)
    drawn = infill(
        model, known, 4, effort=Effort(islands=4, particles=16, growth=1), generator=chance()
    )
    assert known.allows(drawn.symbols).all()
    assert drawn.log_evidence.value.isfinite()


@pytest.mark.parametrize("method", ["dynamic programming", "beam", "twisted"])
def test_methods_that_write_distributions_out_are_refused(model, method):
    with pytest.raises(ValueError, match=r"at most 4096 symbols; the model has 65536. Take enum"):
        solve(model, free(2).between(1, 5, 9), effort=Effort(method=method))


def test_answers_that_write_distributions_out_are_refused(model):
    with pytest.raises(ValueError, match=r"marginals need a dense head.*probability of ranges"):
        marginals(model, free(2))
    with pytest.raises(ValueError, match=r"need a dense head.*posteriors given ranges"):
        information(model, free(2))
    with pytest.raises(ValueError, match="a search needs an alphabet of at most 4096 symbols"):
        argmax(model, free(2))


def first_distribution(model, condition):
    """Return log p(x_0 given a condition) of all levels."""
    symbols = torch.arange(Q)[:, None]
    return log_factors(model, symbols, torch.tensor([condition]).expand(Q))[:, 0].detach()


def test_temperature_0_takes_the_likeliest_level(model):
    for condition in (0, 1):
        drawn = sample(
            model,
            2,
            length=2,
            given={"condition": str(condition)},
            temperature=0.0,
            generator=chance(),
        )
        expected = int(first_distribution(model, condition).argmax())
        assert drawn.symbols[:, 0].tolist() == [expected] * 2
        behind = torch.stack([torch.full((Q,), expected), torch.arange(Q)], 1)
        factors = log_factors(model, behind, torch.tensor([condition]).expand(Q))[:, 1]
        assert drawn.symbols[:, 1].tolist() == [int(factors.argmax())] * 2


@pytest.mark.parametrize("changes", [{"temperature": 0.5}, {"top_p": 0.7}])
def test_draws_of_another_temperature_or_nucleus_have_its_law(model, changes):
    """Uniforms are recovered from draws: by the cumulative mass below and up to each."""
    drawn = sample(model, 6, length=1, given={"condition": "1"}, generator=chance(4), **changes)
    told = torch.Generator().manual_seed(4)
    torch.rand(6, dtype=torch.float64, generator=told)  # decides the condition
    uniforms = torch.rand(6, 1, dtype=torch.float64, generator=told)[:, 0]
    logs = first_distribution(model, 1)
    logs = (logs / changes.get("temperature", 1.0)).log_softmax(0)
    if "top_p" in changes:
        mass, order = logs.exp().sort(descending=True, stable=True)
        outside = order[mass.cumsum(0) - mass >= changes["top_p"]]
        logs = logs.index_fill(0, outside, -torch.inf).log_softmax(0)
    cumulative = logs.exp().cumsum(0)
    symbols = drawn.symbols[:, 0]
    assert bool((cumulative[symbols] >= uniforms - 1e-9).all())
    below = torch.where(symbols > 0, cumulative[(symbols - 1).clamp_min(0)], 0.0)
    assert bool((below <= uniforms + 1e-9).all())


def test_levels_are_forecast_from_origins_along_them(model):
    symbols = torch.randint(Q, (2, 6), generator=chance(2))
    known = torch.tensor([[0.0, -math.inf], [-math.inf, 0.0]], dtype=torch.float64)
    found = rolling(model, symbols, known, horizon=2, origins=2, paths=19, generator=chance())
    errors = []
    for row, origin in found.places.tolist():
        behind = torch.cat([symbols[row, :origin].expand(Q, -1), torch.arange(Q)[:, None]], 1)
        factors = log_factors(model, behind, torch.tensor([row]).expand(Q))[:, -1]
        errors.append(abs(int(factors.argmax()) - int(symbols[row, origin])))
    assert float(found.error.value[0]) == pytest.approx(sum(errors) / 4)


def test_gradients_of_levels_are_those_of_finite_differences(model):
    symbols, condition = torch.tensor([[0, 65_535, 30_000, 31_000]]), torch.tensor([1])
    total = log_factors(model, symbols, condition).sum()
    names = ["embedding.weight", "stack.input_filter.filters.weight", "stack.output.bias"]
    for name in names:
        parameter = model.get_parameter(name)
        (gradient,) = torch.autograd.grad(total, parameter, retain_graph=True)
        for at in range(min(6, parameter.numel())):
            sides = []
            for step in (1e-6, -1e-6):
                with torch.no_grad():
                    parameter.view(-1)[at] += step
                    sides.append(float(log_factors(model, symbols, condition).sum()))
                    parameter.view(-1)[at] -= step
            slope = (sides[0] - sides[1]) / 2e-6
            assert float(gradient.flatten()[at]) == pytest.approx(slope, rel=1e-4, abs=1e-5), name


def test_a_few_steps_teach_sixteen_bits_a_tone():
    generator = chance()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = WaveNet(Q, dilations=[1, 2], residual=8, skip=8, hidden=8, input_kernel=8,
                      mixtures=4, scalar=True)  # fmt: skip
    phases = 6 * torch.rand(16, 1, generator=generator)
    waves = 0.3 * torch.sin(phases + torch.arange(64) / 8)
    symbols = ((waves + 1) / 2 * (Q - 1)).round().long()
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    nats = []
    for _ in range(30):
        loss = -log_factors(net, symbols, torch.zeros(16, dtype=torch.int64)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        nats.append(loss.item())
    assert abs(nats[0] - math.log(Q)) < 0.75  # hardly better or worse than an even guess
    assert nats[-1] < nats[0] - 1
