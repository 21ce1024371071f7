"""What a density tells of sequences that are partly hidden."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool
from torch import Generator, Tensor

from autoreg.conditions import Prior
from autoreg.data.corpus import Corpus
from autoreg.data.picture import Picture
from autoreg.data.signal import Signal
from autoreg.density import Density
from autoreg.evaluation import Estimate, mean_of, ratio_of, share_of
from autoreg.evidence import Evidence
from autoreg.inference.effort import Effort
from autoreg.queries.likelihood import log_likelihoods
from autoreg.queries.posterior import log_sum_by_label
from autoreg.scoretable import Progress, check_same

MASKS = ("lower", "upper", "left", "right", "centre", "random", "rows", "columns")
"""What of a picture may be hidden; of anything else a contiguous stretch, "random"."""
PATHS = 128
"""Paths for each condition unless told."""

_ISLANDS = 16  # their spread is the standard error, to a fifth of itself


@dataclass(frozen=True, kw_only=True)
class Occlusion:
    """What a density is worth on sequences of which a share is hidden; natural logs.

    Attributes:
        mask: One of ``MASKS``.
        share: Of the symbols that is hidden.
        n: How many sequences.
        of: The factors whose label is to be told; none where the density has none.
        accuracy: Share whose most probable label, given what is seen, is the true one.
        log_score: Mean log posterior of the true label given what is seen.
        nats_per_hidden: -log p(hidden | seen) of all sequences over the number of their hidden
            symbols, the labels summed out under the prior.
        nats_per_hidden_given_label: The same given all labels.
        exact: Share of the sequences all of whose numbers are exact. Of the others log p(seen) is
            the log of an unbiased estimate, low on average, and the nats are low by as much.
        reliable: Share of the sequences none of whose numbers is said to be unreliable.
        spread: Median standard error of log p(seen | labels) by the paths alone, in nats.
        paths: For each condition, where it takes any.
        seed: Of masks and paths.
        protocol: What was evaluated, in one sentence.
    """

    mask: str
    share: float
    n: int
    of: tuple[str, ...]
    accuracy: Estimate | None
    log_score: Estimate | None
    nats_per_hidden: Estimate
    nats_per_hidden_given_label: Estimate
    exact: float
    reliable: float
    spread: float
    paths: int
    seed: int
    protocol: str

    def estimates(self) -> dict[str, Estimate | None]:
        """Return the estimates by name."""
        return {
            "accuracy": self.accuracy,
            "log_score": self.log_score,
            "nats_per_hidden": self.nats_per_hidden,
            "nats_per_hidden_given_label": self.nats_per_hidden_given_label,
        }

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: every estimate by name, and their errors under "std_error"."""
        found = self.estimates()
        return {
            **{name: value for name, value in vars(self).items() if name not in found},
            "of": list(self.of),
            **{name: None if one is None else one.value for name, one in found.items()},
            "std_error": {name: one and one.std_error for name, one in found.items()},
        }


def occlude(
    density: Density,
    corpus: Corpus,
    *,
    mask: str,
    share: float = 0.5,
    part: str = "test",
    of: str | Sequence[str] | None = None,
    prior: Prior | None = None,
    limit: int | None = None,
    paths: int = PATHS,
    seed: int = 0,
    progress: Progress | None = None,
) -> Occlusion:
    """Return how well a density tells labels, and what is hidden, from the rest of each sequence.

    Exact where what is hidden ends the scan, else by as many paths as are asked for: islands of
    particle filters. That a part is hidden is taken to say nothing of what it is.

    Args:
        density: What is judged.
        corpus: Symbols and conditions that mean the same as the density's.
        mask: One of ``MASKS``; "random" is drawn for each sequence.
        share: How much is hidden, to a row or a column for masks that are made of these.
        part: "train", "valid" or "test".
        of: Factor or factors to tell; the density's target if None, or all if it has none.
        prior: Of the conditions; see ``ConditionSpace.log_prior``.
        limit: Only the first so many sequences.
        paths: For each condition.
        seed: Each sequence has its own chance, made of this and its number.
        progress: Told after each sequence.

    Raises:
        ValueError: Mask, share or paths are none, there is no such part or it is empty, or the
            corpus speaks of other things.
    """
    if paths < 2 or (limit is not None and limit < 1):
        raise ValueError(f"paths needs to be at least 2, limit at least 1; got {paths}, {limit}")
    check_same(density, corpus)
    if part not in corpus.parts:
        raise ValueError(f"part needs one of {', '.join(corpus.parts)}; got {part!r}")
    sequences = corpus.parts[part]
    count = len(sequences) if limit is None else min(limit, len(sequences))
    if not count:
        raise ValueError(f"the {part} part is empty: {corpus.protocol}")
    space, asked = density.space, density.target if of is None else of
    names = space.names if asked is None else (asked,) if isinstance(asked, str) else tuple(asked)
    islands = min(_ISLANDS, max(2, paths // 2))
    effort = Effort(
        islands=islands, particles=max(1, paths // islands), growth=1, memory=density.memory
    )
    rows = []
    for number in range(count):
        chance = Generator().manual_seed((seed * 1_000_003 + number) % 2**62)
        symbols, condition = sequences[number].long(), int(sequences.condition[number])
        hidden = hidden_positions(density.signal, mask, share, len(symbols), generator=chance)
        rows.append(
            _one(
                density, symbols, condition, hidden, names, space.log_prior(prior), effort, chance
            )
        )
        if progress is not None:
            progress(number + 1, count)
    right, log_score, nats, given, sizes, exact, reliable, spread = (
        torch.tensor(column, dtype=torch.float64) for column in zip(*rows, strict=True)
    )
    scope = f"the first {count}" if count < len(sequences) else "all"
    return Occlusion(
        mask=mask,
        share=float(sizes.sum()) / max(1, int(sequences.lengths[:count].sum())),
        n=count,
        of=names,
        accuracy=share_of(right > 0) if names else None,
        log_score=mean_of(log_score) if names else None,
        nats_per_hidden=ratio_of(nats, sizes),
        nats_per_hidden_given_label=ratio_of(given, sizes),
        exact=float(exact.mean()),
        reliable=float(reliable.mean()),
        spread=float(spread.median()),
        paths=effort.islands * effort.particles,
        seed=seed,
        protocol=f"{scope} of {len(sequences)} {part} sequences; {corpus.protocol}",
    )


def hidden_positions(
    signal: Signal, mask: str, share: float, length: int, *, generator: Generator
) -> Bool[Tensor, " T"]:
    """Return which positions along the scan a mask hides.

    Args:
        signal: A picture for masks of rows and columns.
        mask: One of ``MASKS``.
        share: How much of the signal.
        length: Of the sequence.
        generator: Source of all chance, for "random": pixels anywhere, or one stretch of anything
            but pictures.

    Example:
        >>> from autoreg.data.plain import Plain
        >>> chance = Generator().manual_seed(0)
        >>> int(hidden_positions(Plain(2), "random", 0.5, 8, generator=chance).sum())
        4
    """
    if mask not in MASKS or not 0 < share < 1:
        raise ValueError(
            f"what is hidden needs one of {', '.join(MASKS)} and a share between 0 and 1; "
            f"got {mask!r} and {share}"
        )
    if not isinstance(signal, Picture):
        if mask != "random":
            raise ValueError(f"{mask} is of pictures; of a {signal.kind}, random hides a stretch")
        count = round(share * length)
        start = int(torch.randint(length - count + 1, (1,), generator=generator))
        return (torch.arange(length) >= start) & (torch.arange(length) < start + count)
    height, width = signal.scan.height, signal.scan.width
    region = torch.zeros(height, width, dtype=torch.bool)
    if mask == "random":
        chosen = torch.randperm(region.numel(), generator=generator)
        region.view(-1)[chosen[: round(share * region.numel())]] = True
    elif mask == "centre":
        tall, wide = (round(math.sqrt(share) * side) for side in (height, width))
        top, left = (height - tall) // 2, (width - wide) // 2
        region[top : top + tall, left : left + wide] = True
    elif mask in ("lower", "upper", "rows"):
        region[_lines(mask, share, height)] = True
    else:
        region[:, _lines(mask, share, width)] = True
    return signal.where(region, length)


def _lines(mask: str, share: float, size: int) -> Bool[Tensor, " S"]:
    """Return which rows or columns are hidden: the last ones, the first ones or every so many."""
    count, at = round(share * size), torch.arange(size)
    if mask in ("lower", "right"):
        return at >= size - count
    if mask in ("upper", "left"):
        return at < count
    return ((at + 1) * count) // size > (at * count) // size


def _one(
    density: Density,
    symbols: Tensor,
    condition: int,
    hidden: Bool[Tensor, " T"],
    names: tuple[str, ...],
    log_prior: Tensor,
    effort: Effort,
    generator: Generator,
) -> tuple[float, ...]:
    """Return whether the label is right, its log score, and what the hidden symbols cost."""
    model, space = density.model, density.space
    own = torch.tensor([condition])
    known = Evidence.observe(symbols, model.num_symbols, where=~hidden, num_conditions=space.size)
    labelled = known.given(torch.zeros(space.size, dtype=torch.float64), own)
    seen_given = density.probability(labelled, effort=effort, generator=generator)
    seen = density.posterior(
        evidence=known.given(log_prior), of=names, effort=effort, generator=generator
    )
    likelihoods = log_likelihoods(
        model, symbols[None], torch.arange(space.size), memory=density.memory
    )[0]
    everything = (likelihoods + log_prior).logsumexp(0)
    certain = torch.eye(space.size, dtype=torch.float64).log()[condition]
    truth = int(log_sum_by_label(certain, space, names, torch.arange(space.size)).argmax())
    error = seen_given.std_error
    return (
        float(int(seen.value.argmax()) == truth),
        float(seen.value[truth]),
        float(seen.log_evidence - everything),
        float(seen_given.value - likelihoods[condition]),
        float(hidden.sum()),
        float(seen.kind == "exact" and seen_given.kind == "exact"),
        float(seen.reliable and seen_given.reliable),
        0.0 if error is None else float(error),
    )
