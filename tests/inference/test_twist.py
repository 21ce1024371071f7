"""Whether looking ahead leaves filters unbiased, and the exact look-ahead no variance."""

import itertools
import math
from dataclasses import replace

import pytest
import torch

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.particles import particle_filter
from autoreg.inference.problem import pose
from autoreg.inference.surrogate import Surrogate, surrogate_of
from autoreg.inference.twist import Twist, choose_power, surrogate_twist
from autoreg.models.markov import MarkovTable
from tests.oracles import chain_probs, every

LEAST = 1e-300
"""A floor that is none."""


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def chain(seed, num_symbols=3, order=2, concentration=0.5):
    return MarkovTable.random(
        num_symbols, order, concentration=concentration, generator=seeded(seed)
    )


def own_surrogate(model):
    """Return a Markov table as its own surrogate."""
    rows = []
    for width in range(model.order, -1, -1):
        for past in itertools.product(range(model.num_symbols), repeat=width):
            row = 0
            for digit in (*[model.num_symbols] * (model.order - width), *past):
                row = row * (model.num_symbols + 1) + digit
            rows.append(row)
    return Surrogate(model.table[:1, rows], model.order, 1)


def late(num_symbols=3, length=7, prefix=0):
    """Return evidence that is observed at the end, and at ``prefix`` positions in front."""
    seen = Evidence.observe(
        torch.arange(length) * 2 % num_symbols,
        num_symbols,
        where=(torch.arange(length) >= length - 2) | (torch.arange(length) < prefix),
    )
    return seen.restrict(prefix + 1, [0, num_symbols - 1])


def truth(model, evidence, event=None):
    """Return p(evidence, event) by enumeration."""
    sequences = every(model.num_symbols, evidence.length)
    allowed = evidence.allows(sequences)
    if event is not None:
        allowed &= event.occurs(sequences)
    return float(chain_probs(model, sequences[allowed])[:, 0].sum())


def shares(problem, twist, **parts):
    """Return Z of each island as a share of the true one."""
    parts = {"islands": 400, "particles": 8, "generator": seeded(3)} | parts
    total = truth(problem.model, problem.evidence, problem.event)
    cloud = particle_filter(problem, twist=twist, **parts)
    return (cloud.log_z + problem.log_before).exp() / total


def assert_unbiased(found):
    error = float(found.std()) / math.sqrt(len(found))
    assert abs(float(found.mean()) - 1) < 4 * error


def random_twist(problem, states=4, spread=1.0, seed=9):
    """Return a twist that knows nothing of the problem, over an automaton that does neither."""
    generator = seeded(seed)
    table = torch.randint(states, (states, problem.model.num_symbols), generator=generator)
    value = spread * torch.randn(
        states, problem.length + 1, generator=generator, dtype=torch.float64
    )
    value[:, -1] = 0
    return Twist(Event(((0, table),), torch.ones(states).bool()), value, "anything")


@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize("prefix", [0, 1, 3])
def test_the_exact_twist_gives_every_path_the_same_weight(order, prefix):
    model = chain(0, order=order)
    problem = pose(model, late(prefix=prefix), 0)
    twist = surrogate_twist(problem, own_surrogate(model), floor=LEAST)
    cloud = particle_filter(problem, islands=3, particles=16, twist=twist, generator=seeded(1))
    log_z = math.log(truth(model, problem.evidence)) - problem.log_before
    exact = torch.full((3, 16), log_z - math.log(16), dtype=torch.float64)
    torch.testing.assert_close(cloud.log_weights, exact, rtol=0, atol=1e-9)


@pytest.mark.parametrize("prefix", [0, 2])
@pytest.mark.parametrize(
    "event",
    [
        Event.hit([2], 3) & ~Event.word([1, 1], 3),
        Event.count([0], 3, at_least=2, at_most=3).within(1, 6),
    ],
    ids=["hit and no word", "count in a window"],
)
def test_the_exact_twist_looks_out_for_an_event_too(event, prefix):
    model = chain(1, order=2)
    problem = pose(model, late(prefix=prefix), 0, event)
    twist = surrogate_twist(problem, own_surrogate(model), floor=LEAST)
    cloud = particle_filter(problem, islands=3, particles=16, twist=twist, generator=seeded(1))
    log_z = math.log(truth(model, problem.evidence, event)) - problem.log_before
    exact = torch.full((3, 16), log_z - math.log(16), dtype=torch.float64)
    torch.testing.assert_close(cloud.log_weights, exact, rtol=0, atol=1e-9)


def test_a_large_event_is_left_to_the_filter(monkeypatch):
    model, event = chain(1), Event.word([2, 0], 3)
    problem = pose(model, late(), 0, event)
    monkeypatch.setattr("autoreg.inference.twist.JOINT", 0)
    twist = surrogate_twist(problem, own_surrogate(model))
    assert twist.event.num_states == 1 + 3 + 9
    assert_unbiased(shares(problem, twist))


def test_a_rare_event_is_approached_and_not_lost_in_the_floor():
    # Forty symbols 1 in a row, of which each has probability 0.1.
    model = MarkovTable(torch.tensor([[[0.9, 0.1]]], dtype=torch.float64).log())
    problem = pose(model, Evidence.free(2, 60), 0, Event.count([1], 2, at_least=40))
    twist = surrogate_twist(problem, own_surrogate(model))
    cloud = particle_filter(problem, islands=4, particles=16, twist=twist, generator=seeded(0))
    exact = math.log(sum(math.comb(60, k) * 0.1**k * 0.9 ** (60 - k) for k in range(40, 61)))
    torch.testing.assert_close(
        cloud.log_z, torch.full((4,), exact, dtype=torch.float64), rtol=0, atol=1e-3
    )


@pytest.mark.parametrize("threshold", [0.0, 0.5])
@pytest.mark.parametrize("kind", ["random", "order 1 of order 2", "tempered", "inverted"])
def test_a_wrong_twist_leaves_the_evidence_unbiased(kind, threshold):
    model = chain(2, order=2)
    problem = pose(model, late(), 0)
    twist = {
        "random": lambda: random_twist(problem),
        "order 1 of order 2": lambda: surrogate_twist(problem, own_surrogate(chain(5, order=1))),
        "tempered": lambda: surrogate_twist(problem, own_surrogate(model), power=0.4),
        "inverted": lambda: replace(
            exact := surrogate_twist(problem, own_surrogate(model)), log_value=-exact.log_value
        ),
    }[kind]()
    assert_unbiased(shares(problem, twist, threshold=threshold, particles=32))


def test_what_the_surrogate_rules_out_is_drawn_all_the_same():
    model = chain(3, num_symbols=2, order=1, concentration=2.0)
    problem = pose(model, late(num_symbols=2), 0)
    # It thinks that symbols never change.
    stays = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]], dtype=torch.float64).log()
    twist = surrogate_twist(problem, Surrogate(stays, 1, 1), floor=0.05)
    assert twist.log_value.isfinite().all()
    assert_unbiased(shares(problem, twist, islands=2000, particles=64))


@pytest.mark.parametrize("floor", [1e-2, 1e-8])
def test_no_allowed_symbol_takes_more_than_the_floor_from_psi(floor):
    sharp = chain(6, order=1, concentration=0.02)
    problem = pose(chain(2), late(prefix=1), 0)
    twist = surrogate_twist(problem, own_surrogate(sharp), floor=floor)
    reached, smallest = {0}, 0.0
    for at in range(problem.length - 1):
        position = problem.start + at
        moves = {
            (state, int(twist.event.table(position)[state, symbol]))
            for state in reached
            for symbol in problem.evidence.mask()[position].nonzero()[:, 0].tolist()
        }
        for before, after in moves:
            step = float(twist.log_value[after, at + 1] - twist.log_value[before, at])
            smallest = min(smallest, step)
        reached = {after for _, after in moves}
    # Reached, or nearly: the surrogate is that sharp.
    assert math.log(floor) - 1e-9 < smallest < math.log(floor) + 1


def test_evidence_that_the_surrogate_excludes_altogether_is_no_reason_to_fail():
    model = chain(3, num_symbols=2, order=1, concentration=2.0)
    problem = pose(model, late(num_symbols=2), 0)
    never = torch.tensor([[[1.0, 0.0]]], dtype=torch.float64).log()
    problem = replace(problem, evidence=problem.evidence.relax(6).restrict(6, 1))
    twist = surrogate_twist(problem, Surrogate(never, 0, 1), floor=0.05)
    assert_unbiased(shares(problem, twist))


def test_a_constant_twist_changes_no_bit():
    problem = pose(chain(4), late(), 0)
    table = torch.zeros(1, 3, dtype=torch.int64)
    flat = Twist(Event(((0, table),), torch.ones(1).bool()), torch.zeros(1, 8).double())
    plain, twisted = (
        particle_filter(problem, islands=4, particles=32, twist=twist, generator=seeded(0))
        for twist in (None, flat)
    )
    assert torch.equal(plain.symbols, twisted.symbols)
    assert torch.equal(plain.log_weights, twisted.log_weights)


def test_a_surrogate_of_smaller_order_halves_the_variance_of_late_evidence():
    # Symbols that stay near the last one, with a faint memory of the one before.
    levels = torch.linspace(0, 1, 6, dtype=torch.float64)
    known = torch.cat([levels, levels.mean()[None]])
    mean = 0.1 * known[:, None, None] + 0.9 * known[None, :, None]
    table = (-0.5 * ((levels - mean) / 0.1) ** 2).log_softmax(-1)
    model = MarkovTable(table.reshape(1, 49, 6))
    where = torch.tensor([True, *[False] * 4, True])
    problem = pose(model, Evidence.observe(torch.tensor([0] * 5 + [5]), 6, where=where), 0)
    surrogate = surrogate_of(model, 0, 6, 1, draws=512, generator=seeded(2))
    plain = shares(problem, None, particles=64)
    twisted = shares(problem, surrogate_twist(problem, surrogate), particles=64)
    assert_unbiased(twisted)
    assert float(twisted.var()) < 0.5 * float(plain.var())


def test_hundreds_of_positions_and_a_thousand_contexts_leave_no_variance_either():
    model = MarkovTable.random(2, 10, generator=seeded(0))
    where = torch.arange(784) % 56 >= 40
    problem = pose(model, Evidence.observe(torch.zeros(784).long(), 2, where=where), 0)
    twist = surrogate_twist(problem, own_surrogate(model), floor=LEAST)
    assert twist.log_value.shape == (2**11 - 1, problem.length + 1)
    cloud = particle_filter(problem, islands=1, particles=8, twist=twist, generator=seeded(0))
    assert float(cloud.log_weights.max() - cloud.log_weights.min()) < 1e-9


def test_the_power_that_is_chosen_trusts_a_good_twist_and_not_a_bad_one():
    model = chain(2, order=2)
    problem = pose(model, late(), 0)
    good = surrogate_twist(problem, own_surrogate(model))
    bad = replace(good, log_value=-3 * good.log_value)
    assert choose_power(problem, good, generator=seeded(0)) == 1
    assert choose_power(problem, bad, generator=seeded(0)) == 0
    assert choose_power(problem, bad, powers=[1.0], generator=seeded(0)) == 1
    with pytest.raises(ValueError, match="powers needs one or more"):
        choose_power(problem, bad, powers=[], generator=seeded(0))


def test_a_twist_that_misses_most_of_z_is_not_taken_for_a_good_one():
    # Either all symbols are like the first or none matters; the twist knows one way alone.
    model = MarkovTable(torch.tensor([[[0.5, 0.5]]], dtype=torch.float64).log())
    problem = pose(model, Evidence.free(2, 3).restrict(2, [1]), 0, Event.hit([1], 2).within(0, 2))
    assert problem.length == 3
    value = torch.zeros(2, 4, dtype=torch.float64)
    value[1, 1] = 30
    table = torch.tensor([[0, 1], [0, 1]])
    narrow = Twist(Event(((0, table),), torch.ones(2).bool()), value)
    # Without it islands differ by chance; with it they all find two thirds of Z.
    assert choose_power(problem, narrow, islands=16, particles=64, generator=seeded(0)) == 0


def test_twists_that_are_none_are_refused():
    event, value = Event.count([0], 2), torch.zeros(1, 4, dtype=torch.float64)
    with pytest.raises(ValueError, match="accepts everything; got hit"):
        Twist(Event.hit([0], 2), torch.zeros(2, 4).double())
    with pytest.raises(ValueError, match=r"finite log values of shape \(1, L \+ 1\)"):
        Twist(event, torch.zeros(2, 4).double())
    with pytest.raises(ValueError, match="1 of them not finite"):
        Twist(event, value.index_fill(1, torch.tensor([1]), -math.inf))
    with pytest.raises(ValueError, match="end in log value 0"):
        Twist(event, value + 1)
    with pytest.raises(ValueError, match="power of a twist needs to be 0 or more; got -1"):
        Twist(event, value).tempered(-1.0)


def test_a_power_multiplies_logs():
    problem = pose(chain(0), late(), 0)
    twist = random_twist(problem)
    assert twist.tempered(1.0) is twist
    assert torch.equal(twist.tempered(0.25).log_value, 0.25 * twist.log_value)


def test_surrogates_that_do_not_fit_are_refused(monkeypatch):
    problem = pose(chain(0), late(), 0)
    with pytest.raises(ValueError, match="has 3 symbols; got a surrogate of 2"):
        surrogate_twist(problem, own_surrogate(chain(0, num_symbols=2)))
    with pytest.raises(ValueError, match=r"floor needs to lie within 0\.\.1"):
        surrogate_twist(problem, own_surrogate(chain(0)), floor=0.0)
    monkeypatch.setattr("autoreg.inference.twist.TABLE", 100)
    with pytest.raises(ValueError, match=r"13 contexts at 8 positions.*smaller order"):
        surrogate_twist(problem, own_surrogate(chain(0)))
