"""A Density answers about files what the questions answer about symbols."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

import autoreg as ar
from autoreg import modeldir, scoring
from autoreg.codecs.mulaw import MuLaw
from autoreg.codecs.pixels import Threshold
from autoreg.codecs.scan import Scan
from autoreg.conditions import ConditionSpace
from autoreg.data.picture import Picture
from autoreg.data.plain import Plain
from autoreg.data.region import Seconds
from autoreg.data.sound import Sound
from autoreg.density import Density, load
from autoreg.events import Event
from autoreg.inference.effort import Effort
from autoreg.models.wavenet import WaveNet
from autoreg.plaindata import ModelDirError
from autoreg.queries import likelihood, posterior, sampling
from tests.laws.recipes import randomise
from tests.oracles import assert_drawn_from, every, index_of

RATE = 1000
SPACE = ConditionSpace({"speaker": ("ann", "bob"), "digit": ("0", "1", "2")}, [3, 0, 1, 2, 2, 2])


def wavenet(num_symbols, conditions, features=None):
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(
            num_symbols,
            conditions=conditions,
            residual=4,
            skip=6,
            hidden=5,
            condition_width=3,
            dilations=[1, 2],
            num_features=0 if features is None else features.shape[-1],
        )
    model = randomise(model.double(), torch.Generator().manual_seed(0))
    model = model.requires_grad_(requires_grad=False).eval()
    return model if features is None else model.with_features(features)


def sounds(**changes):
    """Return a density over sounds of 16 levels."""
    parts = {
        "model": wavenet(16, SPACE.sizes),
        "signal": Sound(RATE, MuLaw(16)),
        "space": SPACE,
        "target": "speaker",
        "card": {},
    }
    return Density(**{**parts, **changes})


def pictures(kind="serpentine", **changes):
    """Return a density over pictures of 2 x 3 pixels, black or white."""
    scan = Scan(kind, 2, 3)
    parts = {
        "model": wavenet(2, (3,), scan.features()[None]),
        "signal": Picture(Threshold(), scan),
        "space": ConditionSpace({"digit": ("0", "1", "2")}),
        "target": "digit",
        "card": {},
    }
    return Density(**{**parts, **changes})


def image(*rows):
    return np.array(rows, dtype=np.uint8) * 255


SMILE = image([1, 0, 1], [0, 1, 1])


@pytest.fixture
def clip(tmp_path):
    return write(tmp_path / "clip.wav", 400)


def write(path, length, rate=RATE, channels=1, seed=0):
    noise = np.random.default_rng(seed).uniform(-0.9, 0.9, (length, channels))
    soundfile.write(path, noise, rate, subtype="FLOAT")
    return path


@pytest.fixture
def drawing(tmp_path):
    Image.fromarray(SMILE).save(tmp_path / "smile.png")
    return tmp_path / "smile.png"


def value(answer):
    return pytest.approx(answer.value.tolist(), rel=1e-12)


@pytest.mark.parametrize("prior", [None, "training", {"speaker": [0.9, 0.1]}])
@pytest.mark.parametrize("given", [None, {"digit": 2}, {"speaker": "bob", "digit": "0"}])
def test_a_file_is_as_likely_as_its_symbols(clip, given, prior):
    density = sounds()
    symbols = density.signal.read(clip).long()[None]
    wanted = likelihood.log_prob(density.model, symbols, SPACE, given=given, prior=prior)
    answer = density.log_prob(clip, given=given, prior=prior)
    assert answer.value.shape == ()
    assert float(answer) == value(replace(wanted, value=wanted.value[0]))
    assert float(answer.bits_per_symbol) == pytest.approx(float(wanted.bits_per_symbol[0]))
    assert (answer.kind, answer.method) == ("exact", wanted.method)
    assert answer.cost.scored == wanted.cost.scored
    assert answer.num_symbols == 400


def test_files_arrays_and_tensors_are_the_same_signals(tmp_path):
    density = sounds()
    paths = [write(tmp_path / f"{n}.wav", 50, seed=n) for n in range(3)]
    waves = np.stack([soundfile.read(path)[0] for path in paths])
    wanted = density.log_prob(paths)
    assert wanted.value.shape == (3,)
    assert density.log_prob(waves).value.tolist() == value(wanted)
    assert density.log_prob(torch.from_numpy(waves)).value.tolist() == value(wanted)
    assert density.log_prob([str(path) for path in paths]).value.tolist() == value(wanted)
    for number, path in enumerate(paths):
        one = density.log_prob(path)
        assert float(one) == pytest.approx(float(wanted.value[number]))
        array = density.log_prob(waves[number])
        assert array.value.shape == ()
        assert float(array) == pytest.approx(float(one))
        assert float(array.bits_per_symbol) == pytest.approx(float(one.bits_per_symbol))


def test_files_of_unequal_length_are_scored_as_alone(tmp_path):
    density = sounds()
    paths = [write(tmp_path / f"{n}.wav", 10 + 17 * n, seed=n) for n in range(4)]
    together = density.log_prob(paths)
    assert together.num_symbols.tolist() == [10, 27, 44, 61]
    for number, path in enumerate(paths):
        assert float(together.value[number]) == pytest.approx(float(density.log_prob(path)))
        told = density.posterior(paths).probs[number]
        assert told.tolist() == pytest.approx(density.posterior(path).probs.tolist())


@pytest.mark.parametrize("memory", [10_000, 20_000, 100_000])
def test_a_file_in_pieces_equals_one_pass(clip, tmp_path, memory):
    whole = sounds().log_prob(clip, per_symbol=tmp_path / "whole.npy")
    parts = sounds(memory=memory).log_prob(clip, per_symbol=tmp_path / "parts.npy", block=150)
    assert float(parts) == pytest.approx(float(whole), rel=1e-13)
    factors = np.load(tmp_path / "whole.npy")
    assert np.allclose(np.load(tmp_path / "parts.npy"), factors, rtol=0, atol=1e-10)


class Recorder:
    """A model that notes what it is asked to read."""

    def __init__(self, model):
        self.model, self.shapes = model, []

    def __getattr__(self, name):
        return getattr(self.model, name)

    def read(self, state, symbols):
        self.shapes.append(tuple(symbols.shape))
        return self.model.read(state, symbols)


@pytest.mark.parametrize("fitting", [5, 70, 100])
def test_no_more_of_a_file_is_read_at_once_than_memory_holds(clip, fitting):
    recorder = Recorder(wavenet(16, SPACE.sizes))
    memory = 4 * recorder.floats_per_symbol * 6 * fitting
    sounds(model=recorder, memory=memory).log_prob(clip)
    assert {rows for rows, _ in recorder.shapes} == {6}
    assert max(columns for _, columns in recorder.shapes) == fitting
    assert sum(columns for _, columns in recorder.shapes) == 400


@pytest.mark.parametrize("given", [None, {"digit": 1}, {"digit": 1, "speaker": "ann"}])
def test_values_per_symbol_are_log_p_of_each_given_those_before(clip, tmp_path, given):
    density = sounds()
    path = tmp_path / "factors.npy"
    answer = density.log_prob(clip, given=given, per_symbol=path)
    factors = np.load(path)
    assert factors.shape == (400,)
    assert factors.sum() == pytest.approx(float(answer), rel=1e-12)
    symbols = density.signal.read(clip).long()
    for end in (1, 2, 57):
        prefix = likelihood.log_prob(density.model, symbols[None, :end], SPACE, given=given)
        assert factors[:end].sum() == pytest.approx(float(prefix.value), rel=1e-10)


def test_a_file_that_fails_half_way_leaves_no_values(tmp_path):
    noise = np.random.default_rng(0).uniform(-1, 1, 400)
    noise[300] = np.nan
    soundfile.write(tmp_path / "nan.wav", noise, RATE, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"nan\.wav: needs finite samples; .* at sample 300"):
        sounds().log_prob(tmp_path / "nan.wav", per_symbol=tmp_path / "f.npy", block=100)
    assert [path.name for path in tmp_path.iterdir()] == ["nan.wav"]


def test_a_piece_of_a_file_is_named_in_seconds(clip):
    density = sounds()
    wave = soundfile.read(clip)[0]
    for options, piece in (
        ({"stop": 0.1}, wave[:100]),
        ({"start": 0.1, "stop": 0.25}, wave[100:250]),
        ({"start": 0.35}, wave[350:]),
    ):
        wanted = density.log_prob(piece)
        assert float(density.log_prob(clip, **options)) == pytest.approx(float(wanted))
        told = density.posterior(clip, **options)
        assert told.probs.tolist() == pytest.approx(density.posterior(piece).probs.tolist())
    nothing = density.log_prob(clip, stop=0.0)
    assert float(nothing) == pytest.approx(0, abs=1e-15)
    assert nothing.num_symbols == 0


def test_the_target_is_asked_for_unless_another_factor_is(clip):
    density = sounds()
    symbols = density.signal.read(clip).long()[None, :40]
    for of, names in ((None, "speaker"), ("digit", "digit"), (["digit", "speaker"],) * 2):
        wanted = posterior.posterior(density.model, symbols, SPACE, of=names)
        answer = density.posterior(clip, of=of, stop=0.04)
        assert answer.labels == wanted.labels
        assert answer.value.tolist() == value(replace(wanted, value=wanted.value[0]))
        assert float(answer.log_evidence) == pytest.approx(float(wanted.log_evidence[0]))
    assert sounds(target=None).posterior(clip).of == ("speaker", "digit")


def test_priors_and_what_is_given_count(clip):
    density = sounds()
    certain = density.posterior(clip, given={"speaker": "ann"})
    assert certain.probs.tolist() == pytest.approx([1, 0])
    only_2 = density.posterior(clip, of="digit", prior={"digit": [0.0, 0.0, 1.0]})
    assert only_2.best == ["2"]
    assert only_2.probs.tolist() == pytest.approx([0, 0, 1])


def test_every_prefix_of_a_file_has_its_posterior(tmp_path):
    density, path = sounds(), write(tmp_path / "short.wav", 20)
    answer = density.posterior(path, every_prefix=True)
    assert answer.value.shape == (21, 2)
    assert answer.log_evidence.shape == (21,)
    assert answer.probs[0].tolist() == pytest.approx([0.5, 0.5])
    for end in (1, 7, 20):
        alone = density.posterior(path, stop=end / RATE)
        assert answer.probs[end].tolist() == pytest.approx(alone.probs.tolist())
    assert density.posterior([path, path], every_prefix=True).value.shape == (2, 21, 2)


@pytest.mark.parametrize("kind", ["raster", "serpentine", "column", "reversed"])
def test_a_picture_is_unrolled_along_its_scan(kind, drawing):
    density = pictures(kind)
    order = Scan(kind, 2, 3).order
    symbols = torch.from_numpy(SMILE // 255).long().flatten()[order]
    wanted = likelihood.log_prob(density.model, symbols[None], density.space)
    assert float(density.log_prob(drawing)) == pytest.approx(float(wanted.value[0]))
    assert float(density.log_prob(SMILE)) == pytest.approx(float(wanted.value[0]))
    assert density.log_prob(np.stack([SMILE] * 2)).value.tolist() == value(
        replace(wanted, value=wanted.value.expand(2))
    )


def test_all_pictures_have_mass_one():
    everything = every(2, 6).reshape(-1, 2, 3).to(torch.uint8) * 255
    for given in (None, {"digit": 1}):
        total = pictures().log_prob(everything, given=given).value.exp().sum()
        assert float(total) == pytest.approx(1, abs=1e-10)


def test_drawn_pictures_follow_the_law_of_pictures():
    density = pictures()
    draws = density.sample(5000, given={"digit": 2}, generator=torch.Generator().manual_seed(0))
    everything = every(2, 6).reshape(-1, 2, 3).to(torch.uint8) * 255
    law = density.log_prob(everything, given={"digit": 2}).value.exp()
    drawn = index_of((draws.decode() // 255).flatten(1).long(), 2)
    assert_drawn_from(drawn.bincount(minlength=64), law)
    assert set(map(str, draws.labels)) == {"{'digit': '2'}"}


def test_draws_are_saved_as_what_they_are(tmp_path):
    pictures().sample(5, generator=torch.Generator().manual_seed(0)).save(tmp_path / "grid.png")
    with Image.open(tmp_path / "grid.png") as grid:
        assert grid.size[0] >= 3 * 3
    draws = sounds().sample(2, seconds=0.03, generator=torch.Generator().manual_seed(0))
    assert draws.symbols.shape == (2, 30)
    draws.save(tmp_path / "draws.wav")
    wave, rate = soundfile.read(tmp_path / "draws.wav")
    assert rate == RATE
    assert len(wave) == 2 * 30 + RATE // 4


def test_sampling_passes_everything_on():
    density = sounds()
    options = {"given": {"digit": 0}, "prior": "training", "temperature": 0.7, "top_p": 0.9}
    draws = density.sample(9, length=6, **options, generator=torch.Generator().manual_seed(5))
    wanted = sampling.sample(
        density.model, 9, SPACE, length=6, **options, generator=torch.Generator().manual_seed(5)
    )
    assert torch.equal(draws.symbols, wanted.symbols)
    assert draws.labels == wanted.labels
    assert draws.method == wanted.method
    assert draws.signal is density.signal


def test_completions_keep_the_beginning_along_the_scan(drawing):
    density = pictures("serpentine")
    generator = torch.Generator().manual_seed(0)
    for signal in (drawing, SMILE):
        draws = density.complete(signal, 300, keep=4, generator=generator)
        pixels = draws.decode().flatten(1) // 255
        # Along the serpentine: the first row, then the last pixel of the second.
        assert (pixels[:, [0, 1, 2, 5]] == torch.tensor([1, 0, 1, 1])).all()
        assert pixels[:, 3:5].float().var(0).min() > 0
        evidence = likelihood.log_prob(density.model, torch.tensor([[1, 0, 1, 1]]), density.space)
        assert float(draws.log_evidence.value) == pytest.approx(float(evidence.value[0]))


def test_completions_keep_seconds_of_a_sound(clip):
    density = sounds()
    generator = torch.Generator().manual_seed(0)
    symbols = density.signal.read(clip).long()
    draws = density.complete(clip, 3, keep_seconds=0.3, generator=generator)
    assert draws.symbols.shape == (3, 400)
    assert (draws.symbols[:, :300] == symbols[:300]).all()
    draws = density.complete(clip, 3, keep=0, seconds=0.01, generator=generator)
    assert draws.symbols.shape == (3, 10)
    draws = density.complete(clip, 3, length=405, generator=generator)
    assert (draws.symbols[:, :400] == symbols).all()
    assert draws.symbols.shape == (3, 405)
    draws = density.complete(clip, 3, start=0.1, stop=0.2, length=102, generator=generator)
    assert (draws.symbols[:, :100] == symbols[100:200]).all()


def test_a_saved_density_answers_the_same(tmp_path, drawing):
    density = pictures()
    modeldir.save(
        tmp_path / "model",
        model=density.model,
        signal=density.signal,
        space=density.space,
        target="digit",
        protocol="drawn by hand",
    )
    loaded = load(tmp_path / "model", device="cpu")
    assert float(loaded.log_prob(drawing)) == float(density.log_prob(drawing))
    assert loaded.posterior(drawing).of == ("digit",)
    assert loaded.card["protocol"] == "drawn by hand"
    single = load(tmp_path / "model", device="cpu", dtype=torch.float32)
    wanted = float(density.log_prob(drawing))
    assert float(single.log_prob(drawing)) == pytest.approx(wanted, abs=1e-5)
    assert float(single.log_prob(drawing)) != wanted


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(ModelDirError, match="is not a model: a directory, a bundled model"):
        load(tmp_path / "nothing", device="cpu")


def test_wrong_rates_and_channels_name_the_option_that_allows_them(tmp_path):
    density = sounds()
    fast = write(tmp_path / "fast.wav", 300, rate=2 * RATE)
    pair = write(tmp_path / "pair.wav", 300, channels=2)
    asked = [density.log_prob, density.posterior, lambda f, **o: density.complete(f, 1, **o)]
    for ask in asked:
        with pytest.raises(ValueError, match=r"fast\.wav: .*1000 Hz; got 2000.*--resample"):
            ask(fast)
        with pytest.raises(ValueError, match=r"pair\.wav: needs one channel; got 2.*--mono"):
            ask(pair)
        with pytest.raises(FileNotFoundError, match=r"gone\.wav: no such sound file"):
            ask(tmp_path / "gone.wav")
    assert density.log_prob(fast, resample=True).num_symbols == 150
    assert density.log_prob(pair, mono=True).num_symbols == 300
    with pytest.raises(ValueError, match=r"fast\.wav: .*--resample"):
        density.log_prob([write(tmp_path / "good.wav", 9), fast])


def test_pictures_of_another_size_are_refused_by_name(tmp_path):
    Image.fromarray(image([1, 0], [0, 1])).save(tmp_path / "small.png")
    with pytest.raises(ValueError, match=r"small\.png: the image needs 2 rows of 3 pixels; got 2"):
        pictures().log_prob(tmp_path / "small.png")
    with pytest.raises(ValueError, match=r"images need shape \(\.\.\., 2, 3\); got \(2, 2\)"):
        pictures().log_prob(image([1, 0], [0, 1]))


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda d, f: d.log_prob([f, f], per_symbol="f.npy"), "per_symbol needs one file"),
        (lambda d, f: d.log_prob(f, per_symbol="f.csv"), r"f\.csv: .* ends in \.npy"),
        (lambda d, f: d.log_prob([]), "at least one file; got an empty list"),
        (lambda d, f: d.log_prob(np.zeros(9), start=1.0), "start tell how files are read"),
        (lambda d, f: d.log_prob(f, given={"speaker": "cid"}), "no speaker 'cid'; it knows ann"),
        (lambda d, f: d.posterior(f, of="hue"), "no factor 'hue'; it has speaker, digit"),
        (lambda d, f: d.posterior(f, prior={"speaker": [0.5, 0.6]}), "needs to sum to 1"),
        (lambda d, f: d.sample(2), "length is needed"),
        (lambda d, f: d.sample(2, length=3, seconds=1.0), "seconds are for sounds, instead of a"),
        (lambda d, f: d.sample(0, length=3), "count needs to be at least 1; got 0"),
        (lambda d, f: d.sample(1, length=3, temperature=-1.0), "temperature needs to be 0, for"),
        (lambda d, f: d.complete([f, f], 2), "is about one signal; got 2"),
        (lambda d, f: d.complete(np.zeros((3, 9)), 2), "is about one signal; got 3"),
        (lambda d, f: d.complete(f, 2, keep=401), r"keep needs to lie within 0\.\.400.*got 401"),
        (lambda d, f: d.complete(f, 2, keep=-1), r"keep needs to lie within 0\.\.400.*got -1"),
        (lambda d, f: d.complete(f, 2, keep_seconds=0.5), r"within 0\.\.400, the signal; got 500"),
        (lambda d, f: d.complete(f, 2), "length is needed"),
        (lambda d, f: d.complete(f, 2, length=399), "needs to be at least 400; got 399"),
    ],
)
def test_questions_that_make_no_sense_are_refused(clip, ask, message):
    with pytest.raises(ValueError, match=message):
        ask(sounds(), clip)


def test_seconds_and_reading_options_are_for_sounds(drawing):
    with pytest.raises(ValueError, match=r"seconds are for sounds.*this is a picture"):
        pictures().sample(1, seconds=1.0)
    with pytest.raises(ValueError, match=r"seconds are for sounds.*this is a picture"):
        pictures().complete(drawing, 1, keep_seconds=0.1)
    for ask in (pictures().log_prob, pictures().posterior):
        with pytest.raises(ValueError, match="stop tell how sounds are read; this is a picture"):
            ask(drawing, stop=1.0)


def test_a_plain_file_is_scored_too(tmp_path):
    np.save(tmp_path / "symbols.npy", np.array([0, 2, 1, 1]))
    density = Density(
        model=wavenet(3, ()), signal=Plain(3), space=ConditionSpace({}), target=None, card={}
    )
    wanted = scoring.log_factors(density.model, torch.tensor([[0, 2, 1, 1]]), torch.tensor([0]))
    assert float(density.log_prob(tmp_path / "symbols.npy")) == pytest.approx(float(wanted.sum()))
    assert density.posterior(tmp_path / "symbols.npy").value.tolist() == [0]


MEASURE = """
import resource, sys
import torch
from autoreg.density import load
torch.set_num_threads(1)
answer = load(sys.argv[1], device="cpu").log_prob(sys.argv[2], per_symbol=sys.argv[3])
print(int(answer.num_symbols), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_ten_minutes_of_sound_take_the_memory_of_one(tmp_path):
    rate = 8000
    modeldir.save(
        tmp_path / "model",
        model=wavenet(16, (2,)).float(),
        signal=Sound(rate, MuLaw(16)),
        space=ConditionSpace({"speaker": ("ann", "bob")}),
    )
    held = {}
    for minutes in (1, 10):
        path = write(tmp_path / f"{minutes}.wav", 60 * minutes * rate, rate=rate)
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, tmp_path / "model", path, tmp_path / "factors.npy"],
            capture_output=True,
            text=True,
            check=True,
        )
        count, held[minutes] = map(int, done.stdout.split())
        assert count == 60 * minutes * rate
    assert held[10] < 1.2 * held[1], held


def all_pictures(density, given=None):
    """Return every picture (64, 2, 3) as pixels 0 or 1, and log p(digit, picture) (64, 3)."""
    codes = every(2, 6)
    joint = torch.stack(
        [
            scoring.log_factors(density.model, codes, torch.full((64,), digit)).sum(1)
            for digit in range(3)
        ],
        1,
    )
    return density.signal.decode(codes) // 255, joint + density.space.log_prior(given=given)


HIDDEN = np.array([[0, 1, 0], [1, 1, 0]], dtype=bool)


@pytest.mark.parametrize("kind", ["raster", "serpentine", "column", "reversed"])
def test_what_is_seen_of_a_picture_is_meant_in_its_own_coordinates(drawing, kind):
    density = pictures(kind)
    pixels, joint = all_pictures(density)
    fits = (pixels == torch.from_numpy(SMILE // 255)).logical_or(torch.from_numpy(HIDDEN))
    joint = joint[fits.all(-1).all(-1)]
    assert len(joint) == 8
    answer = density.posterior(drawing, hidden=HIDDEN)
    assert answer.kind == "exact"
    wanted = joint.logsumexp(0) - joint.flatten().logsumexp(0)
    assert answer.value.tolist() == pytest.approx(wanted.tolist(), abs=1e-9)
    known = density.evidence(SMILE, hidden=HIDDEN)
    assert torch.equal(density.posterior(evidence=known).value, answer.value)
    draws = density.infill(drawing, hidden=HIDDEN, draws=16, generator=torch.Generator())
    assert bool((draws.decode() == torch.from_numpy(SMILE))[:, ~torch.from_numpy(HIDDEN)].all())
    assert float(draws.log_evidence) == pytest.approx(float(joint.flatten().logsumexp(0)))
    same = density.infill(evidence=known, draws=16, generator=torch.Generator())
    assert torch.equal(draws.symbols, same.symbols)


def test_a_range_of_grey_levels_is_a_set_of_symbols():
    density = pictures()
    pixels, joint = all_pictures(density, {"digit": 1})
    white = density.evidence(ranges=[((0, slice(None)), 128, 255)], given={"digit": 1})
    wanted = joint[pixels[:, 0].bool().all(-1)].flatten().logsumexp(0)
    assert float(density.probability(white)) == pytest.approx(float(wanted), abs=1e-9)
    same = density.evidence(symbols=[((0, slice(None)), [1])], given={"digit": 1})
    assert same == white


def test_every_question_of_a_density_is_the_question_of_its_model():
    density, chance = pictures(), torch.Generator
    model, known = density.model, density.evidence(SMILE, hidden=HIDDEN)
    some = Event.hit([1], 2)
    pairs = [
        (density.marginals(known), ar.marginals(model, known)),
        (density.probability(some, known), ar.probability(model, some, known)),
        (density.hitting([1], known), ar.hitting(model, [1], known)),
        (density.entropy(known), ar.entropy(model, known)),
        (density.information(known), ar.information(model, known, density.space)),
        (density.argmax(known), ar.argmax(model, known, density.space)),
        (density.learning_curve(), ar.learning_curve(model, 6, density.space)),
        (
            density.divergence({"digit": 0}, {"digit": 1}, other=density),
            ar.divergence(
                model,
                density.evidence(given={"digit": 0}),
                density.evidence(given={"digit": 1}),
            ),
        ),
        (
            density.entropy(known, method="particles", generator=chance()),
            ar.entropy(model, known, effort=Effort(method="particles"), generator=chance()),
        ),
    ]
    for ours, theirs in pairs:
        assert torch.equal(ours.value, theirs.value)
        assert (ours.kind, ours.method) == (theirs.kind, theirs.method)
    gap = density.certify(HIDDEN, count=2, generator=chance())
    seen = ~density.signal.where(HIDDEN, 6)
    same = ar.certify(model, seen, count=2, generator=chance())
    assert torch.equal(gap.value, same.value)
    labels = density.entropy(known, of="digit")
    probs = density.posterior(evidence=known).probs
    assert float(labels) == pytest.approx(float(-(probs * probs.log()).sum()))
    assert density.explain(known, some) == ar.explain(model, known, some)
    assert float(density.ask("log P(x | digit=1)", x=SMILE)) == pytest.approx(
        float(density.log_prob(SMILE, given={"digit": 1}))
    )
    view = density.distribution(given={"digit": 1})
    symbols = density.signal.encode(SMILE).long()
    assert float(view.log_prob(symbols)) == pytest.approx(
        float(density.log_prob(SMILE, given={"digit": 1}))
    )


def test_surprise_odds_and_decisions_are_about_one_signal(drawing):
    density = pictures()
    whole = density.log_prob(drawing)
    assert float(-density.surprise(drawing).value.sum()) == pytest.approx(float(whole))
    odds = density.log_odds(drawing, {"digit": 0}, {"digit": 2})
    apart = [float(density.log_prob(drawing, given={"digit": digit})) for digit in (0, 2)]
    assert float(odds) == pytest.approx(apart[0] - apart[1])
    prefixes = density.posterior(drawing, every_prefix=True).probs.amax(-1)
    early = density.decide(drawing, threshold=float(prefixes[3]))
    first = int((prefixes >= float(prefixes[3])).int().argmax())
    assert int(early.num_symbols) == first
    assert float(early.probs.max()) == pytest.approx(float(prefixes[first]))


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda d: d.posterior(), "either signals or evidence"),
        (lambda d: d.posterior(SMILE, evidence=d.evidence()), "either signals or evidence"),
        (lambda d: d.posterior(SMILE, hidden=HIDDEN, every_prefix=True), "nothing is hidden"),
        (lambda d: d.posterior([SMILE, SMILE], hidden=HIDDEN), "hidden needs one signal; got 2"),
        (lambda d: d.infill(SMILE, evidence=d.evidence()), "what of it is hidden, or evidence"),
        (lambda d: d.surprise(np.stack([SMILE] * 3)), "is about one signal; got 3"),
        (lambda d: d.marginals(d.evidence(), method="magic"), "method needs one of enumeration"),
        (lambda d: d.divergence({}, {}, other=sounds()), "densities of the same signals"),
        (lambda d: d.evidence(given={"digit": 9}), "no digit '9'"),
    ],
)
def test_questions_about_parts_that_make_no_sense_are_refused(ask, message):
    with pytest.raises(ValueError, match=message):
        ask(pictures())


def test_sounds_are_hidden_by_the_second():
    density = sounds()
    noise = np.random.default_rng(0).uniform(-0.9, 0.9, 12)
    known = density.evidence(noise, hidden=Seconds(0.004, 0.006), given={"speaker": "ann"})
    assert known.hidden.tolist() == [4, 5]
    within = density.evidence(
        noise,
        hidden=Seconds(0.004, 0.006),
        ranges=[(Seconds(0.004, 0.006), -0.1, 0.1)],
        given={"speaker": "ann"},
    )
    inside = density.probability(within, known)
    assert inside.kind == "exact"
    draws = density.infill(evidence=known, draws=4000, generator=torch.Generator())
    near = (draws.decode()[:, 4:6].abs() <= 0.1).all(1).double().mean()
    error = float((inside.value.exp() * (1 - inside.value.exp()) / 4000).sqrt())
    assert abs(float(near) - float(inside.value.exp())) < 5 * error
    for ask in (density.learning_curve, lambda: density.certify(Seconds(0.004, 0.006))):
        with pytest.raises(ValueError, match="length is needed"):
            ask()


@pytest.fixture(scope="module")
def told():
    """A density over sounds that features of 4 ms accompany, and features of 20 ms of sound."""
    with torch.random.fork_rng(devices=[]):
        model = WaveNet(
            16,
            conditions=SPACE.sizes,
            residual=4,
            skip=6,
            hidden=5,
            condition_width=3,
            dilations=[1, 2],
            num_features=2,
            hop=4,
            upsampling="learned",
        )
    model = randomise(model.double(), torch.Generator().manual_seed(0))
    frames = torch.randn(5, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return sounds(model=model.requires_grad_(requires_grad=False).eval()), frames


def test_whatever_is_asked_is_asked_given_the_features_that_accompany_a_signal(told, tmp_path):
    density, frames = told
    known, model = density.with_local(frames), density.model.with_features(frames[None])
    wave = torch.rand(18, generator=torch.Generator().manual_seed(2)).double() - 0.5
    symbols = known.encode(wave)[0]
    every = scoring.log_factors(model, symbols.expand(6, -1), torch.arange(6)).sum(1)
    joint = every + SPACE.log_prior()
    assert known.log_prob(wave).value == pytest.approx(float(joint.logsumexp(0)), abs=1e-10)
    found = known.posterior(wave, of=SPACE.names).value
    assert torch.allclose(found, joint.log_softmax(0), rtol=0, atol=1e-10)
    assert not torch.allclose(found, density.with_local(-frames).posterior(wave).value[0])
    generator = torch.Generator().manual_seed(3)
    assert known.sample(3, generator=generator).symbols.shape == (3, 20)
    completed = known.complete(wave, 2, keep=5, generator=generator)
    assert torch.equal(completed.symbols[:, :5], symbols[:, :5].expand(2, -1))
    beginning = known.log_prob(wave[:5]).value
    assert completed.log_evidence.value == pytest.approx(float(beginning), abs=1e-10)
    filled = known.infill(wave, hidden=slice(17, 18), draws=4, generator=generator)
    assert torch.equal(filled.symbols[:, :17], symbols[:, :17].expand(4, -1))
    np.save(tmp_path / "frames.npy", frames.numpy())
    again = density.with_local(tmp_path / "frames.npy").log_prob(wave).value
    assert again == pytest.approx(float(joint.logsumexp(0)), abs=1e-5)  # float32 on disk


def test_features_begin_with_the_file_wherever_reading_starts(told, tmp_path):
    """What is read from a start on is what comes after a beginning that nothing depends on."""
    density, frames = told
    wave = np.linspace(-0.5, 0.5, 20)
    soundfile.write(tmp_path / "clip.wav", wave, RATE, subtype="DOUBLE")
    found = density.with_local(frames, start=0.006).log_prob(tmp_path / "clip.wav", start=0.006)
    model = density.model.with_features(frames[None], phase=torch.tensor([6]))
    symbols = density.encode(wave[6:])[0].expand(6, -1)
    wanted = scoring.log_factors(model, symbols, torch.arange(6)).sum(1) + SPACE.log_prior()
    assert found.value == pytest.approx(float(wanted.logsumexp(0)), abs=1e-10)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda told: told[0].log_prob(torch.zeros(3)), "needs the features that accompany a sig"),
        (lambda told: sounds().with_local(told[1]), "a model trained with features at a hop"),
        (lambda told: told[0].with_local(told[1][0]), r"shape \(N, F\); got .* of shape \(2,\)"),
        (lambda told: told[0].with_local(told[1] / 0), "need finite floating numbers"),
        (lambda told: told[0].with_local(told[1][:, :1]), r"bank \(rows, T, 2\); got \(1, 5, 1"),
        (lambda told: told[0].with_local(told[1], start=1.0), "phase needs samples within 0..19"),
        (
            lambda told: told[0].with_local(told[1]).log_prob(torch.zeros(21)),
            "the model knows sequences of 20 symbols; got 21",
        ),
        (lambda told: told[0].with_local(told[1]).sample(1, length=21), "of 20 symbols; got 21"),
        (
            lambda told: replace(told[0], signal=Plain(16)).with_local(told[1], start=1.0),
            "start is for sounds; this is a plain",
        ),
    ],
)
def test_features_that_accompany_nothing_are_refused(told, ask, message):
    with pytest.raises(ValueError, match=message):
        ask(told)
