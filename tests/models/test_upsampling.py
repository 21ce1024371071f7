"""Features at a hop reach the samples that they belong to, in every way of asking."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.conditions import ConditionSpace
from autoreg.data import frames as data
from autoreg.models import networks, runtimes, stored
from autoreg.models import upsampling as module
from autoreg.models.networks import network_of
from autoreg.models.upsampling import Upsampling
from autoreg.models.wavenet import WaveNet
from autoreg.queries.posterior import posterior
from autoreg.scoring import log_factors
from autoreg.testing import check_sequence_model
from autoreg.walks import cpu, reference
from tests.laws.recipes import randomise
from tests.walks.recipes import AskRecipe, agree

KINDS = ("repeat", "linear", "learned")
SIZES = {
    "num_symbols": 3,
    "conditions": (2,),
    "dilations": (1, 2),
    "residual": 4,
    "skip": 5,
    "hidden": 5,
    "condition_width": 3,
    "num_features": 2,
}


def drawn(*shape, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def upsampling(kind, hop, width=2):
    """Return an upsampling in float64; a learned one has learned something."""
    made = Upsampling(kind, hop, width).double().requires_grad_(requires_grad=False)
    if made.change is not None:
        made.change.copy_(drawn(*made.change.shape, seed=2))
    return made


def wavenet(**changes):
    """Return a WaveNet whose parameters are all random, float64, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(**{**SIZES, **changes}).double().eval()
    return randomise(model, torch.Generator().manual_seed(0)).requires_grad_(requires_grad=False)


@pytest.mark.parametrize("hop", [1, 2, 5])
def test_a_frame_is_repeated_over_its_own_samples(hop):
    frames = drawn(2, 3, 2)
    wanted = frames.repeat_interleave(hop, dim=1)
    assert torch.equal(upsampling("repeat", hop).whole(frames, None), wanted)


@pytest.mark.parametrize("hop", [1, 2, 5, 8])
def test_linear_interpolation_goes_straight_between_the_middles_of_frames(hop):
    frames = drawn(2, 4, 2)
    wanted = torch.nn.functional.interpolate(frames.mT, scale_factor=hop, mode="linear").mT
    found = upsampling("linear", hop).whole(frames, None)
    assert torch.allclose(found, wanted, rtol=0, atol=1e-14)
    # A straight line stays one, at the slope of one frame in a hop.
    line = torch.arange(6.0, dtype=torch.float64)[None, :, None]
    inside = upsampling("linear", hop).whole(line, None)[0, hop:-hop, 0]
    slope = torch.full((4 * hop - 1,), 1 / hop, dtype=torch.float64)
    assert torch.allclose(inside.diff(), slope, rtol=0, atol=1e-14)


@pytest.mark.parametrize("hop", [1, 2, 5])
def test_learned_upsampling_is_a_transposed_convolution(hop):
    made, frames = upsampling("learned", hop, 3), drawn(2, 4, 3)
    # What one frame gives its neighbours is a column of weights: three hops of them.
    impulse = torch.zeros(1, 5, 3).double()
    impulse[0, 2] = 1
    kernel = made.whole(impulse, None)[0, hop:-hop].T[:, None]
    padded = torch.cat([frames[:, :1], frames, frames[:, -1:]], 1).mT
    wanted = torch.nn.functional.conv_transpose1d(padded, kernel, stride=hop, groups=3)
    found = made.whole(frames, None)
    assert torch.allclose(found, wanted[..., 2 * hop : -2 * hop].mT, rtol=0, atol=1e-12)


def test_learned_upsampling_begins_as_linear_interpolation():
    frames = drawn(1, 4, 2)
    fresh = Upsampling("learned", 3, 2).double()
    assert torch.equal(fresh.whole(frames, None), upsampling("linear", 3).whole(frames, None))
    assert fresh.change.shape == (3, 3, 2)


@given(
    kind=st.sampled_from(KINDS),
    hop=st.integers(1, 5),
    count=st.integers(1, 4),
    data=st.data(),
)
def test_any_excerpt_is_that_part_of_the_whole(kind, hop, count, data):
    made, frames = upsampling(kind, hop), drawn(2, count, 2)
    whole = made.whole(frames, None)
    first = data.draw(st.integers(0, count * hop - 1))
    length = data.draw(st.integers(0, count * hop - first))
    row, begin = torch.tensor([1, 0, 1]), torch.full((3,), first)
    found = made.span(frames, None, row, begin, length)
    assert torch.allclose(found, whole[row, first : first + length], rtol=0, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
def test_a_phase_leaves_out_the_beginning(kind):
    made, frames = upsampling(kind, 4), drawn(2, 3, 2)
    phase = torch.tensor([1, 6])
    whole, found = made.whole(frames, None), made.whole(frames, phase)
    assert found.shape == (2, 6, 2)
    for row in (0, 1):
        assert torch.equal(found[row], whole[row, phase[row] :][:6])


@pytest.mark.parametrize(("kind", "near"), [("repeat", 0), ("linear", 2), ("learned", 4)])
def test_a_frame_reaches_its_own_samples_and_half_or_all_of_its_neighbours(kind, near):
    hop, frames = 4, drawn(1, 5, 2)
    made = upsampling(kind, hop)
    moved = frames.clone()
    moved[0, 2] += 1
    changed = (made.whole(moved, None) != made.whole(frames, None)).any(-1)[0]
    assert changed.nonzero()[:, 0].tolist() == list(range(2 * hop - near, 3 * hop + near))


@pytest.mark.parametrize("kind", KINDS)
def test_only_rows_that_are_asked_for_are_mapped(kind):
    frames, mapped = drawn(9, 3, 2), []

    def through(vectors):
        mapped.append(vectors)
        return 2 * vectors

    row, at = torch.tensor([7, 2, 7]), torch.tensor([[0, 5], [1, 11], [4, 4]])
    ours = upsampling(kind, 4)
    found = ours(frames, row, at, through)
    alone = [
        ours(2 * frames[[one]], torch.tensor([0]), at[[n]]) for n, one in enumerate(row.tolist())
    ]
    assert [len(vectors) for vectors in mapped] == [2]
    torch.testing.assert_close(found, torch.cat(alone), rtol=0, atol=1e-12)


def test_what_rests_on_a_frame_is_known_to_those_who_cut_excerpts():
    assert data.REACH == module.REACH


@pytest.mark.parametrize(
    ("kind", "phase"),
    [("repeat", None), ("linear", torch.tensor([3, 5])), ("learned", torch.tensor([3, 5]))],
)
def test_the_laws_of_sequence_models_hold(kind, phase):
    model = wavenet(hop=4, upsampling=kind).with_features(drawn(2, 3, 2), phase=phase)
    assert model.length == (12 if phase is None else 7)
    assert not model.stationary
    check_sequence_model(model)


@pytest.mark.parametrize("kind", KINDS)
def test_factors_depend_on_the_frames_of_their_position(kind):
    model, frames, hop = wavenet(hop=4, upsampling=kind), drawn(1, 5, 2), 4
    made, mapped = model.upsampling, model.feature_map
    symbols = torch.randint(3, (1, 20), generator=torch.Generator().manual_seed(3))
    condition = torch.tensor([1])
    wanted = model.with_features(frames).log_probs(symbols, condition)
    for n in range(5):
        moved = frames.clone()
        moved[0, n] += 1
        known = made.whole(moved, None, mapped) != made.whole(frames, None, mapped)
        first, last = known.any(-1)[0].nonzero()[[0, -1], 0].tolist()
        rows = model.with_features(moved).log_probs(symbols, condition)
        changed = (rows != wanted).any(-1)[0]
        # From the first sample that the frame reaches, as long as the model remembers the last.
        assert changed.nonzero()[[0, -1], 0].tolist()[0] == first
        assert changed[first : last + 1].all()
        assert not changed[last + model.order :].any()
        assert first <= n * hop


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_walks_are_the_reference(kind):
    model = wavenet(hop=4, upsampling=kind)
    for phase, seed in ((None, 0), (torch.tensor([0, 3, 5]), 1)):
        known = model.with_features(drawn(3, 5, 2), phase=phase)
        for primed in (0, 6):
            asked = AskRecipe(rows=4, length=8, primed=primed, seed=seed).build(known)
            assert agree(known, asked).length == 8


@pytest.mark.parametrize("kind", KINDS)
def test_compiled_reading_is_that_of_torch(kind):
    model = wavenet(hop=4, upsampling=kind).with_features(drawn(2, 5, 2))
    symbols = torch.randint(3, (3, 20), generator=torch.Generator().manual_seed(4))
    start = model.start(torch.tensor([0, 1, 1]), row=torch.tensor([1, 0, 1]))
    wanted, state = model.read(start, symbols)
    found, after = cpu.read(cpu.pack(network_of(model)), start, symbols)
    assert torch.allclose(found, wanted, rtol=0, atol=1e-12)
    assert torch.allclose(after.next, state.next, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_reading_in_chunks_and_stepping_are_one(kind):
    model = wavenet(hop=3, upsampling=kind).with_features(
        drawn(2, 4, 2), phase=torch.tensor([0, 2])
    )
    symbols = torch.randint(3, (2, 10), generator=torch.Generator().manual_seed(5))
    row = torch.tensor([1, 0])
    whole, _ = model.read(model.start(row, row=row), symbols)
    state, parts = model.start(row, row=row), []
    for piece in symbols.split([1, 4, 2, 3], dim=1):
        factors, state = model.read(state, piece)
        parts.append(factors)
    assert torch.allclose(torch.cat(parts, 1), whole, rtol=0, atol=1e-12)
    state = model.start(row, row=row)
    for t in range(10):
        factor = model.head.log_prob(state.next, symbols[:, t])
        assert torch.allclose(factor, whole[:, t], rtol=0, atol=1e-12)
        state = model.step(state, symbols[:, t])


@pytest.mark.parametrize("kind", KINDS)
def test_a_posterior_is_bayes_rule_under_the_frames(kind):
    model = wavenet(hop=4, upsampling=kind).with_features(drawn(1, 3, 2))
    symbols = torch.randint(3, (1, 11), generator=torch.Generator().manual_seed(6))
    space = ConditionSpace({"who": ("a", "b")})
    joint = log_factors(model, symbols.expand(2, -1), torch.arange(2)).sum(1)
    found = posterior(model, symbols, space, of="who").value
    assert torch.allclose(found[0], joint.log_softmax(0), rtol=0, atol=1e-10)


def test_the_reference_walk_draws_from_the_frames_at_hand():
    """Frames that make a symbol certain, hop by hop, are followed."""
    model = wavenet(hop=4, conditions=())
    for parameter in model.parameters():
        parameter.zero_()
    model.feature_map.weight.copy_(torch.eye(3, 2))
    for layer in model.stack.gated:
        layer.context[:2, :2].copy_(40 * torch.eye(2))
        layer.bias[4:] = 40
    model.stack.skip.weight[:2, :2] = torch.eye(2)
    model.stack.hidden.weight[:2, :2] = torch.eye(2)
    model.stack.output.weight[:2, :2] = 80 * torch.eye(2)
    model.stack.output.bias[2] = -80
    wanted = torch.tensor([0, 1, 1, 0, 1])
    known = model.with_features(torch.eye(2).double()[wanted][None])
    asked = AskRecipe(rows=3, length=20).build(known)
    for walked in (reference.walk(known, asked), known.fast_walk(asked)):
        assert torch.equal(walked.symbols, wanted.repeat_interleave(4).expand(3, -1))


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_are_learned(kind):
    model = wavenet(hop=4, upsampling=kind).requires_grad_().with_features(drawn(2, 3, 2))
    symbols = torch.randint(3, (2, 12), generator=torch.Generator().manual_seed(7))
    condition = torch.tensor([0, 1])
    log_factors(model, symbols, condition, row=torch.tensor([0, 1])).sum().backward()
    learned = dict(model.named_parameters())
    assert ("upsampling.change" in learned) == (kind == "learned")
    assert learned["feature_map.weight"].grad.abs().min() > 0
    if kind == "learned":
        assert learned["upsampling.change"].grad.abs().min() > 0


def test_the_gradient_of_learned_weights_is_right():
    """What is affine in its weights changes by the gradient times the step, however long."""
    made, frames = upsampling("learned", 4, 3).requires_grad_(), drawn(2, 2, 3)
    seen, step = drawn(2, 8, 3, seed=3), drawn(4, 3, 3, seed=4)
    before = (made.whole(frames, None) * seen).sum()
    (gradient,) = torch.autograd.grad(before, [made.change])
    with torch.no_grad():
        made.change += step
        after = (made.whole(frames, None) * seen).sum()
    assert torch.allclose(after - before, (gradient * step).sum(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: Upsampling("cubic", 2, 2), "one of repeat, linear, learned; got 'cubic'"),
        (lambda: wavenet(num_features=0, hop=2), "needs features and their hop; got 0 features"),
        (lambda: wavenet(upsampling="linear"), "features and their hop; got 2 features, hop None"),
        (lambda: wavenet(hop=0), "hop needs whole numbers of at least 1; got 0"),
        (lambda: wavenet(hop=2).with_features(drawn(1, 0, 2)), r"a frame or more; got \(1, 0, 2"),
        (
            lambda: wavenet(hop=2).with_features(drawn(2, 3, 2), phase=torch.tensor([0])),
            r"phase needs whole numbers of shape \(2,\), one for each row",
        ),
        (
            lambda: wavenet(hop=2).with_features(drawn(1, 3, 2), phase=torch.tensor([6])),
            r"phase needs samples within 0\.\.5, those of the frames; got 6\.\.6",
        ),
    ],
)
def test_what_makes_no_upsampling_is_refused(ask, message, monkeypatch):
    build = getattr(Upsampling.__init__, "__wrapped__", Upsampling.__init__)
    monkeypatch.setattr(Upsampling, "__init__", build)
    with pytest.raises(ValueError, match=message):
        ask()


def test_a_model_is_stored_without_what_accompanies_a_signal():
    model = wavenet(hop=4, upsampling="learned")
    bare = stored.rebuild(stored.describe(model), model.state_dict())
    assert (bare.features, bare.length) == (None, None)
    assert torch.equal(bare.upsampling.change, model.upsampling.change)
    with pytest.raises(ValueError, match="needs the features that accompany a signal: --local"):
        bare.start(torch.tensor([0]))
    known = model.with_features(drawn(1, 3, 2))
    with pytest.raises(ValueError, match="the model that with_features was asked of"):
        stored.describe(known)
    symbols, condition = torch.zeros(1, 12, dtype=torch.int64), torch.tensor([1])
    wanted = log_factors(known, symbols, condition)
    assert torch.equal(log_factors(bare.with_features(drawn(1, 3, 2)), symbols, condition), wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_long_features_are_made_as_they_are_read(kind, monkeypatch):
    """Compiled loops hold them for all positions; where that is too much, torch reads the same."""
    monkeypatch.setattr(runtimes, "READ", 0)
    packed = []
    monkeypatch.setattr(
        runtimes, "packed", lambda *its: packed.append(its) or networks.packed(*its)
    )
    model = wavenet(hop=4, upsampling=kind).with_features(drawn(1, 3, 2))
    symbols, condition = torch.zeros(2, 12, dtype=torch.int64), torch.tensor([1, 0])
    wanted = log_factors(model, symbols, condition)
    assert len(packed) == 1
    monkeypatch.setattr(runtimes, "KNOWN", 12 * 3 - 1)
    assert torch.allclose(log_factors(model, symbols, condition), wanted, rtol=0, atol=1e-12)
    assert len(packed) == 1


def test_walking_past_the_last_frame_is_refused():
    model = wavenet(hop=4).with_features(drawn(1, 2, 2))
    with pytest.raises(ValueError, match="features for 8 positions; position 9 lies beyond"):
        model.read(model.start(torch.tensor([0])), torch.zeros(1, 9, dtype=torch.int64))
