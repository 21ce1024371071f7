"""What a sound reads is what it encodes, and what it writes it reads."""

import itertools

import numpy as np
import pytest
import soundfile
import soxr
import torch
from hypothesis import given
from hypothesis import strategies as st

from autoreg.codecs import Linear, MuLaw, Sashimi, Threshold
from autoreg.data.region import Seconds
from autoreg.data.signal import Signal, signal_from_config
from autoreg.data.sound import Sound, named_codec, range_gain

RATE = 8000


@pytest.fixture
def noise():
    return 0.3 * np.random.default_rng(0).uniform(-1, 1, RATE)


@pytest.fixture
def path(tmp_path, noise):
    soundfile.write(tmp_path / "noise.wav", noise, RATE, subtype="DOUBLE")
    return tmp_path / "noise.wav"


@pytest.mark.parametrize("gain", ["recorded", "peak", "range"])
@pytest.mark.parametrize("codec", [MuLaw(), MuLaw(1024), Linear(65536), Sashimi()])
def test_reading_equals_encoding_what_the_file_holds(path, noise, gain, codec):
    sound = Sound(RATE, codec, gain)
    symbols = sound.read(path)
    assert torch.equal(symbols, sound.encode(noise))
    assert symbols.dtype == (torch.uint8 if codec.num_symbols <= 256 else torch.int32)


@pytest.mark.parametrize("gain", ["recorded", "peak", "range"])
def test_blocks_end_to_end_are_the_clip(path, gain):
    sound = Sound(RATE, MuLaw(), gain)
    blocks = list(sound.blocks(path, block=300))
    assert {len(block) for block in blocks} == {300, RATE % 300}
    assert torch.equal(torch.cat(blocks), sound.read(path))


def test_companding_comes_after_mixing_and_resampling(tmp_path, noise):
    pair = np.stack([noise, -0.5 * noise[::-1]], axis=1)
    soundfile.write(tmp_path / "pair.wav", pair, RATE, subtype="DOUBLE")
    symbols = Sound(5000, MuLaw()).read(tmp_path / "pair.wav", mono=True, resample=True)
    assert torch.equal(
        symbols, MuLaw().encode(torch.from_numpy(soxr.resample(pair.mean(axis=1), RATE, 5000)))
    )


def test_peak_gain_makes_a_quiet_copy_and_a_loud_one_equal(tmp_path, noise):
    sound = Sound(RATE, MuLaw(), "peak")
    clips = []
    for name, factor in (("quiet.wav", 2**-6), ("loud.wav", 2)):
        soundfile.write(tmp_path / name, factor * noise, RATE, subtype="DOUBLE")
        clips.append(sound.read(tmp_path / name))
    assert torch.equal(*clips)
    assert clips[0].min() == 0 or clips[0].max() == 255


def test_peak_gain_of_a_piece_is_that_of_the_piece(path, noise):
    sound = Sound(RATE, MuLaw(), "peak")
    piece = sound.read(path, start=0.25, stop=0.5)
    assert torch.equal(piece, sound.encode(noise[2000:4000]))
    assert not torch.equal(piece, sound.read(path)[2000:4000])


def test_peak_gain_is_by_row_and_leaves_silence_as_it_is():
    waves = torch.tensor([[0.0, 0.5], [0.0, 0.0], [-2.0, 0.0]])
    symbols = Sound(RATE, Linear(3), "peak").encode(waves)
    assert symbols.tolist() == [[1, 2], [1, 1], [0, 1]]


def test_range_gain_makes_a_copy_of_any_loudness_and_offset_equal(noise):
    wave = np.round(noise * 2**12) / 2**12  # sums and multiples are exact
    sound = Sound(RATE, Sashimi(), "range")
    symbols = sound.encode(wave)
    assert (int(symbols.min()), int(symbols.max())) == (0, 255)
    shifted = sound.encode(0.25 + 0.5 * wave)
    # Half as wide a range counts its millionth twice, which moves 1e-6 of 256 levels at the
    # edges, companded 46 times as steeply at silence: one sample in a hundred at the very most.
    assert float((symbols != shifted).double().mean()) < 1e-2
    assert torch.equal(symbols, sound.encode(wave + 0.25))


def test_range_gain_is_by_row_from_the_least_to_the_greatest():
    waves = torch.tensor([[0.0, 0.5, 0.25], [-0.1, 0.3, 0.1]], dtype=torch.float64)
    sound = Sound(RATE, Linear(3), "range")
    assert sound.encode(waves).tolist() == [[0, 2, 1], [0, 2, 1]]
    exact = range_gain(waves[0], 0.0, 0.5)
    assert exact.tolist() == pytest.approx([-1.0, 1 - 2e-6 / 0.500001, -1e-6 / 0.500001])


def test_what_is_constant_is_the_least_symbol_by_range_gain(tmp_path):
    soundfile.write(tmp_path / "constant.wav", np.full(5, 0.25), RATE)
    sound = Sound(RATE, Sashimi(), "range")
    assert sound.read(tmp_path / "constant.wav").tolist() == [0] * 5
    assert sound.encode(torch.full((2, 3), -0.5)).tolist() == [[0] * 3] * 2


def test_nothing_that_is_no_number_gets_through_a_range_gain():
    with pytest.raises(ValueError, match="1 NaN or infinite of 3, the first at 2"):
        Sound(RATE, Sashimi(), "range").encode(torch.tensor([0.1, 0.5, float("nan")]))


def test_sixteen_bit_files_are_the_linear_codec_sample_by_sample(tmp_path):
    samples = np.arange(-(2**15), 2**15, 7, dtype=np.int16)
    soundfile.write(tmp_path / "ramp.wav", samples, RATE)
    codec, gain = named_codec("linear", 2**16)
    sound = Sound(RATE, codec, gain)
    symbols = sound.read(tmp_path / "ramp.wav")
    assert np.array_equal(symbols.numpy(), samples.astype(np.int32) + 2**15)
    sound.write(tmp_path / "again.wav", symbols)
    assert torch.equal(sound.read(tmp_path / "again.wav"), symbols)


@pytest.mark.parametrize(
    ("name", "codec", "gain", "words"),
    [
        ("mulaw", MuLaw(8), "recorded", "mu-law 8, gain recorded"),
        ("linear", Linear(8, -1.0, 0.75), "recorded", "linear 8, gain recorded"),
        ("sashimi", Sashimi(8), "range", "mu-law 8 truncated, gain range, bits per sample as in"),
        ("sashimi-linear", Sashimi(8, "linear"), "range", "linear 8 truncated, gain range, bits"),
    ],
)
def test_codecs_have_names_and_the_gain_that_belongs_to_them(name, codec, gain, words):
    assert named_codec(name, 8) == (codec, gain)
    assert Sound(RATE, codec, gain).in_words().startswith(words)


def test_names_and_gains_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="codec needs one of mulaw, linear, sashimi, sashimi-l"):
        named_codec("opus")
    with pytest.raises(ValueError, match=r"scales each clip by its own range, .* got gain peak"):
        named_codec("sashimi", 256, "peak")
    assert named_codec("mulaw", 256, "range") == (MuLaw(), "range")
    assert "papers" not in Sound(RATE, Sashimi(), "recorded").in_words()
    with pytest.raises(ValueError, match=r"a whole number within 2\.\.65536; got 0"):
        named_codec("linear", 0)


def test_silent_file_is_read_by_peak_gain(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(5), RATE)
    assert Sound(RATE, MuLaw(), "peak").read(tmp_path / "silent.wav").tolist() == [128] * 5


@pytest.mark.parametrize("gain", ["recorded", "peak", "range"])
def test_one_sample_is_a_clip(tmp_path, gain):
    soundfile.write(tmp_path / "one.wav", np.array([0.5]), RATE)
    assert len(Sound(RATE, MuLaw(), gain).read(tmp_path / "one.wav")) == 1


@pytest.mark.parametrize("gain", ["recorded", "peak", "range"])
@pytest.mark.parametrize("shape", [(0,), (0, 5), (3, 0)])
def test_no_samples_are_no_symbols(gain, shape):
    assert Sound(RATE, MuLaw(), gain).encode(torch.zeros(shape)).shape == shape


@pytest.mark.parametrize("name", ["all.wav", "all.flac"])
def test_every_symbol_survives_a_file(tmp_path, name):
    sound = Sound(RATE, MuLaw())
    symbols = torch.arange(256, dtype=torch.uint8)
    sound.write(tmp_path / name, symbols)
    assert torch.equal(sound.read(tmp_path / name), symbols)


def test_draws_are_written_with_a_quarter_second_between_them(tmp_path):
    sound = Sound(RATE, Linear(3))
    draws = torch.tensor([[2, 0, 2], [0, 0, 0], [2, 2, 2]])
    sound.write(tmp_path / "draws.wav", draws)
    pause = [1] * (RATE // 4)
    expected = [2, 0, 2, *pause, 0, 0, 0, *pause, 2, 2, 2]
    assert sound.read(tmp_path / "draws.wav").tolist() == expected


def test_sound_is_a_signal_and_survives_its_config():
    sounds = (
        Sound(RATE, MuLaw()),
        Sound(44100, Linear(512), "peak"),
        Sound(9, Sashimi(), "range"),
    )
    for sound in sounds:
        assert isinstance(sound, Signal)
        assert signal_from_config(sound.config()) == sound
        assert (sound.num_symbols, sound.length) == (sound.codec.num_symbols, None)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            {"codec": Threshold().config()},
            "a sound needs a codec mulaw, linear or sashimi; got .*threshold",
        ),
        ({"sample_rate": 0}, "sample_rate needs a whole number of Hz above 0; got 0"),
        ({"sample_rate": "8000"}, "got '8000'"),
        ({"sample_rate": True}, "got True"),
        ({"gain": "loud"}, "gain needs one of recorded, peak, range; got 'loud'"),
        ({"gain": ["peak"]}, "gain needs one of recorded, peak"),
        ({"tempo": 1}, "needs the keys codec, gain, kind, sample_rate; got .*tempo"),
    ],
)
def test_config_of_no_sound_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        signal_from_config({**Sound(RATE, MuLaw()).config(), **change})


def test_values_that_are_no_amplitudes_are_refused():
    with pytest.raises(TypeError, match=r"need a floating point type; got torch\.int16"):
        Sound(RATE, MuLaw(), "peak").encode(torch.tensor([3, 4], dtype=torch.int16))
    with pytest.raises(ValueError, match="1 NaN or infinite of 2, the first at 1"):
        Sound(RATE, MuLaw(), "peak").encode(torch.tensor([0.5, float("nan")]))


@pytest.mark.parametrize("name", ["out", "out.xyz", "nowhere/out.wav"])
def test_file_that_cannot_be_written_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"a folder that exists and a name ending in \.wav, "):
        Sound(RATE, MuLaw()).write(tmp_path / name, torch.zeros(4, dtype=torch.int64))
    assert list(tmp_path.iterdir()) == []


def test_symbols_that_do_not_exist_leave_no_file(tmp_path):
    with pytest.raises(ValueError, match=r"within 0\.\.255; got 0\.\.256"):
        Sound(RATE, MuLaw()).write(tmp_path / "out.wav", torch.tensor([0, 256]))
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.floats(0, 1), min_size=2, max_size=6).map(sorted))
def test_pieces_that_meet_in_time_share_no_sample_and_leave_none_out(cuts):
    ends = [None, *cuts, None]
    pieces = [Seconds(*pair) for pair in itertools.pairwise(ends)]
    covered = sum(Sound(RATE, MuLaw()).where(piece, RATE).int() for piece in pieces)
    assert (covered == 1).all()


def test_a_piece_covers_the_samples_that_reading_it_gives(path):
    sound = Sound(RATE, MuLaw())
    for start, stop in ((0.1, 0.25), (0.10004, 0.2501), (0.0, 0.00007)):
        covered = sound.where(Seconds(start, stop), RATE)
        assert torch.equal(sound.read(path)[covered], sound.read(path, start=start, stop=stop))


def test_seconds_below_zero_count_from_the_end():
    covered = Sound(RATE, MuLaw()).where(Seconds(-0.001), 100)
    assert covered.nonzero()[:, 0].tolist() == list(range(92, 100))


@pytest.mark.parametrize("ends", [(0.0, 0.0126), (-1.0, None), (2.0, None)])
def test_seconds_beyond_the_sound_are_refused_with_how_long_it_lasts(ends):
    with pytest.raises(ValueError, match=r"Seconds within 0\.0125 s, or .*; got Seconds\(start"):
        Sound(RATE, MuLaw()).where(Seconds(*ends), 100)


def test_a_range_of_amplitudes_is_that_of_the_codec():
    assert Sound(RATE, Linear(5), "peak").between(-0.5, 0.6) == (1, 3)
