"""Every sound file is in one part, once, with its own labels; bad ones are named."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from autoreg.codecs import MuLaw, Sashimi
from autoreg.data.audio import audio_folder
from autoreg.data.labels import from_name, from_parent, unlabelled
from autoreg.data.local import Local
from autoreg.data.sound import Sound
from autoreg.data.split import Split

RATE = 8000
ALL_TRAIN = Split(valid=0.0, test=0.0)


@pytest.fixture
def wave():
    """Return what makes clip n, of 16 bit and of a length of its own."""

    def make(n):
        return np.random.default_rng(n).integers(-(2**14), 2**14, 1000 + n, dtype=np.int16)

    return make


@pytest.fixture
def root(tmp_path, wave):
    """Return twelve clips of three speakers, at several depths and in several formats."""
    folder = tmp_path / "corpus"
    for n in range(12):
        suffix = (".wav", ".flac", ".WAV")[n % 3]
        path = folder / ("deep" if n % 2 else "") / ("cid", "ann", "bob")[n % 3] / f"{n}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, wave(n), RATE)
    (folder / "notes.txt").write_text("not a sound")
    (folder / "folder.wav").mkdir()
    return folder


@pytest.fixture
def bad(root):
    """Return four bad files of one speaker, each with what is wrong."""
    wrong = {
        "empty.wav": r"the file is empty",
        "pair.wav": r"needs one channel; got 2",
        "nan.wav": r"needs finite samples",
        "text.wav": r"needs a sound file that can be read",
    }
    (root / "ann" / "empty.wav").write_bytes(b"")
    (root / "ann" / "text.wav").write_text("no sound" * 50)
    soundfile.write(root / "ann" / "pair.wav", np.zeros((9, 2)), RATE)
    soundfile.write(root / "ann" / "nan.wav", np.full(9, np.nan), RATE, subtype="FLOAT")
    return wrong


def test_every_file_is_there_once_with_its_own_label_and_symbols(root, wave):
    corpus = audio_folder(root, labels=from_parent("speaker"), split=Split(0.3, 0.3))
    seen = []
    for sequences in corpus.parts.values():
        for i, name in enumerate(sequences.names):
            n = int(Path(name).stem)
            assert corpus.space.describe(int(sequences.condition[i])) == {
                "speaker": Path(name).parent.name
            }
            assert torch.equal(sequences[i], MuLaw().encode(torch.from_numpy(wave(n) / 2**15)))
            seen.append(name)
    assert sorted(seen) == sorted(
        path.relative_to(root).as_posix() for path in root.rglob("*") if path.stem.isdigit()
    )


def test_symbols_are_held_in_the_smallest_type_in_one_tensor(root):
    for levels, dtype in ((256, torch.uint8), (512, torch.int32)):
        corpus = audio_folder(root, labels=unlabelled(), split=ALL_TRAIN, levels=levels)
        symbols = corpus.parts["train"].symbols
        assert symbols.dtype == dtype
        assert len(symbols) == sum(1000 + n for n in range(12))
        assert corpus.signal == Sound(RATE, MuLaw(levels))


def test_order_is_that_of_the_paths_and_counts_are_of_the_training_files(root):
    split = Split(valid=0.0, test=r"[0-2]\..*")
    corpus = audio_folder(root, labels=from_parent("speaker"), split=split)
    names = corpus.parts["train"].names
    assert list(names) == sorted(names, key=Path)
    assert corpus.space.labels("speaker") == ("ann", "bob", "cid")
    assert corpus.space.counts == (3, 3, 3)
    assert len(corpus.parts["test"]) == 3


@pytest.mark.parametrize(
    ("labels", "asked", "target"),
    [
        (from_parent("speaker"), None, "speaker"),
        (from_name(r"(?P<a>\d)(?P<b>\d?.)[a-zA-Z]+"), "b", "b"),
        (from_name(r"(?P<a>\d)(?P<b>\d?.)[a-zA-Z]+"), None, None),
        (unlabelled(), None, None),
    ],
)
def test_target_is_what_was_asked_for_or_the_only_factor(root, labels, asked, target):
    corpus = audio_folder(root, labels=labels, split=ALL_TRAIN, target=asked)
    assert corpus.target == target


def test_windows_never_reach_into_the_next_file(tmp_path):
    """Each file is one level throughout, so any sequence that mixes two has two symbols."""
    for n, level in enumerate((-0.5, 0.0, 0.5)):
        soundfile.write(tmp_path / f"{n}.wav", np.full(100, level), RATE)
    sequences = audio_folder(tmp_path, labels=unlabelled(), split=ALL_TRAIN).parts["train"]
    assert [len(sequences[i].unique()) for i in range(3)] == [1, 1, 1]


def test_prefixes_of_training_clips_have_their_own_peak(tmp_path):
    loud_end = np.concatenate([np.full(800, 0.1), np.full(800, 0.4)])
    for name in ("train.wav", "test.wav"):
        soundfile.write(tmp_path / name, loud_end * (1 if name == "train.wav" else 0.9), RATE)
    corpus = audio_folder(
        tmp_path,
        labels=unlabelled(),
        split=Split(valid=0.0, test=r"test\.wav"),
        gain="peak",
        prefixes=(0.05, 0.1, 0.2, 0.3),
    )
    train, test = corpus.parts["train"], corpus.parts["test"]
    assert train.names == ("train.wav", "train.wav[:0.05s]", "train.wav[:0.1s]")
    assert train.lengths.tolist() == [1600, 400, 800]
    assert [int(train[i].max()) for i in range(3)] == [255, 255, 255]
    assert int(train[0][:800].max()) < 255
    assert test.names == ("test.wav",)
    assert corpus.space.counts == (1,)


def test_trimming_says_what_it_left_out(tmp_path, caplog):
    loud = 0.5 * (-1.0) ** np.arange(500)
    clip = np.concatenate([np.zeros(300), loud, np.full(200, 1e-4)])
    soundfile.write(tmp_path / "clip.wav", clip, RATE)
    soundfile.write(tmp_path / "quiet.wav", clip / 64, RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "silent.wav", np.zeros(1000), RATE)
    with caplog.at_level(logging.INFO):
        corpus = audio_folder(
            tmp_path,
            labels=unlabelled(),
            split=ALL_TRAIN,
            gain="peak",
            trim_db=40,
            prefixes=(0.05,),
        )
    train = corpus.parts["train"]
    lengths = dict(zip(train.names, train.lengths.tolist(), strict=True))
    assert lengths == {
        "clip.wav": 500,
        "clip.wav[:0.05s]": 400,
        "quiet.wav": 500,
        "quiet.wav[:0.05s]": 400,
        "silent.wav": 1000,
        "silent.wav[:0.05s]": 400,
    }
    assert {int(symbol) for i in range(4) for symbol in train[i]} == {0, 255}
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path / 'clip.wav'}: left out 500 of 1000 samples",
        f"{tmp_path / 'quiet.wav'}: left out 500 of 1000 samples",
        f"{tmp_path / 'silent.wav'} is one symbol throughout, as silence is; kept",
    ]
    assert "ends 40 dB below the peak left out (33.33%), 1 of one symbol" in corpus.protocol


def test_each_clip_is_scaled_by_its_own_range_where_numbers_are_to_be_compared(root, wave):
    corpus = audio_folder(root, labels=unlabelled(), split=ALL_TRAIN, codec="sashimi")
    train = corpus.parts["train"]
    ends = [(int(train[i].min()), int(train[i].max())) for i in range(len(train))]
    assert ends == [(0, 255)] * 12
    assert corpus.signal == Sound(RATE, Sashimi(), "range")
    told = "8000 Hz, mu-law 256 truncated, gain range, bits per sample as in the papers on SaShiMi"
    assert corpus.protocol.endswith(told)


def test_linear_levels_are_the_samples_of_the_files(root, wave):
    corpus = audio_folder(root, labels=unlabelled(), split=ALL_TRAIN, codec="linear", levels=2**16)
    train = corpus.parts["train"]
    n = int(Path(train.names[0]).stem)
    assert np.array_equal(train[0].numpy(), wave(n).astype(np.int32) + 2**15)
    assert corpus.protocol.endswith("8000 Hz, linear 65536, gain recorded")


def test_silent_clips_are_kept_and_counted_whether_ends_are_trimmed_or_not(tmp_path, caplog):
    soundfile.write(tmp_path / "loud.wav", 0.5 * np.sin(np.arange(400)), RATE)
    soundfile.write(tmp_path / "silent.wav", np.zeros(300), RATE)
    for trim_db in (None, 40.0):
        caplog.clear()
        corpus = audio_folder(tmp_path, labels=unlabelled(), split=ALL_TRAIN, trim_db=trim_db)
        assert corpus.parts["train"].names == ("loud.wav", "silent.wav")
        assert corpus.parts["train"].lengths.tolist()[1] == 300
        assert "silent.wav is one symbol throughout, as silence is; kept" in caplog.text
        assert "loud.wav is" not in caplog.text
        assert corpus.protocol.endswith("1 of one symbol throughout")


def test_conversions_apply_to_every_file(tmp_path, wave):
    soundfile.write(tmp_path / "pair.wav", np.stack([wave(0), wave(0)], 1), 2 * RATE)
    soundfile.write(tmp_path / "one.wav", wave(1), RATE)
    corpus = audio_folder(
        tmp_path, labels=unlabelled(), split=ALL_TRAIN, sample_rate=RATE, mono=True, resample=True
    )
    assert corpus.parts["train"].lengths.tolist() == [1001, 500]
    assert corpus.signal.sample_rate == RATE
    assert "gain recorded, mixed to mono, resampled" in corpus.protocol


def test_protocol_names_data_split_gain_and_labels(root):
    corpus = audio_folder(root, labels=from_parent(), split=Split(0.0, r"[0-2]\..*"))
    assert corpus.protocol == (
        "corpus: 12 sound files, 9 train, 0 valid, 3 test; "
        r'test names by "[0-2]\..*", valid 0 of the rest by hash of content; '
        "labels from the parent folder; 8000 Hz, mu-law 256, gain recorded"
    )


@pytest.mark.parametrize("name", ["empty.wav", "pair.wav", "nan.wav", "text.wav"])
def test_bad_file_stops_with_its_name_and_reason(root, bad, name):
    for other in bad:
        if other != name:
            (root / "ann" / other).unlink()
    with pytest.raises(ValueError, match=rf"{name}: {bad[name]}"):
        audio_folder(root, labels=from_parent(), split=ALL_TRAIN)


def test_headers_are_checked_before_any_sample_is_read(root, bad):
    """The file of NaN comes first by name, but its header is good."""
    (root / "ann" / "empty.wav").unlink()
    with pytest.raises(ValueError, match=r"text\.wav: needs a sound file"):
        audio_folder(root, labels=from_parent(), split=ALL_TRAIN)


def test_skipped_files_are_all_reported_with_their_reasons(root, bad, caplog):
    (root / "stray.wav").write_bytes((root / "cid" / "0.wav").read_bytes())
    with caplog.at_level(logging.WARNING):
        corpus = audio_folder(
            root, labels=from_parent("speaker"), split=ALL_TRAIN, on_error="skip"
        )
    assert len(corpus.parts["train"]) == 12
    assert corpus.space.counts == (4, 4, 4)
    messages = [record.getMessage() for record in caplog.records]
    assert messages.pop() == "skipped 5 bad sound files in all"
    for name, reason in {**bad, "stray.wav": "needs to lie in a folder"}.items():
        assert sum(f"{name}: {reason}" in message for message in messages) == 1
    assert len(messages) == 5
    assert "corpus: 12 sound files, 12 train, 0 valid, 0 test (5 bad ones skipped)" in (
        corpus.protocol
    )


def test_sounds_of_other_formats_are_told_of(root, caplog):
    for name in ("a.aif", "b.AIF", "c.m4a", "notes.txt"):
        (root / name).write_bytes(b"")
    corpus = audio_folder(root, labels=unlabelled(), split=ALL_TRAIN)
    assert len(corpus.parts["train"]) == 12
    (record,) = caplog.records
    known = "left out 2 .aif, 1 .m4a: .wav, .flac, .ogg, .mp3 are read"
    assert record.getMessage() == f"{root}: {known}"


def test_good_files_are_skipped_in_silence(root, caplog):
    audio_folder(root, labels=unlabelled(), split=ALL_TRAIN, on_error="skip")
    assert caplog.records == []


def test_skipped_training_file_is_not_counted(root, wave):
    broken = wave(0) / 2**15
    broken[-1] = np.nan
    soundfile.write(root / "ann" / "broken.wav", broken, RATE, subtype="FLOAT")
    corpus = audio_folder(root, labels=from_parent(), split=ALL_TRAIN, on_error="skip")
    assert corpus.space.counts == (4, 4, 4)


def test_held_out_label_that_no_training_file_has(root, caplog):
    split = Split(valid=0.0, test=r"(1|4|7|10)\.flac|[02]\..*")
    with pytest.raises(ValueError, match=r"^ann/10\.flac: .* training file has, bob, cid; got"):
        audio_folder(root, labels=from_parent("speaker"), split=split)
    corpus = audio_folder(root, labels=from_parent("speaker"), split=split, on_error="skip")
    assert len(corpus.parts["test"]) == 2
    assert "skipped 4 bad sound files in all" in caplog.text


def test_files_of_several_rates_are_named(root, wave):
    soundfile.write(root / "ann" / "fast.wav", wave(0), 44100)
    says = r"got 8000 Hz as .*; 44100 Hz as .*fast\.wav\. Pass sample_rate and resample=True"
    with pytest.raises(ValueError, match=says):
        audio_folder(root, labels=unlabelled(), split=ALL_TRAIN, on_error="skip")
    with pytest.raises(ValueError, match=r"fast\.wav: needs a sample rate of 8000 Hz; got 44100"):
        audio_folder(root, labels=unlabelled(), split=ALL_TRAIN, sample_rate=RATE)


def test_folder_without_sound_is_refused(tmp_path):
    told = {tmp_path: r"needs a folder with \.wav, ", tmp_path / "missing": "no such folder"}
    for folder, message in told.items():
        with pytest.raises(FileNotFoundError, match=f"{folder.name}: {message}"):
            audio_folder(folder, labels=unlabelled(), split=ALL_TRAIN)


def test_no_training_file_is_refused(root, bad):
    with pytest.raises(ValueError, match=r'no training file is left; test names by "\.\*"'):
        audio_folder(root, labels=unlabelled(), split=Split(0.0, ".*"), on_error="skip")
    for path in root.rglob("*.*"):
        if path.is_file() and path.name not in bad:
            path.unlink()
    (root / "ann" / "pair.wav").unlink()
    with pytest.raises(ValueError, match="no training file is left; test 0"):
        audio_folder(root, labels=unlabelled(), split=ALL_TRAIN, on_error="skip")
    (root / "ann" / "nan.wav").unlink()
    with pytest.raises(ValueError, match="files need one sample rate; got no good file"):
        audio_folder(root, labels=unlabelled(), split=ALL_TRAIN, on_error="skip")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"on_error": "ignore"}, "on_error needs one of stop, skip; got 'ignore'"),
        ({"target": "mood"}, "target needs one of label; got 'mood'"),
        ({"prefixes": (0.1,)}, 'prefixes need gain="peak" or "range"'),
        ({"prefixes": (0.1, 1e-5), "gain": "peak"}, "at least one sample each; got .*1e-05"),
        ({"trim_db": -40}, "trimming needs a number of decibels above 0; got -40"),
        ({"levels": 1}, "levels needs a whole number"),
        ({"codec": "sashimi", "gain": "recorded"}, "scales each clip by its own range"),
        ({"codec": "opus"}, "codec needs one of mulaw, linear, sashimi, sashimi-linear"),
        ({"sample_rate": 0}, "sample_rate needs a whole number of Hz above 0; got 0"),
    ],
)
def test_wrong_argument_is_no_bad_file(root, arguments, says):
    with pytest.raises(ValueError, match=says):
        audio_folder(
            root, labels=from_parent(), split=ALL_TRAIN, **{"on_error": "skip", **arguments}
        )


DIGITS = from_name(r"(?P<digit>\d)_(?P<speaker>[a-z]+)_\d+\.wav")
OFFICIAL = Split(test=r"\d_[a-z]+_[0-4]\.wav")


@pytest.fixture
def fsdd():
    if "AUTOREG_DATA" not in os.environ:
        pytest.skip("the environment variable AUTOREG_DATA names no folder of real data")
    return Path(os.environ["AUTOREG_DATA"]) / "fsdd" / "recordings"


def test_official_split_of_the_spoken_digits_is_one_expression(fsdd):
    paths = sorted(fsdd.glob("*.wav"))
    parts = OFFICIAL.assign(paths)
    tested = [path.stem for path, part in zip(paths, parts, strict=True) if part == "test"]
    assert len(tested) == 300
    assert {stem.rpartition("_")[2] for stem in tested} == set("01234")
    assert parts.count("valid") / 2700 == pytest.approx(0.05, abs=0.02)


@pytest.mark.slow
def test_spoken_digits_have_their_published_numbers(fsdd):
    corpus = audio_folder(fsdd, labels=DIGITS, split=OFFICIAL, target="speaker")
    lengths = torch.cat([sequences.lengths for sequences in corpus.parts.values()])
    assert (len(lengths), int(lengths.min()), int(lengths.max())) == (3000, 1148, 18262)
    assert corpus.signal == Sound(RATE, MuLaw())
    assert corpus.space.sizes == (10, 6)
    assert torch.equal(corpus.parts["test"].condition.bincount(), torch.full((60,), 5))


@pytest.fixture
def accompanied(root, wave):
    """Return a place for the features of each clip: frame k of clip n is (n, k)."""

    def make(folder, hop, more=0):
        for path in [*root.rglob("*.wav"), *root.rglob("*.flac"), *root.rglob("*.WAV")]:
            if path.is_file():
                count = -(-len(wave(int(path.stem))) // hop) + more
                place = (folder / path.relative_to(root)).with_suffix(".npy")
                place.parent.mkdir(parents=True, exist_ok=True)
                rows = [(int(path.stem), k) for k in range(count)]
                np.save(place, np.array(rows, np.float32))
        return Local(hop, folder=None if folder == root else folder)

    return make


@pytest.mark.parametrize("beside", [True, False])
def test_every_clip_has_its_own_features(root, tmp_path, accompanied, beside):
    local = accompanied(root if beside else tmp_path / "mels", 100)
    corpus = audio_folder(root, labels=unlabelled(), split=Split(0.3, 0.3), local=local)
    assert corpus.local == (100, 2)
    assert "with features every 100 samples" in corpus.protocol
    for sequences in corpus.parts.values():
        for i, name in enumerate(sequences.names):
            wanted = [[int(Path(name).stem), k] for k in range(-(-len(sequences[i]) // 100))]
            assert sequences.frames[i].tolist() == wanted


def test_features_stay_with_the_samples_of_a_clip_that_is_cut(tmp_path):
    """The frame of a symbol is that of its place in the file, whatever is left out before it."""
    clip = np.concatenate([np.zeros(500), np.full(1000, 0.5), np.zeros(300)])
    soundfile.write(tmp_path / "clip.wav", clip, RATE)
    np.save(tmp_path / "clip.npy", np.arange(18, dtype=np.float32)[:, None])
    how = {"labels": unlabelled(), "split": ALL_TRAIN, "gain": "peak", "local": Local(100)}
    sequences = audio_folder(tmp_path, trim_db=40, prefixes=(0.05,), **how).parts["train"]
    assert sequences.lengths.tolist() == [1000, 400]
    assert sequences.frames.phase.tolist() == [500, 500]
    assert len(sequences.frames.values) == 18
    cut = sequences.frames.excerpt(torch.tensor([1]), torch.tensor([150]), 100)
    assert cut.frames[0, int(cut.phase[0]) // 100, 0] == 6
    first = audio_folder(tmp_path, first=0.05, **how).parts["train"]
    assert (len(first[0]), len(first.frames[0])) == (400, 18)


def test_features_that_do_not_fit_stop_or_are_skipped_by_name(root, accompanied, caplog):
    local = accompanied(root, 100)
    np.save(root / "cid" / "0.npy", np.zeros((9, 2), np.float32))
    (root / "deep" / "ann" / "1.npy").unlink()
    how = {"labels": unlabelled(), "split": ALL_TRAIN, "local": local}
    with pytest.raises(ValueError, match=r"0\.npy: 1000 samples at a hop of 100 need 10 frames"):
        audio_folder(root, **how)
    corpus = audio_folder(root, on_error="skip", **how)
    assert len(corpus.parts["train"]) == 10
    assert "1.npy: no such file of features" in caplog.text
