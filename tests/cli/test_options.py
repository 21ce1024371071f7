import json
import shutil

import numpy as np
import pytest
import soundfile
import torch

from autoreg.cli.options import open_density, reading, seeded, use_threads


def test_reading_holds_what_was_asked_for_only():
    assert reading(mono=False, resample=False) == {}
    asked = reading(start=0.5, stop=1.0, mono=True, resample=True)
    assert asked == {"start": 0.5, "stop": 1.0, "mono": True, "resample": True}


@pytest.fixture
def silences(voices_model, tmp_path):
    """A model that has learnt no silence, a clip with some, and the clip without."""
    clip = np.concatenate([np.full(50, 1e-4), np.linspace(0.1, 0.5, 200), np.zeros(80)])
    soundfile.write(tmp_path / "clip.wav", clip, 8000, subtype="FLOAT")
    soundfile.write(tmp_path / "active.wav", clip[50:250], 8000, subtype="FLOAT")
    trained = shutil.copytree(voices_model, tmp_path / "trained")
    card = json.loads((trained / "model.json").read_text())
    card["training"]["data"]["trim_db"] = 40.0
    (trained / "model.json").write_text(json.dumps(card))
    return trained, tmp_path / "clip.wav", tmp_path / "active.wav"


@pytest.mark.parametrize("verb", ["score", "classify", "classify --every 100", "complete"])
def test_silence_is_left_out_as_in_training(lines, run, refused, voices_model, silences, verb):
    trained, clip, active = silences
    out = clip.parent / "out.wav"
    drawn = ["--keep", 100, "-n", 1, "--seed", 1, "--out", out] if verb == "complete" else []
    verb, *options = [*verb.split(), *drawn]
    (told,) = lines(verb, trained, clip, *options, "--trim")
    found = out.read_bytes() if drawn else told
    (expected,) = lines(verb, trained, active, *options, "--quiet")
    if drawn:
        assert found == out.read_bytes()
    else:
        assert found | {"file": ""} == expected | {"file": ""}
    noted = run(verb, trained, clip, *options)
    assert noted.exit_code == 0
    assert "note: silent ends count; training left out those 40 dB below the peak" in noted.stderr
    message = "--trim does what the training did; this model's left out no silence"
    assert message in refused(verb, voices_model, clip, *options, "--trim")


def test_seed_can_be_told_afterwards():
    fresh = seeded(None)
    again = seeded(fresh.initial_seed())
    assert torch.equal(torch.rand(3, generator=fresh), torch.rand(3, generator=again))
    assert seeded(7).initial_seed() == 7


def test_model_is_opened_as_asked(digits_model):
    density = open_density(
        str(digits_model), device="cpu", dtype="float64", threads=None, memory="1KB"
    )
    assert density.memory == 1024
    assert next(density.model.parameters()).dtype == torch.float64


def test_threads_are_left_alone_unless_asked_for():
    threads = torch.get_num_threads()
    use_threads(None)
    assert torch.get_num_threads() == threads
    use_threads(threads)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--device", "tpu"], "device needs auto, cpu, cuda or cuda:N; got 'tpu'"),
        (["--memory", "lots"], "memory is written 256MB or 2GB; got 'lots'"),
        (["--prior", "even"], "a prior is uniform, training, label=p"),
    ],
)
def test_options_that_cannot_be_are_refused(refused, digits_model, image, options, message):
    assert message in refused("score", digits_model, image, *options)
