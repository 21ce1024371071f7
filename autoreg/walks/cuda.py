"""The walk of a WaveNet on the GPU."""

import contextlib
import functools
import subprocess

import torch
from jaxtyping import Float, Int
from torch import Tensor
from triton import JITFunction  # type: ignore[import-untyped]
from triton.runtime import driver  # type: ignore[import-untyped]

from autoreg.protocol import DENSE_LIMIT
from autoreg.walks.cuda_course import Course
from autoreg.walks.cuda_network import LEAST, CudaNetwork, pack
from autoreg.walks.kernels_wavenet import walk_streams
from autoreg.walks.network import Network
from autoreg.walks.request import Request, Walk, refuse_forced

__all__ = ["CudaNetwork", "pack", "serves", "walk"]

WIDEST = 128
"""Streams and units up to this wide stay in a program's registers."""

CHUNK = 16
"""Positions between two looks at the effective sample size, see ``walk``."""

LAUNCH = 4096
"""Positions per launch where nothing stops a walk: a launch takes some tenths of a second."""


def serves(network: Network, asked: Request, *, interpret: bool = False) -> str | None:
    """Return why the kernel cannot do what is asked, or None where it can."""
    device, kind = asked.state.next.device, network.embedding.dtype
    width, gate = network.embedding.shape[1], network.filters.shape[1] // 2
    num_symbols = len(network.output_bias)
    if not interpret:
        if device.type != "cuda" or torch.version.cuda is None:
            return "the state is not on a CUDA device"
        if torch.cuda.get_device_capability(device) < (8, 0):
            return "the device is older than compute capability 8.0"
        if kind not in (torch.float32, torch.bfloat16):
            return f"the weights are {kind}, neither float32 nor bfloat16"
        obstacle = _obstacle()
        if obstacle is not None:
            return obstacle
    if asked.top_p != 1:
        return "top_p needs the symbols in order of their probability"
    if num_symbols > DENSE_LIMIT:
        return f"{num_symbols} symbols are more than {DENSE_LIMIT}"
    if max(width, gate) > WIDEST:
        return f"a stream of {width} with units of {gate} is wider than {WIDEST}"
    if network.drift is not None and network.drift.shape[2] > WIDEST:
        return f"what features add has {network.drift.shape[2]} numbers, more than {WIDEST}"
    return None


@torch.no_grad()
def walk(
    packed: CudaNetwork, asked: Request, *, interpret: bool = False, streams: int | None = None
) -> Walk:
    """Walk all positions in few launches; ``autoreg.walks.walking.walk`` says what a walk is.

    One program moves a block of streams through time: it draws, runs every layer and writes its
    rings, while weights come from the cache. Programs never wait for each other, so a walk that
    must stop when an effective sample size falls runs CHUNK positions at a time. Within a chunk
    each position keeps its logits and what its inputs replaced in the rings; a stop takes back the
    positions after it, exactly, by one small kernel. (A barrier across programs would save the
    positions walked in vain, but hangs unless all programs are resident at once.)

    Args:
        packed: The weights.
        asked: What to do, on the device of the weights.
        interpret: Triton's interpreter runs the kernel, on the CPU; TRITON_INTERPRET=1 needs to
            stand in the environment when this module is imported.
        streams: Streams per program, a power of two: 1, or 16 and more; ``streams_per_program``
            if None.

    Raises:
        ValueError: A forced symbol lies outside its set, or the walk leaves the features.
    """
    if interpret == isinstance(walk_streams, JITFunction):
        raise ValueError(
            "interpret=True needs TRITON_INTERPRET=1 in the environment when "
            "autoreg.walks.cuda is imported, interpret=False needs its absence"
        )
    device, (count, length) = asked.state.next.device, asked.uniforms.shape
    if streams is None:
        streams = streams_per_program(packed, count, 1 if interpret else _processors(device))
    stopping = asked.min_ess > 0 and count > 0
    with contextlib.nullcontext() if interpret else torch.cuda.device(device):
        course = Course.begin(packed, asked, streams, min(CHUNK, length) if stopping else 0)
        weights, known = asked.log_weights[:, None], _known(packed, asked)
        done, low = 0, None
        while done < known and low is None:
            first, done = done, min(done + (CHUNK if stopping else LAUNCH), known)
            course.advance(first, done)
            if stopping:
                weights = weights[:, -1:] + course.masses[:, first:done].cumsum(1)
                low = _first_low(weights, asked)
                walked, done = done, done if low is None else first + low + 1
                course.return_to(first, done, walked)
            if asked.path is not None:
                _refuse(asked.path, course.refused, done)
        if low is None and known < length:
            raise ValueError(
                f"the model has features for {packed.horizon} positions; "
                f"position {known + int(asked.state.memory[0][0]) + 1} lies beyond them"
            )
        return course.walked(done)


def streams_per_program(packed: CudaNetwork, count: int, processors: int) -> int:
    """Return how many streams one program moves.

    A program reads all weights at every position, so the fewest programs that keep all processors
    busy are best: one stream each while every stream has a processor to itself, then the least
    block that matrix units take, doubled until all streams are under way at once. The most is
    what registers hold, as the compiler reports it for sm_90: float32 products, which matrix
    units do not do exactly, keep their operands there.
    """
    half, width = packed.filters.dtype == torch.bfloat16, max(packed.filters.shape[3:])
    limits = {32: 64, 64: 64, 128: 32} if half else {32: 32, 64: 16, 128: 1}
    most = limits[max(32, width)]
    if count <= processors or most < LEAST:
        return 1
    streams = LEAST
    while streams < most and count > streams * processors:
        streams *= 2
    return streams


@functools.cache
def _obstacle() -> str | None:
    """Return why Triton cannot compile for this machine's GPU, or None."""
    try:
        # Triton builds its door to the driver on first use, for which it needs a C compiler.
        driver.active.get_current_target()
    except (RuntimeError, OSError, ImportError, subprocess.SubprocessError) as error:
        return f"Triton does not compile here ({error})"
    return None


def _processors(device: torch.device) -> int:
    return int(torch.cuda.get_device_properties(device).multi_processor_count)


def _known(packed: CudaNetwork, asked: Request) -> int:
    """Return how many positions can be walked before the features end."""
    count, length = asked.uniforms.shape
    if packed.horizon is None or not count:
        return length
    return max(0, min(length, packed.horizon - int(asked.state.memory[0][0])))


def _first_low(log_weights: Float[Tensor, "N l"], asked: Request) -> int | None:
    """Return the first position at which some group's effective sample size is too small."""
    grouped = log_weights.unflatten(0, (asked.groups, -1))
    total, squares = grouped.logsumexp(1), (2 * grouped).logsumexp(1)
    # A group without any weight has none.
    size = torch.where(total == -torch.inf, 0.0, torch.exp(2 * total - squares))
    low = (size < asked.min_ess).any(0).int()
    found = int(torch.where(low.any(), low.argmax(), -1))
    return None if found < 0 else found


def _refuse(path: Int[Tensor, "N L"], refused: Int[Tensor, " N"], walked: int) -> None:
    """Raise for the first symbol that the rules did not allow among the positions walked."""
    position = int(refused.min()) if len(refused) else walked
    if position < walked:
        row = int((refused == position).nonzero()[0])
        refuse_forced(int(path[row, position]), position, row)
