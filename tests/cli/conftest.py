"""Small models, untrained, with what they are asked about."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from autoreg import modeldir
from autoreg.cli.app import app
from autoreg.data.corpus import Corpus
from autoreg.data.source import read_corpus
from autoreg.training.config import ModelConfig
from autoreg.training.run import build

SHAPE = ModelConfig(residual=4, skip=6, hidden=6, dilations=(1, 2), condition_width=3)
"""Nothing is learnt: the weights are drawn, and the distributions far from uniform."""
DIGITS = {"kind": "digits", "scan": "raster"}
VOICES = {
    "kind": "audio",
    "labels": {"kind": "name", "pattern": r"(?P<speaker>[a-z]+)_\d\.wav"},
    "split": {"valid": 0.0, "test": r"[a-z]+_0\.wav"},
    "levels": 16,
}


@pytest.fixture(scope="session")
def run() -> Callable[..., Result]:
    """A function that runs the program on its arguments."""

    def invoke(*arguments: object, **environment: str) -> Result:
        return CliRunner(env=environment).invoke(app, [str(one) for one in arguments])

    return invoke


@pytest.fixture(scope="session")
def refused(run) -> Callable[..., str]:
    """A function that expects a refusal in one line, and returns the line."""

    def invoke(*arguments: object, **environment: str) -> str:
        result = run(*arguments, **environment)
        assert (result.exit_code, result.stdout) == (1, ""), result.output
        assert result.stderr.startswith("error: ")
        assert result.stderr.count("\n") == 1
        return result.stderr.strip()

    return invoke


@pytest.fixture(scope="session")
def lines(run) -> Callable[..., list[dict]]:
    """A function that expects an answer, and returns its lines of JSON."""

    def invoke(*arguments: object, **environment: str) -> list[dict]:
        result = run(*arguments, "--json", **environment)
        assert (result.exit_code, result.stderr) == (0, ""), result.output
        return [json.loads(line) for line in result.stdout.splitlines()]

    return invoke


@pytest.fixture(scope="session")
def digits_model(tmp_path_factory) -> Path:
    """A model of the embedded digits."""
    return _save(read_corpus(DIGITS), DIGITS, tmp_path_factory.mktemp("models") / "digits")


@pytest.fixture(scope="session")
def voices(tmp_path_factory) -> Path:
    """A folder with two clips each of two speakers, 8 kHz, that grow louder."""
    folder = tmp_path_factory.mktemp("voices")
    generator = np.random.default_rng(0)
    for speaker in ("ann", "bob"):
        for take in range(2):
            wave = generator.uniform(-1, 1, 400) * np.linspace(0.1, 0.8, 400)
            soundfile.write(folder / f"{speaker}_{take}.wav", wave, 8000)
    return folder


@pytest.fixture(scope="session")
def voices_model(voices, tmp_path_factory) -> Path:
    """A model of the voices."""
    return _save(read_corpus(VOICES, voices), VOICES, tmp_path_factory.mktemp("models") / "voices")


@pytest.fixture(scope="session")
def peak_model(voices, tmp_path_factory) -> Path:
    """A model of the voices that hears each clip at its own peak."""
    source = {**VOICES, "gain": "peak"}
    return _save(read_corpus(source, voices), source, tmp_path_factory.mktemp("models") / "peak")


@pytest.fixture(scope="session")
def curves_model(tmp_path_factory) -> Path:
    """A model of short curves of two periods."""
    source = {"kind": "fourier", "n": 20, "length": 30, "levels": 9, "seed": 0}
    source["curves"] = {"periods": [0.2, 0.5]}
    return _save(read_corpus(source), source, tmp_path_factory.mktemp("models") / "curves")


@pytest.fixture(scope="session")
def image(tmp_path_factory) -> Path:
    """A picture of the size of the digits."""
    path = tmp_path_factory.mktemp("images") / "image.png"
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4).save(path)
    return path


def _save(corpus: Corpus, source: dict, directory: Path) -> Path:
    shape = replace(SHAPE, features=corpus.features is not None)
    model = build(corpus, shape, seed=0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.6, generator=generator)
    return modeldir.save(
        directory,
        model=model,
        signal=corpus.signal,
        space=corpus.space,
        target=corpus.target,
        protocol=corpus.protocol,
        split={name: part.fingerprint() for name, part in corpus.parts.items()},
        training={"data": source},
    )
