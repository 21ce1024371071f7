"""The named factors of a condition."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

Given = Mapping[str, str | int]
Weights = Mapping[str, float] | Sequence[float]
Prior = Literal["uniform", "training"] | Mapping[str, float | Weights] | Tensor | Sequence[float]


class ConditionSpace:
    """Labels of named factors <-> one condition index, row-major.

    Args:
        factors: Name -> labels, in order. No factors: one condition, the empty one.
        counts: How often each of the K conditions occurred in training, if known.

    Example:
        >>> space = ConditionSpace({"speaker": ("ann", "bob"), "digit": ("0", "1", "2")})
        >>> space.size, space.index(speaker="bob", digit="2"), space.describe(4)
        (6, 5, {'speaker': 'bob', 'digit': '1'})
        >>> space.select({"digit": "1"}).tolist()
        [1, 4]
    """

    def __init__(
        self, factors: Mapping[str, Sequence[str | int]], counts: Sequence[int] | None = None
    ) -> None:
        self.factors = {name: tuple(map(str, labels)) for name, labels in factors.items()}
        for name, labels in self.factors.items():
            if not labels or len(set(labels)) != len(labels):
                raise ValueError(
                    f"factor {name!r} needs one or more labels, all different; got {labels}"
                )
        self.sizes = tuple(len(labels) for labels in self.factors.values())
        self.size = math.prod(self.sizes)
        self.counts = None if counts is None else tuple(int(count) for count in counts)
        if self.counts is not None and (len(self.counts) != self.size or min(self.counts) < 0):
            raise ValueError(
                f"counts needs one non-negative entry for each of {self.size} conditions; "
                f"got {self.counts}"
            )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConditionSpace) and self.config() == other.config()

    def __hash__(self) -> int:
        return hash((tuple(self.factors.items()), self.counts))

    def __repr__(self) -> str:
        named = " x ".join(f"{name}({len(v)})" for name, v in self.factors.items())
        return f"ConditionSpace({named or 'unconditional'})"

    @property
    def names(self) -> tuple[str, ...]:
        """The factors' names, in order."""
        return tuple(self.factors)

    def labels(self, name: str) -> tuple[str, ...]:
        """Return the labels of one factor."""
        if name not in self.factors:
            known = ", ".join(self.names) or "none: the model is unconditional"
            raise ValueError(f"the model has no factor {name!r}; it has {known}")
        return self.factors[name]

    def joint_labels(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the labels of several factors jointly, row-major, joined by a slash."""
        if len(set(names)) != len(names):
            raise ValueError(f"factors asked for need to be all different; got {', '.join(names)}")
        return tuple("/".join(joint) for joint in itertools.product(*map(self.labels, names)))

    def code(self, name: str, label: str | int) -> int:
        """Return the position of a label within its factor."""
        labels = self.labels(name)
        if str(label) not in labels:
            raise ValueError(
                f"the model knows no {name} {str(label)!r}; it knows {', '.join(labels)}"
            )
        return labels.index(str(label))

    def index(self, **labels: str | int) -> int:
        """Return the condition index of a full assignment of labels."""
        if missing := [name for name in self.names if name not in labels]:
            raise ValueError(f"a condition needs a label for each of {missing}")
        index = 0
        for name, size in zip(self.names, self.sizes, strict=True):
            index = index * size + self.code(name, labels[name])
        for name in labels:
            self.labels(name)
        return index

    def describe(self, index: int) -> dict[str, str]:
        """Return the label of every factor at a condition index."""
        if not 0 <= index < self.size:
            raise ValueError(f"condition {index} is not within 0..{self.size - 1}")
        found: dict[str, str] = {}
        for name in reversed(self.names):
            index, code = divmod(index, len(self.factors[name]))
            found[name] = self.factors[name][code]
        return {name: found[name] for name in self.names}

    def codes(self) -> Int[Tensor, "K F"]:
        """Return the position of each condition's label within each factor."""
        grids = [torch.arange(size) for size in self.sizes]
        if not grids:
            return torch.zeros(1, 0, dtype=torch.int64)
        return torch.cartesian_prod(*grids).reshape(self.size, len(grids))

    def select(self, given: Given | None = None) -> Int[Tensor, " M"]:
        """Return the conditions that agree with the given labels, ascending."""
        keep = torch.ones(self.size, dtype=torch.bool)
        codes = self.codes()
        for name, label in (given or {}).items():
            code = self.code(name, label)
            keep &= codes[:, self.names.index(name)] == code
        return keep.nonzero()[:, 0]

    def log_prior(
        self, prior: Prior | None = None, given: Given | None = None
    ) -> Float[Tensor, " K"]:
        """Return log p(condition | given), float64, shape (K,); -inf where ``given`` disagrees.

        Args:
            prior: None or "uniform"; "training" for the training frequencies; one probability per
                condition; or a mapping from factor to its labels' probabilities (factors left out
                are uniform). With a single factor, a mapping from label to probability will do.
                Zeros are allowed; probabilities sum to one within 1e-6.
            given: Labels that are known.

        Raises:
            ValueError: The prior is negative, not finite, of the wrong size or the wrong sum, or
                rules out what is given.
        """
        if prior is None or (isinstance(prior, str) and prior == "uniform"):
            probs = torch.full((self.size,), 1 / self.size, dtype=torch.float64)
        elif isinstance(prior, str):
            probs = self._training_prior(prior)
        elif isinstance(prior, Mapping):
            probs = self._product_prior(prior)
        else:
            probs = check_prior(prior, self.size)
        keep = torch.zeros(self.size, dtype=torch.bool)
        keep[self.select(given)] = True
        probs = probs.masked_fill(~keep, 0.0)
        if not float(probs.sum()) > 0:
            raise ValueError(f"the prior gives no probability to {dict(given or {})}")
        return (probs / probs.sum()).log()

    def _product_prior(self, prior: Mapping[str, float | Weights]) -> Float[Tensor, " K"]:
        if prior and len(self.names) == 1 and self.names[0] not in prior:
            prior = {self.names[0]: prior}  # type: ignore[dict-item]
        probs = torch.ones(1, dtype=torch.float64)
        for name in prior:
            self.labels(name)
        for name, labels in self.factors.items():
            weights = prior.get(name, [1 / len(labels)] * len(labels))
            if isinstance(weights, Mapping):
                weights = {str(label): weight for label, weight in weights.items()}
                if set(weights) != set(labels):
                    raise ValueError(
                        f"the prior of {name} needs a probability for each of "
                        f"{', '.join(labels)}; got {', '.join(weights)}"
                    )
                weights = [weights[label] for label in labels]
            factor = check_prior(weights, len(labels), of=name)  # type: ignore[arg-type]
            probs = (probs[:, None] * factor).flatten()
        return probs

    def _training_prior(self, prior: str) -> Float[Tensor, " K"]:
        if prior != "training":
            raise ValueError(f"prior needs 'uniform', 'training' or probabilities; got {prior!r}")
        if self.counts is None or sum(self.counts) == 0:
            raise ValueError("prior='training' needs a model stored with its training frequencies")
        counts = torch.tensor(self.counts, dtype=torch.float64)
        return counts / counts.sum()

    def config(self) -> dict[str, Any]:
        """Return the space as plain data."""
        return {
            "factors": [[name, list(labels)] for name, labels in self.factors.items()],
            "counts": None if self.counts is None else list(self.counts),
        }

    @staticmethod
    def from_config(config: Mapping[str, Any]) -> "ConditionSpace":
        """Rebuild a space from plain data; raises ValueError for what it does not know."""
        if set(config) != {"factors", "counts"}:
            raise ValueError(f"conditions need the keys factors and counts; got {sorted(config)}")
        pairs = config["factors"]
        if not isinstance(pairs, list) or not all(
            isinstance(pair, list)
            and len(pair) == 2
            and isinstance(pair[0], str)
            and isinstance(pair[1], list)
            and all(isinstance(label, str) for label in pair[1])
            for pair in pairs
        ):
            raise ValueError("conditions.factors needs a list of [name, [label, ...]] of text")
        if len(dict(pairs)) != len(pairs):
            raise ValueError("conditions.factors needs names that are all different")
        counts = config["counts"]
        if counts is not None and not (
            isinstance(counts, list) and all(isinstance(count, int) for count in counts)
        ):
            raise ValueError("conditions.counts needs a list of whole numbers or null")
        return ConditionSpace(dict(pairs), counts)


def check_prior(
    prior: Tensor | Sequence[float], size: int, *, of: str = "condition"
) -> Float[Tensor, " K"]:
    """Return a prior of this many conditions, or labels, as float64 probabilities.

    Raises:
        ValueError: It is negative, not finite, of another shape or of another sum than one.
    """
    probs = torch.as_tensor(prior, dtype=torch.float64, device="cpu")
    if probs.shape != (size,):
        raise ValueError(
            f"prior needs one probability per {of}, shape ({size},); "
            f"got {tuple(probs.shape)}. Pass None for a uniform prior."
        )
    if not bool(torch.isfinite(probs).all()) or bool((probs < 0).any()):
        raise ValueError(f"prior needs finite probabilities of at least 0; got {probs.tolist()}")
    if abs(float(probs.sum()) - 1) > 1e-6:
        raise ValueError(f"prior needs to sum to 1; got a sum of {float(probs.sum()):.9g}")
    return probs / probs.sum()
