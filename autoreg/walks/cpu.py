"""The walk by loops that are compiled for this machine's processor."""

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from autoreg.protocol import State
from autoreg.walks import panels
from autoreg.walks.columns import Desk
from autoreg.walks.drawing import Tables
from autoreg.walks.network import Network
from autoreg.walks.panels import Panels
from autoreg.walks.request import Request, Walk, refuse_forced
from autoreg.walks.strides import Paths, absorb, stride

DESK = 2**20
"""Bytes of activations that a thread works on at a time: they stay near the processor."""
BREATH = 2 * 10**10
"""Multiply-adds after which Python looks around, so that a long walk can be interrupted."""
ALONE = 10**6
"""Multiply-adds below which a second thread is not worth its start."""
ADDED = 2**26
"""Bytes that what features add to the gates may take at a time."""

_Share = tuple[int, int, int, int]


class Packed(NamedTuple):
    """A network as compiled loops take it, and as it was."""

    panels: Panels
    network: Network


def pack(network: Network) -> Packed:
    """Pack a network that lies on the CPU."""
    return Packed(panels.pack(network), network)


def walk(packed: Packed, asked: Request) -> Walk:
    """Walk as ``autoreg.walks.walking.walk`` says, on as many threads as torch uses."""
    net = packed.panels
    count, length = asked.uniforms.shape
    memory = _Memory(packed, asked.state)
    work = count * packed.network.multiplications
    shares = _shares(count, work * length)
    desks = [Desk.of(net, min(memory.tile, end - begin)) for begin, end, _, _ in shares]
    works = [np.zeros((2, net.sizes[4])) for _ in shares]
    paths = Paths(
        uniforms=_array(asked.uniforms.double()),
        forced=np.zeros((0, 0), np.int64) if asked.path is None else _array(asked.path.long()),
        symbols=np.zeros((count, length), np.int64),
        log_mass=np.zeros((count, length)),
        logits=memory.logits,
        d=_array(asked.rule_state.clone()),
        alive=np.ones(count, np.bool_),
        log_weights=_array(asked.log_weights.clone()),
        wrong=np.full((len(shares), 2), -1),
        told=np.zeros(2, np.int64),
    )
    tables, stopping = _tables(asked), (asked.groups, float(asked.min_ess))
    breath = min(max(1, BREATH // max(1, work)), memory.positions_added)
    walked = 0
    for begin in range(0, length, breath):
        span = begin, min(begin + breath, length)
        number = memory.number + begin
        extra = memory.extra(number, span[1] - span[0])
        paths.told[0] = 0

        def go(share: _Share, span: Any = span, number: Any = number, extra: Any = extra) -> None:
            desk, own = desks[share[2]], works[share[2]]
            stride(
                net, memory.places, desk, own, tables, paths, share, span, number, extra, stopping
            )

        _together(go, shares)
        for t, row in sorted((t, row) for t, row in paths.wrong.tolist() if t >= 0):
            refuse_forced(int(paths.forced[row, t]), t, row)
        walked = int(paths.told[1])
        if walked < span[1]:
            break
    return Walk(
        torch.from_numpy(paths.symbols[:, :walked].copy()),
        torch.from_numpy(paths.log_mass[:, :walked].copy()),
        memory.state(walked),
        torch.from_numpy(paths.d),
        walked,
    )


def read(
    packed: Packed, state: State, symbols: Int[Tensor, "B L"]
) -> tuple[Float[Tensor, "B L"], State]:
    """Return the log factors of many symbols, in float64, and the state after them."""
    net = packed.panels
    count, length = symbols.shape
    memory = _Memory(packed, state)
    work = count * packed.network.multiplications
    shares = _shares(count, work * length)
    desks = [Desk.of(net, memory.tile) for _ in shares]
    works = [np.zeros((1, net.sizes[4])) for _ in shares]
    factors = np.zeros((count, length))
    taken = _array(symbols.long())
    breath = min(max(memory.tile, BREATH // max(1, work)), memory.positions_added)
    for begin in range(0, length, breath):
        piece = slice(begin, min(begin + breath, length))
        number = memory.number + begin
        extra = memory.extra(number, piece.stop - begin)

        def go(
            share: _Share, piece: Any = piece, number: Any = number, extra: Any = extra
        ) -> None:
            desk, own, rows = desks[share[2]], works[share[2]], share[:2]
            read, written = taken[:, piece], factors[:, piece]
            absorb(
                net, memory.places, desk, own, read, written, memory.logits, rows, number, extra
            )

        _together(go, shares)
    return torch.from_numpy(factors), memory.state(length)


class _Memory:
    """A state, copied to where compiled loops may write."""

    def __init__(self, packed: Packed, state: State) -> None:
        net, self.network = packed.panels, packed.network
        self.position, self.condition, self.row, *rings = state.memory
        self.dtype = state.next.dtype
        real = torch.float64 if net.embedding.dtype == np.float64 else torch.float32
        self.rings = [ring.to(real, copy=True).contiguous() for ring in rings]
        self.places = np.array([ring.data_ptr() for ring in self.rings], np.int64)
        self.logits = np.full((len(state.next), net.sizes[4]), -np.inf, net.embedding.dtype)
        self.logits[:, : net.num_symbols] = state.next.to(real).numpy()
        self.number = int(self.position[0]) + 1 if len(self.position) else 0
        self.tile = Desk.columns_within(net, DESK)
        self.biases = net.biases
        self.rows, which = self.row.unique(return_inverse=True)
        self.which = _array(which)

    @property
    def positions_added(self) -> int:
        """How many positions' worth of what features add fits into memory."""
        if self.network.drift is None:
            return 2**62
        each = self.biases[0].nbytes * max(1, len(self.rows))
        return max(1, ADDED // each)

    def extra(self, number: int, length: int) -> tuple[Any, ...]:
        """Return what enters the gates beside symbols, for some inputs from a number on."""
        condition = _array(self.condition)
        drift, weight = self.network.drift, self.network.drift_weight
        if drift is None or weight is None:
            return condition, np.zeros((0, 0, 0, 0), self.biases.dtype), self.which, 0
        at = torch.arange(number, number + length).clamp(max=drift.shape[1] - 1)
        values = torch.einsum("rtd,lgd->rtlg", drift[self.rows][:, at], weight)
        return condition, panels.halves_filled(values, self.biases), self.which, number

    def state(self, walked: int) -> State:
        """Return the state after so many positions."""
        logits = torch.from_numpy(self.logits[:, : self.network.output_bias.numel()].copy())
        rings = (ring.to(self.dtype) for ring in self.rings)
        memory = (self.position + walked, self.condition, self.row, *rings)
        return State(logits.to(self.dtype), memory)


def _tables(asked: Request) -> Tables:
    rules = asked.rules
    value = np.zeros((0, 0)) if rules.log_value is None else _array(rules.log_value.double())
    return Tables(
        _array(rules.next),
        _array(rules.which),
        _array(rules.sets),
        _array(rules.sets.all(1)),
        value,
        float(asked.temperature),
        float(asked.top_p),
    )


def _array(tensor: Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().numpy())


def _shares(count: int, work: int) -> list[_Share]:
    """Return consecutive rows for each thread: its first, its last, its number, their number."""
    threads = min(torch.get_num_threads(), len(os.sched_getaffinity(0)), count)
    if work < ALONE:
        threads = 1
    bounds = [count * number // max(1, threads) for number in range(max(1, threads) + 1)]
    pairs = itertools.pairwise(bounds)
    return [(begin, end, i, max(1, threads)) for i, (begin, end) in enumerate(pairs)]


def _together(go: Callable[[_Share], None], shares: list[_Share]) -> None:
    """Do all shares at the same time, the first of them in this thread."""
    first, *others = shares
    if not others:
        go(first)
        return
    with ThreadPoolExecutor(len(others)) as pool:
        futures = [pool.submit(go, share) for share in others]
        go(first)
        for future in futures:
            future.result()
