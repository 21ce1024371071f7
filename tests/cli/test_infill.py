import numpy as np
import pytest
import soundfile
from PIL import Image

import autoreg


def test_what_is_seen_stays_as_it_is(lines, digits_model, image, tmp_path):
    out = tmp_path / "out.npy.png"
    (told,) = lines(
        "infill", digits_model, image, "--hidden", "7, 6:", "-n", 3, "--out", out, "--seed", 1
    )
    assert (told["kind"], told["reliable"], len(told["labels"])) == ("exact", True, 3)
    density = autoreg.load(digits_model)
    known = density.ask("P(x[:7, :], x[7, :6])", x=image)
    assert told["log_evidence"]["value"] == pytest.approx(float(known.value), rel=1e-6)
    assert out.exists()


def test_a_mask_hides_what_is_white(lines, digits_model, image, tmp_path):
    white = np.zeros((8, 8), dtype=np.uint8)
    white[7, 6:] = 255
    Image.fromarray(white).save(tmp_path / "mask.png")
    options = ["-n", 2, "--out", tmp_path / "a.png", "--seed", 1, "--given", "digit=3"]
    (masked,) = lines("infill", digits_model, image, "--mask", tmp_path / "mask.png", *options)
    (told,) = lines("infill", digits_model, image, "--hidden", "7, 6:", *options)
    assert masked["log_evidence"]["value"] == told["log_evidence"]["value"]
    assert {label["digit"] for label in told["labels"]} == {"3"}


def test_a_gap_in_a_sound_is_given_in_seconds(run, voices, voices_model, tmp_path):
    out = tmp_path / "out.wav"
    clip = voices / "ann_0.wav"
    result = run(
        "infill", voices_model, clip, "--hidden", "49.75ms:", "-n", 2, "--out", out, "--stop", 0.05
    )
    assert result.exit_code == 0, result.output
    assert len(soundfile.read(out)[0]) == 2 * 400 + 2000
    assert "log p of what is given: -" in result.stdout


def test_an_estimate_tells_its_error(lines, digits_model, image, tmp_path):
    (told,) = lines(
        *("infill", digits_model, image, "--hidden", "60:62", "--method", "particles"),
        *("-n", 2, "--out", tmp_path / "a.png", "--given", "digit=3", "--seed", 1),
    )
    assert told["log_evidence"]["std_error"] > 0
    low, high = told["log_evidence"]["interval"]
    assert low < told["log_evidence"]["value"] < high
    assert told["ess"] > 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "infill needs to know what is hidden: --hidden REGION or --mask FILE"),
        (["--mask", "none.png"], "none.png: no such file"),
        (["--hidden", "7, 6:", "--method", "magic"], "method needs one of enumeration"),
        (["--hidden", "7, 6:", "--given", "digit=x"], "the model knows no digit 'x'"),
    ],
)
def test_what_cannot_be_filled_is_refused(
    refused, digits_model, image, tmp_path, options, message
):
    out = tmp_path / "x.png"
    assert message in refused("infill", digits_model, image, "--out", out, *options)
    assert not out.exists()


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("7, 9", "column 4: columns are 0..7; got 9\n    7, 9\n       ^"),
        ("0.1s:", "column 1: seconds are for sounds; this is a picture"),
        ("3..5", "column 2: expected ':', ',' or the end; got '..'"),
        ("scratch", "column 1: scratch is not known"),
    ],
)
def test_errors_point_at_the_region(run, digits_model, image, tmp_path, region, message):
    out = tmp_path / "x.png"
    result = run("infill", digits_model, image, "--out", out, "--hidden", region)
    assert result.exit_code == 1
    assert f"error: {message}" in result.stderr
    assert not out.exists()
