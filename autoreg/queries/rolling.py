"""Forecasts from many origins against what came."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int, Integer
from torch import Generator, Tensor

from autoreg import scoring
from autoreg.answers import Cost
from autoreg.events import Rules
from autoreg.protocol import SequenceModel, State
from autoreg.queries.bands import bands
from autoreg.queries.sampling import COLDEST
from autoreg.walks.inversion import invert
from autoreg.walks.walking import walk


class Means(NamedTuple):
    """A mean over sequences at each horizon 1..H, and its standard error; nan for one sequence."""

    value: Float[Tensor, " H"]
    std_error: Float[Tensor, " H"]


@dataclass(frozen=True, kw_only=True)
class Rolling:
    """How well a model forecasts, at each horizon 1..H.

    Sequences count alike. Standard errors are over sequences: origins of one are not independent.

    Attributes:
        places: The sequence and the origin of each forecast: the first symbol not known.
        too_short: How many sequences are left out, for they have too few origins.
        paths: Draws a forecast.
        accuracy: Share of greedy symbols that came true.
        draw_accuracy: Share of drawn symbols that came true.
        error: Absolute error of the greedy path, in the unit of the values.
        median_error: Absolute error of the median of the draws.
        log_score: Log probability of what came true, whatever came in between, in nats: the mean
            over paths of its probability after each. Exact at horizon 1 where the condition is
            known; further on too low by half the relative variance of that mean.
        coverage: Share of the truth within the central band of each level; see ``bands``.
        cost: What it took.
    """

    places: Int[Tensor, "M 2"]
    too_short: int
    paths: int
    accuracy: Means
    draw_accuracy: Means
    error: Means
    median_error: Means
    log_score: Means
    coverage: dict[float, Means]
    cost: Cost

    def means(self) -> dict[str, Means]:
        """Return all means by name."""
        names = ("accuracy", "draw_accuracy", "error", "median_error", "log_score")
        shares = {f"coverage_{level:g}": means for level, means in self.coverage.items()}
        return {name: getattr(self, name) for name in names} | shares

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: a list over horizons for each mean, their errors beside."""
        found = self.means()
        return {
            "sequences": len(self.places[:, 0].unique()),
            "too_short": self.too_short,
            "origins": len(self.places),
            "paths": self.paths,
            **{name: one.value.tolist() for name, one in found.items()},
            "std_error": {name: one.std_error.tolist() for name, one in found.items()},
            "cost": vars(self.cost),
        }


def rolling(
    model: SequenceModel,
    symbols: Integer[Tensor, "B T"],
    log_condition: Float[Tensor, "B K"],
    *,
    horizon: int,
    origins: int | None = None,
    first: int = 0,
    lengths: Int[Tensor, " B"] | None = None,
    paths: int = 64,
    levels: Sequence[float] = (0.5, 0.9),
    values: Float[Tensor, " Q"] | None = None,
    memory: int = scoring.MEMORY,
    generator: Generator | None = None,
) -> Rolling:
    """Forecast sequences from origins along them, and compare with how they went on.

    From each origin a greedy path and independent draws walk on. What is not known of the
    condition is drawn from its posterior at the origin; the greedy path takes the likeliest one.

    Args:
        model: Any sequence model.
        symbols: Sequences, padded on the right.
        log_condition: Of each sequence, unnormalised; -inf but for one where that is known.
        horizon: H, how many symbols are forecast.
        origins: How many in each sequence, evenly spaced from the first to the last that is
            possible; None takes all. Sequences that have fewer are left out, which is counted.
        first: The least number of symbols before an origin.
        lengths: Of the sequences.
        paths: Draws a forecast.
        levels: Of the bands.
        values: What symbols stand for, ascending; the symbols themselves if None.
        memory: Bytes that the states of one batch may take.
        generator: Source of all chance.

    Raises:
        ValueError: No sequence has so many origins, or a number makes no sense.
    """
    begin = time.perf_counter()
    scoring.check_symbols(model, symbols, torch.zeros(len(symbols), dtype=torch.int64))
    scoring.check_lengths("lengths", lengths, symbols)
    if horizon < 1 or first < 0 or paths < 1 or not len(symbols):
        raise ValueError(
            "a rolling forecast needs a sequence, a horizon and a path, and first 0 or more; got "
            f"{len(symbols)}, {horizon}, {paths} and {first}"
        )
    if log_condition.shape != (len(symbols), model.num_conditions):
        raise ValueError(
            f"log_condition needs shape ({len(symbols)}, {model.num_conditions}); got "
            f"{tuple(log_condition.shape)}"
        )
    everywhere = torch.full((len(symbols),), symbols.shape[1])
    places = _places(everywhere if lengths is None else lengths.cpu(), horizon, origins, first)
    symbols = symbols.cpu().long()
    ahead = places[:, 1:] + torch.arange(horizon)
    truth = symbols[places[:, :1], ahead]
    own = _posteriors(model, symbols, log_condition, places, memory)
    values = torch.arange(model.num_symbols).double() if values is None else values.double().cpu()
    told: dict[str, Tensor] = {}
    for rows in _batches(model, places, paths, memory):
        with torch.no_grad():
            found = _forecast(
                model, symbols, places[rows], own[rows], truth[rows], paths, memory, generator
            )
        for name, part in _facts(*found, truth[rows], values, levels).items():
            if name not in told:
                told[name] = torch.zeros(len(places), *part.shape[1:], dtype=torch.float64)
            told[name][rows] = part
    shares = told.pop("coverage")
    return Rolling(
        places=places,
        too_short=len(symbols) - len(places[:, 0].unique()),
        paths=paths,
        coverage={
            level: _means(shares[:, number], places[:, 0]) for number, level in enumerate(levels)
        },
        cost=Cost(
            stepped=len(places) * (paths + 1) * horizon,
            scored=int(places[:, 1].sum()),
            seconds=time.perf_counter() - begin,
        ),
        **{name: _means(part, places[:, 0]) for name, part in told.items()},
    )


def _places(
    lengths: Int[Tensor, " B"], horizon: int, origins: int | None, first: int
) -> Int[Tensor, "M 2"]:
    """Return all pairs of a sequence and an origin in it, of sequences that are long enough."""
    if origins is not None and origins < 1:
        raise ValueError(f"origins needs to be at least 1, or None for all; got {origins}")
    there = (lengths - horizon - first + 1).clamp_min(0)
    found = []
    for sequence, count in enumerate(there.tolist()):
        wanted = count if origins is None else origins
        if not 1 <= wanted <= count:
            continue
        # Evenly spaced, both ends included; a single one lies in the middle.
        step = (count - 1) / max(1, wanted - 1)
        at = [(count - 1) // 2] if wanted == 1 else [round(n * step) for n in range(wanted)]
        found += [(sequence, first + one) for one in at]
    if not found:
        longest = int(there.argmax())
        most, fix = int(there[longest]), "; origins=None, --origins all, takes all there are"
        raise ValueError(
            f"all sequences are too short: the longest, sequence {longest} of "
            f"{int(lengths[longest])} symbols, has {most} origins with {first} before them and "
            f"{horizon} to come; asked for {origins or 1}{fix if most else ''}"
        )
    return torch.tensor(found)


def _posteriors(
    model: SequenceModel,
    symbols: Int[Tensor, "B T"],
    log_condition: Float[Tensor, "B K"],
    places: Int[Tensor, "M 2"],
    memory: int,
) -> Float[Tensor, "M K"]:
    """Return log p(y | x_<t) at each origin t, normalised."""
    log_condition = log_condition.double().cpu()
    which, origin = places.unbind(1)
    joint, several = log_condition[which], log_condition.isfinite().sum(1) > 1
    place = torch.zeros(len(symbols), dtype=torch.int64)
    size = scoring.chunk_length(model, max(1, symbols.shape[1]), memory)
    for condition in range(model.num_conditions):
        asked = several & log_condition[:, condition].isfinite()
        for some in asked.nonzero()[:, 0].split(size):
            with torch.no_grad():
                factors = scoring.log_factors(
                    model, symbols[some], torch.full((len(some),), condition)
                )
            # What is kept is what origins ask for: all times of all conditions may be far more.
            past = torch.nn.functional.pad(factors.cpu().cumsum(1), (1, 0))
            place[some] = torch.arange(len(some))
            here = torch.isin(which, some).nonzero()[:, 0]
            joint[here, condition] += past[place[which[here]], origin[here]]
    return joint.log_softmax(1)


def _batches(
    model: SequenceModel, places: Int[Tensor, "M 2"], paths: int, memory: int
) -> Iterator[Int[Tensor, " m"]]:
    """Yield the rows of places that walk at once: those whose states stand at one position.

    Of a stationary model of order R, any origin from R on is as good as R itself.
    """
    depth = _depth(model, places[:, 1])
    with torch.no_grad():
        each = model.start(torch.zeros(1, dtype=torch.int64)).bytes_per_row
    # A row's state, as what is read for its next symbol, is there for each draw and greedily.
    fitting = max(1, memory // (4 * each) // (paths + 1))
    size = min(fitting, scoring.chunk_length(model, paths + 1, memory))
    for position in depth.unique():
        yield from (depth == position).nonzero()[:, 0].split(size)


def _depth(model: SequenceModel, origins: Int[Tensor, " M"]) -> Int[Tensor, " M"]:
    reduced = model.stationary and model.order is not None
    return origins.clamp(max=model.order) if reduced else origins


def _forecast(
    model: SequenceModel,
    symbols: Int[Tensor, "B T"],
    places: Int[Tensor, "m 2"],
    own: Float[Tensor, "m K"],
    truth: Int[Tensor, "m H"],
    paths: int,
    memory: int,
    generator: Generator | None,
) -> tuple[Int[Tensor, "m H"], Int[Tensor, "m N H"], Float[Tensor, "m H"]]:
    """Return greedy paths, draws and log scores from places whose states stand alike."""
    count, horizon = truth.shape
    size = count, paths, horizon + 1
    uniforms = torch.rand(size, dtype=torch.float64, generator=generator)
    condition = invert(own[:, None].expand(-1, paths, -1), uniforms[..., 0])
    condition = torch.cat([own.argmax(1, keepdim=True), condition], 1)
    kinds = torch.arange(count)[:, None] * model.num_conditions + condition
    distinct, which = kinds.unique(return_inverse=True)
    state = _read(model, symbols, places[distinct // model.num_conditions], distinct, memory)
    device = state.next.device
    rules = Rules.free(model.num_symbols, horizon)
    greedy = walk(
        model,
        state.at(which[:, 0].to(device)),
        rules,
        torch.zeros(count, horizon, dtype=torch.float64),
        temperature=COLDEST,
    ).symbols.cpu()
    state = state.at(which[:, 1:].flatten().to(device))
    once, drawn, scores = Rules.free(model.num_symbols, 1), [], []
    for step in range(horizon):
        wanted = truth[:, step].repeat_interleave(paths).to(device)
        scores.append(model.head.log_prob(state.next, wanted).cpu().unflatten(0, (count, paths)))
        walked = walk(model, state, once, uniforms[..., step + 1].flatten()[:, None])
        state = walked.state
        drawn.append(walked.symbols.cpu().unflatten(0, (count, paths))[..., 0])
    scored = torch.stack(scores, -1).logsumexp(1) - math.log(paths)
    return greedy, torch.stack(drawn, -1), scored


def _read(
    model: SequenceModel,
    symbols: Int[Tensor, "B T"],
    places: Int[Tensor, "c 2"],
    kinds: Int[Tensor, " c"],
    memory: int,
) -> State:
    """Return the states at some places, whose symbols before count alike."""
    depth = int(_depth(model, places[:, 1])[0])
    window = places[:, 1:] - depth + torch.arange(depth)
    state = model.start(kinds % model.num_conditions)
    for piece in window.split(scoring.piece_length(model, len(places), memory), 1):
        known = symbols[places[:, :1], piece].to(state.next.device)
        state = model.read(state, known)[1]
    return state


def _facts(
    greedy: Int[Tensor, "m H"],
    drawn: Int[Tensor, "m N H"],
    log_score: Float[Tensor, "m H"],
    truth: Int[Tensor, "m H"],
    values: Float[Tensor, " Q"],
    levels: Sequence[float],
) -> dict[str, Tensor]:
    """Return what each forecast got right, (m, H), coverage of the bands (m, l, H)."""
    paths, came = values[drawn].transpose(0, 1), values[truth]
    told = bands(paths, levels)
    return {
        "accuracy": (greedy == truth).double(),
        "draw_accuracy": (drawn == truth[:, None]).double().mean(1),
        "error": (values[greedy] - came).abs(),
        "median_error": (told.median - came).abs(),
        "log_score": log_score,
        "coverage": told.covers(came).transpose(0, 1),
    }


def _means(facts: Float[Tensor, "M H"], sequence: Int[Tensor, " M"]) -> Means:
    """Return the mean over sequences of the means over their origins."""
    _, which, count = sequence.unique(return_inverse=True, return_counts=True)
    sums = torch.zeros(len(count), facts.shape[1], dtype=torch.float64)
    each = sums.index_add(0, which, facts.double()) / count[:, None]
    spread = each.std(0) if len(each) > 1 else torch.full_like(each[0], torch.nan)
    return Means(each.mean(0), spread / len(each) ** 0.5)
