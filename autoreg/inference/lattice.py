"""All paths through what is not known, folded where the model cannot tell them apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from autoreg.inference.cloud import Cloud
from autoreg.walks.inversion import invert


@dataclass(frozen=True)
class Layer:
    """The edges out of N nodes, each a context of the model and a state of the event's automaton.

    Attributes:
        symbols: What was observed, (L,), one edge a node (V = 1); None where the edges are the
            symbols of one position (V = Q).
        context: The row of ``log_probs`` of each node, (N,).
        log_probs: log p of the symbol, or of all that was observed, (C, V).
        child: The node of the next layer that an edge leads to; -1 where there is no edge, (N, V).
    """

    symbols: Int[Tensor, " L"] | None
    context: Int[Tensor, " N"]
    log_probs: Float[Tensor, "C V"]
    child: Int[Tensor, "N V"]

    def edges(self, ahead: Float[Tensor, " M"]) -> Float[Tensor, "N V"]:
        """Return log p(edge) plus what lies ahead of it; -inf where there is no edge."""
        total = self.log_probs[self.context] + self.follow(ahead)
        return total.masked_fill(self.child < 0, -torch.inf)

    def follow(self, ahead: Tensor) -> Tensor:
        """Return the next nodes' values, edge by edge; any where there is no edge."""
        return ahead[self.child.clamp_min(0)]


class Lattice:
    """p(path | what is known) of the positions start..stop of a problem, exactly.

    Where nothing is possible ``log_z`` is -inf; then marginals and entropy are nan, draws and the
    best path are dead ones of zeros.

    Args:
        layers: Consecutive; the first has one node.
        accept: Which nodes behind the last layer are accepted, (M,).
        num_symbols: Q.
        length: L, the number of positions.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        accept: Bool[Tensor, " M"],
        *,
        num_symbols: int,
        length: int,
    ) -> None:
        self.layers = layers
        self.num_symbols = num_symbols
        self.length = length
        self._end = torch.where(accept, 0.0, -torch.inf).double()

    @property
    def num_nodes(self) -> int:
        """How many nodes have edges to follow."""
        return sum(len(layer.context) for layer in self.layers)

    @property
    def log_z(self) -> Float[Tensor, ""]:
        """The log of p(what is known of start..stop | everything before)."""
        return self._values[0][0]

    def marginals(self) -> Float[Tensor, "L Q"]:
        """Return log p(x_t = v | what is known) at every position."""
        rows = torch.full((self.length, self.num_symbols), -torch.inf, dtype=torch.float64)
        if self._dead:
            return rows.fill_(torch.nan)
        visits, at = torch.zeros(1, dtype=torch.float64), 0
        for layer, shares in self._shares():
            through = visits[:, None] + shares
            if layer.symbols is None:
                rows[at] = through.logsumexp(0)
                at += 1
            else:
                observed = torch.arange(at, at + len(layer.symbols))
                rows[observed, layer.symbols] = 0.0
                at += len(observed)
            visits = _gathered(through, layer.child)
        return rows

    def draws(self, count: int, *, generator: Generator | None = None) -> Cloud:
        """Draw independent paths from p(path | what is known), of equal weights."""
        log_weights = (self.log_z - torch.tensor(count).double().log()).expand(1, count)
        if self._dead:
            return Cloud(torch.zeros(1, count, self.length, dtype=torch.int64), log_weights)
        node, taken = torch.zeros(count, dtype=torch.int64), []
        for layer, value in zip(self.layers, self._values[1:], strict=True):
            if layer.symbols is not None:
                taken.append(layer.symbols.expand(count, -1))
                node = layer.child[node, 0].long()
                continue
            uniforms = torch.rand(count, dtype=torch.float64, generator=generator)
            symbols = invert(layer.edges(value)[node], uniforms)
            taken.append(symbols[:, None])
            node = layer.child[node, symbols].long()
        return Cloud(_path(taken, count)[None], log_weights)

    def best(self) -> tuple[Int[Tensor, " L"], float]:
        """Return the most likely path and log p(path, what is known), by Viterbi (1967).

        Of equally likely paths the smaller symbol comes first.
        """
        if self._dead:
            return torch.zeros(self.length, dtype=torch.int64), -torch.inf
        value, choices = self._end, []
        for layer in reversed(self.layers):
            value, choice = layer.edges(value).max(-1)
            choices.append(choice)
        node, taken = 0, []
        for layer, choice in zip(self.layers, reversed(choices), strict=True):
            edge = choice[node : node + 1]
            taken.append((edge if layer.symbols is None else layer.symbols)[None])
            node = int(layer.child[node, edge])
        return _path(taken, 1)[0], float(value[0])

    def entropy(self) -> Float[Tensor, ""]:
        """Return H(path | what is known) in nats.

        A sum of the entropies of the choices, each times how often it is met: none is negative,
        so that nothing cancels (Li and Eisner, 2009, section 6.1).
        """
        if self._dead:
            return torch.tensor(torch.nan, dtype=torch.float64)
        ahead = torch.zeros_like(self._end)
        for layer, shares in reversed(list(self._shares())):
            probs = shares.exp()
            ahead = (torch.special.entr(probs) + probs * layer.follow(ahead)).sum(-1)
        return ahead[0]

    @property
    def _dead(self) -> bool:
        return bool(self.log_z == -torch.inf)

    @cached_property
    def _values(self) -> list[Float[Tensor, " N"]]:
        """Return log p(what is known from here on | node), for all layers and behind the last."""
        values = [self._end]
        for layer in reversed(self.layers):
            values.append(layer.edges(values[-1]).logsumexp(-1))
        return values[::-1]

    def _shares(self) -> Iterator[tuple[Layer, Float[Tensor, "N V"]]]:
        """Yield the layers and log p(edge | node, what is known); -inf out of a dead end."""
        for layer, here, ahead in zip(
            self.layers, self._values[:-1], self._values[1:], strict=True
        ):
            dead = (here == -torch.inf)[:, None]
            yield layer, (layer.edges(ahead) - here[:, None]).masked_fill(dead, -torch.inf)


def _gathered(log_masses: Float[Tensor, "N V"], child: Int[Tensor, "N V"]) -> Float[Tensor, " M"]:
    """Return the log of the mass that arrives at each node of the next layer."""
    present = child >= 0
    target, masses = child[present].long(), log_masses[present]
    top = torch.full((int(target.max()) + 1,), -torch.inf, dtype=torch.float64)
    top = top.scatter_reduce(0, target, masses, "amax")
    top = torch.where(top == -torch.inf, 0.0, top)
    total = torch.zeros_like(top).scatter_add(0, target, (masses - top[target]).exp())
    return total.log() + top


def _path(taken: list[Int[Tensor, "N _"]], count: int) -> Int[Tensor, "N L"]:
    return torch.cat([torch.zeros(count, 0, dtype=torch.int64), *taken], 1)
