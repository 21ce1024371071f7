"""The kernel that walks streams through a WaveNet."""

# mypy: disable-error-code="import-untyped,no-untyped-def,untyped-decorator,no-untyped-call"

import triton
import triton.language as tl

from autoreg.walks.kernels_draw import draw, impose
from autoreg.walks.kernels_products import dense, nothing, product, total
from autoreg.walks.kernels_rings import recall, remember


@triton.jit(do_not_specialize=["count", "length", "first", "stop", "horizon"])
def walk_streams(
    embedding,
    input_weight,
    input_bias,
    filters,
    biases,
    residual,
    residual_bias,
    skip,
    skip_bias,
    hidden,
    hidden_bias,
    output,
    output_bias,
    drift,
    drift_weight,
    dilations,
    starts,
    rings,
    journal,
    logits,
    units,
    skips,
    hiddens,
    position,
    condition,
    bank_row,
    moves,
    which,
    sets,
    values,
    uniforms,
    path,
    temperature,
    symbols,
    masses,
    states,
    living,
    refused,
    count,
    length,
    first,
    stop,
    horizon,
    Q: tl.constexpr,
    R: tl.constexpr,
    RP: tl.constexpr,
    GP: tl.constexpr,
    UP: tl.constexpr,
    SP: tl.constexpr,
    HP: tl.constexpr,
    QP: tl.constexpr,
    DP: tl.constexpr,
    LAYERS: tl.constexpr,
    TAPS: tl.constexpr,
    INPUT_TAPS: tl.constexpr,
    N: tl.constexpr,
    DRAWN: tl.constexpr,
    INNER: tl.constexpr,
    OUTER: tl.constexpr,
    STAGES: tl.constexpr,
    DOT: tl.constexpr,
    WIDE: tl.constexpr,
    TEMPERED: tl.constexpr,
    POTENTIALS: tl.constexpr,
    FORCED: tl.constexpr,
    DRIFT: tl.constexpr,
    KEEP: tl.constexpr,
):
    """Move N streams through positions first..stop; ``autoreg.walks.cuda`` says what is where.

    Threads of a program exchange rings, units and logits through global memory (its cache), so
    that a barrier stands wherever one may read what another wrote, or write what another reads.
    """
    n = (tl.program_id(0) * N + tl.arange(0, N)).to(tl.int64)
    row = n < count
    r = tl.arange(0, RP)
    g = tl.arange(0, GP)
    width = r[None, :]
    stream = row[:, None] & (width < R)
    r_r = r[:, None] * RP + r[None, :]
    r_g = r[:, None] * GP + g[None, :]
    g_r = g[:, None] * RP + r[None, :]
    W: tl.constexpr = embedding.dtype.element_ty  # of weights
    A: tl.constexpr = input_bias.dtype.element_ty  # of sums
    S: tl.constexpr = rings.dtype.element_ty  # of the state
    before = tl.load(position)
    known = tl.load(condition + n, mask=row, other=0)
    d = tl.load(states + n * (length + 1) + first, mask=row, other=0)
    alive = tl.load(living + n, mask=row, other=0) != 0
    here = n * Q
    t = first
    # Not a range: Triton's interpreter takes whole numbers alone for its ends.
    while t < stop:
        allowed = tl.load(which + d * length + t, mask=row, other=0)
        uniform = tl.load(uniforms + n * length + t, mask=row, other=0.0)
        drawn, mass = draw(
            logits + here,
            row,
            uniform,
            temperature,
            d,
            allowed,
            t,
            length,
            moves,
            sets,
            values,
            N,
            Q,
            DRAWN,
            TEMPERED,
            POTENTIALS,
        )
        if FORCED:
            drawn = impose(drawn, row, alive, path, sets, refused, allowed, n, t, length, Q)
        tl.store(masses + n * length + t, tl.where(alive, mass, 0.0), mask=row)
        alive = alive & (mass != float("-inf"))
        drawn = tl.where(alive, drawn, 0)
        tl.store(symbols + n * length + t, drawn, mask=row)
        d = tl.load(moves + d * Q + drawn, mask=row, other=0)
        tl.store(states + n * (length + 1) + t + 1, d, mask=row)

        # Short, because slots take division.
        number = (before + 1 + t).to(tl.int32)
        step = (t - first).to(tl.int64)
        saved = step * count + n
        entered = tl.load(embedding + drawn[:, None] * RP + width)
        mixed = nothing(N, RP, RP, A, DOT)
        for tap in tl.static_range(INPUT_TAPS - 1):
            slot = (number + tap) % (INPUT_TAPS - 1)
            seen = recall(
                rings,
                journal,
                saved,
                n,
                INPUT_TAPS - 1,
                slot,
                width,
                stream,
                R,
                KEEP and tap == 0,
            )
            front = input_weight + tap * (RP * RP) + r_r
            mixed = product(seen.to(W), front, mixed, DOT, WIDE)
        front = input_weight + (INPUT_TAPS - 1) * (RP * RP) + r_r
        mixed = product(entered, front, mixed, DOT, WIDE)
        x = tl.load(input_bias + r)[None, :] + total(mixed, DOT)
        tl.debug_barrier()
        remember(rings, n, INPUT_TAPS - 1, number, entered, width, stream, R, INPUT_TAPS > 1)

        if DRIFT:
            bank = tl.load(bank_row + n, mask=row, other=0)
            place = bank * horizon + tl.minimum(number, horizon - 1)
            features = tl.load(drift + place[:, None] * DP + tl.arange(0, DP)[None, :])
        for layer in range(LAYERS):
            dilation = tl.load(dilations + layer)
            reach = (TAPS - 1) * dilation
            ring = rings + tl.load(starts + layer + 1) * count * R
            bias = biases + ((known * LAYERS + layer) * (2 * GP))[:, None] + g[None, :]
            signal = nothing(N, RP, GP, A, DOT)
            gate = nothing(N, RP, GP, A, DOT)
            weight = filters + layer * (TAPS * 2 * RP * GP) + r_g
            saved += (stop - first).to(tl.int64) * count
            for tap in tl.static_range(TAPS - 1):
                # Input number i lies in slot i mod reach: the one seen first is written over.
                spot = (number + tap * dilation) % reach
                past = recall(
                    ring,
                    journal,
                    saved,
                    n,
                    reach,
                    spot,
                    width,
                    stream,
                    R,
                    KEEP and tap == 0,
                )
                signal = product(past.to(W), weight, signal, DOT, WIDE)
                gate = product(past.to(W), weight + RP * GP, gate, DOT, WIDE)
                weight += 2 * RP * GP
            now = x.to(S).to(W)
            signal = product(now, weight, signal, DOT, WIDE)
            gate = product(now, weight + RP * GP, gate, DOT, WIDE)
            signals = tl.load(bias) + total(signal, DOT)
            gates = tl.load(bias + GP) + total(gate, DOT)
            if DRIFT:
                c_g = tl.arange(0, DP)[:, None] * GP + g[None, :]
                by_feature = drift_weight + layer * (2 * DP * GP) + c_g
                drifted = nothing(N, DP, GP, A, DOT)
                shifted = product(features, by_feature, drifted, DOT, WIDE)
                signals += total(shifted, DOT)
                shifted = product(features, by_feature + DP * GP, drifted, DOT, WIDE)
                gates += total(shifted, DOT)
            unit = ((2.0 * tl.sigmoid(2.0 * signals) - 1.0) * tl.sigmoid(gates)).to(W)
            tl.store(units + n[:, None] * UP + layer * GP + g[None, :], unit)
            tl.debug_barrier()
            remember(ring, n, reach, number, x, width, stream, R, TAPS > 1)
            back = residual + layer * (GP * RP) + g_r
            added = product(unit, back, nothing(N, GP, RP, A, DOT), DOT, WIDE)
            x += tl.load(residual_bias + layer * RP + r)[None, :] + total(added, DOT)

        tl.debug_barrier()
        every = n >= 0
        dense(
            units,
            n * UP,
            skip,
            skip_bias,
            skips,
            n * SP,
            every,
            IN=UP,
            OUT=SP,
            LIMIT=SP,
            RELU=True,
            INNER=INNER,
            OUTER=OUTER,
            STAGES=STAGES,
            DOT=DOT,
            WIDE=WIDE,
        )
        tl.debug_barrier()
        dense(
            skips,
            n * SP,
            hidden,
            hidden_bias,
            hiddens,
            n * HP,
            every,
            IN=SP,
            OUT=HP,
            LIMIT=HP,
            RELU=True,
            INNER=INNER,
            OUTER=OUTER,
            STAGES=STAGES,
            DOT=DOT,
            WIDE=WIDE,
        )
        if KEEP:
            here = ((step + 1) * count + n) * Q
        tl.debug_barrier()
        dense(
            hiddens,
            n * HP,
            output,
            output_bias,
            logits,
            here,
            row,
            IN=HP,
            OUT=QP,
            LIMIT=Q,
            RELU=False,
            INNER=INNER,
            OUTER=OUTER,
            STAGES=STAGES,
            DOT=DOT,
            WIDE=WIDE,
        )
        tl.debug_barrier()
        t += 1
    tl.store(living + n, alive.to(tl.int8), mask=row)
