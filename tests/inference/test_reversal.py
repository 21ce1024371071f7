"""Whether a model that reads backwards helps one that reads forwards, and never biases it."""

import math

import pytest
import torch

from autoreg.events import Event
from autoreg.evidence import Evidence
from autoreg.inference.particles import particle_filter
from autoreg.inference.problem import pose
from autoreg.inference.reversal import reversed_twist
from autoreg.models.heads import Categorical
from autoreg.models.markov import MarkovTable
from autoreg.protocol import State
from tests.laws.recipes import WaveNetRecipe
from tests.oracles import chain_probs, every


def seeded(seed):
    return torch.Generator().manual_seed(seed)


class Backwards:
    """The exact reversal of a chain of order 1 over a length: p(x_t | x_{t+1}) by Bayes' rule.

    A state's memory is (position along the reversed scan, last symbol, Q at first).
    """

    num_conditions, stationary, order = 1, False, 1

    def __init__(self, chain, length):
        table = chain.table[0].exp()
        self.num_symbols, self.length = chain.num_symbols, length
        self.head = Categorical(self.num_symbols)
        # Of x_t and x_{t+1}, (Q, Q), and of x_t, (Q,).
        marginal, found = table[-1], []
        for _ in range(length - 1):
            joint = marginal[:, None] * table[:-1]
            found.append((joint / joint.sum(0)).T)
            marginal = joint.sum(0)
        rows = [marginal.expand(self.num_symbols + 1, -1)]
        rows += [torch.cat([row, marginal[None]]) for row in reversed(found)]
        # After the last position nothing comes; the state there needs some parameters.
        self.table = torch.stack([*rows, rows[0]]).log()

    def start(self, condition):
        return self._state(
            torch.zeros_like(condition), torch.full_like(condition, self.num_symbols)
        )

    def step(self, state, symbols):
        return self._state(state.memory[0] + 1, symbols)

    def read(self, state, symbols):
        factors = []
        for column in symbols.unbind(1):
            factors.append(self.head.log_prob(state.next, column))
            state = self.step(state, column)
        nothing = torch.zeros(len(symbols), 0, dtype=torch.float64)
        return (torch.stack(factors, 1) if factors else nothing), state

    def log_probs(self, symbols, condition):
        raise NotImplementedError

    def _state(self, position, last):
        return State(self.table[position, last], (position, last))


def smooth_chain(num_symbols=5):
    """Return a chain whose symbols stay near each other."""
    levels = torch.arange(num_symbols).double()
    rows = (-0.5 * (levels - levels[:, None]) ** 2 / 0.6).log_softmax(-1)
    return MarkovTable(
        torch.cat([rows, torch.full((1, num_symbols), 1 / num_symbols).log()])[None]
    )


def wavenet(seed, num_symbols=5):
    return WaveNetRecipe(num_symbols, (), None, 2, (1, 2), 2, 0, 0, 9, seed).build()


def gap(num_symbols=5, length=7, prefix=1):
    """Return evidence of both ends and a range in between."""
    at = torch.arange(length)
    symbols = torch.where(at < prefix, 0, num_symbols - 1)
    where = (at < prefix) | (at >= length - 2)
    return Evidence.observe(symbols, num_symbols, where=where).restrict(3, range(1, num_symbols))


def truth(model, evidence):
    allowed = every(model.num_symbols, evidence.length)
    allowed = allowed[evidence.allows(allowed)]
    if isinstance(model, MarkovTable):
        return float(chain_probs(model, allowed)[:, 0].sum())
    condition = torch.zeros(len(allowed), dtype=torch.int64)
    with torch.no_grad():
        factors, _ = model.read(model.start(condition), allowed)
    return float(factors.sum(-1).exp().sum())


def shares(problem, twist, **parts):
    parts = {"islands": 400, "particles": 16, "generator": seeded(3)} | parts
    cloud = particle_filter(problem, twist=twist, **parts)
    return (cloud.log_z + problem.log_before).exp() / truth(problem.model, problem.evidence)


def assert_unbiased(found):
    assert abs(float(found.mean()) - 1) < 4 * float(found.std()) / math.sqrt(len(found))


def test_the_backward_chain_is_the_chain_read_backwards():
    chain = MarkovTable.random(3, 1, generator=seeded(0))
    sequences = every(3, 4)
    backward = Backwards(chain, 4)
    start = backward.start(torch.zeros(len(sequences), dtype=torch.int64))
    factors, _ = backward.read(start, sequences.flip(1))
    torch.testing.assert_close(factors.sum(-1).exp(), chain_probs(chain, sequences)[:, 0])


@pytest.mark.parametrize("at", [0, 2, 4])
def test_the_reversed_chain_tells_the_exact_messages(at):
    chain = MarkovTable.random(3, 1, generator=seeded(1))
    evidence = Evidence.observe(torch.arange(6) % 3, 3, where=torch.arange(6) != at)
    problem = pose(chain, evidence, 0)
    twist = reversed_twist(
        problem,
        Backwards(chain, 6),
        order_map=torch.arange(5, -1, -1),
        paths=4096,
        floor=1e-12,
        generator=seeded(0),
    )
    table = chain.table[0].exp()
    marginal = table[-1]
    for _ in range(at):
        marginal = marginal @ table[:-1]
    following = (at + 1) % 3
    exact = table[:-1, following] / (marginal @ table[:-1, following])
    # The base rate p(x_t) is an average over 4096 paths of numbers within 0..1.
    tolerance = 4 * 0.5 / 64 / float(marginal.min())
    messages = twist.log_value[1:, at - problem.start + 1]
    torch.testing.assert_close(messages, exact.log(), rtol=0, atol=tolerance)


def test_paths_are_weighted_by_what_is_known_later_alone():
    chain = MarkovTable.random(3, 1, concentration=0.5, generator=seeded(0))
    sets = torch.tensor([[1, 1, 0], [1, 1, 1], [1, 0, 1], [1, 1, 1], [0, 1, 0]]).bool()
    problem = pose(chain, Evidence.among(sets), 0)
    twist = reversed_twist(
        problem,
        Backwards(chain, 5),
        order_map=torch.arange(4, -1, -1),
        paths=20000,
        floor=1e-12,
        generator=seeded(0),
    )
    table, message = chain.table[0].exp(), torch.ones(3, dtype=torch.float64)
    marginals = [table[-1]]
    for _ in range(3):
        marginals.append(marginals[-1] @ table[:-1])
    for at in range(3, -1, -1):
        message = table[:-1] @ (message * sets[at + 1])
        exact = message / (marginals[at] @ message)
        found = twist.log_value[1:, at + 1].exp()
        # Averages of 20000 probabilities, of which half or more count.
        assert float(((found - exact) * marginals[at]).abs().max()) < 4 * 0.5 / 10000**0.5


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_the_reversed_chain_takes_most_of_the_variance_away(threshold):
    chain = smooth_chain()
    problem = pose(chain, gap(), 0)
    twist = reversed_twist(
        problem,
        Backwards(chain, 7),
        order_map=torch.arange(6, -1, -1),
        paths=256,
        generator=seeded(0),
    )
    plain = shares(problem, None, threshold=threshold)
    twisted = shares(problem, twist, threshold=threshold)
    assert_unbiased(twisted)
    assert float(twisted.var()) < 0.1 * float(plain.var())


@pytest.mark.parametrize("power", [0.5, 1.0])
@pytest.mark.parametrize("order", [[6, 5, 4, 3, 2, 1, 0], [0, 3, 6, 1, 4, 2, 5]])
def test_any_other_model_along_any_scan_leaves_the_evidence_unbiased(order, power):
    problem = pose(wavenet(1), gap(), 0)
    twist = reversed_twist(
        problem,
        wavenet(2),
        order_map=torch.tensor(order),
        paths=16,
        power=power,
        generator=seeded(0),
    )
    assert float(twist.log_value.abs().max()) > 0.05
    assert_unbiased(shares(problem, twist))


def test_a_scan_that_meets_no_evidence_before_a_symbol_says_nothing_of_it():
    problem = pose(wavenet(1), gap(prefix=0), 0)
    twist = reversed_twist(
        problem, wavenet(2), order_map=torch.arange(7), paths=8, generator=seeded(0)
    )
    # The scan of the model itself: up to the restricted position 3, nothing is known.
    assert torch.equal(twist.log_value[:, :5], torch.zeros(6, 5, dtype=torch.float64))
    assert float(twist.log_value[:, 5].abs().max()) > 0


def test_what_is_known_before_the_start_counts_on_both_sides():
    evidence = Evidence.observe(torch.zeros(7).long(), 5, where=torch.arange(7) < 3)
    problem = pose(wavenet(1), evidence.restrict(6, [1, 2]), 0)
    twist = reversed_twist(
        problem, wavenet(2), order_map=torch.arange(7), paths=8, generator=seeded(0)
    )
    assert torch.equal(twist.log_value, torch.zeros(6, 5, dtype=torch.float64))


def test_evidence_that_the_other_model_rules_out_is_no_reason_to_fail():
    never = torch.tensor([[[0.0, 1.0]]], dtype=torch.float64).log()
    chain = MarkovTable.random(2, 1, generator=seeded(0))
    evidence = Evidence.observe(
        torch.tensor([0, 0, 0]), 2, where=torch.tensor([False, False, True])
    )
    problem = pose(chain, evidence, 0)
    twist = reversed_twist(
        problem, MarkovTable(never), order_map=torch.tensor([2, 1, 0]), generator=seeded(0)
    )
    assert twist.log_value.isfinite().all()
    assert_unbiased(shares(problem, twist))


def test_an_event_is_left_to_the_filter():
    chain = smooth_chain(3)
    event = Event.word([1, 1], 3)
    problem = pose(chain, gap(3), 0, event)
    twist = reversed_twist(
        problem, Backwards(chain, 7), order_map=torch.arange(6, -1, -1), generator=seeded(0)
    )
    cloud = particle_filter(problem, islands=400, particles=16, twist=twist, generator=seeded(1))
    sequences = every(3, 7)
    sequences = sequences[problem.evidence.allows(sequences) & event.occurs(sequences)]
    total = float(chain_probs(chain, sequences)[:, 0].sum())
    assert_unbiased((cloud.log_z + problem.log_before).exp() / total)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"order_map": torch.tensor([0, 1, 2])}, "each position 0..6 once; got 3"),
        ({"order_map": torch.zeros(7).long()}, "each position 0..6 once; got 7"),
        ({"paths": 0}, "paths needs 1 or more.*got 0"),
        ({"floor": 0.0}, "floor 0..1; got 16 and 0.0"),
    ],
)
def test_what_makes_no_scan_or_filter_is_refused(changes, message):
    problem = pose(wavenet(1), gap(), 0)
    with pytest.raises(ValueError, match=message):
        reversed_twist(
            problem, wavenet(2), **({"order_map": torch.arange(7), "paths": 16} | changes)
        )
