"""Training to predict signals, as well as to tell their conditions apart."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from autoreg import scoring
from autoreg.models.wavenet import WaveNet
from autoreg.training.objective import Losses

# Rivals less probable than this, divided by how many there are, pass on no gradient: all that are
# left out of one sequence together are less than a thousandth of what probabilities add to, 1.
NEGLIGIBLE = 1e-3


class Hybrid(nn.Module):
    r"""A mean of a generative loss and a discriminative one, in nats of a batch.

    .. math:: -(1 - \lambda) \log p(x \mid y) - \lambda \log p(y \mid x)

    with p(y | x) by Bayes' rule over all conditions, each as probable as another beforehand
    (Bouchard and Triggs 2004, https://inria.hal.science/inria-00548546). With lambda = 0 it is
    minus the log likelihood. What comes of it is no longer the best fit to the signals, and
    should be called hybrid wherever its figures stand.

    All conditions are read without a gradient first. The gradient of log p(y | x) is that of each
    condition's log likelihood times its posterior probability, and only the few conditions whose
    probability is not negligible are read again for it. With dropout the two readings drop
    different inputs.

    Args:
        model: What is scored.
        discriminative: lambda.
        precision: See ``Objective``.

    Raises:
        ValueError: The model takes features that accompany the data.
    """

    def __init__(
        self, model: WaveNet, discriminative: float, precision: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        if model.upsampling is not None:
            raise ValueError(
                "training.discriminative knows no features that accompany the data: set it to 0"
            )
        self.model = model
        self._share = discriminative
        self._autocast = precision == torch.bfloat16

    def forward(
        self,
        symbols: Int[Tensor, "B T"],
        condition: Int[Tensor, " B"],
        lengths: Int[Tensor, " B"],
        skip: Int[Tensor, " B"],
        local: object = None,
    ) -> Losses:
        """Return the losses of whole sequences.

        Features that accompany the rows are for models that are refused; others ignore them.

        Raises:
            ValueError: A sequence is not scored from its start: its condition cannot be told.
        """
        if bool((skip > 0).any()):
            raise ValueError(
                "training.discriminative needs whole sequences: leave training.crop out"
            )
        with torch.autocast(symbols.device.type, torch.bfloat16, enabled=self._autocast):
            with torch.no_grad():
                joint = self._read_all(symbols, lengths)
            posterior = joint.softmax(1)
            truth = nn.functional.one_hot(condition, joint.shape[1]).to(posterior.dtype)
            weights = (1 - self._share) * truth + self._share * (truth - posterior)
            row, rival = (truth.bool() | (posterior > NEGLIGIBLE / joint.shape[1])).nonzero().T
            read = self._read(symbols[row], rival, lengths[row])
        passed_on = (weights[row, rival] * read).sum()
        nats = -joint.gather(1, condition[:, None]).sum()
        cross_entropy = -joint.log_softmax(1).gather(1, condition[:, None]).sum()
        loss = (1 - self._share) * nats + self._share * cross_entropy
        return Losses(loss + passed_on.detach() - passed_on, nats)

    def _read_all(
        self, symbols: Int[Tensor, "B T"], lengths: Int[Tensor, " B"]
    ) -> Float[Tensor, "B K"]:
        """Return the log likelihood under each condition, one condition at a time."""
        conditions = range(self.model.num_conditions)
        told = [self._read(symbols, torch.full_like(lengths, k), lengths) for k in conditions]
        return torch.stack(told, 1)

    def _read(
        self, symbols: Int[Tensor, "B T"], condition: Int[Tensor, " B"], lengths: Int[Tensor, " B"]
    ) -> Float[Tensor, " B"]:
        return scoring.log_factors(self.model, symbols, condition, lengths).sum(1)
