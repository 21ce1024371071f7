"""The walk on the GPU: interpreted in a process of its own, and compiled where a GPU is."""

import pytest
import torch

from autoreg.events import Rules
from autoreg.walks import cuda
from tests.walks import interpreter
from tests.walks.wavenets import (
    MODELS,
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

WIDTHS = {32: {}, 64: {"residual": 64}, 128: {"gate": 100}}


@pytest.mark.slow
def test_interpreted_walks_are_those_of_the_reference():
    interpreter.check("interpreted_cuda.py")


def test_what_cannot_be_served_is_told_by_its_reason():
    def reason(model=None, length=3, **asked):
        model = wavenet() if model is None else model
        rules = Rules.free(model.num_symbols, length)
        asked = ask(standing(model, 2), rules, **asked)
        return cuda.serves(network(model), asked, interpret=True)

    assert reason() is None
    assert reason(length=0) is None
    assert "top_p" in reason(top_p=0.9)
    assert "4097 symbols" in reason(wavenet(4097))
    assert "stream of 129" in reason(wavenet(residual=129))
    assert "units of 129" in reason(wavenet(gate=129))
    wide = wavenet(condition_width=129, num_features=1)
    assert "features" in reason(wide.with_features(torch.zeros(1, 9, 1)))


def test_the_cpu_is_not_served():
    model = wavenet()
    asked = ask(standing(model, 2), Rules.free(Q, 3))
    assert "CUDA" in cuda.serves(network(model), asked)


def test_what_keeps_triton_from_compiling_is_told_where_there_is_no_gpu():
    cuda._obstacle.cache_clear()
    assert (cuda._obstacle() is None) == torch.cuda.is_available()


def test_interpreting_takes_a_process_that_interprets():
    model = wavenet()
    asked = ask(standing(model, 2), Rules.free(Q, 3))
    with pytest.raises(ValueError, match="TRITON_INTERPRET=1"):
        cuda.walk(cuda.pack(network(model)), asked, interpret=True)


@pytest.mark.parametrize(
    ("width", "half", "counts"),
    [
        (32, False, {1: 1, 132: 1, 133: 16, 2112: 16, 2113: 32, 10**6: 32}),
        (64, False, {132: 1, 133: 16, 10**6: 16}),
        (128, False, {10**6: 1}),
        (32, True, {132: 1, 133: 16, 2113: 32, 4225: 64, 10**6: 64}),
        (128, True, {133: 16, 10**6: 32}),
    ],
)
def test_streams_share_a_program_only_where_processors_run_out(width, half, counts):
    dtype = torch.bfloat16 if half else torch.float32
    packed = cuda.pack(network(wavenet(**WIDTHS[width], dtype=dtype)))
    for count, streams in counts.items():
        assert cuda.streams_per_program(packed, count, processors=132) == streams


# From here on a GPU is needed.

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

CASES = [
    ("A", torch.float32, 1e-4),
    ("B", torch.float32, 1e-4),
    # Eight bits of each number, and of what a state keeps; sums of hundreds of products.
    ("A", torch.bfloat16, 0.1),
    ("B", torch.bfloat16, 0.1),
]


def pair(name, dtype, count, read):
    """Return a model on the GPU with a state, and the same in float64."""
    model = wavenet(**MODELS[name], scale=0.3).to(dtype).cuda()
    exact = wavenet(**MODELS[name]).double().cuda()
    exact.load_state_dict(model.state_dict())
    return (model, standing(model, count, read=read)), (exact, standing(exact, count, read=read))


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize(("name", "dtype", "tolerance"), CASES, ids=str)
@pytest.mark.parametrize("count", [1, 100, 3000])
def test_compiled_walks_agree_along_a_forced_path(name, dtype, tolerance, count):
    (model, state), (exact, origin) = pair(name, dtype, count, 20)
    rules = automaton(3, 40, model.num_symbols, share=0.8)
    path = told(exact, ask(origin, rules)).symbols.cpu()
    asked = ask(state, rules, path=path)
    assert cuda.serves(network(model), asked) is None
    walked = cuda.walk(cuda.pack(network(model)), asked)
    expected = told(exact, ask(origin, rules, path=path))
    near = {"rtol": 0, "atol": tolerance}
    torch.testing.assert_close(walked.log_mass, expected.log_mass, **near)
    assert torch.equal(walked.symbols, expected.symbols)
    assert torch.equal(walked.rule_state, expected.rule_state)
    # A stream is a sum of many layers, of order 10, rounded as the state keeps it.
    near = {"rtol": tolerance / 2, "atol": tolerance}
    for mine, theirs in zip(walked.state.memory, expected.state.memory, strict=True):
        torch.testing.assert_close(mine.double(), theirs.double(), **near)


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize(("name", "dtype", "tolerance"), CASES[:2], ids=str)
def test_compiled_draws_are_those_of_the_reference_almost_always(name, dtype, tolerance):
    (model, state), (exact, origin) = pair(name, dtype, 4000, 5)
    rules = automaton(1, 1, model.num_symbols)
    walked = cuda.walk(cuda.pack(network(model)), ask(state, rules))
    expected = told(exact, ask(origin, rules))
    # A uniform falls that close to one of Q - 1 edges.
    others = (walked.symbols != expected.symbols).double().mean()
    assert others <= 3 * tolerance * model.num_symbols


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("count", [2, 200, 3000])
@pytest.mark.parametrize("changes", [{}, {"kernel_size": 3, "input_kernel": 3}], ids=str)
def test_compiled_walks_repeat_themselves_in_chunks_and_after_stops(dtype, count, changes):
    # Where threads race for a ring, runs differ.
    model = wavenet(dtype=dtype, dilations=[1, 2, 4, 8, 1, 3], **changes).cuda()
    packed, state = cuda.pack(network(model)), standing(model, count, read=7)
    rules = automaton(3, 50)
    walked = cuda.walk(packed, ask(state, rules))
    for _ in range(3):
        assert_same(cuda.walk(packed, ask(state, rules)), walked, tolerance=0)
        assert_same(cuda.walk(packed, ask(state, rules, min_ess=1e-300)), walked, tolerance=0)
    stopped = cuda.walk(packed, ask(state, rules, min_ess=0.6 * count, groups=1))
    assert 0 < stopped.length < 50
    shorter = Rules(rules.next, rules.which[:, : stopped.length], rules.sets)
    uniforms = ask(state, rules).uniforms[:, : stopped.length]
    assert_same(stopped, cuda.walk(packed, ask(state, shorter, uniforms=uniforms)), tolerance=0)


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("streams", [1, 16, 32])
def test_features_forces_and_temperature_are_compiled_together(streams):
    bank = torch.randn(2, 30, 3, generator=seeded(5))
    model = wavenet(dtype=torch.float32, num_features=3, scale=0.3).with_features(bank).cuda()
    exact = wavenet(num_features=3, scale=0.3).with_features(bank).double().cuda()
    exact.load_state_dict(model.state_dict())
    row = torch.arange(70) % 2
    rules = automaton(2, 20, share=0.9)
    origin = standing(exact, 70, read=3, row=row)
    path = told(exact, ask(origin, rules, temperature=0.7)).symbols.cpu()
    asked = ask(standing(model, 70, read=3, row=row), rules, path=path, temperature=0.7)
    walked = cuda.walk(cuda.pack(network(model)), asked, streams=streams)
    expected = told(exact, ask(origin, rules, path=path, temperature=0.7))
    torch.testing.assert_close(walked.log_mass, expected.log_mass, rtol=0, atol=1e-4)
