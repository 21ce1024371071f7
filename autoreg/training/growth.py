"""The weights of a trained WaveNet in one that may be wider, or tell more factors apart."""

import torch
from jaxtyping import Float
from torch import Tensor

from autoreg.models.wavenet import WaveNet

WIDTHS = ("residual", "gate", "skip", "hidden", "condition_width")


def inherit(model: WaveNet, trained: WaveNet) -> None:
    """Give a model the weights of a trained one, so that it computes what that one computes.

    Each width of the model may be larger: units that the trained model lacks keep their fresh
    weights, and what reads them begins with zeros (after Chen, Goodfellow and Shlens 2016,
    https://arxiv.org/abs/1511.05641, who split units where these are new ones). The model may
    have more factors of the condition, after those of the trained one: their vectors begin at
    zero. What it knows of positions stays its own.

    Args:
        model: Changed in place.
        trained: Of the same symbols, layers and features.

    Raises:
        ValueError: The models differ in anything else, or the trained one is wider; all such
            differences are named, and nothing is changed.
    """
    theirs, ours = _shape(trained), _shape(model)
    if lines := [
        f"{key}: {theirs[key]} there, {ours[key]} here"
        for key in ours
        if not _fits(key, theirs[key], ours[key])
    ]:
        raise ValueError(
            "\n  ".join(["the model to start from needs the same shape or a narrower one", *lines])
        )
    weights = dict(trained.named_parameters())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name in weights:
                _widen(*(_units(one, name, model) for one in (parameter, weights[name])))
            else:
                parameter.zero_()


def _shape(model: WaveNet) -> dict[str, object]:
    config = model.config()
    return config | {"gate": config["gate"] or config["residual"], "dropout": None}


def _fits(key: str, theirs: object, ours: object) -> bool:
    if key in WIDTHS and isinstance(theirs, int) and isinstance(ours, int):
        return theirs <= ours
    if key == "conditions" and isinstance(theirs, list) and isinstance(ours, list):
        return ours[: len(theirs)] == theirs
    return theirs == ours


def _units(parameter: Tensor, name: str, model: WaveNet) -> Float[Tensor, "p o q i"]:
    """Return a view of a parameter as p pieces of o units that each read q pieces of i units."""
    if name.startswith(("embedding", "conditions", "upsampling")):
        return parameter.flatten(0, -2).T[None, :, None]  # a unit is the last axis of a table
    *_, owner, kind = name.split(".")
    layered = name.startswith("stack.layers") and owner != "residual"
    config = model.config()
    rows = 2 if layered else 1  # filter and gate
    taps = {"skip": len(config["dilations"]), "filters": config["input_kernel"]}
    columns = config["kernel_size"] if kind == "filters" else taps.get(owner, 1)
    if parameter.ndim == 1:
        return parameter.view(rows, -1)[:, :, None, None]
    return parameter.unflatten(1, (columns, -1)).unflatten(0, (rows, -1))


def _widen(ours: Float[Tensor, "p o q i"], theirs: Float[Tensor, "p o2 q i2"]) -> None:
    units, inputs = theirs.shape[1], theirs.shape[3]
    ours[:, :units, :, inputs:] = 0
    ours[:, :units, :, :inputs] = theirs
