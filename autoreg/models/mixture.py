"""A mean of models that read the same things in orders of their own."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn, cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from autoreg.protocol import Head, SequenceModel, State


class Mixture(nn.Module):
    r"""The density :math:`p(x \mid y) = \sum_k w_k\, p_k(x_{o_k} \mid y)`.

    Each part k reads x in its order o_k and is normalised, so the mean is. Only whole sequences
    have a probability: what comes next along one order means nothing to the others. So whatever
    goes along an order is refused with the way to fix one, and ``autoreg.mixed`` answers what can
    be answered part by part. Reading a whole sequence gives its log probability as the last
    factor; the others are 0.

    Args:
        parts: A model for each name, of the same symbols, conditions and length.
        orders: For each part, where in the mixture's own order each of its positions lies.
        log_weights: log w_k, adding up to one; uniform if None.
        factor: What the names are called where one is fixed.

    Raises:
        ValueError: Parts differ, orders are no permutations, or weights do not add up to one.
    """

    whole = True
    """Sequences are read in one piece."""

    def __init__(
        self,
        parts: Mapping[str, nn.Module],
        orders: Int[Tensor, "S T"],
        *,
        log_weights: Float[Tensor, " S"] | None = None,
        factor: str = "scan",
    ) -> None:
        super().__init__()
        self.names, self.factor = tuple(parts), factor
        self.models = nn.ModuleList(parts.values())
        models = self.parts
        if not models:
            raise ValueError("a mixture needs a part; got none")
        sizes = {(one.num_symbols, one.num_conditions, one.length) for one in models}
        length = orders.shape[1]
        if len(sizes) > 1 or models[0].length not in (None, length):
            raise ValueError(
                f"parts need the same symbols, conditions and length, {length}; got {sizes}"
            )
        if len(orders) != len(models) or bool(
            (orders.sort(1).values != torch.arange(length)).any()
        ):
            raise ValueError(
                f"orders need a permutation of {length} positions for each of {len(models)} parts"
            )
        if log_weights is None:
            log_weights = torch.full((len(models),), -math.log(len(models)), dtype=torch.float64)
        if log_weights.shape != (len(models),) or abs(float(log_weights.logsumexp(0))) > 1e-6:
            raise ValueError(
                f"log_weights need {len(models)} numbers whose exponentials add up to one; "
                f"got {log_weights.tolist()}"
            )
        self.orders, self.log_weights = orders, log_weights.double()
        self.length: int | None = length

    @property
    def parts(self) -> Sequence[SequenceModel]:
        """The models."""
        return [cast(SequenceModel, part) for part in self.models]

    @property
    def num_symbols(self) -> int:
        """Q."""
        return self.parts[0].num_symbols

    @property
    def num_conditions(self) -> int:
        """K, that of each part."""
        return self.parts[0].num_conditions

    @property
    def order(self) -> None:
        """None: on all there is."""
        return

    @property
    def stationary(self) -> bool:
        """False: the position counts."""
        return False

    @property
    def head(self) -> Head:
        """That of the parts."""
        return self.parts[0].head

    @property
    def floats_per_symbol(self) -> int:
        """How many numbers a part holds while it reads: one reads after the other."""
        each = [getattr(part, "floats_per_symbol", 8 * self.num_symbols) for part in self.parts]
        return max(map(int, each))

    def start(self, condition: Int[Tensor, " B"]) -> State:
        """Return the state before a sequence is read."""
        state = self.parts[0].start(condition)
        kept = condition.to(state.next.device).long()
        return State(state.next[:, :0], (torch.zeros_like(kept), kept))

    def read(
        self, state: State, symbols: Int[Tensor, "B L"]
    ) -> tuple[Float[Tensor, "B L"], State]:
        """Return the log probability of whole sequences as their last factor."""
        position, condition = state.memory
        factors = torch.zeros(symbols.shape, dtype=torch.float64, device=state.next.device)
        if symbols.shape[1] == 0:
            return factors, state
        if symbols.shape[1] != self.length or bool((position > 0).any()):
            self.refuse("a beginning")
        joint = []
        for part, order, weight in zip(self.parts, self.orders, self.log_weights, strict=True):
            own = symbols[:, order.to(symbols.device)]
            joint.append(weight + part.read(part.start(condition), own)[0].sum(1))
        factors[:, -1] = torch.stack(joint).logsumexp(0)
        return factors, State(state.next, (position + symbols.shape[1], condition))

    def step(self, state: State, symbols: Int[Tensor, " B"]) -> State:
        """Refuse: there is no next symbol."""
        self.refuse("a next symbol")

    def log_probs(
        self, symbols: Int[Tensor, "B T"], condition: Int[Tensor, " B"]
    ) -> Float[Tensor, "B T Q"]:
        """Refuse: there is no next symbol."""
        self.refuse("a next symbol")

    def refuse(self, what: str) -> NoReturn:
        """Raise the error that tells how to fix one part."""
        name = self.names[0]
        raise ValueError(
            f"{what} needs one order in which symbols are read; this is the mixture over the "
            f"{self.factor}s {', '.join(self.names)}. Fix one: density.component({name!r}), or "
            f"--given {self.factor}={name}"
        )


if TYPE_CHECKING:
    _conforms: type[SequenceModel] = Mixture
