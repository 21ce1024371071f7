"""Blocks are the file, whatever their size, rate, depth or format; bad files are named."""

import tracemalloc

import numpy as np
import pytest
import soundfile
import soxr
import torch

from autoreg.data.waves import FORMATS, extremes, peak, read_blocks, read_header

RATE = 16000


@pytest.fixture
def tone():
    """Return three seconds that differ everywhere, within -0.5..0.5."""
    t = np.arange(3 * RATE) / RATE
    return 0.5 * np.sin(2 * np.pi * 200 * t + 30 * t**2)


def read(path, rate=RATE, **reading):
    return torch.cat(list(read_blocks(path, rate, **reading))).numpy()


def test_header_is_read_without_the_samples(tmp_path):
    path = tmp_path / "pair.wav"
    soundfile.write(path, np.full((5, 2), np.nan), 44100, subtype="FLOAT")
    header = read_header(path)
    assert (header.path, header.sample_rate, header.channels) == (path, 44100, 2)


@pytest.mark.parametrize(
    ("name", "subtype", "step"),
    [
        ("a.wav", "PCM_U8", 2**-7),
        ("a.wav", "PCM_16", 2**-15),
        ("a.wav", "PCM_24", 2**-23),
        ("a.wav", "PCM_32", 2**-31),
        ("a.wav", "FLOAT", 2**-24),
        ("a.wav", "DOUBLE", 0),
        ("a.flac", "PCM_16", 2**-15),
        ("a.flac", "PCM_24", 2**-23),
    ],
)
def test_every_depth_is_read_to_within_its_step(tmp_path, tone, name, subtype, step):
    soundfile.write(tmp_path / name, tone, RATE, subtype=subtype)
    assert np.abs(read(tmp_path / name) - tone).max() <= step


@pytest.mark.parametrize("suffix", [".ogg", ".mp3"])
def test_lossy_formats_are_read_as_they_sound(tmp_path, tone, suffix):
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, tone, RATE)
    # Away from the ends, which lossy codecs smear.
    assert np.abs(read(path) - tone)[RATE:-RATE].max() < 0.02


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("block", [700, 4096])
@pytest.mark.parametrize("rate", [RATE, 11025])
def test_block_size_changes_no_sample(tmp_path, tone, suffix, block, rate):
    """soundfile's own blocks of an mp3 are garbled, because it seeks after each."""
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, tone, RATE)
    whole = read(path, rate, resample=True, block=10 * RATE)
    assert np.array_equal(read(path, rate, resample=True, block=block), whole)


@pytest.mark.parametrize("rate", [8000, 11025, 44100])
def test_resampling_in_blocks_equals_resampling_in_one_pass(tmp_path, tone, rate):
    soundfile.write(tmp_path / "a.wav", tone, RATE, subtype="DOUBLE")
    blocks = read(tmp_path / "a.wav", rate, resample=True, block=999)
    assert np.array_equal(blocks, soxr.resample(tone, RATE, rate))


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("rate", [RATE, 11025])
@pytest.mark.parametrize("piece", [(0.0, 0.0), (0.0, 0.7), (0.01, 1.0), (1.3, None), (2.0, 9.0)])
def test_piece_is_that_slice_of_the_whole(tmp_path, tone, suffix, rate, piece):
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, tone, RATE)
    start, stop = piece
    expected = read(path, rate, resample=True)[
        round(start * rate) : None if stop is None else round(stop * rate)
    ]
    found = read(path, rate, resample=True, start=start, stop=stop, block=500)
    assert np.array_equal(found, expected)


def test_mono_is_the_mean_of_the_channels(tmp_path, tone):
    pair = np.stack([tone, 0.2 * tone[::-1]], axis=1)
    soundfile.write(tmp_path / "pair.wav", pair, RATE, subtype="DOUBLE")
    soundfile.write(tmp_path / "one.wav", tone, RATE, subtype="DOUBLE")
    assert np.array_equal(read(tmp_path / "pair.wav", mono=True), pair.mean(axis=1))
    assert np.array_equal(read(tmp_path / "one.wav", mono=True), tone)


def test_peak_is_the_largest_magnitude_over_all_blocks():
    assert peak([torch.tensor([0.1, -0.7]), torch.tensor([]), torch.tensor([0.6])]) == (
        pytest.approx(0.7)
    )
    assert peak([]) == 0


def test_memory_does_not_grow_with_the_length_of_a_file(tmp_path):
    def traced(seconds, **reading):
        path = tmp_path / f"{seconds}.wav"
        soundfile.write(path, np.zeros(seconds * RATE, dtype=np.int16), RATE)
        tracemalloc.start()
        longest = max(
            len(wave) for wave in read_blocks(path, 8000, resample=True, block=4096, **reading)
        )
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return longest, most

    traced(1)  # what the first call allocates for good
    short, long = traced(2), traced(200)
    assert short[0] == long[0] < 4096
    assert long[1] < 1.2 * short[1]
    assert traced(201, start=180.0)[1] < 1.2 * short[1]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such sound file"),
        (b"", r"the file is empty \(0 bytes\)"),
        (b"not a wave, though it ends in .wav\n" * 9, r"can be read \(wav, flac, ogg, mp3\); .+"),
    ],
)
@pytest.mark.parametrize("suffix", FORMATS)
def test_what_is_no_sound_file_is_refused(tmp_path, suffix, content, says):
    path = tmp_path / f"bad{suffix}"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileNotFoundError if content is None else ValueError, match=says) as error:
        read_header(path)
    assert str(path) in str(error.value)


def test_folder_is_no_sound_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such sound file"):
        read_header(tmp_path)


def test_file_without_samples_is_refused(tmp_path):
    soundfile.write(tmp_path / "none.wav", np.zeros(0), RATE)
    with pytest.raises(ValueError, match=r"none\.wav: the file holds no samples"):
        read_header(tmp_path / "none.wav")


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
def test_truncated_file_is_refused(tmp_path, tone, suffix):
    path = tmp_path / f"half{suffix}"
    soundfile.write(path, tone, RATE)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(
        ValueError,
        match=rf"half\{suffix}: (ends after \d+ of|needs a sound file|the file is cut off)",
    ):
        read(path)


@pytest.mark.parametrize("unknown", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_recording_of_a_length_not_known_at_first_is_read_to_its_end(tmp_path, tone, unknown):
    path = tmp_path / "piped.wav"
    soundfile.write(path, tone, RATE)
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    for place in (4, at):
        content[place : place + 4] = unknown.to_bytes(4, "little")
    path.write_bytes(content)
    assert len(read(path)) == len(tone)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_sample_that_is_no_number_is_refused_with_its_place(tmp_path, tone, wrong):
    tone[24000] = wrong
    soundfile.write(tmp_path / "nan.wav", np.stack([tone, tone], 1), RATE, subtype="FLOAT")
    with pytest.raises(ValueError, match=r"nan\.wav: .* NaN or infinity at sample 24000 \(1\.5 s"):
        read(tmp_path / "nan.wav", 8000, mono=True, resample=True, block=1000)


def test_conversions_need_permission(tmp_path, tone):
    soundfile.write(tmp_path / "pair.wav", np.stack([tone, tone], 1), RATE)
    with pytest.raises(ValueError, match=r"pair\.wav: needs one channel; got 2\..*\(--mono\)"):
        read(tmp_path / "pair.wav", resample=True)
    with pytest.raises(ValueError, match=r"pair\.wav: .* 8000 Hz; got 16000\..*\(--resample\)"):
        read(tmp_path / "pair.wav", 8000, mono=True)


@pytest.mark.parametrize(
    ("reading", "says"),
    [
        ({"start": -0.1}, r"0 <= start <= stop; got -0\.1 and None seconds"),
        ({"start": 1.0, "stop": 0.5}, r"got 1\.0 and 0\.5 seconds"),
        ({"start": float("nan")}, "got nan and None"),
        ({"stop": float("nan")}, "got 0.0 and nan"),
        ({"start": 3.5}, r"a\.wav: lasts 3 s; nothing follows start = 3\.5 s"),
        ({"block": 0}, "block needs at least 1 frame; got 0"),
    ],
)
def test_piece_outside_of_the_file_is_refused(tmp_path, tone, reading, says):
    soundfile.write(tmp_path / "a.wav", tone, RATE)
    with pytest.raises(ValueError, match=says):
        read(tmp_path / "a.wav", **reading)


def test_clip_that_resampling_leaves_empty_is_refused(tmp_path):
    soundfile.write(tmp_path / "short.wav", np.ones(1), 48000)
    assert len(read(tmp_path / "short.wav", 48000)) == 1
    with pytest.raises(ValueError, match=r"short\.wav: too short to leave a sample at 8000 Hz"):
        read(tmp_path / "short.wav", 8000, resample=True)


def test_extremes_are_those_of_all_blocks():
    wave = torch.tensor([0.1, -0.7, 0.4, 0.2], dtype=torch.float64)
    assert extremes([wave[:1], wave[1:1], wave[1:]]) == (-0.7, 0.4)
    assert extremes([wave[:1]]) == (0.1, 0.1)
    assert extremes([]) == (0.0, 0.0)
