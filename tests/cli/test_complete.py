import numpy as np
import pytest
import soundfile
from PIL import Image

import autoreg


def test_completions_begin_as_the_file(lines, voices, voices_model, tmp_path):
    clip, out = voices / "ann_0.wav", tmp_path / "out.wav"
    options = ["--keep", "20ms", "-n", 2, "--out", out, "--seed", 1]
    (told,) = lines("complete", voices_model, clip, *options)
    kept = autoreg.load(voices_model).log_prob(clip, stop=0.02)
    assert told["log_evidence"] == pytest.approx(float(kept))
    draws, _ = soundfile.read(out)
    one, two = draws[:400], draws[-400:]
    assert np.array_equal(one[:160], two[:160])
    assert not np.array_equal(one, two)


def test_length_of_completions_counts_the_beginning(lines, run, voices, voices_model, tmp_path):
    out = tmp_path / "out.wav"
    options = [voices / "ann_0.wav", "--keep", 10, "--length", "2ms", "-n", 1, "--out", out]
    lines("complete", voices_model, *options, "--given", "speaker=ann")
    assert len(soundfile.read(out)[0]) == 16
    assert "log p of what was kept: " in run("complete", voices_model, *options).stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--keep", 65], "keep needs to lie within 0..64, the signal; got 65"),
        (["--keep", "half"], "symbols are written 392"),
        (["--keep", 32, "--temperature", -1], "temperature"),
        (["--keep", 32, "--length", 8], "length counts the beginning in"),
    ],
)
def test_what_cannot_be_completed_is_refused(
    refused, digits_model, image, tmp_path, options, message
):
    out = tmp_path / "x.png"
    assert message in refused("complete", digits_model, image, "--out", out, *options)
    assert not out.exists()


def test_image_of_another_size_is_refused(refused, digits_model, tmp_path):
    Image.new("L", (9, 8)).save(tmp_path / "wide.png")
    told = refused(
        "complete", digits_model, tmp_path / "wide.png", "--keep", 3, "--out", tmp_path / "x.png"
    )
    assert "wide.png: the image needs 8 rows of 8 pixels; got 8 rows of 9" in told


def test_what_follows_is_written_without_the_beginning(lines, voices, voices_model, tmp_path):
    whole, rest = tmp_path / "whole.wav", tmp_path / "rest.wav"
    options = [voices / "ann_0.wav", "--keep", 100, "-n", 2, "--seed", 1]
    lines("complete", voices_model, *options, "--out", whole)
    lines("complete", voices_model, *options, "--out", rest, "--only-new")
    both, new = soundfile.read(whole)[0], soundfile.read(rest)[0]
    assert np.array_equal(new, np.concatenate([both[100:2400], both[2500:]]))


def test_pictures_are_completed_as_a_whole(refused, digits_model, image, tmp_path):
    options = ["--keep", 3, "--only-new", "--out", tmp_path / "x.png"]
    told = refused("complete", digits_model, image, *options)
    assert "--only-new is not for a picture: it is drawn as a whole" in told
