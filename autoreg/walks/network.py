"""Gated dilated convolutions as arrays: what compiled walks are given."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from autoreg.walks.request import Request


class Network(NamedTuple):
    """The weights of a WaveNet, in its own type and on its own device.

    Input number i (the start symbol is number 0; input i > 0 is symbol i - 1) is embedded,
    filtered by ``input_kernel`` taps one apart, then passes L gated layers of ``kernel_size`` taps
    ``dilations[l]`` apart; taps are concatenated oldest first. Layer l's units are
    h = tanh(signal) sigmoid(gate), where (signal, gate) are the halves of filters[l] @ taps +
    biases[condition, l] (+ drift_weight[l] @ drift[row, position]); its stream goes on as
    x + residual_weight[l] @ h + residual_bias[l]. All units side by side, (L G), give
    relu(skip @ units + skip_bias), relu(hidden @ . + hidden_bias), and the Q logits.

    A state's memory is (position, condition, row, ring, ...): ring 0 is the input filter's last
    inputs, (N, input_kernel - 1, R), ring l + 1 layer l's, (N, (kernel_size - 1) dilation, R);
    input number i lies in slot i mod reach. Input i goes with the features of position i; past
    the last position the last features stand in.
    """

    embedding: Float[Tensor, "Q1 R"]
    input_weight: Float[Tensor, "R k0R"]
    input_bias: Float[Tensor, " R"]
    filters: Float[Tensor, "L 2G kR"]
    biases: Float[Tensor, "K L 2G"]
    residual_weight: Float[Tensor, "L1 R G"]
    residual_bias: Float[Tensor, "L1 R"]
    skip_weight: Float[Tensor, "S LG"]
    skip_bias: Float[Tensor, " S"]
    hidden_weight: Float[Tensor, "H S"]
    hidden_bias: Float[Tensor, " H"]
    output_weight: Float[Tensor, "Q H"]
    output_bias: Float[Tensor, " Q"]
    drift: Float[Tensor, "rows T D"] | None
    drift_weight: Float[Tensor, "L 2G D"] | None
    dilations: tuple[int, ...]
    kernel_size: int
    input_kernel: int

    @property
    def multiplications(self) -> int:
        """Multiply-adds per position, drift left aside; two of them are two operations each."""
        weights = (
            self.input_weight,
            self.filters,
            self.residual_weight,
            self.skip_weight,
            self.hidden_weight,
            self.output_weight,
        )
        return sum(weight.numel() for weight in weights)

    @property
    def reaches(self) -> tuple[int, ...]:
        """How many past inputs each ring holds."""
        return self.input_kernel - 1, *((self.kernel_size - 1) * d for d in self.dilations)


def positions_known(network: Network, asked: Request) -> int:
    """Return how many of the positions asked for can be walked before the features end."""
    count, length = asked.uniforms.shape
    if network.drift is None or not count:
        return length
    return max(0, min(length, network.drift.shape[1] - int(asked.state.memory[0][0])))


def refuse_beyond(network: Network, asked: Request, walked: int) -> None:
    """Raise if a walk that nothing stopped has come to the end of the features too early."""
    if network.drift is not None and walked < asked.uniforms.shape[1]:
        raise ValueError(
            f"the model has features for {network.drift.shape[1]} positions; "
            f"position {walked + int(asked.state.memory[0][0]) + 1} lies beyond them"
        )
