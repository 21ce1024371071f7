import numpy as np
import pytest
import torch

import autoreg
from autoreg import modeldir
from autoreg.models.wavenet import WaveNet


def test_files_are_classified_one_row_each(run, lines, voices, voices_model):
    rows = run("classify", voices_model, voices).stdout.splitlines()
    assert rows[0].split() == ["label", "probability", "log-odds", "file"]
    assert len(rows) == 5
    told = lines("classify", voices_model, voices)
    expected = autoreg.load(voices_model).posterior(voices / "ann_0.wav")
    assert told[0]["label"] == expected.best[0] == rows[1].split()[0]
    assert told[0]["probs"] == pytest.approx(
        dict(zip(expected.labels, expected.probs.tolist(), strict=True))
    )
    assert told[0]["probability"] == pytest.approx(max(told[0]["probs"].values()))
    assert told[0]["log_odds"] == pytest.approx(float(expected.log_odds))
    assert told[0]["log_evidence"] == pytest.approx(float(expected.log_evidence))
    assert (told[0]["of"], told[0]["beginnings"]) == (["speaker"], [])


def test_every_beginning_is_classified_on_the_way(lines, run, digits_model, image):
    (told,) = lines("classify", digits_model, image, "--every", 28)
    every = autoreg.load(digits_model).posterior(_pixels(), every_prefix=True)
    assert [one["symbols"] for one in told["beginnings"]] == [28, 56]
    assert told["symbols"] == 64
    for one in [*told["beginnings"], told]:
        expected = every.probs[one["symbols"]].tolist()
        assert list(one["probs"].values()) == pytest.approx(expected)
    rows = run("classify", digits_model, image, "--every", 28).stdout.splitlines()
    assert [row.split()[0] for row in rows] == ["symbols", "28", "56", "64"]


def test_beginnings_of_sounds_are_by_seconds(lines, voices, voices_model):
    (told,) = lines("classify", voices_model, voices / "ann_0.wav", "--every", "20ms")
    assert [one["symbols"] for one in told["beginnings"]] == [160, 320]


def test_beginning_is_heard_at_its_own_peak(lines, voices, peak_model):
    clip = voices / "ann_0.wav"
    (told,) = lines("classify", peak_model, clip, "--every", "20ms", "--start", "0.01")
    density = autoreg.load(peak_model)
    for one in [*told["beginnings"], told]:
        stop = 0.01 + one["symbols"] / 8000
        expected = density.posterior(clip, start=0.01, stop=stop)
        assert one["log_evidence"] == pytest.approx(float(expected.log_evidence))
    whole = density.posterior(clip, start=0.01, every_prefix=True)
    assert told["log_evidence"] == pytest.approx(float(whole.log_evidence[-1]))
    first = told["beginnings"][0]["log_evidence"]
    assert abs(first - float(whole.log_evidence[160])) > 1


def test_prior_moves_the_label(lines, voices, voices_model):
    for name in ("ann", "bob"):
        sure = f"ann={int(name == 'ann')},bob={int(name == 'bob')}"
        (told,) = lines("classify", voices_model, voices / "ann_0.wav", "--prior", sure)
        assert (told["label"], told["probability"]) == (name, 1.0)
        assert told["log_odds"] is None  # infinite


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--of", "digit"], "the model has no factor 'digit'; it has speaker"),
        (["--given", "speaker=cleo"], "the model knows no speaker 'cleo'"),
        (["--prior", "ann=2,bob=-1"], "prior needs finite probabilities"),
        (["--every", "0"], "one symbol or more is needed; got 0"),
        (["--every", "often"], "symbols are written 392, seconds 0.2s or 200ms; got 'often'"),
    ],
)
def test_bad_options_are_refused(refused, voices, voices_model, options, message):
    assert message in refused("classify", voices_model, voices / "ann_0.wav", *options)


def test_model_without_labels_is_refused(refused, digits_model, image, tmp_path):
    density = autoreg.load(digits_model)
    with torch.random.fork_rng(devices=[]):
        plain = WaveNet(17, dilations=[1], residual=2, skip=2, hidden=2)
    there = modeldir.save(
        tmp_path, model=plain, signal=density.signal, space=autoreg.ConditionSpace({})
    )
    assert "knows no labels: there is nothing to tell apart" in refused("classify", there, image)


def test_seconds_of_a_picture_are_refused(refused, digits_model, image):
    told = refused("classify", digits_model, image, "--every", "0.1s")
    assert told == "error: seconds are for sounds; this is a picture"


def _pixels():
    """What the image says on the grey levels of the digits."""
    return np.rint(np.arange(64).reshape(8, 8) * 4 * 16 / 255).astype("int64")
