import math

import numpy as np
import pytest
import soundfile

import autoreg


def test_files_are_scored_one_row_each(run, lines, voices, voices_model):
    rows = run("score", voices_model, voices).stdout.splitlines()
    assert rows[0].split() == ["nats", "bits/symbol", "symbols", "file"]
    assert [row.split()[-1] for row in rows[1:]] == sorted(map(str, voices.iterdir()))
    told = lines("score", voices_model, voices)
    expected = autoreg.load(voices_model).log_prob(voices / "ann_0.wav")
    assert told[0]["value"] == pytest.approx(float(expected))
    assert (told[0]["kind"], told[0]["symbols"]) == ("exact", 400)
    assert float(rows[1].split()[0]) == pytest.approx(told[0]["value"], abs=1e-3)


def test_given_labels_prior_and_piece_are_passed_on(lines, voices, voices_model):
    clip = voices / "bob_1.wav"
    density = autoreg.load(voices_model)
    (given,) = lines("score", voices_model, clip, "--given", "speaker=ann", "--stop", "0.02")
    expected = density.log_prob(clip, given={"speaker": "ann"}, stop=0.02)
    assert given["value"] == pytest.approx(float(expected))
    (sure,) = lines("score", voices_model, clip, "--prior", "ann=1,bob=0", "--stop", "0.02")
    assert sure["value"] == pytest.approx(given["value"])


def test_every_symbol_is_written_and_adds_up(lines, voices, voices_model, tmp_path):
    out = tmp_path / "surprise.npy"
    (told,) = lines("score", voices_model, voices / "ann_0.wav", "--per-symbol", out)
    assert np.load(out).sum() == pytest.approx(told["value"])


def test_per_symbol_needs_one_file(refused, voices, voices_model, tmp_path):
    told = refused("score", voices_model, voices, "--per-symbol", tmp_path / "x.npy")
    assert told == "error: --per-symbol needs one file; got 4"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--given", "speaker=cleo"], "the model knows no speaker 'cleo'; it knows ann, bob"),
        (["--given", "digit=4"], "the model has no factor 'digit'; it has speaker"),
        (["--given", "ann"], "a label is given as factor=label; got 'ann'"),
        (["--prior", "ann=0.9,bob=0.2"], "prior needs to sum to 1"),
        (["--prior", "ann=1.5,bob=-0.5"], "prior needs finite probabilities of at least 0"),
        (["--prior", "ann=1"], "the prior of speaker needs a probability for each of ann, bob"),
        (["--start", "9"], "nothing follows start = 9.0 s"),
        (["--device", "nowhere"], "device needs auto, cpu, cuda or cuda:N"),
    ],
)
def test_bad_options_are_refused(refused, voices, voices_model, options, message):
    told = refused("score", voices_model, voices / "ann_0.wav", "--json", *options)
    assert message in told


@pytest.fixture
def bad_files(tmp_path):
    """A folder of files that each have something wrong."""
    tone = np.sin(np.arange(100.0)) / 2
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("this is no sound " * 20)
    soundfile.write(tmp_path / "stereo.wav", np.stack([tone, tone], 1), 8000)
    soundfile.write(tmp_path / "odd.wav", tone, 11_025)
    soundfile.write(tmp_path / "nan.wav", np.full(100, math.nan), 8000, subtype="FLOAT")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty.wav", "the file is empty"),
        ("text.wav", "needs a sound file that can be read"),
        ("stereo.wav", "Pass mono=True (--mono)"),
        ("odd.wav", "Pass resample=True (--resample)"),
        ("nan.wav", "needs finite samples; got NaN or infinity at sample 0"),
        ("missing.wav", "no such sound file"),
    ],
)
@pytest.mark.parametrize("verb", ["score", "classify"])
def test_bad_files_are_named(refused, voices_model, bad_files, verb, name, message):
    told = refused(verb, voices_model, bad_files / name, "--json")
    assert f"{name}: " in told
    assert message in told


def test_what_was_said_to_help_helps(lines, voices_model, bad_files):
    (mixed,) = lines("score", voices_model, bad_files / "stereo.wav", "--mono")
    (converted,) = lines("score", voices_model, bad_files / "odd.wav", "--resample")
    assert mixed["symbols"] == 100
    assert converted["symbols"] == pytest.approx(100 * 8000 / 11_025, abs=1)


def test_good_files_beside_bad_ones_are_answered(run, voices_model, bad_files):
    soundfile.write(bad_files / "good.wav", np.zeros(1), 8000)
    result = run("score", voices_model, bad_files, "--json")
    assert result.exit_code == 1
    assert [line.split(": ")[0] for line in result.stderr.splitlines()] == ["error"] * 5
    assert '"symbols": 1}' in result.stdout


def test_empty_folder_is_refused(refused, voices_model, tmp_path):
    told = refused("score", voices_model, tmp_path, "--json")
    assert told.endswith("needs a folder with .wav, .flac, .ogg, .mp3 files; it has none")


def test_pictures_are_scored_as_they_are_read(lines, refused, digits_model, image):
    (told,) = lines("score", digits_model, image)
    assert told["symbols"] == 64
    assert "tell how sounds are read; this is a picture" in refused(
        "score", digits_model, image, "--mono", "--json"
    )
