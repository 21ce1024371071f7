"""Figures of draws, posteriors, forecasts and training, in one look."""

from autoreg.plots.calibration import reliability
from autoreg.plots.forecast import bands
from autoreg.plots.grids import completed, drawn
from autoreg.plots.progress import progressive
from autoreg.plots.style import RESOLUTION, WIDTH, save

__all__ = [
    "RESOLUTION",
    "WIDTH",
    "bands",
    "completed",
    "drawn",
    "progressive",
    "reliability",
    "save",
]
