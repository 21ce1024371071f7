"""Sequences of one length as a ``torch.distributions.Distribution``."""

import copy
from collections.abc import Sequence
from typing import final

import torch
from jaxtyping import Float, Int, Integer
from torch import Generator, Tensor
from torch.distributions import Distribution, constraints, register_kl

from autoreg.conditions import ConditionSpace, Given, Prior
from autoreg.protocol import SequenceModel
from autoreg.queries import sampling
from autoreg.queries.likelihood import check_space, log_likelihoods

ENUMERABLE = 2**16
"""The most sequences that are listed, for an entropy or a divergence say."""


@final
class SequenceDistribution(Distribution):
    """The law of x_0 .. x_{T-1} given a condition, or averaged over conditions.

    ``event_shape`` is (T,). With ``condition``, ``batch_shape`` is its shape and each element is
    p(x | y) of its own y. Without, ``batch_shape`` is () and the law is p(x | given), the sum over
    y of p(y | given) p(x | y), as in ``autoreg.log_prob``.

    Probabilities are exact, float64 and without gradients; tensors lie on the CPU, wherever the
    model is. Chance is an argument here as everywhere: torch's own distributions draw from the
    global generator, this one from the generator that it, or ``sample``, is given, and from no
    other. Symbols are labels: there is no mean, variance or cdf. What needs a list of all
    sequences (``enumerate_support``, ``entropy``, ``torch.distributions.kl_divergence``) is exact
    where there are at most ``ENUMERABLE`` and raises NotImplementedError else.

    Args:
        model: Any sequence model.
        length: T; the model's own length if None.
        condition: Condition indices, of any shape.
        space: Names of the model's conditions; needed to name any in ``given``.
        given: Labels that are known; in place of ``condition``.
        prior: Of the conditions, in place of ``condition``; see ``ConditionSpace.log_prior``.
        generator: Source of the draws for which ``sample`` is given no other.
        validate_args: As in torch: check every value that is scored.

    Example:
        >>> coins = MarkovTable(torch.tensor([[[0.5, 0.5]], [[0.1, 0.9]]]).log())
        >>> law = SequenceDistribution(coins, 2, condition=torch.tensor([0, 1]))
        >>> law.log_prob(torch.tensor([1, 1])).exp()
        tensor([0.2500, 0.8100], dtype=torch.float64)
        >>> SequenceDistribution(coins, 2).log_prob(torch.tensor([1, 1])).exp()
        tensor(0.5300, dtype=torch.float64)
    """

    has_enumerate_support: bool

    def __init__(
        self,
        model: SequenceModel,
        length: int | None = None,
        *,
        condition: Integer[Tensor, "*batch"] | int | None = None,
        space: ConditionSpace | None = None,
        given: Given | None = None,
        prior: Prior | None = None,
        generator: Generator | None = None,
        validate_args: bool | None = None,
    ) -> None:
        length = model.length if length is None else length
        if length is None or length < 0 or (model.length is not None and length > model.length):
            most = "" if model.length is None else f", at most {model.length}, the model's own"
            raise ValueError(f"length needs to be at least 0{most}; got {length}")
        if condition is not None and (given is not None or prior is not None):
            raise ValueError("condition leaves nothing open: given and prior need to be None")
        self.model, self.generator = model, generator
        self.log_prior = check_space(model, space).log_prior(prior, given)
        self.condition = None if condition is None else _indices(condition, model.num_conditions)
        self.has_enumerate_support = model.num_symbols**length <= ENUMERABLE
        batch = torch.Size() if self.condition is None else self.condition.shape
        super().__init__(batch, torch.Size([length]), validate_args=validate_args)

    @property
    def arg_constraints(self) -> dict[str, constraints.Constraint]:
        """What conditions there are."""
        known = constraints.integer_interval(0, self.model.num_conditions - 1)
        return {} if self.condition is None else {"condition": known}

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> constraints.Constraint:
        """Every sequence of symbols of the length."""
        symbol = constraints.integer_interval(0, self.model.num_symbols - 1)
        return constraints.independent(symbol, 1)

    def expand(
        self, batch_shape: Sequence[int], _instance: Distribution | None = None
    ) -> "SequenceDistribution":
        """Return the law with a larger batch; the generator is shared."""
        new = copy.copy(self)
        new._batch_shape = torch.zeros(self.batch_shape).expand(tuple(batch_shape)).shape
        if self.condition is not None:
            new.condition = self.condition.expand(new.batch_shape)
        return new

    def log_prob(self, value: Integer[Tensor, "*S T"]) -> Float[Tensor, "*L"]:
        """Return log p of sequences (*sample, *batch, T) in nats, shape (*sample, *batch).

        Raises:
            ValueError: The shape does not fit, or a symbol is not one of the alphabet.
        """
        wanted = tuple(self._extended_shape())
        pairs = zip(value.shape[-2::-1], self.batch_shape[::-1], strict=False)
        if value.shape[-1:] != self.event_shape or not all(
            one == other or 1 in (one, other) for one, other in pairs
        ):
            raise ValueError(f"value needs shape (*sample, *{wanted}); got {tuple(value.shape)}")
        if self._validate_args and value.numel():  # torch's own check knows no empty batch
            self._validate_sample(value)
        shape = torch.broadcast_shapes(value.shape[:-1], self.batch_shape)
        if self.condition is None:
            rows = value.reshape(value.shape[:-1].numel(), value.shape[-1])
            possible = self.log_prior.isfinite().nonzero()[:, 0]
            joint = log_likelihoods(self.model, rows, possible) + self.log_prior[possible]
            return joint.logsumexp(-1).reshape(value.shape[:-1]).expand(shape)
        rows = value.expand(*shape, -1).reshape(shape.numel(), value.shape[-1])
        conditions = self.condition.expand(shape).flatten()
        found = torch.zeros(len(rows), dtype=torch.float64)
        for index in conditions.unique():
            own = conditions == index
            found[own] = log_likelihoods(self.model, rows[own], index[None])[:, 0]
        return found.reshape(shape)

    def sample(
        self, sample_shape: Sequence[int] = (), *, generator: Generator | None = None
    ) -> Int[Tensor, "*S T"]:
        """Draw sequences, shape (*sample_shape, *batch, T).

        Args:
            sample_shape: How many of each element of the batch.
            generator: Source of all chance; the distribution's own if None.

        Raises:
            ValueError: There is neither a generator here nor one of the distribution.
        """
        generator = self.generator if generator is None else generator
        if generator is None:
            raise ValueError(
                "sample needs a generator, here or in SequenceDistribution(..., generator=...): "
                "the global one is not drawn from"
            )
        shape = self._extended_shape(torch.Size(sample_shape))
        drawn = torch.zeros(shape[:-1].numel(), shape[-1], dtype=torch.int64)
        conditions = torch.full(drawn.shape[:1], -1)
        if self.condition is not None:
            conditions = self.condition.expand(shape[:-1]).flatten()
        for index in conditions.unique():
            own = (conditions == index).nonzero()[:, 0]
            known = torch.arange(len(self.log_prior)) == index
            prior = self.log_prior.exp() if self.condition is None else known.double()
            drawn[own] = sampling.sample(
                self.model, len(own), length=shape[-1], prior=prior, generator=generator
            ).symbols
        return drawn.reshape(shape)

    def enumerate_support(self, expand: bool = True) -> Int[Tensor, " N *S T"]:  # noqa: FBT001, FBT002 - torch's signature
        """Return all Q^T sequences, ascending, the last symbol fastest.

        Args:
            expand: Repeat them for every element of the batch: (Q^T, *batch, T); else each axis
                of the batch is 1.
        """
        self._check_enumerable("enumerate_support", "sample draws from any law.")
        (length,), size = self.event_shape, self.model.num_symbols
        places = size ** torch.arange(length - 1, -1, -1)
        every = torch.arange(size**length)[:, None] // places % size
        every = every.reshape(len(every), *[1] * len(self.batch_shape), length)
        return every.expand(-1, *self.batch_shape, -1) if expand else every

    def entropy(self) -> Float[Tensor, "*batch"]:
        """Return the entropy in nats, shape (*batch,), exactly."""
        self._check_enumerable("entropy", "autoreg.queries.information.entropy estimates others.")
        return torch.special.entr(self._table().exp()).sum(0)

    def _table(self) -> Float[Tensor, " N *batch"]:
        return self.log_prob(self.enumerate_support(expand=False))

    def _check_enumerable(self, asked: str, instead: str) -> None:
        if not self.has_enumerate_support:
            raise NotImplementedError(
                f"{asked} needs at most {ENUMERABLE} sequences; there are "
                f"{self.model.num_symbols} to the power of {self.event_shape[0]}. {instead}"
            )


def enumerated_divergence(
    p: SequenceDistribution, q: SequenceDistribution
) -> Float[Tensor, "*batch"]:
    """Return KL(p || q) in nats, exactly, for ``torch.distributions.kl_divergence``.

    Raises:
        ValueError: The alphabets or the lengths differ.
        NotImplementedError: There are too many sequences to add up.
    """
    alphabets, lengths = (p.model.num_symbols, q.model.num_symbols), p.event_shape + q.event_shape
    for name, (one, two) in (("alphabet", alphabets), ("length", lengths)):
        if one != two:
            raise ValueError(f"a divergence needs laws of one {name}; got {one} and {two}")
    p._check_enumerable("a divergence", "autoreg.queries.compare.divergence estimates others.")
    batch = torch.broadcast_shapes(p.batch_shape, q.batch_shape)
    mine, other = p.expand(batch)._table(), q.expand(batch)._table()
    return (mine.exp() * (mine - other)).masked_fill(mine.isneginf(), 0.0).sum(0)


# torch finds a divergence by the types of its two laws; this is how it is told of ours.
register_kl(SequenceDistribution, SequenceDistribution)(enumerated_divergence)


def _indices(condition: Integer[Tensor, "*batch"] | int, count: int) -> Int[Tensor, "*batch"]:
    indices = torch.as_tensor(condition, device="cpu")
    if indices.is_floating_point() or indices.dtype == torch.bool:
        raise TypeError(f"condition needs an integer type; got {indices.dtype}")
    if indices.numel() and not 0 <= int(indices.min()) <= int(indices.max()) < count:
        raise ValueError(
            f"condition needs indices 0..{count - 1}; "
            f"got {int(indices.min())}..{int(indices.max())}"
        )
    return indices.long()
