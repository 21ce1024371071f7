import numpy as np
import pytest
from PIL import Image

from autoreg import modeldir
from autoreg.cli.train import FSDD, audio
from autoreg.data.source import read_corpus
from autoreg.training.config import Config

TINY = [
    *("--set", "model.residual=4", "--set", "model.skip=6", "--set", "model.hidden=6"),
    *("--set", "model.dilations=[1,2]", "--set", "model.condition_width=3"),
    *("--set", "training.steps=2", "--set", "training.columns=800", "--device", "cpu"),
]


def test_digits_are_trained_on_and_told(lines, tmp_path):
    out = tmp_path / "run"
    (told,) = lines("train", "digits", "--scan", "column", "--out", out, *TINY, "--seed", 3)
    assert (told["ended"], told["step"], told["out"]) == ("steps", 2, str(out))
    card = modeldir.load(out).card
    assert card["training"]["data"] == {"kind": "digits", "scan": "column"}
    assert card["signal"]["scan"]["kind"] == "column"
    assert card["training"]["config"]["training"]["seed"] == 3


def test_voices_are_trained_on_and_judged(lines, voices, tmp_path):
    out = tmp_path / "run"
    options = ["--labels", r"(?P<speaker>[a-z]+)_\d\.wav", "--test", r"[a-z]+_0\.wav"]
    options += ["--valid", 0, "--gain", "peak", "--prefixes", "0.01,0.02", "--levels", 16]
    lines("train", "audio", "--data", voices, "--out", out, *options, *TINY)
    data = modeldir.load(out).card["training"]["data"]
    assert (data["gain"], data["prefixes"]) == ("peak", [0.01, 0.02])
    (told,) = lines("evaluate", out, "--data", voices)
    assert told["protocol"].endswith("as put aside in training")
    assert str(voices.parent) not in (out / "model.json").read_text()


def test_official_split_of_spoken_digits_is_one_flag(lines, voices, tmp_path):
    folder = tmp_path / FSDD["folder"]
    folder.mkdir(parents=True)
    for take, name in ((0, "1_ann_0"), (5, "1_ann_5"), (6, "2_bob_6")):
        source = voices / ("ann_0.wav" if take == 0 else f"{name[2:5]}_1.wav")
        (folder / f"{name}.wav").write_bytes(source.read_bytes())
    out = tmp_path / "run"
    options = ["--split", "fsdd", "--valid", 0, "--out", out, *TINY]
    lines("train", "audio", *options, AUTOREG_DATA=str(tmp_path))
    loaded = modeldir.load(out)
    assert loaded.space.factors == {"digit": ("1", "2"), "speaker": ("ann", "bob")}
    assert loaded.target == "speaker"
    assert loaded.card["split"]["test"]["sequences"] == 1
    (told,) = lines("evaluate", out, "--data", folder)
    assert told["n"] == 1


def test_images_get_dilations_of_their_width(lines, tmp_path):
    for label in ("a", "b"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(3):
            pixels = np.full((4, 6), 40 * number + ord(label), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / label / f"{number}.png")
    out = tmp_path / "run"
    options = ["--data", tmp_path / "data", "--test", r"0\.png", "--valid", 0, "--levels", 4]
    small = ["--set", "model.residual=4", "--set", "model.skip=6", *TINY[-6:]]
    lines("train", "images", "--out", out, *options, *small)
    config = Config.from_dict(modeldir.load(out).card["training"]["config"])
    assert (config.model.kernel_size, set(config.model.dilations)) == (4, {1, 2, 3, 6, 12})


def test_curves_are_trained_on(lines, tmp_path):
    out = tmp_path / "run"
    options = ["-n", 6, "--length", 10, "--levels", 9, "--periods", "1,2.5"]
    lines("train", "fourier", "--out", out, *options, *TINY)
    assert modeldir.load(out).space.factors == {"period": ("1", "2.5")}
    (told,) = lines("evaluate", out)
    assert (told["n"], told["of"]) == (1, ["period"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["audio", "--data", "."], "needs a folder with .wav"),
        (["audio", "--data", ".", "--prefixes", "a"], "numbers are written 0.05,0.1,0.2"),
        (["images", "--data", "."], "needs a folder with .png"),
        (["mnist", "--data", "."], "the four files of MNIST need to be there"),
    ],
)
def test_what_cannot_be_trained_is_refused(refused, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in refused("train", *arguments, "--out", "run", "--quiet")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["audio", "mnist"])
def test_folder_of_the_data_is_needed(run, kind):
    result = run("train", kind, "--out", "run", AUTOREG_DATA="")
    assert result.exit_code == 2
    assert "needs the folder of the data" in " ".join(result.stderr.split())


def test_bad_sound_among_good_ones_stops_or_is_skipped(run, refused, voices, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for path in voices.iterdir():
        (data / path.name).write_bytes(path.read_bytes())
    (data / "ann_9.wav").write_text("no sound")
    options = ["--data", data, "--labels", r"(?P<speaker>[a-z]+)_\d\.wav", "--valid", 0]
    options += ["--test", r"[a-z]+_0\.wav", "--out", tmp_path / "run", *TINY]
    assert "ann_9.wav: needs a sound file" in refused("train", "audio", *options, "--json")
    skipped = run("train", "audio", *options, "--json", "--on-error", "skip")
    assert skipped.exit_code == 0
    assert "skipped" in skipped.stderr
    assert "ann_9.wav" in skipped.stderr


@pytest.mark.parametrize(
    ("codec", "levels", "protocol"),
    [
        ("mulaw", 256, "mu-law 256, gain recorded"),
        ("linear", 65536, "linear 65536, gain recorded"),
        ("sashimi", 256, "mu-law 256 truncated, gain range, bits per sample as in the papers"),
        ("sashimi-linear", 256, "linear 256 truncated, gain range, bits per sample as in the"),
    ],
)
def test_codecs_are_named(voices, codec, levels, protocol):
    plan = audio(data=voices, labels="none", codec=codec, levels=levels)
    corpus = read_corpus(plan.source, plan.data)
    assert protocol in corpus.protocol
    assert corpus.signal.num_symbols == levels
