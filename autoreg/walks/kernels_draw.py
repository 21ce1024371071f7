"""Drawing a symbol within a kernel."""

# mypy: disable-error-code="import-untyped,no-untyped-def,untyped-decorator,no-untyped-call"

import triton
import triton.language as tl


@triton.jit
def draw(
    at,
    row,
    uniform,
    temperature,
    d,
    which,
    t,
    length,
    moves,
    sets,
    values,
    N: tl.constexpr,
    Q: tl.constexpr,
    BLOCK: tl.constexpr,
    TEMPERED: tl.constexpr,
    POTENTIALS: tl.constexpr,
):
    """Return the drawn symbol (0 where nothing is allowed) and the log mass of what is allowed.

    ``at`` points at each row's logits. Everything is float64 and goes through the alphabet block
    by block, so that no alphabet is too large for the registers; for a single block the compiler
    folds the passes into one.
    """
    peak = tl.full([N], float("-inf"), tl.float64)
    for v0 in range(0, Q, BLOCK):
        peak = tl.maximum(peak, tl.max(_logits(at, row, v0, Q, BLOCK), 1))
    everything = tl.zeros([N], tl.float64)
    top = tl.full([N], float("-inf"), tl.float64)
    for v0 in range(0, Q, BLOCK):
        logs = _tempered(_logits(at, row, v0, Q, BLOCK), peak, temperature, TEMPERED)
        everything += tl.sum(tl.exp(logs), 1)
        logs = _ruled(
            logs, row, v0, d, which, t, length, moves, sets, values, Q, BLOCK, POTENTIALS
        )
        top = tl.maximum(top, tl.max(logs, 1))
    shift = tl.where(top == float("-inf"), 0.0, top)
    total = tl.zeros([N], tl.float64)
    for v0 in range(0, Q, BLOCK):
        logs = _tempered(_logits(at, row, v0, Q, BLOCK), peak, temperature, TEMPERED)
        logs = _ruled(
            logs, row, v0, d, which, t, length, moves, sets, values, Q, BLOCK, POTENTIALS
        )
        total += tl.sum(tl.exp(logs - shift[:, None]), 1)
    threshold = uniform * total
    below = tl.zeros([N], tl.float64)
    found = tl.full([N], Q, tl.int32)
    last = tl.zeros([N], tl.int32)
    for v0 in range(0, Q, BLOCK):
        logs = _tempered(_logits(at, row, v0, Q, BLOCK), peak, temperature, TEMPERED)
        logs = _ruled(
            logs, row, v0, d, which, t, length, moves, sets, values, Q, BLOCK, POTENTIALS
        )
        masses = tl.exp(logs - shift[:, None])
        reached = below[:, None] + tl.cumsum(masses, 1)
        v = v0 + tl.arange(0, BLOCK)[None, :]
        # A scan in parallel adds up in an order of its own: only symbols with mass may be meant.
        hit = (masses > 0.0) & (reached > threshold[:, None])
        found = tl.minimum(found, tl.min(tl.where(hit, v, Q), 1))
        last = tl.maximum(last, tl.max(tl.where(masses > 0.0, v, 0), 1))
        below += tl.sum(masses, 1)
    # A uniform just below 1 may round up to the total: the last symbol with mass is meant.
    drawn = tl.minimum(found, last)
    some = total > 0.0
    mass = shift + tl.log(tl.where(some, total, 1.0)) - tl.log(everything)
    return drawn.to(tl.int64), tl.where(some, mass, float("-inf"))


@triton.jit
def impose(drawn, row, alive, path, sets, refused, which, n, t, length, Q: tl.constexpr):
    """Return forced symbols in place of drawn ones; note the first that its set refuses."""
    forced = tl.load(path + n * length + t, mask=row, other=-1)
    within = (forced >= 0) & (forced < Q)
    barred = tl.load(sets + which * Q + forced, mask=within, other=0) == 0
    earlier = tl.load(refused + n, mask=row, other=0)
    barred = barred & alive & (forced >= 0) & (earlier > t)
    tl.store(refused + n, tl.where(barred, t, earlier), mask=row)
    return tl.where(within, forced, drawn)


@triton.jit
def _logits(at, row, v0, Q: tl.constexpr, BLOCK: tl.constexpr):
    """Return a block of logits; -inf beyond the alphabet."""
    v = v0 + tl.arange(0, BLOCK)[None, :]
    logits = tl.load(at[:, None] + v, mask=row[:, None] & (v < Q), other=0.0)
    return tl.where(v < Q, logits.to(tl.float64), float("-inf"))


@triton.jit
def _tempered(logits, peak, temperature, TEMPERED: tl.constexpr):
    """Return logits of which the largest is 0, at another temperature."""
    logs = logits - peak[:, None]
    if TEMPERED:
        logs = logs / tl.load(temperature)
    return logs


@triton.jit
def _ruled(
    logs,
    row,
    v0,
    d,
    which,
    t,
    length,
    moves,
    sets,
    values,
    Q: tl.constexpr,
    BLOCK: tl.constexpr,
    POTENTIALS: tl.constexpr,
):
    """Return log weights within the sets; potentials add what they gain."""
    v = v0 + tl.arange(0, BLOCK)[None, :]
    inside = row[:, None] & (v < Q)
    allowed = tl.load(sets + which[:, None] * Q + v, mask=inside, other=0) != 0
    if POTENTIALS:
        after = tl.load(moves + d[:, None] * Q + v, mask=inside, other=0)
        now = tl.load(values + d * (length + 1) + t, mask=row, other=0.0)[:, None]
        ahead = tl.load(values + after * (length + 1) + t + 1, mask=inside, other=0.0)
        # Nothing leads into, or out of, a state whose potential is -inf.
        closed = (now == float("-inf")) | (ahead == float("-inf"))
        gain = tl.where(closed, 0.0, ahead) - tl.where(closed, 0.0, now)
        logs = logs + gain.to(tl.float64)
        allowed = allowed & (closed == 0)
    return tl.where(allowed, logs, float("-inf"))
