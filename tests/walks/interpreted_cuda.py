"""The walk on the GPU against the reference, run by Triton's interpreter.

In float64 both draw equal symbols from equal uniforms and differ by rounding alone.
"""

import pytest
import torch

from autoreg.events import Rules
from autoreg.walks import cuda, cuda_course
from tests.walks.wavenets import (
    Q,
    ask,
    assert_same,
    automaton,
    network,
    seeded,
    standing,
    told,
    wavenet,
)

BELOW_1 = 1 - 2**-53


def walk(model, asked, **options):
    return cuda.walk(cuda.pack(network(model)), asked, interpret=True, **options)


def check(model, asked, **options):
    before = [tensor.clone() for tensor in (asked.state.next, *asked.state.memory)]
    walked = walk(model, asked, **options)
    assert_same(walked, told(model, asked))
    for tensor, kept in zip((asked.state.next, *asked.state.memory), before, strict=True):
        assert torch.equal(tensor, kept), "a state is a value"
    return walked


SHAPES = {
    "two taps": {},
    "three taps": {"kernel_size": 3},
    "one tap": {"kernel_size": 1},
    "an input filter of one tap": {"input_kernel": 1},
    "an input filter of three taps": {"input_kernel": 3, "kernel_size": 3},
    "nothing remembered": {"input_kernel": 1, "kernel_size": 1},
    "one layer": {"dilations": [2]},
    "a dilation beyond the walk": {"dilations": [1, 50]},
    "unconditional": {"conditions": []},
    "two factors": {"conditions": [2, 2]},
    "whole blocks": {"residual": 16, "gate": 16, "skip": 16, "hidden": 32},
    "several blocks": {"residual": 17, "gate": 33, "dilations": [1], "skip": 70, "hidden": 300},
}


@pytest.mark.parametrize("changes", SHAPES.values(), ids=SHAPES)
def test_every_shape_walks_as_the_reference_does(changes):
    model = wavenet(**changes)
    check(model, ask(standing(model, 3, read=3), automaton(2, 6)))


@pytest.mark.parametrize("read", [0, 1, 2, 7, 8, 13])
@pytest.mark.parametrize("changes", [{}, {"kernel_size": 3, "input_kernel": 3}], ids=str)
def test_rings_wrap_wherever_a_walk_begins(read, changes):
    model = wavenet(**changes)
    check(model, ask(standing(model, 2, read=read), Rules.free(Q, 6)))


@pytest.mark.parametrize(("count", "streams"), [(1, 1), (3, 1), (1, 16), (17, 16), (20, 32)])
def test_streams_are_the_same_however_they_are_shared_out(count, streams):
    model = wavenet()
    check(model, ask(standing(model, count, read=2), automaton(3, 4)), streams=streams)


@pytest.mark.parametrize("potentials", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_automata_and_potentials_are_followed_until_paths_die(potentials, seed):
    model = wavenet(seed=seed)
    rules = automaton(4, 8, potentials=potentials, dying=True, seed=seed)
    begin = torch.randint(4, (20,), generator=seeded(seed))
    walked = check(model, ask(standing(model, 20), rules, rule_state=begin, seed=seed))
    dead = walked.log_mass == -torch.inf
    assert dead.any()
    assert dead.sum(1).max() == 1, "a path dies once"
    assert not walked.symbols[dead.cumsum(1) > 0].any()


def test_potentials_in_float32_are_subtracted_as_they_are():
    model = wavenet()
    rules = automaton(3, 5, potentials=True)
    single = Rules(rules.next, rules.which, rules.sets, rules.log_value.float())
    check(model, ask(standing(model, 3), single))


@pytest.mark.parametrize("temperature", [0.05, 0.7, 3.0])
@pytest.mark.parametrize("potentials", [False, True])
def test_another_temperature_is_another_model(temperature, potentials):
    model = wavenet()
    rules = automaton(2, 5, potentials=potentials)
    check(model, ask(standing(model, 5), rules, temperature=temperature))


def test_a_temperature_near_nothing_takes_the_likeliest():
    model = wavenet()
    state = standing(model, 5)
    walked = walk(model, ask(state, Rules.free(Q, 1), temperature=1e-6))
    assert torch.equal(walked.symbols[:, 0], state.next.argmax(-1))


def test_forced_symbols_are_taken_while_masses_stay_those_of_the_sets():
    model, generator = wavenet(), seeded(4)
    rules = automaton(2, 8, share=0.9)
    state = standing(model, 6)
    free = walk(model, ask(state, rules))
    path = free.symbols.masked_fill(torch.rand(6, 8, generator=generator) < 0.4, -1)
    path[0], path[1] = -1, free.symbols[1]
    check(model, ask(state, rules, path=path, seed=9))


def test_a_singleton_set_is_its_symbol_whatever_the_uniform():
    model = wavenet()
    rules = Rules.among(torch.eye(Q, dtype=torch.bool)[[4, 0, 2]])
    for uniform in (0.0, 0.5, BELOW_1):
        uniforms = torch.full((2, 3), uniform, dtype=torch.float64)
        walked = check(model, ask(standing(model, 2), rules, uniforms=uniforms))
        assert walked.symbols.tolist() == [[4, 0, 2]] * 2


def test_an_edge_between_symbols_belongs_to_the_later_one():
    # Without any output weight all four symbols weigh the same, exactly.
    model = wavenet(4)
    with torch.no_grad():
        model.stack.output.weight.zero_()
        model.stack.output.bias.zero_()
    uniforms = torch.tensor([[0.0, 0.25, 0.5, 0.75, BELOW_1]], dtype=torch.float64)
    walked = check(model, ask(standing(model, 1), Rules.free(4, 5), uniforms=uniforms))
    assert walked.symbols.tolist() == [[0, 1, 2, 3, 3]]


@pytest.mark.parametrize("chunk", [2, 5])
@pytest.mark.parametrize("changes", [{}, {"kernel_size": 3, "input_kernel": 3}], ids=str)
def test_a_walk_stops_where_weights_have_degenerated(chunk, changes, monkeypatch):
    monkeypatch.setattr(cuda, "CHUNK", chunk)
    model = wavenet(**changes)
    state, rules = standing(model, 8, read=3), automaton(3, 9, share=0.8)
    log_weights = torch.randn(8, generator=seeded(7), dtype=torch.float64) * 0.1
    whole = told(model, ask(state, rules))
    grouped = (log_weights[:, None] + whole.log_mass.cumsum(1)).unflatten(0, (2, 4))
    sizes = torch.exp(2 * grouped.logsumexp(1) - (2 * grouped).logsumexp(1)).amin(0)
    lengths = set()
    # Between one least size and the next, a walk stops at each position that set a new one.
    for min_ess in (sizes.cummin(0).values + 1e-9).unique().tolist():
        asked = ask(state, rules, groups=2, min_ess=min_ess, log_weights=log_weights)
        lengths.add(check(model, asked).length)
    assert len(lengths) > 2
    assert max(lengths) > 4


def test_looking_for_a_stop_changes_nothing():
    model = wavenet()
    state, rules = standing(model, 3, read=2), automaton(2, cuda.CHUNK + 3)
    walked = walk(model, ask(state, rules), streams=16)
    looked = walk(model, ask(state, rules, min_ess=1e-300), streams=16)
    assert_same(looked, walked, tolerance=0)


def test_launches_follow_each_other_as_if_they_were_one(monkeypatch):
    monkeypatch.setattr(cuda, "LAUNCH", 3)
    model = wavenet()
    check(model, ask(standing(model, 9), automaton(3, 8, potentials=True, dying=True)))


def test_two_walks_are_one():
    model = wavenet(kernel_size=3)
    state, whole = standing(model, 3, read=2), Rules.free(Q, 9)
    together = ask(state, whole)
    first = walk(model, ask(state, Rules.free(Q, 4), uniforms=together.uniforms[:, :4]))
    rest = Rules.free(Q, 5)
    second = walk(model, ask(first.state, rest, uniforms=together.uniforms[:, 4:]))
    expected = walk(model, together)
    assert torch.equal(torch.cat([first.symbols, second.symbols], 1), expected.symbols)
    assert_same(
        second, expected._replace(symbols=second.symbols, log_mass=second.log_mass, length=5), 0
    )


@pytest.mark.parametrize(("count", "length"), [(3, 0), (0, 4), (0, 0)])
def test_nothing_to_do_gives_nothing(count, length):
    model = wavenet()
    check(model, ask(standing(model, count), Rules.free(Q, length)))


@pytest.mark.parametrize("read", [0, 5])
def test_features_of_each_position_enter_the_gates(read):
    bank = torch.randn(2, 11, 3, generator=seeded(5), dtype=torch.float64)
    model = wavenet(num_features=3).with_features(bank)
    state = standing(model, 5, read=read, row=torch.tensor([1, 0, 1, 1, 0]))
    # Past the last position the last features stand in.
    check(model, ask(state, automaton(2, 11 - read)))


def test_a_walk_beyond_the_features_is_refused():
    bank = torch.randn(1, 6, 3, generator=seeded(5), dtype=torch.float64)
    model = wavenet(num_features=3).with_features(bank)
    asked = ask(standing(model, 2, read=2), Rules.free(Q, 5))
    with pytest.raises(ValueError, match="features for 6 positions") as expected:
        told(model, asked)
    with pytest.raises(ValueError, match="features for 6 positions") as refused:
        walk(model, asked)
    assert str(refused.value) == str(expected.value)


@pytest.mark.parametrize("potentials", [False, True])
def test_a_forced_symbol_outside_its_set_is_refused_by_the_same_words(potentials):
    model = wavenet()
    rules = automaton(1, 4, potentials=potentials)
    sets = torch.tensor([[True] * Q, [False, True, True, True, True]])
    rules = Rules(rules.next, torch.tensor([[0, 0, 1, 1]]), sets, rules.log_value)
    path = torch.tensor([[1, 1, 2, 0], [-1, 2, 0, 2], [3, -1, 0, 0]])
    for bad in (
        path,
        path.clamp(min=1).index_put((torch.tensor(1), torch.tensor(1)), path.new_tensor(Q)),
    ):
        asked = ask(standing(model, 3), rules, path=bad)
        with pytest.raises(ValueError, match="path forces symbol") as expected:
            told(model, asked)
        with pytest.raises(ValueError, match="path forces symbol") as refused:
            walk(model, asked)
        assert str(refused.value) == str(expected.value)


def test_a_dead_path_may_force_anything_and_a_stop_comes_before_a_refusal():
    model = wavenet()
    sets = torch.tensor([[False] * Q, [True] * Q, [False] * 4 + [True]])
    rules = Rules(torch.zeros(1, Q, dtype=torch.int64), torch.tensor([[0, 1, 2]]), sets)
    path = torch.tensor([[-1, Q + 3, 1]] * 2)
    check(model, ask(standing(model, 2), rules, path=path))
    rules = Rules(rules.next, torch.tensor([[1, 2, 2]]), sets)
    asked = ask(standing(model, 6), rules, path=torch.tensor([[-1, 4, 1]] * 6), min_ess=5.99)
    assert check(model, asked).length == 2


@pytest.mark.parametrize("streams", [1, 16])
@pytest.mark.parametrize(
    ("dtype", "weights", "tolerance"),
    # Numbers are of order 1: 24 bits, then 8 bits of them and sums of some dozens of products.
    [
        (torch.float32, torch.float32, 1e-5),
        (torch.float32, torch.bfloat16, 0.1),
        (torch.bfloat16, torch.bfloat16, 0.1),
    ],
)
def test_shorter_numbers_agree_along_a_forced_path(dtype, weights, tolerance, streams):
    model, exact = wavenet(scale=0.3, dtype=dtype), wavenet(scale=0.3)
    if weights == torch.bfloat16:
        with torch.no_grad():
            for parameter in exact.parameters():
                parameter.copy_(parameter.bfloat16())
    rules = automaton(2, 5, share=0.9)
    path = told(exact, ask(standing(exact, 2), rules)).symbols
    packed = cuda.pack(network(model), weights=weights)
    asked = ask(standing(model, 2), rules, path=path)
    walked = cuda.walk(packed, asked, interpret=True, streams=streams)
    expected = told(exact, ask(standing(exact, 2), rules, path=path))
    near = {"rtol": 0, "atol": tolerance}
    torch.testing.assert_close(walked.log_mass, expected.log_mass, **near)
    assert walked.state.next.dtype == dtype
    torch.testing.assert_close(walked.state.next.double(), expected.state.next, **near)


def test_alphabets_of_several_blocks_are_drawn_from(monkeypatch):
    constants = cuda_course.Course.constants
    monkeypatch.setattr(
        cuda_course.Course, "constants", lambda course: {**constants(course), "DRAWN": 16}
    )
    model = wavenet(40)
    check(model, ask(standing(model, 4), automaton(3, 6, 40, potentials=True)))
