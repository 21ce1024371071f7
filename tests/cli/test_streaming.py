"""Sound that is streamed is the sound that is drawn at once."""

import json
import os
import signal

import numpy as np
import pytest
import soundfile

from autoreg.data.recording import Recording


def samples(path):
    return soundfile.read(path, dtype="int16")[0]


def test_a_streamed_sample_is_the_file_of_one_draw(lines, run, voices_model, tmp_path):
    once, grown = tmp_path / "once.wav", tmp_path / "grown.wav"
    options = ["--length", 3000, "--seed", 3, "--given", "speaker=bob"]
    lines("sample", voices_model, "-n", 1, "--out", once, *options)
    (told,) = lines("sample", voices_model, "--stream", "--out", grown, *options)
    assert told == {
        "out": str(grown),
        "seed": 3,
        "labels": [{"speaker": "bob"}],
        "samples": 3000,
        "sample_rate": 8000,
        "ended": "length",
        "method": "ancestral sampling",
    }
    assert grown.read_bytes() == once.read_bytes()
    people = run("sample", voices_model, "--stream", "--out", grown, *options).stdout
    assert "0.375 s at 8000 Hz, ancestral sampling" in people
    assert "seed 3; speaker=bob" in people


@pytest.mark.parametrize(
    ("options", "method"),
    [
        (["--temperature", 0.5], "ancestral sampling at temperature 0.5, top_p 1.0"),
        (["--temperature", 0], "the likeliest symbol each time"),
    ],
)
def test_a_stream_says_how_it_is_drawn_as_one_draw_does(
    lines, run, voices_model, tmp_path, options, method
):
    asked = ["--length", 30, "--out", tmp_path / "a.wav", *options]
    assert lines("sample", voices_model, "-n", 1, *asked)[0]["method"] == method
    assert lines("sample", voices_model, "--stream", *asked)[0]["method"] == method
    assert method in run("sample", voices_model, "--stream", *asked).stdout


def test_samples_on_standard_output_are_those_of_the_file(run, voices_model, tmp_path):
    grown = tmp_path / "grown.wav"
    options = ["--length", 300, "--seed", 3]
    run("sample", voices_model, "--stream", "--out", grown, *options)
    piped = run("sample", voices_model, "--out", "-", *options)
    assert piped.exit_code == 0
    assert np.array_equal(np.frombuffer(piped.stdout_bytes, dtype="<i2"), samples(grown))
    assert "seed 3" in piped.stderr


def test_standard_output_takes_samples_or_json(refused, voices_model, voices):
    for asked in (("sample", voices_model), ("complete", voices_model, voices / "ann_0.wav")):
        keep = ["--keep", 10] if asked[0] == "complete" else []
        told = refused(*asked, *keep, "--length", 300, "--out", "-", "--json")
        assert "--out - writes samples to standard output; leave out --json" in told


def test_ctrl_c_leaves_what_was_drawn_as_a_whole_file(run, voices_model, tmp_path, monkeypatch):
    append = Recording.append

    def stopping(self, wave):
        append(self, wave)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Recording, "append", stopping)
    once, grown = tmp_path / "once.wav", tmp_path / "grown.wav"
    run("sample", voices_model, "-n", 1, "--length", 5000, "--seed", 3, "--out", once)
    options = ["--stream", "--length", 5000, "--seed", 3, "--out", grown]
    stopped = run("sample", voices_model, *options)
    assert stopped.exit_code == 130
    assert "0.128 of 0.625 s at 8000 Hz" in stopped.stdout
    assert "interrupted, the file is whole" in stopped.stdout
    assert np.array_equal(samples(grown), samples(once)[:1024])
    (told,) = [
        json.loads(line)
        for line in run("sample", voices_model, *options, "--json").stdout.splitlines()
    ]
    assert (told["samples"], told["ended"]) == (1024, "interrupted")


@pytest.mark.parametrize("model", ["voices_model", "peak_model"])
def test_a_streamed_completion_is_the_file_of_one_draw(lines, request, voices, model, tmp_path):
    once, grown, rest = (tmp_path / f"{name}.wav" for name in ("once", "grown", "rest"))
    model = request.getfixturevalue(model)
    options = [voices / "ann_0.wav", "--keep", "20ms", "--length", "50ms", "--seed", 5]
    lines("complete", model, "-n", 1, "--out", once, *options)
    lines("complete", model, "--stream", "--out", grown, *options)
    assert grown.read_bytes() == once.read_bytes()
    lines("complete", model, "--stream", "--only-new", "--out", rest, *options)
    assert np.array_equal(samples(rest), samples(once)[160:])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "--stream", "-n", 2, "--length", 5], "--stream writes one sound; got -n 2"),
        (["sample", "--stream"], "length is needed (--length)"),
        (["sample", "--stream", "--length", 5, "--temperature", -1], "temperature"),
        (
            ["sample", "--stream", "--length", 5, "--given", "speaker=cid"],
            "knows no speaker 'cid'",
        ),
    ],
)
def test_what_cannot_be_streamed_is_refused(refused, voices_model, tmp_path, arguments, message):
    out = tmp_path / "x.wav"
    verb, *options = arguments
    assert message in refused(verb, voices_model, *options, "--out", out)
    assert not out.exists()


def test_other_formats_and_pictures_are_not_streamed(
    refused, digits_model, voices_model, tmp_path
):
    options = ["--stream", "--length", 5, "--out"]
    told = refused("sample", voices_model, *options, tmp_path / "x.flac")
    assert "x.flac: a sound that grows needs a name ending in .wav" in told
    told = refused("sample", digits_model, *options, tmp_path / "x.wav")
    assert "--stream is for sounds; this is a picture" in told
