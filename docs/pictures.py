"""The pictures of these pages, made from bundled models: ``python docs/pictures.py``."""

from pathlib import Path

import torch
from jaxtyping import Shaped
from matplotlib.figure import Figure
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor

import autoreg as ar
from autoreg import plots
from autoreg.data.source import read_corpus

FOLDER = Path(__file__).parent / "pictures"
COLOURS = 192


def held_out(*numbers: int) -> Shaped[Tensor, "N 8 8"]:
    """Return 8x8 digits that the bundled model was not trained on."""
    return torch.tensor(load_digits().images[::5][[*numbers]].astype("uint8"))


def classify() -> Figure:
    """Return the posterior of three digits as their pixels arrive."""
    density, images = ar.load("digits"), held_out(26, 9, 45)
    found = density.posterior(images, every_prefix=True)
    order = density.signal.scan.order
    return plots.progressive(images, order, found.probs, found.labels, title="Which digit is it?")


def infill() -> Figure:
    """Return what may be in a hole, and where that is in doubt."""
    density, image = ar.load("digits"), held_out(186)[0]
    hidden = torch.zeros(8, 8, dtype=torch.bool)
    hidden[2:6, 2:6] = True
    chance = torch.Generator().manual_seed(0)
    draws = density.infill(image, hidden=hidden.numpy(), draws=64, generator=chance)
    return plots.infilled(image, hidden, draws.decode(), title="What may be hidden")


def score() -> Figure:
    """Return what each pixel costs of a digit in which one is off."""
    density, image = ar.load("digits"), held_out(26)[0]
    image[4, 3] = 16
    nats = density.surprise(image, given={"digit": 0}).value
    return plots.surprise_map(image, nats, density.signal.scan.order, title="A pixel that is off")


def forecast() -> Figure:
    """Return bands of what may follow three fifths of a curve, and what did."""
    density = ar.load("fourier")
    test = read_corpus(density.card["training"]["data"]).parts["test"]
    curve = density.signal.decode(test.pad([0])[0][0])  # the first one
    chance = torch.Generator().manual_seed(0)
    draws = density.complete(curve, 400, keep=120, length=200, generator=chance).decode()
    return plots.bands(curve, draws[:, 120:], 120, title="How a curve may go on")


def write(figure: Figure, path: Path) -> None:
    """Write a figure in few colours, so that the history of the repository stays small."""
    plots.save(figure, path)
    with Image.open(path) as drawn:
        few = drawn.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for picture in (classify, infill, score, forecast):
        write(picture(), FOLDER / f"{picture.__name__}.png")
