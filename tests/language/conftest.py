"""One small density of each kind."""

import numpy as np
import pytest
import torch

from autoreg.codecs.mulaw import MuLaw
from autoreg.codecs.pixels import Grey
from autoreg.codecs.scan import Scan
from autoreg.data.picture import Picture
from autoreg.data.plain import Plain
from autoreg.data.sound import Sound
from tests.language.worlds import World, density_of


@pytest.fixture(scope="session")
def plain() -> World:
    """Four symbols that stand for themselves."""
    return World(density_of(Plain(3)), np.array([2, 0, 1, 2]), [2, 0, 1, 2])


@pytest.fixture(scope="session")
def picture() -> World:
    """Pixels of grey levels 0, 1, 2, the second row read from the right."""
    image = np.array([[2, 0], [2, 1]])
    return World(
        density_of(Picture(Grey(3, top=2), Scan("serpentine", 2, 2))), image, [2, 0, 1, 2]
    )


@pytest.fixture(scope="session")
def sound() -> World:
    """Waves of three levels, 10 samples a second."""
    signal = Sound(10, MuLaw(3))
    symbols = [2, 0, 1, 2]
    return World(density_of(signal), signal.decode(torch.tensor(symbols)).numpy(), symbols)
