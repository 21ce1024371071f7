"""A WaveNet as textbooks write it: what everything here is measured against."""

from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn
from torch.nn import functional

from autoreg.models.networks import network_of
from autoreg.models.wavenet import WaveNet
from autoreg.walks.network import Network


class Textbook(nn.Module):
    """Convolutions over one-hot symbols, after van den Oord et al. (2016).

    Written as the paper draws it (https://arxiv.org/abs/1609.03499, figure 4): a causal
    convolution of one-hot input, gated dilated convolutions with the condition as a one-hot signal
    that lasts as long as the input, a skip convolution for each layer whose outputs are kept and
    added up at the end, two more convolutions. Generation keeps what each layer has seen in a
    queue that ``torch.roll`` moves along (Le Paine et al. 2016, https://arxiv.org/abs/1611.09482).
    The input has a channel more than there are symbols, for what stands before the first of them.
    """

    def __init__(
        self,
        *,
        num_symbols: int,
        num_conditions: int,
        residual: int,
        gate: int,
        skip: int,
        hidden: int,
        kernel_size: int,
        input_kernel: int,
        dilations: tuple[int, ...],
    ) -> None:
        super().__init__()
        self.num_symbols, self.num_conditions = num_symbols, num_conditions
        self.dilations, self.kernel_size = dilations, kernel_size
        self.causal = nn.Conv1d(num_symbols + 1, residual, input_kernel)
        self.dilated = nn.ModuleList(
            nn.Conv1d(residual, 2 * gate, kernel_size, dilation=dilation) for dilation in dilations
        )
        self.conditioned = nn.ModuleList(
            nn.Conv1d(num_conditions, 2 * gate, 1, bias=False) for _ in dilations
        )
        self.skips = nn.ModuleList(nn.Conv1d(gate, skip, 1) for _ in dilations)
        self.residuals = nn.ModuleList(nn.Conv1d(gate, residual, 1) for _ in dilations[1:])
        self.hidden = nn.Conv1d(skip, hidden, 1)
        self.output = nn.Conv1d(hidden, num_symbols, 1)

    def forward(
        self, symbols: Int[Tensor, "B T"], condition: Int[Tensor, " B"]
    ) -> Float[Tensor, "B Q T"]:
        """Return the logits of every symbol given those before it."""
        start = symbols.new_full((len(symbols), 1), self.num_symbols)
        inputs = self._one_hot(torch.cat([start, symbols[:, :-1]], 1))
        labels = self._labels(condition, symbols.shape[1])
        stream = self.causal(functional.pad(inputs, (self.causal.kernel_size[0] - 1, 0)))
        skips = []
        for number, dilation in enumerate(self.dilations):
            reach = (self.kernel_size - 1) * dilation
            gates = self.dilated[number](functional.pad(stream, (reach, 0)))
            stream, skip = self._layer(number, gates, stream, labels)
            skips.append(skip)
        return self._head(skips)

    def log_factors(
        self, symbols: Int[Tensor, "B T"], condition: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T"]:
        """Return log p(x_t | x_<t, y) of every symbol."""
        log_probs = functional.log_softmax(self(symbols, condition), dim=1)
        return log_probs.gather(1, symbols[:, None])[:, 0]

    def generate(
        self, condition: Int[Tensor, " B"], length: int, *, generator: Generator | None = None
    ) -> Int[Tensor, "B length"]:
        """Draw sequences symbol by symbol."""
        labels, drawn = self._labels(condition, 1), []
        reaches = [self.causal.kernel_size[0] - 1]
        reaches += [(self.kernel_size - 1) * dilation for dilation in self.dilations]
        widths = [self.num_symbols + 1, *(self.causal.out_channels for _ in self.dilations)]
        queues = [
            labels.new_zeros(len(condition), width, reach + 1)
            for width, reach in zip(widths, reaches, strict=True)
        ]
        symbols = torch.full_like(condition, self.num_symbols)
        for _ in range(length):
            logits = self._step(self._one_hot(symbols[:, None]), labels, queues)
            probs = logits[:, :, 0].softmax(1)
            symbols = torch.multinomial(probs, 1, generator=generator)[:, 0]
            drawn.append(symbols)
        return torch.stack(drawn, 1)

    def _step(
        self, inputs: Float[Tensor, "B Q1 1"], labels: Float[Tensor, "B K 1"], queues: list[Tensor]
    ) -> Float[Tensor, "B Q 1"]:
        """Return the logits after one more input, and put it into the queues."""
        queues[0] = _moved(queues[0], inputs)
        stream, skips = self.causal(queues[0]), []
        for number, dilation in enumerate(self.dilations):
            queues[number + 1] = _moved(queues[number + 1], stream)
            layer = cast(nn.Conv1d, self.dilated[number])
            taps = queues[number + 1][:, :, ::dilation]
            gates = functional.conv1d(taps, layer.weight, layer.bias)
            stream, skip = self._layer(number, gates, stream, labels)
            skips.append(skip)
        return self._head(skips)

    def _layer(
        self,
        number: int,
        gates: Float[Tensor, "B 2G T"],
        stream: Float[Tensor, "B R T"],
        labels: Float[Tensor, "B K T"],
    ) -> tuple[Float[Tensor, "B R T"], Float[Tensor, "B S T"]]:
        signal, gate = (gates + self.conditioned[number](labels)).chunk(2, dim=1)
        units = torch.tanh(signal) * torch.sigmoid(gate)
        if number < len(self.residuals):
            stream = stream + self.residuals[number](units)
        return stream, self.skips[number](units)

    def _head(self, skips: list[Float[Tensor, "B S T"]]) -> Float[Tensor, "B Q T"]:
        total = skips[0]
        for skip in skips[1:]:
            total = total + skip
        return self.output(functional.relu(self.hidden(functional.relu(total))))

    def _one_hot(self, symbols: Int[Tensor, "B T"]) -> Float[Tensor, "B Q1 T"]:
        hot = functional.one_hot(symbols, self.num_symbols + 1).transpose(1, 2)
        return hot.to(self.causal.weight.dtype)

    def _labels(self, condition: Int[Tensor, " B"], length: int) -> Float[Tensor, "B K T"]:
        hot = functional.one_hot(condition, self.num_conditions).to(self.causal.weight.dtype)
        return hot[:, :, None].expand(-1, -1, length)


def textbook_of(model: WaveNet) -> Textbook:
    """Return the same function, written as textbooks write it.

    Raises:
        ValueError: The model has features per position, or no condition.
    """
    network, config = network_of(model), model.config()
    if config["num_features"] or not config["conditions"]:
        raise ValueError("the plain implementation has conditions, and no features per position")
    with torch.random.fork_rng(devices=[]):
        written = Textbook(
            num_symbols=model.num_symbols,
            num_conditions=model.num_conditions,
            residual=config["residual"],
            gate=config["gate"] or config["residual"],
            skip=config["skip"],
            hidden=config["hidden"],
            kernel_size=config["kernel_size"],
            input_kernel=config["input_kernel"],
            dilations=tuple(config["dilations"]),
        )
    written.to(network.embedding)
    written.load_state_dict(_weights(network))
    return written


def _weights(network: Network) -> dict[str, Tensor]:
    """Cut the arrays into convolutions; taps there are concatenated oldest first."""
    layers, width = len(network.filters), network.embedding.shape[1]
    taps = network.input_weight.unflatten(1, (network.input_kernel, width))
    found = {
        "causal.weight": torch.einsum("okr,qr->oqk", taps, network.embedding),
        "causal.bias": network.input_bias,
        "hidden.weight": network.hidden_weight[..., None],
        "hidden.bias": network.hidden_bias,
        "output.weight": network.output_weight[..., None],
        "output.bias": network.output_bias,
    }
    skips = network.skip_weight.unflatten(1, (layers, -1))
    for number, filters in enumerate(network.filters):
        shaped = filters.unflatten(1, (network.kernel_size, width)).movedim(1, 2)
        # The biases of the gates are those of the conditions: the convolution has none beside.
        found |= {
            f"dilated.{number}.weight": shaped,
            f"dilated.{number}.bias": torch.zeros_like(filters[:, 0]),
            f"conditioned.{number}.weight": network.biases[:, number].T[..., None],
            f"skips.{number}.weight": skips[:, number, :, None],
            f"skips.{number}.bias": network.skip_bias / layers,
        }
    for number, weight in enumerate(network.residual_weight):
        found[f"residuals.{number}.weight"] = weight[..., None]
        found[f"residuals.{number}.bias"] = network.residual_bias[number]
    return found


def _moved(queue: Float[Tensor, "B C n"], entry: Float[Tensor, "B C 1"]) -> Float[Tensor, "B C n"]:
    """Return the queue one place on, with the newest entry at its end."""
    queue = torch.roll(queue, -1, dims=2)
    queue[:, :, -1:] = entry
    return queue
