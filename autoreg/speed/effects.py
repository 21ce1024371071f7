"""What narrow numbers do to log p."""

import copy

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.nn import functional

from autoreg import scoring
from autoreg.events import Rules
from autoreg.models.wavenet import WaveNet
from autoreg.walks.walking import walk

Effects = dict[str, dict[str, float]]
"""By the kind of numbers: how far log p of a symbol is from that in float64."""


def effects(model: WaveNet, *, rows: int = 2, length: int = 500, seed: int = 0) -> Effects:
    """Return how far log p of a symbol moves, in nats, on what the model itself draws.

    "float32" and "bfloat16" are the types of weights and of all that is computed from them,
    "autocast" leaves them in float32 and multiplies in bfloat16, "bfloat16 walk" is the walk with
    such weights. ``mean`` and ``max`` are those of the absolute difference of a symbol; ``shift``
    is the mean difference, which adds up over a sequence.

    Args:
        model: In float32.
        rows: Sequences that are drawn.
        length: Symbols of each.
        seed: Of what is drawn.
    """
    length = min(length, model.length or length)
    with torch.no_grad():
        condition = torch.arange(rows) % model.num_conditions
        symbols = _drawn(model, condition, length, seed)
        narrow = copy.deepcopy(model).to(torch.bfloat16)
        truth = scoring.log_factors(copy.deepcopy(model).double(), symbols, condition)
        found = {
            "float32": scoring.log_factors(model, symbols, condition),
            "bfloat16": scoring.log_factors(narrow, symbols, condition),
        }
        with torch.autocast("cpu", torch.bfloat16):
            found["autocast"] = scoring.log_factors(model, symbols, condition)
        found["bfloat16 walk"] = torch.cat(
            [
                walked_log_factors(narrow, symbols[row : row + 1], condition[row : row + 1])
                for row in range(rows)
            ]
        )
    return {kind: _difference(factors - truth) for kind, factors in found.items()}


def walked_log_factors(
    model: WaveNet, symbols: Int[Tensor, "1 T"], condition: Int[Tensor, " 1"]
) -> Float[Tensor, "1 T"]:
    """Return log p(x_t | x_<t, y) as a walk finds it that may draw nothing but the symbols."""
    hot = functional.one_hot(symbols[0], model.num_symbols).bool()
    uniforms = torch.zeros(symbols.shape, dtype=torch.float64)
    return walk(model, model.start(condition), Rules.among(hot), uniforms).log_mass


def _drawn(
    model: WaveNet, condition: Int[Tensor, " B"], length: int, seed: int
) -> Int[Tensor, "B T"]:
    generator = Generator().manual_seed(seed)
    uniforms = torch.rand(len(condition), length, dtype=torch.float64, generator=generator)
    rules = Rules.free(model.num_symbols, length)
    return walk(model, model.start(condition), rules, uniforms).symbols


def _difference(difference: Float[Tensor, "B T"]) -> dict[str, float]:
    return {
        "mean": float(difference.abs().mean()),
        "max": float(difference.abs().max()),
        "shift": float(difference.mean()),
    }
