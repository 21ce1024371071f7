"""A mixture of logistics over levels that lie in order."""

import functools
import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional

from autoreg.protocol import DENSE_LIMIT

NARROWEST = 5.0
"""Log of how many widths of a level the narrowest scale goes into one. Its tails end, to e^-74,
within half a level: anything narrower is the same distribution."""
WIDEST = 5.0
"""Log of the widest scale, where the whole range -1..1 is one; beyond, only the ends matter."""
ENTRIES = 2**22
"""Runs of sets, times rows and components, that are worked on at a time."""


class LogisticMixture:
    r"""M logistics, cut into Q levels that divide -1..1 evenly.

    The value of symbol v is :math:`2 v / (Q - 1) - 1`, and its mass what the distribution function
    of the mixture gains between the two points midway to its neighbours; the outermost symbols
    take the tails (Salimans et al., 2017, section 2.1, https://arxiv.org/abs/1701.05517), so that
    the mass of all symbols is one for every number of them. Parameters (..., 3 M) are logits of
    the components, their means, and their log scales, which are bent smoothly into the range where
    a scale makes a difference, by the same formula for density and draws. All is worked out in
    float64, whatever the precision of the parameters.

    What is asked of a run of neighbouring symbols costs two values of the distribution function,
    however long the run; no distribution is written out.

    Args:
        num_symbols: Q, 2 or more.
        components: M, 1 or more.

    Example:
        >>> head = LogisticMixture(65536, 1)
        >>> params = torch.zeros(1, 3)  # one logistic of mean 0 and scale 1
        >>> upper = torch.arange(65536)[None] >= 32768
        >>> head.log_mass(params, upper).exp(), head.draw(params, upper, torch.tensor([0.0]))
        (tensor([0.5000], dtype=torch.float64), tensor([32768]))
    """

    def __init__(self, num_symbols: int, components: int) -> None:
        if num_symbols < 2 or components < 1:
            raise ValueError(
                "a mixture of logistics needs two symbols and a component, or more; "
                f"got {num_symbols} and {components}"
            )
        self.num_symbols = num_symbols
        self.components = components

    @property
    def num_parameters(self) -> int:
        """3 M."""
        return 3 * self.components

    def first_parameters(self) -> Float[Tensor, " P"]:
        """Return parameters to begin with: equal shares, means apart, nearly even together.

        Components that begin alike would stay alike.
        """
        count = self.components
        means = (2 * torch.arange(count) + 1) / count - 1
        scales = torch.full((count,), math.log(2 / 3) - math.log(count))
        return torch.cat([torch.zeros(count), means, scales])

    def log_prob(
        self, params: Float[Tensor, "*S P"], symbols: Int[Tensor, "*S"]
    ) -> Float[Tensor, "*S"]:
        """Return log p(symbol) in float64; gradients flow through."""
        return _log_between(self._components(params), symbols, symbols, self.num_symbols)

    def log_mass(
        self, params: Float[Tensor, "*S P"], sets: Bool[Tensor, "*S Q"]
    ) -> Float[Tensor, "*S"]:
        """Return the log probability of each set in float64; an empty set has -inf.

        Sets that are one, expanded to all rows, are looked through once.
        """
        found = [
            _log_between(some.beside(), low, high, self.num_symbols)
            for some, low, high in self._pieces(params, sets)
        ]
        masses = torch.cat([logs.logsumexp(-1) for logs in found])
        return masses.reshape(params.shape[:-1])

    def draw(
        self,
        params: Float[Tensor, "*S P"],
        sets: Bool[Tensor, "*S Q"],
        uniforms: Float[Tensor, "*S"],
    ) -> Int[Tensor, "*S"]:
        """Return the smallest symbol whose cumulative mass exceeds u times the set's total.

        The run in which it lies is found first, then the symbol by bisection.
        """
        flat, drawn, at = uniforms.double().flatten(), [], 0
        for some, low, high in self._pieces(params, sets):
            rows = len(some.log_weights)
            drawn.append(self._drawn(some, low, high, flat[at : at + rows]))
            at += rows
        return torch.cat(drawn).reshape(params.shape[:-1])

    def log_probs(self, params: Float[Tensor, "*S P"]) -> Float[Tensor, "*S Q"]:
        """Return every symbol's log probability, float64; refused for a large alphabet.

        Raises:
            ValueError: There are more than ``DENSE_LIMIT`` symbols.
        """
        if self.num_symbols > DENSE_LIMIT:
            raise ValueError(
                f"a distribution is written out for at most {DENSE_LIMIT} symbols; "
                f"this head has {self.num_symbols}"
            )
        known = self._components(params)
        every = torch.arange(self.num_symbols, device=params.device)
        # One component after the other: all of them at once would be M times the answer.
        each = (
            _Components(*(part[..., None, at : at + 1] for part in known))
            for at in range(self.components)
        )
        logs = (_log_between(one, every, every, self.num_symbols) for one in each)
        return functools.reduce(torch.logaddexp, logs)

    def _components(self, params: Float[Tensor, "*S P"]) -> "_Components":
        """Return the components that parameters stand for, in float64."""
        if params.shape[-1] != self.num_parameters:
            raise ValueError(
                f"{self.components} logistics need {self.num_parameters} parameters; "
                f"got {params.shape[-1]}"
            )
        logits, means, log_scales = params.double().unflatten(-1, (3, -1)).unbind(-2)
        least = -math.log(self.num_symbols - 1) - NARROWEST
        log_scales = least + functional.softplus(log_scales - least)
        log_scales = WIDEST - functional.softplus(WIDEST - log_scales)
        return _Components(logits.log_softmax(-1), means, log_scales)

    def _pieces(
        self, params: Float[Tensor, "*S P"], sets: Bool[Tensor, "*S Q"]
    ) -> list[tuple["_Components", Tensor, Tensor]]:
        """Return rows, as many at a time as fit, and the runs of symbols that make up their sets.

        Runs are told by their first and their last symbol, ascending, (n, r) each, or (1, r) where
        all sets are one; those that a row has not are 1..0, which is none.
        """
        known = self._components(params.reshape(-1, params.shape[-1]))
        one = sets.ndim == 1 or all(
            step == 0 or size == 1
            for step, size in zip(sets.stride()[:-1], sets.shape[:-1], strict=True)
        )
        rows = sets.reshape(-1, self.num_symbols)
        low, high = _runs(rows[:1] if one else rows)
        size = max(1, ENTRIES // (max(1, low.shape[1]) * self.components))
        count = len(known.log_weights)
        pieces = []
        for first in range(0, max(1, count), size):
            at = slice(first, first + size)
            ends = (low, high) if one else (low[at], high[at])
            pieces.append((_Components(*(part[at] for part in known)), *ends))
        return pieces

    def _drawn(
        self,
        known: "_Components",
        low: Int[Tensor, "m r"],
        high: Int[Tensor, "m r"],
        uniforms: Float[Tensor, " n"],
    ) -> Int[Tensor, " n"]:
        logs = _log_between(known.beside(), low, high, self.num_symbols)
        top = logs.amax(-1, keepdim=True)
        masses = torch.exp(logs - torch.where(top.isfinite(), top, 0.0))
        cumulative = masses.cumsum(-1)
        threshold = (uniforms * cumulative[:, -1])[:, None]
        run = (cumulative <= threshold).sum(-1, keepdim=True)
        # A uniform just below 1 may round up to the total: the last run with mass is meant.
        run = run.minimum(masses.shape[1] - 1 - (masses > 0).flip(-1).int().argmax(-1)[:, None])
        left = threshold - (cumulative.gather(1, run) - masses.gather(1, run))
        mass = masses.gather(1, run)[:, 0]
        # ... and within a run, the first symbol by which all of its mass has been met.
        left = left[:, 0].minimum(torch.nextafter(mass, torch.zeros_like(mass)))
        below, above = (side.expand(len(run), -1).gather(1, run)[:, 0] for side in (low, high))
        begin = below
        for _ in range(self.num_symbols.bit_length()):
            middle = (below + above) // 2
            met = torch.exp(_log_between(known, begin, middle, self.num_symbols) - top[:, 0])
            enough = met > left
            above = torch.where(enough, middle, above)
            below = torch.where(enough, below, (middle + 1).minimum(above))
        return torch.where(cumulative[:, -1] > 0, above, 0)


class _Components(NamedTuple):
    """What a mixture is made of, (..., M) each, float64."""

    log_weights: Tensor
    means: Tensor
    log_scales: Tensor

    def beside(self) -> "_Components":
        """Return the same beside an axis of runs, (..., 1, M)."""
        return _Components(*(part[..., None, :] for part in self))


def _log_between(known: _Components, low: Tensor, high: Tensor, num_symbols: int) -> Tensor:
    r"""Return the log mass of the symbols low..high, both included; -inf where there are none.

    .. math:: \sigma(a) - \sigma(b) = \sigma(a) \, \sigma(-b) \, (1 - e^{-(a - b)})

    loses nothing in the tails, nor where a and b are close: a - b is known by itself.
    """
    first, final = (low <= 0)[..., None], (high >= num_symbols - 1)[..., None]
    low, high = low.double()[..., None], high.double()[..., None]
    rate, last = torch.exp(-known.log_scales), num_symbols - 1
    # Distances from the mean to the points between symbols, 2 / (Q - 1) apart.
    above = ((2 * high + 1) / last - 1 - known.means) * rate
    below = ((2 * low - 1) / last - 1 - known.means) * rate
    apart = 2 * (high - low + 1).clamp_min(1) / last * rate
    log_mass = functional.logsigmoid(above).masked_fill(final, 0.0)
    log_mass = log_mass + functional.logsigmoid(-below).masked_fill(first, 0.0)
    log_mass = log_mass + torch.log(-torch.expm1(-apart)).masked_fill(first | final, 0.0)
    total = (known.log_weights + log_mass).logsumexp(-1)
    return total.masked_fill((low > high)[..., 0], -torch.inf)


def _runs(rows: Bool[Tensor, "n Q"]) -> tuple[Int[Tensor, "n r"], Int[Tensor, "n r"]]:
    """Return the first and the last symbol of each run of each row; at least one run, of none."""
    padded = functional.pad(rows, (1, 1))
    row, low = (rows & ~padded[:, :-2]).nonzero().unbind(1)
    high = (rows & ~padded[:, 2:]).nonzero()[:, 1]
    counts = torch.bincount(row, minlength=len(rows))
    most = max(1, int(counts.max())) if len(rows) else 1
    number = torch.arange(len(row), device=rows.device) - (counts.cumsum(0) - counts)[row]
    lows, highs = low.new_ones(len(rows), most), low.new_zeros(len(rows), most)
    return lows.index_put((row, number), low), highs.index_put((row, number), high)


if TYPE_CHECKING:
    from autoreg.protocol import Head

    _conforms: type[Head] = LogisticMixture
