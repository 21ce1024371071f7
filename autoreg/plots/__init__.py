"""Figures of draws, posteriors, surprise, forecasts, training, in one look."""

from autoreg.plots.animation import animate, revealed
from autoreg.plots.calibration import reliability
from autoreg.plots.forecast import bands
from autoreg.plots.grids import completed, drawn, pictured
from autoreg.plots.history import trained
from autoreg.plots.likelihood import histograms, turned
from autoreg.plots.posterior import bars, curves, table
from autoreg.plots.progress import progressive
from autoreg.plots.style import RESOLUTION, WIDTH, save
from autoreg.plots.surprise import surprise_curve, surprise_map
from autoreg.plots.uncertainty import infilled
from autoreg.plots.weights import weighted

__all__ = [
    "RESOLUTION",
    "WIDTH",
    "animate",
    "bands",
    "bars",
    "completed",
    "curves",
    "drawn",
    "histograms",
    "infilled",
    "pictured",
    "progressive",
    "reliability",
    "revealed",
    "save",
    "surprise_curve",
    "surprise_map",
    "table",
    "trained",
    "turned",
    "weighted",
]
