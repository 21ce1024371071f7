"""What training minimises."""

from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor, nn

from autoreg import scoring
from autoreg.data.frames import Excerpt
from autoreg.models.wavenet import WaveNet


class Losses(NamedTuple):
    """What is minimised, and the nats of the scored symbols that are reported; float64 scalars."""

    loss: Tensor
    nats: Tensor


class Objective(nn.Module):
    """Minus the sum of the log factors of a batch, in nats.

    A module of its own, because what exchanges gradients between processes wraps a module's
    `forward`, while the number that counts is that of `scoring`.

    Args:
        model: What is scored.
        precision: bfloat16 runs the forward pass under autocast. Against float64, a log factor of
            the bundled digits then moves by 3e-3 nats on average (at most 0.1), one of a model of
            two-level MNIST by 3e-4 (0.03); whole images by 0.04 and 0.03 nats of 75. Sums over a
            batch are float64.
    """

    def __init__(self, model: WaveNet, precision: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.model = model
        self._autocast = precision == torch.bfloat16

    def forward(
        self,
        symbols: Int[Tensor, "B T"],
        condition: Int[Tensor, " B"],
        lengths: Int[Tensor, " B"],
        skip: Int[Tensor, " B"],
        local: Excerpt | None = None,
    ) -> Losses:
        """Return the nats of columns `skip` to `lengths` of all rows, which are the loss too.

        Features that accompany the rows are for a model that takes them; others ignore them.
        """
        model, row = self.model, None
        if local is not None and model.upsampling is not None:
            model = model.with_features(local.frames, phase=local.phase)
            row = torch.arange(len(symbols), device=symbols.device)
        with torch.autocast(symbols.device.type, torch.bfloat16, enabled=self._autocast):
            log_factors = scoring.log_factors(
                model, symbols, condition, lengths, skip=skip, row=row
            )
        nats = -log_factors.sum()
        return Losses(nats, nats)
