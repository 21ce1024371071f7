"""What the machine itself can do."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from autoreg.models.networks import network_of
from autoreg.models.wavenet import WaveNet
from autoreg.speed.subjects import multiplications
from autoreg.speed.trial import Entry, Spread, Trial, race, spread, threads

LARGE = 2048
"""Rows and columns of a product whose rate is called that of the machine."""
SHORT = Trial(turn=0.1, least=5, most=7, seconds=0.8)


def ceilings(
    models: Mapping[str, WaveNet], *, count: int = 1, device: str = "cpu"
) -> dict[str, Spread]:
    """Return what the machine reaches, in operations or bytes per second.

    Large products of matrices, and what a library makes of all those of one step of each model,
    for 16 and for 256 sequences; on the processor the reading of exactly the bytes of each model's
    weights, over and over; on a GPU a copy.

    Args:
        models: In float32, by name.
        count: Threads.
        device: "cpu", or "cuda" for what the GPU reaches.
    """
    jobs: dict[str, Entry] = {}
    for dtype in (torch.float32, torch.bfloat16):
        kind = str(dtype).removeprefix("torch.")
        jobs[f"gemm, {kind}"] = gemm(dtype, device=device)
        for name, model in models.items():
            for rows in (16, 256):
                shapes = shapes_of(model, rows)
                jobs[f"gemm, {kind}, {name} x {rows}"] = products(shapes, dtype, device=device)
            if device == "cpu":
                size = multiplications(model) * dtype.itemsize
                jobs[f"reading, {kind}, {name}"] = streaming(size, count=count)
    jobs["copying"] = copying(device=device, size=2**30 if device != "cpu" else 2**27)
    with threads(count):
        return {name: spread(race({name: job}, SHORT)[name]) for name, job in jobs.items()}


def gemm(dtype: torch.dtype, *, device: str = "cpu") -> Entry:
    """Return a large square product of matrices, in operations."""
    return products([(LARGE, LARGE, LARGE)], dtype, device=device)


def products(
    shapes: Sequence[tuple[int, int, int]], dtype: torch.dtype, *, device: str = "cpu"
) -> Entry:
    """Return products (m, k) @ (k, n), one after another, in operations."""
    pairs = [
        (torch.ones(m, k, device=device).to(dtype), torch.ones(n, k, device=device).to(dtype).T)
        for m, k, n in shapes
    ]

    def multiply(times: int) -> None:
        for _ in range(times):
            for left, right in pairs:
                torch.matmul(left, right)

    return Entry(multiply, sum(2 * m * k * n for m, k, n in shapes))


def shapes_of(model: WaveNet, rows: int) -> list[tuple[int, int, int]]:
    """Return the products (m, k) @ (k, n) of one step of so many sequences, as (m, k, n).

    What a library makes of these by themselves is no ceiling: it may be poor at small ones.
    """
    network = network_of(model)
    weights = [
        network.input_weight,
        *network.filters,
        *network.residual_weight,
        network.skip_weight,
        network.hidden_weight,
        network.output_weight,
    ]
    return [(rows, weight.shape[1], weight.shape[0]) for weight in weights]


def streaming(size: int, *, count: int = 1) -> Entry:
    """Return the reading of an array, over and over, in bytes.

    What is small enough comes from the cache that holds it, as the weights of a model do when it
    is walked. Each thread reads its own part.

    Args:
        size: Bytes.
        count: Threads.
    """
    whole = np.ones(max(4 * count, size // 4), dtype=np.float32)
    parts = np.array_split(whole, count)
    read, pool = _reader(), ThreadPoolExecutor(count)

    def stream(times: int) -> None:
        if count == 1:
            read(whole, times)
        else:
            list(pool.map(lambda part: read(part, times), parts))

    return Entry(stream, whole.nbytes)


def copying(*, device: str = "cuda", size: int = 2**30) -> Entry:
    """Return a copy that no cache holds, in bytes read and written."""
    source = torch.zeros(size // 4, device=device)
    target = torch.empty_like(source)

    def copy(times: int) -> None:
        for _ in range(times):
            target.copy_(source)

    return Entry(copy, 2 * source.nbytes)


@cache
def _reader() -> Callable[[NDArray[np.float32], int], object]:
    """Return what reads an array so many times, as fast as its cache delivers."""
    try:
        from numba import njit  # noqa: PLC0415 - a compiler: loaded when something is measured
    except ImportError:
        return _read_by_torch

    def read(array: Any, times: int) -> float:  # noqa: ANN401 - compiled for any array
        quarter = len(array) // 4
        total = np.float32(0)
        for _ in range(times):
            first, second, third, fourth = total, total, total, total
            # Four places at once: more is under way from a cache that is far.
            for number in range(quarter):
                first += array[number]
                second += array[quarter + number]
                third += array[2 * quarter + number]
                fourth += array[3 * quarter + number]
            total = np.float32(1e-9) * (first + second + third + fourth)
            array[0] = total  # or else one pass would do for all
        return float(total)

    # Sums in any order, and without the GIL: this kernel measures, and computes nothing.
    compiled: Callable[[NDArray[np.float32], int], object] = njit(fastmath=True, nogil=True)(read)
    return compiled


def _read_by_torch(array: NDArray[np.float32], times: int) -> None:
    tensor = torch.from_numpy(array)
    for _ in range(times):
        tensor.sum()
