import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from autoreg.conditions import ConditionSpace
from autoreg.data.source import read_corpus, read_labels

NAMES = {"kind": "name", "pattern": r"(?P<who>[a-z]+)_\d\.wav"}
AUDIO = {"kind": "audio", "labels": NAMES, "split": {"valid": 0.0, "test": r"\w+_0\.wav"}}


@pytest.fixture
def clips(tmp_path):
    """Two voices, three clips each of a tenth of a second that grow louder towards the end."""
    generator = np.random.default_rng(0)
    for who in ("ann", "bob"):
        for take in range(3):
            sound = generator.uniform(-1, 1, 800) * np.linspace(0.1, 1.0, 800)
            soundfile.write(tmp_path / f"{who}_{take}.wav", sound / 2, 8000)
    return tmp_path


def test_audio_is_read_as_its_source_says(clips):
    corpus = read_corpus(AUDIO | {"gain": "peak", "levels": 16}, clips)
    assert corpus.parts["test"].names == ("ann_0.wav", "bob_0.wav")
    assert corpus.space.factors == {"who": ("ann", "bob")}
    assert (corpus.signal.gain, corpus.signal.num_symbols) == ("peak", 16)


def test_first_seconds_are_cut_before_the_gain_is_normalised(clips):
    source = AUDIO | {"gain": "peak"}
    whole = read_corpus(source, clips).parts["test"]
    first = read_corpus(source, clips, first_seconds=0.05).parts["test"]
    assert first.lengths.tolist() == [400, 400]
    loudest = [(sequence.long() - 127.5).abs().max() for sequence in (first[0], whole[0][:400])]
    assert loudest[0] == 127.5 > loudest[1]


def test_parts_that_are_not_asked_for_are_not_read(clips):
    soundfile.write(clips / "ann_1.wav", np.full(800, np.nan), 8000, subtype="FLOAT")
    space = ConditionSpace({"who": ("ann", "bob", "cleo")})
    corpus = read_corpus(AUDIO, clips, parts=("test",), space=space)
    assert [len(corpus.parts[part]) for part in ("train", "valid", "test")] == [0, 0, 2]
    assert corpus.space == space
    assert "6 sound files, 4 train, 0 valid, 2 test" in corpus.protocol
    with pytest.raises(ValueError, match=r"ann_1\.wav"):
        read_corpus(AUDIO, clips)


def test_labels_that_a_space_does_not_have_are_refused(clips):
    space = ConditionSpace({"who": ("ann",)})
    with pytest.raises(ValueError, match=r"bob_0\.wav: needs a who .*, ann; got 'bob'"):
        read_corpus(AUDIO, clips, space=space)


def test_images_keep_the_labels_of_the_space_that_is_given(tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        Image.fromarray(np.full((4, 5), ord(label), dtype=np.uint8)).save(
            tmp_path / label / "0.png"
        )
    source = {"kind": "images", "labels": {"kind": "parent", "factor": "letter"}}
    source |= {"split": {"valid": 0.0, "test": r"0\.png"}}
    space = ConditionSpace({"letter": ("b", "a")})
    corpus = read_corpus(source, tmp_path, space=space)
    assert corpus.parts["test"].condition.tolist() == [1, 0]
    with pytest.raises(ValueError, match="no training image is left"):
        read_corpus(source, tmp_path)


def test_first_symbols_are_the_beginnings_of_the_sequences():
    whole, first = read_corpus({"kind": "digits"}), read_corpus({"kind": "digits"}, first=10)
    assert torch.equal(first.parts["valid"][3], whole.parts["valid"][3][:10])
    assert "only the first 10 symbols" in first.protocol


def test_curves_of_fourier_series_come_from_plain_data():
    source = {"kind": "fourier", "n": 4, "length": 6, "curves": {"periods": [1.0, 2.0]}}
    assert read_corpus(source).space.factors == {"period": ("1", "2")}


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ({}, {}, "a source needs a kind among audio, digits, fourier, images, mnist; got None"),
        ({"kind": ["audio"]}, {}, "a source needs a kind among"),
        ({"kind": "digits", "root": "/etc"}, {}, "kind digits has no root; it has scan"),
        ({"kind": "audio"}, {}, "audio data need their folder"),
        ({"kind": "audio"}, {"root": "."}, r"labels need a rule of kind parent, .*; got \{\}"),
        (AUDIO, {"root": ".", "first": 5}, "sounds are cut by seconds"),
        ({"kind": "digits"}, {"first_seconds": 1.0}, "seconds are for sounds; digits data"),
        ({"kind": "digits"}, {"first": -1}, "first needs to be 0 or more symbols; got -1"),
    ],
)
def test_what_no_source_can_be_is_refused(source, options, message):
    with pytest.raises(ValueError, match=message):
        read_corpus(source, **options)


def test_table_of_labels_lies_within_the_data(tmp_path):
    (tmp_path / "labels.csv").write_text("file,who\na.wav,ann\n")
    rule = {"kind": "csv", "file": "labels.csv"}
    assert read_labels(rule, tmp_path).factors == ("who",)
    for outside in ("../labels.csv", "/etc/passwd"):
        with pytest.raises(ValueError, match="labels need a table within the data"):
            read_labels({"kind": "csv", "file": outside}, tmp_path)
    elsewhere = read_labels({"kind": "csv", "file": "x.csv"}, "", tmp_path / "labels.csv")
    assert elsewhere.factors == ("who",)


def test_data_without_labels_have_no_factors(tmp_path):
    assert read_labels({"kind": "none"}, tmp_path).factors == ()
