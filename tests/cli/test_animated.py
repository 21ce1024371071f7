import subprocess
import sys

import torch
from PIL import Image

import autoreg
from autoreg import plots


def test_animation_is_that_of_the_posterior_at_every_prefix(run, digits_model, image, tmp_path):
    out = tmp_path / "out.gif"
    result = run("classify", digits_model, image, "--animate", out, "--every", 16)
    assert result.exit_code == 0, result.output
    density = autoreg.load(digits_model)
    pixels = density.signal.decode(density.signal.read(image))
    posterior = density.posterior(image, every_prefix=True)
    order = torch.arange(64)
    plots.animate(
        tmp_path / "same.gif", pixels, order, posterior.probs, posterior.labels, every=16
    )
    assert out.read_bytes() == (tmp_path / "same.gif").read_bytes()
    with Image.open(out) as film:
        assert film.n_frames == 5  # after 0, 16, 32, 48 and 64 pixels


def test_rows_are_printed_as_ever(run, digits_model, image, tmp_path):
    plain = run("classify", digits_model, image).stdout
    assert run("classify", digits_model, image, "--animate", tmp_path / "out.gif").stdout == plain


def test_what_cannot_be_animated_is_refused_before_it_is_scored(
    refused, digits_model, voices_model, voices, image, tmp_path
):
    out = tmp_path / "out.gif"
    told = refused("classify", voices_model, voices / "ann_0.wav", "--animate", out)
    assert "--animate needs a model of pictures in one order; got sound" in told
    told = refused("classify", digits_model, image, image, "--animate", out)
    assert "--animate needs one image; got several files" in told
    told = refused("classify", digits_model, image, "--animate", tmp_path / "out.png")
    assert "ends in .gif" in told
    told = refused("classify", digits_model, image, "--animate", out, "--calibrated")
    assert "--animate shows the model's own posterior; leave out --calibrated" in told
    told = refused("classify", digits_model, "-", "--animate", out)
    assert "--animate needs one image; got -, names on standard input" in told
    told = refused("classify", digits_model, image, "--animate", tmp_path / "none" / "out.gif")
    assert "out.gif: needs a folder that exists" in told
    assert not out.exists()


def test_classify_does_not_wait_for_matplotlib():
    code = "import sys, autoreg.cli.classify; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
