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
        precision: bfloat16 runs the forward pass under autocast. The sum over a batch is float64;
            how far single log factors move is measured in `tests/training/test_objective.py`.
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
