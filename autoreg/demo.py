"""A first tour: a small model of small digits, from training to pictures."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Shaped
from matplotlib.figure import Figure
from rich.console import Console
from torch import Generator, Tensor

from autoreg import plots
from autoreg.data.corpus import Corpus
from autoreg.data.source import read_corpus
from autoreg.density import Density, load
from autoreg.evaluation import Evaluation, evaluate
from autoreg.training import checkpoint
from autoreg.training.config import Config, preset
from autoreg.training.run import train

SOURCE = {"kind": "digits"}
UNSURE = 8  # how many images are told about
DRAWS = 6  # a label, or a completion


class Guess(NamedTuple):
    """What is thought of one image: its name, its label, the two most probable ones."""

    name: str
    truth: str
    first: tuple[str, float]
    second: tuple[str, float]


@dataclass(frozen=True)
class Demo:
    """What came out.

    Attributes:
        evaluation: On the digits that were held out.
        unsure: The held-out digits that the model is least sure of.
        pictures: Files: draws, completions, and posteriors as pixels arrive.
        seconds: How long training and all of it took.
    """

    evaluation: Evaluation
    unsure: list[Guess]
    pictures: dict[str, Path]
    seconds: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: the evaluation's, and where the pictures are."""
        pictures = {name: str(path) for name, path in self.pictures.items()}
        return {**self.evaluation.to_dict(), "pictures": pictures, "seconds": self.seconds}


def demo(
    directory: str | Path,
    *,
    config: Config | None = None,
    device: Literal["auto", "cpu"] = "auto",
    console: Console | None = None,
) -> Demo:
    """Train on the 8x8 digits that come with scikit-learn, judge, and draw three pictures.

    Args:
        directory: Where the model and the pictures go. A run that is there already goes on.
        config: How to train; the preset "digits" if None.
        device: Where to compute.
        console: Shows progress; None shows nothing.

    Raises:
        KeyboardInterrupt: Training was interrupted; the same call goes on with it.
    """
    began, directory = time.perf_counter(), Path(directory)
    corpus = read_corpus(SOURCE)
    fitted = train(
        corpus,
        preset("digits") if config is None else config,
        directory,
        source=SOURCE,
        resume=(directory / checkpoint.FILE).exists(),
        device=device,
        console=console,
    )
    if fitted.ended == "interrupted":
        raise KeyboardInterrupt
    density = load(directory, device=device)
    evaluation = evaluate(density, corpus)
    generator = Generator().manual_seed(0)
    figures = {
        "generated": _generated(density, generator),
        "completed": _completed(density, corpus, generator),
        "progressive": _progressive(density, corpus),
    }
    pictures = {name: directory / f"{name}.png" for name in figures}
    for name, figure in figures.items():
        plots.save(figure, pictures[name])
    return Demo(
        evaluation=evaluation,
        unsure=_unsure(density, corpus),
        pictures=pictures,
        seconds={
            "training": round(fitted.standing.seconds, 1),
            "all": round(time.perf_counter() - began, 1),
        },
    )


def _generated(density: Density, generator: Generator) -> Figure:
    labels = density.space.labels("digit")
    draws = [
        density.sample(DRAWS, given={"digit": label}, generator=generator).decode()
        for label in labels
    ]
    return plots.drawn(torch.stack(draws), labels, title="Drawn, given the digit")


def _completed(density: Density, corpus: Corpus, generator: Generator) -> Figure:
    images = _first_of_each(corpus, ("2", "3", "4", "7", "9"))
    height, width = images.shape[1:]
    half = height // 2 * width
    completions = [
        density.complete(image, DRAWS, keep=half, generator=generator).decode() for image in images
    ]
    kept = (torch.arange(height * width) < half).reshape(height, width)
    return plots.completed(
        images, torch.stack(completions), kept, title="The upper half, and what may follow"
    )


def _progressive(density: Density, corpus: Corpus) -> Figure:
    images = _first_of_each(corpus, ("3", "6", "9"))
    posterior = density.posterior(images, every_prefix=True)
    return plots.progressive(
        images,
        torch.arange(images[0].numel()),
        posterior.probs,
        posterior.labels,
        title="Which digit is it? The posterior as pixels arrive",
    )


def _unsure(density: Density, corpus: Corpus) -> list[Guess]:
    test = corpus.parts["test"]
    posterior = density.posterior(_images(corpus))
    least = posterior.probs.amax(1).argsort()[:UNSURE].tolist()
    guesses = []
    for index in least:
        best = posterior.probs[index].topk(2)
        ranked = [
            (posterior.labels[label], prob)
            for label, prob in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
        truth = corpus.space.describe(int(test.condition[index]))["digit"]
        guesses.append(Guess(test.names[index], truth, *ranked))
    return guesses


def _images(corpus: Corpus) -> Shaped[Tensor, "n H W"]:
    """Return the held-out images."""
    test = corpus.parts["test"]
    return corpus.signal.decode(test.symbols.reshape(len(test), -1))


def _first_of_each(corpus: Corpus, labels: Sequence[str]) -> Shaped[Tensor, "m H W"]:
    """Return the first held-out image of each of some digits."""
    condition = corpus.parts["test"].condition
    first = [int((condition == corpus.space.index(digit=one)).nonzero()[0]) for one in labels]
    return _images(corpus)[first]
