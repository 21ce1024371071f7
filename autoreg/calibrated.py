"""A density whose posteriors are as sure as they are right."""

from collections.abc import Sequence
from typing import Unpack

from autoreg.answers import Posterior
from autoreg.calibration import Calibration
from autoreg.conditions import Given, Prior
from autoreg.data.waves import Reading
from autoreg.density import Density, Signals


class Calibrated:
    """A density whose posteriors are tempered; every other question is the density's own.

    Args:
        density: Whose likelihoods are asked.
        calibration: The temperature; that which `autoreg calibrate` stored with the model if None.

    Raises:
        ValueError: The model has no calibration.
    """

    def __init__(self, density: Density, calibration: Calibration | None = None) -> None:
        if calibration is None:
            stored = density.card.get("calibration")
            if stored is None:
                raise ValueError(
                    "the model has no calibration: `autoreg calibrate MODEL --data DIR` fits one"
                )
            calibration = Calibration.from_config(stored)
        self.density, self.calibration = density, calibration

    def posterior(
        self,
        signals: Signals,
        *,
        of: str | Sequence[str] | None = None,
        given: Given | None = None,
        prior: Prior | None = None,
        every_prefix: bool = False,
        **reading: Unpack[Reading],
    ) -> Posterior:
        """Return the calibrated log probability of each label; see ``Density.posterior``."""
        density = self.density
        whole = density.posterior(
            signals,
            of=density.space.names,
            given=given,
            prior=prior,
            every_prefix=every_prefix,
            **reading,
        )
        return self.calibration.temper(
            whole,
            density.space,
            of=density.target if of is None else of,
            log_prior=density.space.log_prior(prior, given),
        )
