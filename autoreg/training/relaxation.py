"""Draws from a categorical distribution that a gradient passes through."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

Relaxation = Literal["straight-through", "soft"]


def relaxed(
    logits: Float[Tensor, "*S Q"],
    uniforms: Float[Tensor, "*S Q"],
    *,
    relaxation: Relaxation,
    temperature: float,
) -> Float[Tensor, "*S Q"]:
    """Return one draw from each distribution as shares of its symbols, which sum to one.

    The largest share is that of a symbol drawn from the distribution itself, at any temperature
    (Jang, Gu & Poole 2017, https://arxiv.org/abs/1611.01144; Maddison, Mnih & Teh 2017,
    https://arxiv.org/abs/1611.00712).

    Args:
        logits: Of the symbols, not normalised.
        uniforms: Within 0..1; the ends give finite noise too.
        relaxation: "straight-through" is one-hot, with the gradient of the "soft" shares.
        temperature: Of the shares.

    Example:
        >>> logits, uniforms = torch.tensor([0.0, 2.0]), torch.tensor([0.0, 0.5])
        >>> relaxed(logits, uniforms, relaxation="straight-through", temperature=1.0)
        tensor([0., 1.])
    """
    noisy = (logits + gumbel(uniforms).to(logits.dtype)) / temperature
    soft = noisy.softmax(-1)
    if relaxation == "soft":
        return soft
    hard = functional.one_hot(noisy.argmax(-1), noisy.shape[-1]).to(soft)
    return hard + (soft - soft.detach())


def gumbel(uniforms: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Return -log(-log u), finite for every u within 0..1, both ends included.

    Example:
        >>> gumbel(torch.tensor([0.0, 1.0], dtype=torch.float64)).isfinite()
        tensor([True, True])
    """
    kind = torch.finfo(uniforms.dtype)
    return -(-uniforms.clamp(kind.tiny, 1 - kind.eps / 2).log()).log()
