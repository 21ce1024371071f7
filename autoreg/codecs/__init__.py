"""Signals to symbols, symbols to signals."""

from typing import Any, Protocol, runtime_checkable

from jaxtyping import Integer, Shaped
from torch import Tensor

from autoreg.codecs.kinds import rebuild
from autoreg.codecs.linear import Linear
from autoreg.codecs.mulaw import MuLaw
from autoreg.codecs.pixels import Grey, Threshold
from autoreg.codecs.sashimi import Sashimi


@runtime_checkable
class Codec(Protocol):
    """A map from samples to symbols, sample by sample, with its nearest inverse."""

    @property
    def num_symbols(self) -> int:
        """The number of symbols Q."""

    def encode(self, signal: Shaped[Tensor, "*shape"]) -> Integer[Tensor, "*shape"]:
        """Return symbols 0..Q-1 in the smallest integer type."""

    def decode(self, symbols: Shaped[Tensor, "*shape"]) -> Shaped[Tensor, "*shape"]:
        """Return the sample that each symbol stands for; encoding it gives the symbol back."""

    def between(self, low: float | int, high: float | int) -> tuple[int, int]:
        """Return the first and the last symbol that decode to samples within low..high."""

    def config(self) -> dict[str, Any]:
        """Return the codec as plain data: its kind and its fields."""


AnyCodec = MuLaw | Linear | Sashimi | Threshold | Grey


def codec_from_config(config: object) -> AnyCodec:
    """Rebuild a codec from config(); raises ValueError for what it does not know."""
    kinds: dict[str, type[AnyCodec]] = {
        "mulaw": MuLaw,
        "linear": Linear,
        "sashimi": Sashimi,
        "threshold": Threshold,
        "grey": Grey,
    }
    return rebuild("codec", kinds, config)
