"""Products with packed weights within a kernel."""

# mypy: disable-error-code="import-untyped,no-untyped-def,untyped-decorator,no-untyped-call"

import triton
import triton.language as tl


@triton.jit
def nothing(
    N: tl.constexpr, IN: tl.constexpr, OUT: tl.constexpr, A: tl.constexpr, DOT: tl.constexpr
):
    """Return an empty sum of products of (N, IN) and (IN, OUT).

    Without the matrix unit (a single row would leave it idle) products are kept apart until
    ``total``: threads then add up what they loaded themselves and wait for each other only once.
    """
    return tl.zeros([N, OUT], A) if DOT else tl.zeros([N, IN, OUT], A)


@triton.jit
def product(x, at, sums, DOT: tl.constexpr, WIDE: tl.constexpr):
    """Return sums with x @ w added, where ``at`` points at w."""
    A: tl.constexpr = sums.dtype
    if DOT:
        w = tl.load(at)
        if WIDE:
            x, w = x.to(A), w.to(A)
        sums = tl.dot(x, w, sums, input_precision="ieee", out_dtype=A)
    else:
        # Loaded in the shape of the sums, weights stay with the threads that loaded them.
        sums += x.to(A)[:, :, None] * tl.load(at[None, :, :]).to(A)
    return sums


@triton.jit
def total(sums, DOT: tl.constexpr):
    """Return what the products add up to, (N, OUT)."""
    if not DOT:
        sums = tl.sum(sums, 1)
    return sums


@triton.jit
def dense(
    source,
    rows,
    weight,
    bias,
    target,
    target_rows,
    real,
    IN: tl.constexpr,
    OUT: tl.constexpr,
    LIMIT: tl.constexpr,
    RELU: tl.constexpr,
    INNER: tl.constexpr,
    OUTER: tl.constexpr,
    STAGES: tl.constexpr,
    DOT: tl.constexpr,
    WIDE: tl.constexpr,
):
    """Write source @ weight + bias, perhaps rectified, in blocks of INNER inputs, OUTER outputs.

    Row offsets are given; outputs up to LIMIT are written, in the rows that are real.
    """
    inner: tl.constexpr = INNER if IN > INNER else IN
    outer: tl.constexpr = OUTER if OUT > OUTER else OUT
    k = tl.arange(0, inner)
    for m0 in range(0, OUT, outer):
        m = m0 + tl.arange(0, outer)
        sums = nothing(rows.shape[0], inner, outer, bias.dtype.element_ty, DOT)
        for k0 in tl.range(0, IN, inner, num_stages=STAGES):
            x = tl.load(source + rows[:, None] + (k0 + k)[None, :])
            at = weight + (k0 + k)[:, None] * OUT + m[None, :]
            sums = product(x, at, sums, DOT, WIDE)
        outputs = tl.load(bias + m)[None, :] + total(sums, DOT)
        if RELU:
            outputs = tl.maximum(outputs, 0.0)
        inside = real[:, None] & (m < LIMIT)[None, :]
        written = target + target_rows[:, None] + m[None, :]
        tl.store(written, outputs.to(target.dtype.element_ty), mask=inside)
