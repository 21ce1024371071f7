"""What training minimises."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from autoreg import scoring
from autoreg.models.wavenet import WaveNet


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
    ) -> Float[Tensor, ""]:
        """Return the nats of columns `skip` to `lengths` of all rows."""
        with torch.autocast(symbols.device.type, torch.bfloat16, enabled=self._autocast):
            log_factors = scoring.log_factors(self.model, symbols, condition, lengths, skip=skip)
        return -log_factors.sum()
