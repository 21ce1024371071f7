"""Amplitudes on a logarithmic grid."""

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Integer, Shaped
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


@dataclass(frozen=True)
class MuLaw:
    r"""Amplitudes companded by mu-law (ITU-T G.711 continuous form), then rounded.

    :math:`f(x) = \mathrm{sign}(x) \log(1 + \mu |x|) / \log(1 + \mu)` with
    :math:`\mu = Q - 1`, then :math:`f` in [-1, 1] to the nearest of Q even levels. Every symbol
    survives decoding and encoding. Amplitudes beyond -1 and 1 become the end. An even Q has no
    symbol for silence: 0 becomes Q / 2, the level just above.

    Example:
        >>> codec = MuLaw()
        >>> codec.encode(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([  0, 128, 255], dtype=torch.uint8)
    """

    levels: int = 256

    def __post_init__(self) -> None:
        check_levels(self.levels, MOST_LEVELS)

    @property
    def num_symbols(self) -> int:
        """The number of symbols Q."""
        return self.levels

    def encode(self, signal: Shaped[Tensor, "*shape"]) -> Integer[Tensor, "*shape"]:
        """Return symbols of the smallest integer type; computed in float64.

        Raises:
            TypeError: The signal is not of a floating point type.
            ValueError: An amplitude is NaN or infinite.
        """
        check_amplitudes(signal)
        mu = self.levels - 1
        x = signal.double().clamp(-1, 1)
        companded = x.sign() * (mu * x.abs()).log1p() / math.log1p(mu)
        # Half up, not half to even, so that silence has the same side for every Q.
        return ((companded + 1) / 2 * mu + 0.5).floor().to(symbol_dtype(self.levels))

    def decode(self, symbols: Shaped[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """Return amplitudes within [-1, 1], float32."""
        check_symbols(symbols, self.levels)
        mu = self.levels - 1
        companded = 2 * symbols.double() / mu - 1
        return (companded.sign() * (companded.abs() * math.log1p(mu)).expm1() / mu).float()

    def between(self, low: float | int, high: float | int) -> tuple[int, int]:
        """Return the first and the last symbol that decode to amplitudes within low..high.

        Both are included; see ``symbols_between``.
        """
        return symbols_between(self.decode(torch.arange(self.num_symbols)), low, high)

    def config(self) -> dict[str, Any]:
        """Return the codec as plain data."""
        return {"kind": "mulaw", **asdict(self)}


if TYPE_CHECKING:
    _conforms: type[Codec] = MuLaw
