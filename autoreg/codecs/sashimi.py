"""Amplitudes cut to levels as in the papers on SaShiMi."""

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from jaxtyping import Float, Float64, Integer, Shaped
from torch import Tensor

from autoreg.codecs.linear import check_amplitudes
from autoreg.codecs.symbols import (
    MOST_LEVELS,
    check_levels,
    check_symbols,
    symbol_dtype,
    symbols_between,
)

if TYPE_CHECKING:
    from autoreg.codecs import Codec

Scale = Literal["mulaw", "linear"]
_MARGIN = 0.01  # of a level: what keeps the amplitude 1 within the last one


@dataclass(frozen=True)
class Sashimi:
    r"""Amplitudes companded by mu-law or left linear, then truncated, not rounded, to levels.

    :math:`\lfloor u (Q - 0.01) + 0.005 \rfloor` for :math:`u = (f(x) + 1) / 2`, with f the mu-law
    of ``MuLaw`` or the identity. This is what bits per sample were measured on by Goel et al.
    (2022), "It's Raw! Audio Generation with State-Space Models", https://arxiv.org/abs/2202.09729,
    and by those who compare with it: mu-law on SC09 and YouTubeMix, linear on Beethoven, each
    clip scaled to -1..1 by its own least and greatest sample first (``Sound``, gain "range").

    Computed in float64, where theirs is float32 and adds 1e-8 to an amplitude before it is
    companded: a sample within 2e-7 of an edge between two levels may fall on the other side.
    Symbols decode to the middle of their levels, so that every symbol survives decoding and
    encoding, where theirs decode to the lower end of the level.

    Args:
        levels: Q; 256 in the papers.
        scale: "mulaw" or "linear".

    Example:
        >>> Sashimi().encode(torch.tensor([-1.0, -0.0, 0.0, 1.0]))
        tensor([  0, 128, 128, 255], dtype=torch.uint8)
        >>> Sashimi(scale="linear").encode(torch.tensor([-0.5, 0.5]))
        tensor([ 64, 191], dtype=torch.uint8)
    """

    levels: int = 256
    scale: str = "mulaw"

    def __post_init__(self) -> None:
        check_levels(self.levels, MOST_LEVELS)
        if self.scale not in get_args(Scale):
            raise ValueError(
                f"scale needs one of {', '.join(get_args(Scale))}; got {self.scale!r}"
            )

    @property
    def num_symbols(self) -> int:
        """The number of symbols Q."""
        return self.levels

    def encode(self, signal: Shaped[Tensor, "*shape"]) -> Integer[Tensor, "*shape"]:
        """Return symbols of the smallest integer type; computed in float64.

        Amplitudes beyond -1 and 1 become the end.

        Raises:
            TypeError: The signal is not of a floating point type.
            ValueError: An amplitude is NaN or infinite.
        """
        check_amplitudes(signal)
        companded = self._compand(signal.double().clamp(-1, 1))
        # u (Q - margin) + margin / 2, with silence exactly at Q / 2 whatever Q.
        place = companded * (self.levels - _MARGIN) / 2 + self.levels / 2
        return place.floor().to(symbol_dtype(self.levels))

    def decode(self, symbols: Shaped[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Return the middle of each level on the companded axis, float32."""
        check_symbols(symbols, self.levels)
        companded = (2 * symbols.double() + 1 - self.levels) / (self.levels - _MARGIN)
        return self._expand(companded).float()

    def between(self, low: float | int, high: float | int) -> tuple[int, int]:
        """Return the first and the last symbol that decode to amplitudes within low..high.

        Both are included; see ``symbols_between``.
        """
        return symbols_between(self.decode(torch.arange(self.num_symbols)), low, high)

    def config(self) -> dict[str, Any]:
        """Return the codec as plain data."""
        return {"kind": "sashimi", **asdict(self)}

    def _compand(self, x: Float64[Tensor, "*shape"]) -> Float64[Tensor, "*shape"]:
        if self.scale == "linear":
            return x
        mu = self.levels - 1
        return x.sign() * (mu * x.abs()).log1p() / math.log1p(mu)

    def _expand(self, companded: Float64[Tensor, "*shape"]) -> Float64[Tensor, "*shape"]:
        if self.scale == "linear":
            return companded
        mu = self.levels - 1
        return companded.sign() * (companded.abs() * math.log1p(mu)).expm1() / mu


if TYPE_CHECKING:
    _conforms: type[Codec] = Sashimi
