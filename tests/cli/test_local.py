"""Features that accompany sounds, from the files to every verb's answer."""

import json

import numpy as np
import pytest
import soundfile
import torch

from autoreg import modeldir
from autoreg.cli.local import accompanied, described, takes_local
from autoreg.data.source import read_corpus
from autoreg.density import load
from tests.cli.test_train import TINY

HOP, RATE = 40, 8000
RULE = r"(?P<speaker>[a-z]+)_\d\.wav"


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Two clips each of two speakers, with features beside them."""
    folder = tmp_path_factory.mktemp("clips")
    generator = np.random.default_rng(0)
    for speaker in ("ann", "bob"):
        for take in range(2):
            length = 150 + 20 * take
            soundfile.write(
                folder / f"{speaker}_{take}.wav", generator.uniform(-1, 1, length), RATE
            )
            frames = generator.normal(size=(-(-length // HOP), 2)).astype(np.float32)
            np.save(folder / f"{speaker}_{take}.mel.npy", frames)
    return folder


@pytest.fixture(scope="module")
def trained(clips, tmp_path_factory, run):
    """A model that was trained on them, for two steps."""
    out = tmp_path_factory.mktemp("models") / "told"
    options = ["--labels", RULE, "--test", r"[a-z]+_0\.wav", "--valid", 0, "--levels", 8]
    options += ["--local", ".mel.npy", "--hop", HOP, "--set", "model.upsampling=learned"]
    result = run("train", "audio", "--data", clips, "--out", out, *options, *TINY, "--json")
    assert result.exit_code == 0, result.output
    return out


def heard(trained, clip, **how):
    frames = np.load(clip.with_name(clip.stem + ".mel.npy"))
    return load(trained).with_local(frames, **how)


def test_training_learns_from_the_features_and_says_which(trained):
    card = modeldir.load(trained).card
    assert card["training"]["data"]["local"] == {"hop": HOP, "suffix": ".mel.npy"}
    assert card["training"]["config"]["model"]["features"] is True
    parameters = card["model"]["parameters"]
    assert [parameters[name] for name in ("num_features", "hop", "upsampling")] == [
        2,
        HOP,
        "learned",
    ]


def test_files_are_scored_under_their_own_features(lines, trained, clips):
    rows = lines("score", trained, clips)
    assert len(rows) == 4
    for row in rows:
        clip = clips / row["file"].rsplit("/", 1)[-1]
        assert row["value"] == pytest.approx(float(heard(trained, clip).log_prob(clip).value))
    (cut,) = lines("score", trained, clips / "ann_1.wav", "--start", 0.005, "--stop", 0.015)
    known = heard(trained, clips / "ann_1.wav", start=0.005)
    wanted = known.log_prob(clips / "ann_1.wav", start=0.005, stop=0.015)
    assert cut["value"] == pytest.approx(float(wanted.value))
    assert cut["symbols"] == 80


def test_features_may_lie_elsewhere(lines, trained, clips, tmp_path):
    for path in clips.glob("*.npy"):
        np.save(tmp_path / path.name, np.load(path) + 1)
    clip = clips / "bob_0.wav"
    for place in (tmp_path, tmp_path / "bob_0.mel.npy"):
        (row,) = lines("score", trained, clip, "--local", place)
        frames = np.load(clips / "bob_0.mel.npy") + 1
        wanted = load(trained).with_local(frames).log_prob(clip).value
        assert row["value"] == pytest.approx(float(wanted))


def test_files_are_classified_under_their_own_features(lines, trained, clips):
    for row in lines("classify", trained, clips):
        clip = clips / row["file"].rsplit("/", 1)[-1]
        wanted = heard(trained, clip).posterior(clip).probs
        assert list(row["probs"].values()) == pytest.approx(wanted.tolist())
        assert row["beginnings"] == []
    (row,) = lines("classify", trained, clips / "ann_0.wav", "--every", 100)
    assert [one["symbols"] for one in row["beginnings"]] == [100]


def test_signals_are_drawn_under_features(lines, trained, clips, tmp_path):
    clip, frames = clips / "ann_0.wav", clips / "ann_0.mel.npy"
    out = tmp_path / "drawn.npy"
    lines("sample", trained, "-n", 2, "--local", frames, "--out", tmp_path / "drawn.wav")
    drawn, _ = soundfile.read(tmp_path / "drawn.wav")
    assert len(drawn) == 2 * 4 * HOP + RATE // 4, "as long as there are features"
    seeded = ["--seed", 3, "--out", tmp_path / "one.wav"]
    lines("complete", trained, clip, "--keep", 100, "-n", 1, *seeded)
    completed, _ = soundfile.read(tmp_path / "one.wav")
    assert len(completed) == 150
    seeded[-1] = tmp_path / "two.wav"
    (told,) = lines("infill", trained, clip, "--hidden", "147:150", "-n", 1, *seeded)
    known = heard(trained, clip)
    wanted = known.log_prob(soundfile.read(clip)[0][:147])
    assert told["log_evidence"]["value"] == pytest.approx(float(wanted.value), abs=1e-4)
    assert not out.exists()


def test_forecasts_are_drawn_under_features(lines, refused, trained, clips, tmp_path):
    clip, asked = clips / "ann_0.wav", ["--keep", 100, "--horizon", 20, "-n", 20, "--seed", 1]
    (told,) = lines("forecast", trained, clip, *asked)
    generator = torch.Generator().manual_seed(1)
    wanted = heard(trained, clip).forecast(
        clip, keep=100, horizon=20, count=20, generator=generator
    )
    assert told["median"] == wanted.bands.median.tolist()
    elsewhere = refused("forecast", trained, clip, *asked, "--local", tmp_path)
    assert "no such file of features" in elsewhere


def test_questions_are_answered_under_features(lines, trained, clips):
    clip = clips / "bob_1.wav"
    question = ["log P(x | speaker=ann)", "--bind", f"x={clip}"]
    (told,) = lines("ask", trained, *question, "--local", clips / "bob_1.mel.npy")
    wanted = heard(trained, clip).log_prob(clip, given={"speaker": "ann"})
    assert told["value"] == pytest.approx(float(wanted.value))


def test_held_out_files_are_judged_under_their_own_features(lines, trained, clips, tmp_path):
    (told,) = lines("evaluate", trained, "--data", clips)
    tests = [clips / f"{speaker}_0.wav" for speaker in ("ann", "bob")]
    nats = [-float(heard(trained, clip).log_prob(clip).value) for clip in tests]
    assert told["nats_per_sequence"] == pytest.approx(np.mean(nats), rel=1e-5)
    assert told["protocol"].endswith("as put aside in training")
    for path in clips.glob("*.npy"):
        np.save(tmp_path / path.name, np.load(path) + 1)
    (other,) = lines("evaluate", trained, "--data", clips, "--local", tmp_path)
    assert other["protocol"].endswith("another test part than in training")


def test_what_is_missing_or_does_not_fit_is_named(
    refused, run, trained, voices_model, clips, tmp_path
):
    clip = clips / "ann_0.wav"
    assert "needs the features that accompany a sound: --local" in refused(
        "sample", trained, "-n", 1, "--out", tmp_path / "a.wav"
    )
    assert "no such file of features" in refused(
        "complete", trained, clip, "--local", tmp_path, "--keep", 1, "--out", tmp_path / "a.wav"
    )
    assert "needs a model trained with features at a hop" in refused(
        "sample", voices_model, "--local", clip, "--out", tmp_path / "a.wav"
    )
    (tmp_path / "ann_0.mel.npy").write_bytes((clips / "ann_0.mel.npy").read_bytes())
    np.save(tmp_path / "bob_0.mel.npy", np.zeros((1, 2), np.float32))
    result = run("score", trained, clips / "bob_0.wav", clip, "--local", tmp_path, "--json")
    assert result.exit_code == 1
    assert "the model knows sequences of 40 symbols; got 150" in result.stderr
    assert json.loads(result.stdout)["file"] == str(clip)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--local", ".npy"], "features are named by both"),
        (["--hop", 40], "features are named by both"),
        (["--local", "nowhere", "--hop", 40], "needs a folder that exists, or a suffix"),
        (["--local", ".npy", "--hop", 40], "ann_0.npy: no such file of features"),
        (
            ["--local", ".mel.npy", "--hop", 30],
            "ann_0.mel.npy: 150 samples at a hop of 30 need 5 frames or one more; got 4",
        ),
    ],
)
def test_features_that_cannot_be_trained_on_are_refused(
    refused, clips, tmp_path, options, message
):
    out = ["--out", tmp_path / "run", "--labels", RULE, "--quiet"]
    assert message in refused("train", "audio", "--data", clips, *out, *options)
    assert not (tmp_path / "run").exists()


def test_folder_of_features_is_no_part_of_the_source(clips, tmp_path):
    features, place = described(str(tmp_path), 40)
    assert (features, place) == ({"local": {"hop": 40, "suffix": ".npy"}}, tmp_path)
    source = {"kind": "audio", "labels": {"kind": "none"}, **features}
    with pytest.raises(FileNotFoundError, match=r"ann_0\.npy"):
        read_corpus(source, clips, local=place)


def test_a_density_that_needs_no_features_is_left_as_it_is(voices_model, trained, clips):
    density = load(voices_model)
    assert not takes_local(density)
    assert accompanied(density, clips / "ann_0.wav", None) is density
    assert takes_local(load(trained))


def test_rolling_forecasts_take_no_features(refused, trained, clips):
    told = refused("rolling", trained, "--data", clips, "--horizon", 2)
    assert "rolling forecasts know no features that accompany a sound" in told
