"""A density says of files and arrays what the queries say of their symbols."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch

import autoreg as ar
from autoreg import modeldir, scoring
from autoreg.codecs.mulaw import MuLaw
from autoreg.codecs.pixels import Threshold
from autoreg.codecs.scan import Scan
from autoreg.data.picture import Picture
from autoreg.data.sound import Sound
from autoreg.density import Density
from autoreg.models.wavenet import WaveNet
from autoreg.queries import likelihood
from autoreg.queries import posterior as bayes

RATE = 1000
SPEAKERS = ar.ConditionSpace({"speaker": ("ann", "bob"), "digit": ("0", "1")}, [1, 2, 3, 4])
DIGITS = ar.ConditionSpace({"digit": ("0", "1", "2")})


def wavenet(num_symbols, **settings):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = WaveNet(num_symbols, residual=4, skip=5, hidden=6, condition_width=3, **settings)
        for parameter in model.parameters():
            parameter.data.normal_(0, 0.5)
    return model.double().eval()


@pytest.fixture
def speakers():
    model = wavenet(16, dilations=[1, 2, 4], conditions=(2, 2))
    sound = Sound(RATE, MuLaw(16))
    return Density(model=model, signal=sound, space=SPEAKERS, target="speaker", card={})


@pytest.fixture(params=["raster", "serpentine", "column", "reversed"])
def pictures(request):
    scan = Scan(request.param, 2, 3)
    model = wavenet(2, dilations=[1, 3], conditions=(3,), num_features=5)
    model = model.with_features(scan.features()[None])
    signal = Picture(Threshold(), scan)
    return Density(model=model, signal=signal, space=DIGITS, target="digit", card={})


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.wav"
    wave = np.random.default_rng(0).uniform(-0.8, 0.8, 700)
    soundfile.write(path, wave, RATE)
    return path


def test_a_file_read_in_pieces_is_scored_as_its_symbols_at_once(speakers, clip):
    symbols = speakers.signal.read(clip).long()[None]
    whole = likelihood.log_prob(speakers.model, symbols, SPEAKERS, given={"speaker": "bob"})
    tiny = Density(**{**vars(speakers), "memory": 4 * 7 * speakers.model.floats_per_symbol})
    answer = tiny.log_prob(clip, given={"speaker": "bob"})
    assert answer.value.shape == ()
    assert answer.kind == "exact"
    torch.testing.assert_close(answer.value, whole.value[0], rtol=0, atol=1e-9)
    torch.testing.assert_close(answer.bits_per_symbol, whole.bits_per_symbol[0])


def test_per_symbol_values_add_up_to_the_answer_and_are_those_of_the_mixture(
    speakers, clip, tmp_path
):
    answer = speakers.log_prob(clip, per_symbol=tmp_path / "f.npy")
    found = torch.from_numpy(np.load(tmp_path / "f.npy"))
    assert len(found) == int(answer.num_symbols) == 700
    assert abs(float(found.sum() - answer.value)) < 1e-9
    symbols = speakers.signal.read(clip).long()[None]
    for length in (1, 2, 350):
        prefix = likelihood.log_prob(speakers.model, symbols[:, :length], SPEAKERS)
        assert abs(float(found[:length].sum() - prefix.value)) < 1e-9


def test_per_symbol_values_are_of_one_file(speakers, clip, tmp_path):
    with pytest.raises(ValueError, match="per_symbol needs one file"):
        speakers.log_prob([clip], per_symbol=tmp_path / "f.npy")


def test_several_files_of_unequal_length_are_scored_each_as_alone(speakers, clip, tmp_path):
    short = tmp_path / "short.wav"
    soundfile.write(short, soundfile.read(clip)[0][:90], RATE)
    both = speakers.posterior([clip, short])
    assert both.value.shape == (2, 2)
    for row, path in enumerate([clip, short]):
        alone = speakers.posterior(path)
        assert alone.value.shape == (2,)
        torch.testing.assert_close(both.value[row], alone.value, rtol=0, atol=1e-9)
        torch.testing.assert_close(both.log_evidence[row], speakers.log_prob(path).value)


def test_the_target_is_asked_for_unless_told(speakers, clip):
    assert speakers.posterior(clip).of == ("speaker",)
    assert speakers.posterior(clip, of=("digit", "speaker")).labels[1] == "0/bob"
    progress = speakers.posterior(clip, every_prefix=True)
    assert progress.value.shape == (701, 2)
    torch.testing.assert_close(progress.value[-1], speakers.posterior(clip).value)


def test_a_piece_of_a_file_is_the_piece_of_its_symbols(speakers, clip):
    piece = speakers.log_prob(clip, start=0.1, stop=0.25, given={"speaker": "ann", "digit": 1})
    symbols = speakers.signal.read(clip).long()[None, 100:250]
    factors = scoring.log_factors(speakers.model, symbols, torch.tensor([1]))
    assert abs(float(piece.value - factors.detach().sum())) < 1e-9


def test_rate_and_channels_that_differ_name_the_way_out(speakers, tmp_path):
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, (800, 2))
    soundfile.write(tmp_path / "fast.wav", wave[:, 0], 2 * RATE)
    soundfile.write(tmp_path / "stereo.wav", wave, RATE)
    with pytest.raises(ValueError, match=r"fast\.wav.*2000.*--resample"):
        speakers.log_prob(tmp_path / "fast.wav")
    with pytest.raises(ValueError, match=r"stereo\.wav.*--mono"):
        speakers.posterior(tmp_path / "stereo.wav")
    assert speakers.log_prob(tmp_path / "fast.wav", resample=True).num_symbols == 400
    assert speakers.log_prob(tmp_path / "stereo.wav", mono=True).num_symbols == 800


def test_how_files_are_read_means_nothing_to_arrays_and_pictures(speakers, pictures):
    with pytest.raises(ValueError, match="mono tell how files are read; got an array"):
        speakers.log_prob(torch.zeros(5), mono=True)
    with pytest.raises(ValueError, match="start tell how sounds are read; this is a picture"):
        pictures.log_prob("image.png", start=0.1)


def test_every_question_follows_the_scan(pictures):
    image = torch.tensor([[0, 255, 0], [255, 255, 0]], dtype=torch.uint8)
    symbols = pictures.signal.scan.unroll((image > 127).long())[None]
    answer = pictures.posterior(image)
    expected = bayes.posterior(pictures.model, symbols, DIGITS)
    torch.testing.assert_close(answer.value, expected.value[0], rtol=0, atol=1e-12)
    generator = torch.Generator().manual_seed(0)
    draws = pictures.complete(image, 5, keep=4, generator=generator)
    kept = torch.zeros(6, dtype=torch.bool)
    kept[pictures.signal.scan.order[:4]] = True
    assert bool((draws.decode() == image)[:, kept.reshape(2, 3)].all())
    assert draws.log_evidence is not None
    assert draws.log_evidence.kind == "exact"


def test_draws_of_a_density_can_be_saved_and_read_back(pictures, speakers, tmp_path):
    generator = torch.Generator().manual_seed(0)
    draws = pictures.sample(1, given={"digit": 2}, generator=generator)
    assert draws.labels == ({"digit": "2"},)
    pictures.signal.write(tmp_path / "one.png", draws.symbols[0])
    assert torch.equal(pictures.signal.read(tmp_path / "one.png").long(), draws.symbols[0])
    spoken = speakers.sample(2, seconds=0.05, generator=generator)
    spoken.save(tmp_path / "out.wav")
    assert spoken.symbols.shape == (2, 50)
    assert soundfile.info(tmp_path / "out.wav").frames == 2 * 50 + RATE // 4


def test_a_completion_is_as_long_as_the_clip_or_as_asked(speakers, clip):
    generator = torch.Generator().manual_seed(0)
    wave = speakers.signal.decode(speakers.signal.read(clip))[:20]
    assert speakers.complete(wave, 1, keep=15, generator=generator).symbols.shape == (1, 20)
    longer = speakers.complete(wave, 2, seconds=0.03, generator=generator)
    assert longer.symbols.shape == (2, 30)
    assert torch.equal(longer.symbols[0, :20], speakers.signal.encode(wave).long())
    with pytest.raises(ValueError, match=r"keep needs to lie within 0\.\.20, the signal; got 21"):
        speakers.complete(wave, 1, keep=21)
    with pytest.raises(ValueError, match="complete needs one signal; got 2"):
        speakers.complete(wave.reshape(2, 10), 1)
    with pytest.raises(ValueError, match="length is needed"):
        speakers.complete(wave, 1)


def test_seconds_are_for_sounds(pictures):
    with pytest.raises(ValueError, match=r"seconds are for sounds.*this is a picture"):
        pictures.sample(1, seconds=1.0)


def test_a_saved_density_loads_and_answers_alike(speakers, clip, tmp_path):
    modeldir.save(
        tmp_path / "m",
        model=speakers.model,
        signal=speakers.signal,
        space=SPEAKERS,
        target="digit",
    )
    loaded = ar.load(tmp_path / "m", device="cpu")
    assert loaded.target == "digit"
    ours = speakers.log_prob(clip, prior="training")
    torch.testing.assert_close(loaded.log_prob(clip, prior="training").value, ours.value)
    narrow = ar.load(tmp_path / "m", device="cpu", dtype=torch.float32).log_prob(clip)
    assert narrow.value.dtype == torch.float64
    assert abs(float(narrow.value - speakers.log_prob(clip).value)) < 1e-3


def test_no_file_at_all_is_refused(speakers):
    with pytest.raises(ValueError, match="signals needs at least one file; got an empty list"):
        speakers.posterior([])


@pytest.mark.gpu
def test_a_gpu_answers_as_the_cpu_does(tmp_path):
    density = ar.load("digits", device="cpu")
    draws = density.sample(4, generator=torch.Generator().manual_seed(0)).decode()
    there = ar.load("digits", device="cuda")
    for ours, theirs in (
        (density.log_prob(draws).value, there.log_prob(draws).value),
        (density.posterior(draws).value, there.posterior(draws).value),
    ):
        torch.testing.assert_close(ours, theirs.cpu(), rtol=0, atol=1e-3)


MEMORY = """
import resource, sys
import autoreg as ar
density = ar.load(sys.argv[1], device="cpu")
density.log_prob(sys.argv[2], given={"speaker": "ann", "digit": 0})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_ten_minutes_take_the_memory_of_one(tmp_path):
    model = wavenet(16, dilations=[1, 2, 4], conditions=(2, 2)).float()
    modeldir.save(tmp_path / "m", model=model, signal=Sound(RATE, MuLaw(16)), space=SPEAKERS)
    peaks = []
    for minutes in (1, 10):
        path = tmp_path / f"{minutes}.wav"
        wave = np.random.default_rng(0).uniform(-0.5, 0.5, minutes * 60 * RATE)
        soundfile.write(path, wave, RATE)
        command = [sys.executable, "-c", MEMORY, str(tmp_path / "m"), str(path)]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(ran.stdout))
    assert peaks[1] < 1.2 * peaks[0]
