"""The walk by loops that are compiled for this machine's processor."""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from autoreg.protocol import State
from autoreg.walks import panels
from autoreg.walks.columns import Desk, Extra
from autoreg.walks.crews import crews, together
from autoreg.walks.drawing import Tables
from autoreg.walks.network import Network, positions_known, refuse_beyond
from autoreg.walks.panels import Panels
from autoreg.walks.request import Request, Walk, refuse_forced
from autoreg.walks.strides import Paths, absorb, stride

DESK = 2**20
"""Bytes of activations that a thread works on at a time: they stay near the processor."""
BREATH = 2 * 10**10
"""Multiply-adds after which Python looks around, so that a long walk can be interrupted."""
ALONE = 10**6
"""Multiply-adds below which a second thread is not worth its start."""
MOMENT, PROBE, AGAIN = 0.02, 32, 32
"""Threads that split matrices look around after so many seconds, at first after so many positions;
every so many looks they try again whether they are faster together or alone."""
ADDED = 2**26
"""Bytes that what features add to the gates may take at a time."""


class Packed(NamedTuple):
    """A network as compiled loops take it, and as it was."""

    panels: Panels
    network: Network


def pack(network: Network) -> Packed:
    """Pack a network that lies on the CPU."""
    return Packed(panels.pack(network), network)


def walk(packed: Packed, asked: Request) -> Walk:
    """Walk as ``autoreg.walks.walking.walk`` says, on as many threads as torch uses."""
    team = _Team(packed, asked.state, positions_known(packed.network, asked), apart=2)
    tables, stopping = _tables(asked), (asked.groups, float(asked.min_ess))
    paths = [_paths(asked, team, member) for member in team.members]
    if not team.split:
        paths = paths[:1] * len(paths)
    team.companions = [(own.d, own.alive, own.log_weights) for own in paths]
    walked = 0
    for begin, end in team.breaths(1):

        def go(member: _Member, span: tuple[int, int] = (begin, end)) -> None:
            own = paths[member.number]
            number, extra = member.memory.number + span[0], team.extra
            stride(*member.tools, tables, own, member.rows, span, number, extra, stopping)

        team.work(go, begin, end)
        for t, row in sorted((t, row) for p in paths for t, row in p.wrong.tolist() if t >= 0):
            refuse_forced(int(paths[0].forced[row, t]), t, row)
        walked = int(paths[0].reached[0])
        if paths[0].stopped[0]:
            break
    else:
        refuse_beyond(packed.network, asked, walked)
    return Walk(
        torch.from_numpy(paths[0].symbols[:, :walked].copy()),
        torch.from_numpy(paths[0].log_mass[:, :walked].copy()),
        team.members[0].memory.state(walked),
        torch.from_numpy(paths[0].d),
        walked,
    )


def read(
    packed: Packed, state: State, symbols: Int[Tensor, "B L"]
) -> tuple[Float[Tensor, "B L"], State]:
    """Return the log factors of many symbols, in float64, and the state after them."""
    taken, net = _array(symbols.long()), packed.panels.net
    # Compiled loops look a symbol up wherever it may lie.
    if taken.size and not 0 <= taken.min() <= taken.max() < net.symbols:
        raise ValueError(
            f"symbols need to lie within 0..{net.symbols - 1}; got {taken.min()}..{taken.max()}"
        )
    team = _Team(packed, state, symbols.shape[1], apart=1)
    factors = np.zeros(symbols.shape)
    for begin, end in team.breaths(team.tile):

        def go(member: _Member, span: tuple[int, int] = (begin, end)) -> None:
            number, logits = member.memory.number + span[0], member.memory.logits
            absorb(*member.tools, taken, factors, logits, member.rows, span, number, team.extra)

        team.work(go, begin, end)
    return torch.from_numpy(factors), team.members[0].memory.state(symbols.shape[1])


class _Member(NamedTuple):
    """One thread of a team.

    Attributes:
        number: Which it is.
        rows: The rows that are its share.
        memory: Where the state is kept that it writes to.
        tools: The first arguments of compiled loops.
    """

    number: int
    rows: tuple[int, int]
    memory: "_Memory"
    tools: tuple[Any, ...]


class _Team:
    """Threads that share the rows of a batch or, where there are few, every matrix.

    Few are fewer than ``apart`` for each: a thread that has one column waits for weights.
    """

    def __init__(self, packed: Packed, state: State, length: int, *, apart: int) -> None:
        net, count = packed.panels.net, len(state.next)
        self.packed, self.length = packed, length
        self.each = count * packed.network.multiplications
        threads = min(torch.get_num_threads(), _processors())
        threads = threads if self.each * length >= ALONE else 1
        self.split = threads > 1 and count < apart * threads
        # Of threads that split matrices: whether they do at the moment, and positions a second
        # with and without.
        self.splitting, self.rates, self.turn = self.split, dict[bool, float](), 0
        self.companions: list[tuple[np.ndarray, ...]] = []
        threads = threads if self.split else max(1, min(threads, count))
        self.tile = Desk.columns_within(net, DESK)
        self.kept: list[Any] = []  # what lies at the desks' addresses
        self.counter, own = crews(threads, split=self.split)
        self.members: list[_Member] = []
        for number in range(threads):
            first, last = (0, threads) if self.split else (number, number + 1)
            rows = count * first // threads, count * last // threads
            memory = _Memory(packed, state) if self.split or not number else self.members[0].memory
            columns = min(self.tile, max(1, rows[1] - rows[0]) * max(1, length))
            desk, parts = Desk.of(packed.panels, columns)
            self.kept.append(parts)
            if self.split and number:
                desk = desk.shared(self.members[0].tools[3])
            work = np.full((2, net.outputs), -np.inf)
            rings = memory.places.ctypes.data
            tools = packed.panels.like, net, rings, desk, work, own[number]
            self.members.append(_Member(number, rows, memory, tools))

        leader = self.members[0]
        self.solo = leader._replace(tools=(*leader.tools[:-1], crews(1, split=False)[1][0]))

    def breaths(self, least: int) -> Iterator[tuple[int, int]]:
        """Yield spans of positions after which Python looks around."""
        memory, begin = self.members[0].memory, 0
        while begin < self.length:
            step = max(least, BREATH // max(1, self.each))
            if self.split:
                self._choose()
                moment = int(MOMENT * self.rates.get(self.splitting, 0.0))
                step = min(step, max(least, PROBE, moment))
            end = min(begin + min(step, memory.positions_added), self.length)
            yield begin, end
            begin = end

    def work(self, go: Callable[[_Member], None], begin: int, end: int) -> None:
        """Let all threads do their shares, the first of them in this one."""
        memory, started = self.members[0].memory, time.perf_counter()
        self.extra = memory.extra(memory.number + begin, end - begin)
        members = [self.solo] if self.split and not self.splitting else self.members
        together([partial(go, member) for member in members], self.counter)
        self.rates[self.splitting] = (end - begin) / (time.perf_counter() - started)

    def _choose(self) -> None:
        """Split matrices while that is faster than to go alone.

        It is unless other work keeps a thread from its processor: all wait for it at every layer.
        """
        before, self.turn = self.splitting, self.turn + 1
        if self.turn <= 3:
            # Once together to warm up, which does not count, once alone, and together again.
            self.splitting = self.turn != 2
        else:
            self.splitting = self.rates[True] >= self.rates[False]
            if self.turn % AGAIN == 0:
                self.splitting = not self.splitting
        if self.splitting and not before:
            for companions in self.companions[1:]:
                for own, other in zip(companions, self.companions[0], strict=True):
                    own[...] = other
            for member in self.members[1:]:
                member.memory.follow(self.members[0].memory)


class _Memory:
    """A state, copied to where compiled loops may write."""

    def __init__(self, packed: Packed, state: State) -> None:
        net, self.network = packed.panels.net, packed.network
        numbers = packed.panels.real
        self.position, self.condition, self.row, *rings = state.memory
        self.dtype = state.next.dtype
        real = torch.float64 if numbers == np.float64 else torch.float32
        self.rings = [ring.detach().to(real, copy=True).contiguous() for ring in rings]
        self.places = np.array([ring.data_ptr() for ring in self.rings], np.int64)
        self.logits = np.full((len(state.next), net.outputs), -np.inf, numbers)
        self.logits[:, : net.symbols] = state.next.detach().to(real).numpy()
        self.number = int(self.position[0]) + 1 if len(self.position) else 0
        self.biases = packed.panels.arrays["biases"]
        self.rows, which = self.row.unique(return_inverse=True)
        self.conditions, self.which = _array(self.condition), _array(which)

    def follow(self, other: "_Memory") -> None:
        """Take over what another memory of the same state holds by now."""
        self.logits[...] = other.logits
        for own, ring in zip(self.rings, other.rings, strict=True):
            own.copy_(ring)

    @property
    def positions_added(self) -> int:
        """How many positions' worth of what features add fits into memory."""
        if self.network.drift is None:
            return 2**62
        each = self.biases[0].nbytes * max(1, len(self.rows))
        return max(1, ADDED // each)

    def extra(self, number: int, length: int) -> Extra:
        """Return what enters the gates beside symbols, for some inputs from a number on."""
        condition, row = self.conditions.ctypes.data, self.which.ctypes.data
        drift, weight = self.network.drift, self.network.drift_weight
        if drift is None or weight is None:
            return Extra(condition, 0, row, 0, number)
        at = torch.arange(number, number + length).clamp(max=drift.shape[1] - 1)
        values = torch.einsum("rtd,lgd->rtlg", drift[self.rows[:, None], at], weight)
        self.added = panels.halves_filled(values, self.biases)
        return Extra(condition, self.added.ctypes.data, row, length, number)

    def state(self, walked: int) -> State:
        """Return the state after so many positions."""
        logits = torch.from_numpy(self.logits[:, : self.network.output_bias.numel()].copy())
        rings = (ring.to(self.dtype) for ring in self.rings)
        memory = (self.position + walked, self.condition, self.row, *rings)
        return State(logits.to(self.dtype), memory)


def _paths(asked: Request, team: _Team, member: _Member) -> Paths:
    count, length = asked.uniforms.shape
    return Paths(
        uniforms=_array(asked.uniforms.double()),
        forced=np.zeros((0, 0), np.int64) if asked.path is None else _array(asked.path.long()),
        symbols=np.zeros((count, length), np.int64),
        log_mass=np.zeros((count, length)),
        logits=member.memory.logits,
        d=_array(asked.rule_state.clone()),
        alive=np.ones(count, np.bool_),
        log_weights=_array(asked.log_weights.clone()),
        wrong=np.full((len(team.members), 2), -1),
        reached=np.zeros(len(team.members), np.int64),
        stopped=np.zeros(len(team.members), np.bool_),
    )


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


def _processors() -> int:
    """Return how many processors this process may use: waiting threads must not outnumber them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _array(tensor: Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().numpy())
