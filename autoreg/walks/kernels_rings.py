"""Rings of past inputs within a kernel."""

# mypy: disable-error-code="import-untyped,no-untyped-def,untyped-decorator,no-untyped-call"

import triton
import triton.language as tl


@triton.jit
def recall(
    ring,
    journal,
    saved,
    n,
    reach,
    slot,
    width,
    stream,
    R: tl.constexpr,
    KEEP: tl.constexpr,
):
    """Return each row's input in a slot; one that is about to go may be left in the journal."""
    past = tl.load(ring + (n * reach + slot)[:, None] * R + width, mask=stream, other=0.0)
    if KEEP:
        tl.store(journal + saved[:, None] * R + width, past, mask=stream)
    return past


@triton.jit
def remember(
    ring,
    n,
    reach,
    number,
    inputs,
    width,
    stream,
    R: tl.constexpr,
    HELD: tl.constexpr,
):
    """Write each row's input of a number where it belongs, once all threads have read."""
    if HELD:
        at = ring + (n * reach + number % reach)[:, None] * R + width
        tl.store(at, inputs.to(ring.dtype.element_ty), mask=stream)


@triton.jit(do_not_specialize=["count", "first", "taken", "walked"])
def take_back(
    rings,
    journal,
    starts,
    reaches,
    position,
    count,
    first,
    taken,
    walked,
    R: tl.constexpr,
    RP: tl.constexpr,
    N: tl.constexpr,
):
    """Undo what a chunk wrote into one ring after its first ``taken`` positions."""
    ring = tl.program_id(1)
    n = (tl.program_id(0) * N + tl.arange(0, N)).to(tl.int64)
    r = tl.arange(0, RP)
    inside = (n < count)[:, None] & (r < R)[None, :]
    reach = tl.load(reaches + ring)
    base = rings + tl.load(starts + ring) * count * R
    number = tl.load(position) + 1 + first
    # Later writes fell on slots that an earlier one of these had written already.
    step = taken
    while step < tl.minimum(walked, taken + reach):
        place = (ring * walked + step).to(tl.int64) * count + n
        old = tl.load(journal + place[:, None] * R + r[None, :], mask=inside, other=0.0)
        slot = (number + step) % reach
        tl.store(base + (n * reach + slot)[:, None] * R + r[None, :], old, mask=inside)
        step += 1
