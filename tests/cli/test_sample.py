import numpy as np
import pytest
import soundfile
from PIL import Image


def test_draws_are_written_and_told(run, lines, digits_model, tmp_path):
    out = tmp_path / "fours.png"
    options = ["-n", 4, "--given", "digit=4", "--out", out, "--seed", 7]
    (told,) = lines("sample", digits_model, *options)
    assert told["labels"] == [{"digit": "4"}] * 4
    assert (told["seed"], told["out"], told["log_evidence"]) == (7, str(out), None)
    with Image.open(out) as grid:
        assert grid.size[0] > 100
    people = run("sample", digits_model, *options).stdout
    assert "4 draws of 64 symbols, ancestral sampling" in people
    assert "seed 7; 4 x digit=4" in people


def test_seed_that_is_told_repeats_the_draws(lines, voices_model, tmp_path):
    one, two = tmp_path / "one.wav", tmp_path / "two.wav"
    (told,) = lines("sample", voices_model, "-n", 2, "--length", "5ms", "--out", one)
    lines("sample", voices_model, "-n", 2, "--length", 40, "--out", two, "--seed", told["seed"])
    first, second = (soundfile.read(path)[0] for path in (one, two))
    assert np.array_equal(first, second)
    assert len(first) == 40 + 2000 + 40


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--temperature", "nan"], "temperature"),
        (["--temperature", -1], "temperature"),
        (["--top-p", 0], "top_p"),
        (["--given", "digit=x"], "the model knows no digit 'x'"),
        (["--length", "1s"], "--length is not for a picture: it is drawn as a whole"),
        (["--length", 65], "--length is not for a picture: it is drawn as a whole"),
    ],
)
def test_what_cannot_be_drawn_is_refused(refused, digits_model, tmp_path, options, message):
    out = tmp_path / "x.png"
    assert message in refused("sample", digits_model, "--out", out, "-n", 1, *options)
    assert not out.exists()


def test_length_of_sounds_is_needed(refused, voices_model, tmp_path):
    told = refused("sample", voices_model, "--out", tmp_path / "x.wav")
    assert "length is needed" in told


def test_place_that_cannot_be_written_is_refused(refused, voices_model, tmp_path):
    options = ["-n", 1, "--length", 5]
    told = refused("sample", voices_model, *options, "--out", tmp_path / "no" / "x.wav")
    assert "needs a folder that exists" in told


def test_temperature_0_is_greedy_whatever_the_seed(lines, digits_model, tmp_path):
    files = []
    for seed in (1, 2):
        files.append(tmp_path / f"{seed}.png")
        options = ["-n", 2, "--given", "digit=4", "--temperature", 0, "--seed", seed]
        (told,) = lines("sample", digits_model, *options, "--out", files[-1])
        assert told["method"] == "the likeliest symbol each time"
    assert files[0].read_bytes() == files[1].read_bytes()
