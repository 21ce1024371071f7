"""Products with packed weights within a kernel."""

# mypy: disable-error-code="import-untyped,no-untyped-def,untyped-decorator,no-untyped-call"

import triton
import triton.language as tl


@triton.jit
def product(x, w, total, DOT: tl.constexpr, WIDE: tl.constexpr):
    """Return total + x @ w: by the matrix unit, or as sums of products for a single row."""
    A: tl.constexpr = total.dtype
    if DOT:
        if WIDE:
            x, w = x.to(A), w.to(A)
        return tl.dot(x, w, total, input_precision="ieee", out_dtype=A)
    return total + tl.sum(x.to(A)[:, :, None] * w.to(A)[None, :, :], 1)


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
        total = tl.load(bias + m)[None, :]
        total = total + tl.zeros([rows.shape[0], outer], bias.dtype.element_ty)
        for k0 in tl.range(0, IN, inner, num_stages=STAGES):
            x = tl.load(source + rows[:, None] + (k0 + k)[None, :])
            w = tl.load(weight + (k0 + k)[:, None] * OUT + m[None, :])
            total = product(x, w, total, DOT, WIDE)
        if RELU:
            total = tl.maximum(total, 0.0)
        inside = real[:, None] & (m < LIMIT)[None, :]
        at = target + target_rows[:, None] + m[None, :]
        tl.store(at, total.to(target.dtype.element_ty), mask=inside)
