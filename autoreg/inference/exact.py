"""Sums over all paths, one by one or folded where the model cannot tell them apart."""

import math
from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from autoreg import scoring
from autoreg.inference.cloud import Cloud
from autoreg.inference.contexts import Contexts, Stepped, Table, Tabled
from autoreg.inference.front import Front
from autoreg.inference.lattice import Lattice, Layer
from autoreg.inference.moves import Move, moves
from autoreg.inference.problem import Problem
from autoreg.protocol import DENSE_LIMIT

MANY = 2**62
"""What counts stop at."""
ENTRIES = 2**27
"""Symbols of all paths that an enumeration may return: a GiB."""
EDGES = 2**25
"""Edges that a dynamic programme may hold: at most 20 bytes each."""
STATES = 2**32
"""Bytes that the model states of all contexts may take at a time."""
TABLE = 2**24
"""Log probabilities that a table of contexts may hold."""


def paths_within(problem: Problem) -> int:
    """Return the number of paths that evidence allows, at most ``MANY``; 0 for an empty set.

    An event may allow fewer.
    """
    sizes = _sizes(problem)
    return _whole(sizes.log2().sum()) if bool((sizes > 0).all()) else 0


def contexts_within(problem: Problem) -> tuple[int, int]:
    """Return how many contexts the dynamic programme holds: at once, and over all positions.

    Both are upper bounds, at most ``MANY``, each context counted once for every state of the
    event's automaton, although not all of them are reached. The second is the number of positions
    that a model without a table steps and reads.
    """
    counts = _counts(problem)
    if not len(counts):
        return 1, 0
    return _whole(counts.max().log2()), _whole(counts.sum().log2())


def enumerate_paths(problem: Problem, *, memory: int = scoring.MEMORY) -> Cloud:
    """Return all allowed paths on which the event occurs, with their probabilities.

    Prefixes are shared: they grow in batches, each batch to its end before the next. Paths
    without probability are left out; where none is left there is one dead path of zeros.

    Args:
        problem: What is asked.
        memory: Bytes that activations, and the states of a batch, may take at a time.

    Raises:
        ValueError: There are too many paths to hold.
    """
    count = paths_within(problem)
    if count * max(1, problem.length) > ENTRIES:
        raise ValueError(
            f"an enumeration needs at most {ENTRIES} symbols of all paths together; got "
            f"{count} or more paths of {problem.length} symbols. Use another method."
        )
    rows = max(1, memory // problem.state.bytes_per_row)
    rows = min(rows, scoring.chunk_length(problem.model, 1, memory))
    steps = list(moves(problem))
    fronts = list(_grown(Front.begin(problem, memory=memory), steps, rows))
    fronts = [front.accepted(problem) for front in fronts]
    if not sum(map(len, fronts)):
        symbols = torch.zeros(1, 1, problem.length, dtype=torch.int64)
        return Cloud(symbols, torch.full((1, 1), -torch.inf).double(), exhaustive=True)
    return Cloud(
        torch.cat([front.symbols for front in fronts])[None],
        torch.cat([front.log_probs for front in fronts])[None],
        exhaustive=True,
    )


def dynamic_programme(problem: Problem, *, memory: int = scoring.MEMORY) -> Lattice:
    """Return all allowed paths on which the event occurs, folded to the model's order.

    Paths that agree in their last R symbols and in the event's automaton state go on alike, so
    that they are one node. A model whose order is unknown folds nothing. The distributions of a
    stationary model are looked up once contexts recur.

    Args:
        problem: What is asked.
        memory: Bytes that activations may take at a time.

    Raises:
        ValueError: The alphabet is too large to be written out, or there are too many contexts.
    """
    _check(problem)
    depth = 1 if problem.event is None else problem.event.num_states
    contexts: Contexts = Stepped.begin(problem, memory=memory)
    table = _table(problem, memory)
    context, d = torch.zeros(1, dtype=torch.int64), torch.tensor([problem.rule_state])
    layers: list[Layer] = []
    for move in moves(problem):
        if isinstance(contexts, Stepped) and table and contexts.position >= table.order:
            contexts, merged = Tabled.begin(table, contexts)
            context = merged[context]
        layer, contexts, arrived, states = _layer(move, contexts, context, d)
        nodes, child = (arrived * depth + states).unique(return_inverse=True)
        layer.child[layer.child >= 0] = child.to(layer.child.dtype)
        layers.append(layer)
        context, d = nodes // depth, nodes % depth
        if not len(nodes):
            layers.clear()
            d = torch.tensor([0])
            break
    possible = len(layers) > 0 or problem.length == 0
    accept = torch.full_like(d, possible, dtype=torch.bool)
    if problem.event is not None:
        accept &= problem.event.accept[d]
    return Lattice(layers, accept, num_symbols=problem.model.num_symbols, length=problem.length)


def _layer(
    move: Move, contexts: Contexts, context: Int[Tensor, " N"], d: Int[Tensor, " N"]
) -> tuple[Layer, Contexts, Int[Tensor, " E"], Int[Tensor, " E"]]:
    """Return a layer whose edges are marked by 0, and context and automaton state behind each."""
    if move.symbols is not None:
        factors, contexts, index = contexts.read(move.symbols)
        present = factors[context] > -torch.inf
        child = torch.where(present, 0, -1).int()[:, None]
        layer = Layer(move.symbols, context, factors[:, None], child)
        return layer, contexts, index[context[present]], move.next[d[present]]
    log_probs = contexts.log_probs()
    present = move.allowed(d) & (log_probs > -torch.inf)[context]
    layer = Layer(None, context, log_probs, torch.where(present, 0, -1).int())
    node, symbol = present.nonzero().unbind(1)
    num_symbols = log_probs.shape[1]
    pairs, which = (context[node] * num_symbols + symbol).unique(return_inverse=True)
    contexts, index = contexts.extend(pairs // num_symbols, pairs % num_symbols)
    return layer, contexts, index[which], move.next[d[node], symbol]


def _grown(front: Front, steps: Sequence[Move], rows: int) -> Iterator[Front]:
    """Yield the finished prefixes that continue some, never more than ``rows`` at a time."""
    for done, step in enumerate(steps):
        if not len(front):
            return
        if step.symbols is not None:
            front = front.read(step)
            continue
        taken = front.choices(step)
        if len(taken[0]) > rows:
            for part in zip(*(column.split(rows) for column in taken), strict=True):
                yield from _grown(front.choose(step, *part), steps[done + 1 :], rows)
            return
        front = front.choose(step, *taken)
    yield front


def _table(problem: Problem, memory: int) -> Table | None:
    """Return a table where contexts recur: there are fewer of them than are met."""
    model = problem.model
    if model.order is None or not model.stationary:
        return None
    if (model.order + 1) * math.log2(model.num_symbols) > math.log2(TABLE):
        return None
    late = _counts(problem)[max(0, model.order - problem.start) :]
    if float(late.sum()) < model.num_symbols**model.order:
        return None
    return Table(model, problem.condition, memory=memory)


def _check(problem: Problem) -> None:
    model = problem.model
    if model.num_symbols > DENSE_LIMIT:
        raise ValueError(
            f"a dynamic programme needs an alphabet of at most {DENSE_LIMIT} symbols; "
            f"got {model.num_symbols}"
        )
    counts = _counts(problem)
    walked = ~problem.evidence.observed[problem.start : problem.stop]
    edges = float((counts * torch.where(walked, model.num_symbols, 1)).sum())
    states = float(counts.max()) * problem.state.bytes_per_row if len(counts) else 0.0
    if edges > EDGES or states > STATES:
        most, total = contexts_within(problem)
        raise ValueError(
            f"a dynamic programme needs at most {EDGES} edges and {STATES} bytes of model states; "
            f"got {most} contexts at once and {total} over all positions, by the model's order "
            f"{model.order}. Use another method."
        )


def _sizes(problem: Problem) -> Float[Tensor, " L"]:
    """Return how many symbols each position may take."""
    evidence, at = problem.evidence, slice(problem.start, problem.stop)
    which = evidence.which[at].long()
    sizes = (evidence.high[at] - evidence.low[at] + 1).double()
    odd = which >= 0
    sizes[odd] = evidence.sets.sum(-1)[which[odd]].double()
    return sizes


def _counts(problem: Problem) -> Float[Tensor, " L"]:
    """Return an upper bound of the number of nodes before each position."""
    sizes = _sizes(problem)
    empty = (sizes == 0).cumsum(0) > 0
    logs = sizes.clamp_min(1).log2()
    paths = torch.cat([logs.new_zeros(1), logs.cumsum(0)])[:-1]
    reach = problem.model.order
    beyond = torch.zeros_like(paths)
    if reach is not None and reach < len(paths):
        beyond[reach:] = paths[: len(paths) - reach]
    depth = 1 if problem.event is None else problem.event.num_states
    folded = (paths - beyond).exp2() * depth
    counts = torch.minimum(folded, paths.exp2()).clamp_max(MANY)
    # Nothing stands behind a position that can take no symbol.
    return counts.masked_fill(torch.cat([empty.new_zeros(1), empty])[:-1], 0.0)


def _whole(log2: Float[Tensor, ""]) -> int:
    return min(MANY, round(2 ** min(62.0, float(log2))))
