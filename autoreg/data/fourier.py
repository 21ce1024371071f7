"""Random Fourier series."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from autoreg.codecs.linear import Linear
from autoreg.conditions import ConditionSpace
from autoreg.data.corpus import Corpus, parts_in_order
from autoreg.data.sequences import Sequences
from autoreg.data.series import Series

Range = float | tuple[float, float]


@dataclass(frozen=True)
class Curves:
    r"""The law of random curves :math:`b + ct + \sum_{k \le n} a_k \cos(2\pi k t / p - \phi_k)`.

    A range is drawn from uniformly, both ends included; a number stands for itself.

    Args:
        terms: Range of n.
        periods: One p, or several that are drawn from evenly.
        amplitude: a_1 is uniform within plus and minus this.
        smoothness: a_n is drawn within 10^-smoothness of amplitude, those between geometrically.
        bias: Range of b.
        trend: Range of c.
        start: Range of the first time.
        noise: Standard deviation of the normal noise of each sample.
        dt: Time between two samples.

    Raises:
        ValueError: A parameter is out of bounds, or a range upside down.
    """

    terms: int | tuple[int, int] = (3, 5)
    periods: float | Sequence[float] = 10.0
    amplitude: float = 1.0
    smoothness: float = 0.75
    bias: Range = 0.0
    trend: Range = 0.0
    start: Range = 0.0
    noise: float = 0.0
    dt: float = 0.02

    def __post_init__(self) -> None:
        for name in ("terms", "bias", "trend", "start"):
            low, high = _bounds(getattr(self, name))
            if not -math.inf < low <= high < math.inf:
                raise ValueError(f"{name} needs a number or two that ascend; got {low}, {high}")
        for name in ("amplitude", "smoothness", "noise"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} needs to be 0 or more; got {getattr(self, name)}")
        if _bounds(self.terms)[0] < 1 or self.dt <= 0 or min(self.each_period(), default=0) <= 0:
            raise ValueError(
                "terms, dt and periods need to be above 0; "
                f"got {self.terms}, {self.dt} and {self.periods}"
            )

    def each_period(self) -> tuple[float, ...]:
        """Return the periods that occur."""
        return tuple(self.periods) if isinstance(self.periods, Sequence) else (self.periods,)

    def bound(self, length: int) -> float:
        """Return what no curve of some length exceeds, but for noise beyond 5 deviations."""
        most = int(_bounds(self.terms)[1])
        heights = sum(10 ** (-self.smoothness * k / max(1, most - 1)) for k in range(most))
        time = max(map(abs, _bounds(self.start))) + length * self.dt
        bias, trend = (max(map(abs, _bounds(value))) for value in (self.bias, self.trend))
        return self.amplitude * heights + bias + trend * time + 5 * self.noise

    def draw(
        self, count: int, length: int, *, generator: Generator
    ) -> tuple[Float[Tensor, "count length"], Int[Tensor, " count"]]:
        """Return curves (float64) and which of the periods each one has."""

        def uniform(value: Range) -> Tensor:
            low, high = _bounds(value)
            return low + (high - low) * torch.rand(
                count, 1, dtype=torch.float64, generator=generator
            )

        fewest, most = (int(end) for end in _bounds(self.terms))
        terms = torch.randint(fewest, most + 1, (count, 1), generator=generator)
        periods = torch.tensor(self.each_period(), dtype=torch.float64)
        which = torch.randint(len(periods), (count,), generator=generator)
        # Counted, not arange(start, stop, dt): the length is the same wherever a curve starts.
        time = uniform(self.start) + self.dt * torch.arange(length, dtype=torch.float64)
        curves = uniform(self.bias) + uniform(self.trend) * time
        for k in range(most):
            decay = 10 ** (-self.smoothness * k / (terms - 1).clamp(min=1).double())
            height = uniform((-self.amplitude, self.amplitude)) * decay * (k < terms)
            angle = 2 * math.pi * (k + 1) * time / periods[which, None]
            curves += height * torch.cos(angle - uniform((-math.pi, math.pi)))
        noise = torch.randn(count, length, dtype=torch.float64, generator=generator)
        return curves + self.noise * noise, which


def fourier(
    n: int, length: int, *, levels: int = 127, curves: Curves | None = None, seed: int = 0
) -> Corpus:
    """Return n random curves to train on, with a tenth as many others each to validate and test.

    The range of the codec follows from the law of the curves, never from those drawn. Several
    periods make the condition "period".

    Args:
        n: Number of training curves.
        length: Samples of each curve.
        levels: Symbols Q.
        curves: The law that curves are drawn from; Curves() unless given.
        seed: Of the draw; the same seed draws the same curves.

    Example:
        >>> corpus = fourier(20, 50, curves=Curves(terms=2, periods=(1.0, 2.5)))
        >>> len(corpus.parts["train"]), len(corpus.parts["valid"]), corpus.space.factors
        (20, 2, {'period': ('1', '2.5')})
    """
    if n < 1 or length < 1:
        raise ValueError(f"n and length need to be 1 or more; got {n} and {length}")
    law = curves or Curves()
    held_out = max(1, n // 10)
    generator = torch.Generator().manual_seed(seed)
    drawn, which = law.draw(n + 2 * held_out, length, generator=generator)
    bound = law.bound(length)
    series = Series(Linear(levels, -bound, bound), law.dt)
    parts = parts_in_order(Sequences.from_rows(series.encode(drawn), which), held_out)
    periods = tuple(f"{period:g}" for period in law.each_period())
    named = len(periods) > 1
    space = ConditionSpace(
        {"period": periods} if named else {},
        parts["train"].condition.bincount(minlength=len(periods)).tolist(),
    )
    return Corpus(
        parts=parts,
        signal=series,
        space=space,
        target="period" if named else None,
        protocol=(
            f"random Fourier series of {length} samples, {law}, seed {seed}: the first {n} to "
            f"train, the next {held_out} to validate, {held_out} more to test"
        ),
    )


def _bounds(value: Range) -> tuple[float, float]:
    return value if isinstance(value, tuple) else (value, value)
