"""Vector instructions that compiled loops are built from.

Numba turns loops into vectors where it can prove that it may, which leaves most of a processor
idle: sums stay scalar, products are not held in registers, and exponentials are calls. These few
operations are written in LLVM's own vector types instead, for whatever width the machine has. All
take addresses in bytes and strides in numbers; their first argument only says, by its type, what
numbers they work on: float32, float64, or int16 for 16-bit weights under float32 activations.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from autoreg.walks.llvm import DOUBLE, I32, I64, WIDTH, Kind, integer

COLUMNS = (6, 4, 2, 1) if WIDTH != 32 else (3, 2, 2, 1)
"""How many columns a product holds in registers, with four vectors of rows: 32 or 16 registers."""
VECTORS = 4
"""Vectors of rows in a full panel."""


def product(vectors: int) -> Any:
    """Return the function that adds a panel of weights times columns to what is there.

    out[c, :] = start[c, :] + the sum over k < depth of panel[k, :] x[c, k], for c < count and
    ``vectors`` vectors of rows, which may be part of a panel of more. As many columns at a time as
    the registers hold. 16-bit weights are the upper halves of float32: a word holds a weight of
    one vector below one of the next.
    """

    def typed(
        context: Any,
        like: Any,
        panel: Any,
        panel_stride: Any,
        depth: Any,
        count: Any,
        x: Any,
        x_stride: Any,
        start: Any,
        start_stride: Any,
        out: Any,
        out_stride: Any,
    ) -> Any:
        def generate(ctx: Any, b: Any, signature: Any, args: Any) -> Any:
            kind = Kind(b, signature.args[0])
            # 16-bit weights never come in single vectors: a word holds two.
            if not (kind.halves and vectors == 1):
                _, panel, panel_stride, depth, count, *places = args
                x, x_stride, start, start_stride, out, out_stride = places
                done = integer(0)
                for columns in COLUMNS:
                    groups = _groups(b, columns, b.sub(count, done))
                    with cgutils.for_range(b, groups) as loop:
                        first = b.add(done, b.mul(loop.index, integer(columns)))
                        sums = _Sums(kind, vectors, columns)
                        sums.begin(kind.row(start, start_stride, first), start_stride)
                        sums.add(
                            (panel, panel_stride), kind.row(x, x_stride, first), x_stride, depth
                        )
                        sums.end(kind.row(out, out_stride, first), out_stride)
                    done = b.add(done, b.mul(groups, integer(columns)))
            return ctx.get_dummy_value()

        return types.void(like, *[types.int64] * 10), generate

    return intrinsic(typed)


@intrinsic
def gated(context: Any, like: Any, signals: Any, gates: Any, count: Any, out: Any) -> Any:
    """Write tanh(signals) sigmoid(gates); the count is whole vectors."""

    def generate(ctx: Any, b: Any, signature: Any, args: Any) -> Any:
        kind = Kind(b, signature.args[0])
        _, signals, gates, count, out = args
        with cgutils.for_range(b, b.udiv(count, integer(kind.lanes))) as loop:
            # Beyond these tanh is 1 to the last bit, and sigmoid as good as 0 or 1.
            signal = kind.clamp(kind.load(signals, loop.index), 22.0)
            gate = kind.clamp(kind.load(gates, loop.index), 60.0)
            twice = kind.exp(b.fadd(signal, signal))
            below = b.fmul(
                b.fadd(twice, kind.constant(1.0)),
                b.fadd(kind.exp(b.fneg(gate)), kind.constant(1.0)),
            )
            kind.store(b.fdiv(b.fsub(twice, kind.constant(1.0)), below), out, loop.index)
        return ctx.get_dummy_value()

    return types.void(like, *[types.int64] * 4), generate


@intrinsic
def exponentials(context: Any, like: Any, logs: Any, out: Any, count: Any, shift: Any) -> Any:
    """Write exp(logs - shift) in float64 and return their sum; the count is whole vectors."""

    def generate(ctx: Any, b: Any, signature: Any, args: Any) -> Any:
        narrow, wide = Kind(b, signature.args[0]), Kind(b, types.float64)
        _, logs, out, count, shift = args
        shifts = wide.splat(shift)
        total = cgutils.alloca_once_value(b, wide.constant(0.0))
        with cgutils.for_range(b, b.udiv(count, integer(wide.lanes))) as loop:
            values = wide.exp(b.fsub(_widened(narrow, wide, logs, loop.index), shifts))
            b.store(b.fadd(b.load(total), values), total)
            wide.store(values, out, loop.index)
        return wide.total(b.load(total))

    return types.float64(like, types.int64, types.int64, types.int64, types.float64), generate


@intrinsic
def peak(context: Any, like: Any, values: Any, count: Any) -> Any:
    """Return the largest of some numbers as float64; the count is whole vectors, at least one."""

    def generate(ctx: Any, b: Any, signature: Any, args: Any) -> Any:
        kind = Kind(b, signature.args[0])
        _, values, count = args
        top = cgutils.alloca_once_value(b, kind.load(values, 0))
        with cgutils.for_range(b, b.udiv(count, integer(kind.lanes))) as loop:
            value = kind.load(values, loop.index)
            larger = b.fcmp_ordered(">", value, b.load(top))
            b.store(b.select(larger, value, b.load(top)), top)
        found = kind.largest(b.load(top))
        return found if kind.number == DOUBLE else b.fpext(found, DOUBLE)

    return types.float64(like, types.int64, types.int64), generate


@intrinsic
def add(context: Any, like: Any, target: Any, source: Any, count: Any) -> Any:
    """Add numbers to others; the count is whole vectors."""

    def generate(ctx: Any, b: Any, signature: Any, args: Any) -> Any:
        kind = Kind(b, signature.args[0])
        _, target, source, count = args
        with cgutils.for_range(b, b.udiv(count, integer(kind.lanes))) as loop:
            total = b.fadd(kind.load(target, loop.index), kind.load(source, loop.index))
            kind.store(total, target, loop.index)
        return ctx.get_dummy_value()

    return types.void(like, *[types.int64] * 3), generate


@intrinsic
def rectify(context: Any, like: Any, values: Any, count: Any) -> Any:
    """Set what is below 0 to 0; the count is whole vectors."""

    def generate(ctx: Any, b: Any, signature: Any, args: Any) -> Any:
        kind = Kind(b, signature.args[0])
        _, values, count = args
        with cgutils.for_range(b, b.udiv(count, integer(kind.lanes))) as loop:
            value = kind.load(values, loop.index)
            below = b.fcmp_ordered("<", value, kind.constant(0.0))
            kind.store(b.select(below, kind.constant(0.0), value), values, loop.index)
        return ctx.get_dummy_value()

    return types.void(like, *[types.int64] * 2), generate


@intrinsic
def whole(context: Any, place: Any) -> Any:
    """Return the whole number (int64) at a place."""

    def generate(ctx: Any, b: Any, signature: Any, args: Any) -> Any:
        return b.load(b.inttoptr(args[0], I64.as_pointer()))

    return types.int64(types.int64), generate


@intrinsic
def copy(context: Any, target: Any, source: Any, count: Any) -> Any:
    """Copy bytes between places that do not overlap."""

    def generate(ctx: Any, b: Any, signature: Any, args: Any) -> Any:
        target, source, count = args
        pointer = ir.IntType(8).as_pointer()
        cgutils.raw_memcpy(b, b.inttoptr(target, pointer), b.inttoptr(source, pointer), count, 1)
        return ctx.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def fetch(context: Any, place: Any) -> Any:
    """Ask for what lies at a place, to be written soon."""

    def generate(ctx: Any, b: Any, signature: Any, args: Any) -> Any:
        pointer = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, I32, I32, I32])
        function = cgutils.get_or_insert_function(b.module, kind, "llvm.prefetch.p0")
        write, near, data = (ir.Constant(I32, value) for value in (1, 3, 1))
        b.call(function, [b.inttoptr(args[0], pointer), write, near, data])
        return ctx.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def announce(context: Any, place: Any, amount: Any) -> Any:
    """Add to a counter that other threads watch, after all that was written before."""

    def generate(ctx: Any, b: Any, signature: Any, args: Any) -> Any:
        pointer = b.inttoptr(args[0], I64.as_pointer())
        b.atomic_rmw("add", pointer, args[1], "seq_cst")
        return ctx.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def watched(context: Any, place: Any) -> Any:
    """Return a counter that other threads add to, before all that is read after."""

    def generate(ctx: Any, b: Any, signature: Any, args: Any) -> Any:
        return b.load_atomic(b.inttoptr(args[0], I64.as_pointer()), "seq_cst", 8)

    return types.int64(types.int64), generate


def _widened(narrow: Kind, wide: Kind, at: Any, number: Any) -> Any:
    """Return a vector of float64 from numbers that may be narrower."""
    if narrow.number == DOUBLE:
        return wide.load(at, number)
    source = ir.VectorType(narrow.number, wide.lanes)
    place = wide.b.add(at, wide.b.mul(number, integer(wide.lanes * narrow.bytes)))
    values = wide.b.load(wide.b.inttoptr(place, source.as_pointer()), align=narrow.bytes)
    return wide.b.fpext(values, wide.vector)


def _groups(b: Any, columns: int, left: Any) -> Any:
    """Return how many groups of so many columns to take of those that are left."""
    groups = b.udiv(left, integer(columns))
    if columns != COLUMNS[0]:
        return groups
    # Two groups of middling size are better than a large one and a small one.
    many, some = COLUMNS[:2]
    awkward = b.icmp_unsigned("==", b.urem(left, integer(many)), integer(2 * some - many))
    awkward = b.and_(awkward, b.icmp_unsigned(">", groups, integer(0)))
    return b.sub(groups, b.zext(awkward, I64))


class _Sums:
    """The registers of a product, in a function that is being built."""

    def __init__(self, kind: Kind, vectors: int, columns: int) -> None:
        self.kind, self.vectors, self.columns = kind, vectors, columns
        # One column alone would wait for each sum: it takes two sums in turn.
        self.parts = [
            [
                [cgutils.alloca_once(kind.b, kind.vector) for _ in range(vectors)]
                for _ in range(columns)
            ]
            for _ in range(2 if columns == 1 else 1)
        ]

    def begin(self, start: Any, stride: Any) -> None:
        """Load what is there; further parts begin with 0."""
        for c, row in enumerate(self._rows(start, stride)):
            for v in range(self.vectors):
                self.kind.b.store(self.kind.load(row, v), self.parts[0][c][v])
                for part in self.parts[1:]:
                    self.kind.b.store(self.kind.constant(0.0), part[c][v])

    def add(self, panel: tuple[Any, Any], x: Any, stride: Any, depth: Any) -> None:
        """Add the products of all columns of the matrix."""
        b, rows, parts = self.kind.b, self._rows(x, stride), integer(len(self.parts))
        with cgutils.for_range(b, b.udiv(depth, parts)) as loop:
            for number, part in enumerate(self.parts):
                k = b.add(b.mul(loop.index, parts), integer(number))
                self._add(panel, rows, k, part)
        if len(self.parts) == 2:
            odd = b.icmp_unsigned("!=", b.and_(depth, integer(1)), integer(0))
            with b.if_then(odd):
                self._add(panel, rows, b.sub(depth, integer(1)), self.parts[0])

    def end(self, out: Any, stride: Any) -> None:
        """Write the sums."""
        for c, row in enumerate(self._rows(out, stride)):
            for v in range(self.vectors):
                total = self.kind.b.load(self.parts[0][c][v])
                for part in self.parts[1:]:
                    total = self.kind.b.fadd(total, self.kind.b.load(part[c][v]))
                self.kind.store(total, row, v)

    def _add(self, panel: tuple[Any, Any], rows: list[Any], k: Any, part: list[list[Any]]) -> None:
        kind, b = self.kind, self.kind.b
        each = 2 if kind.halves else kind.bytes
        at = b.add(panel[0], b.mul(k, b.mul(panel[1], integer(each))))
        weights = kind.weights(at, self.vectors)
        for c, row in enumerate(rows):
            value = kind.spread(b.add(row, b.mul(k, integer(kind.bytes))))
            for v in range(self.vectors):
                b.store(kind.fma(weights[v], value, b.load(part[c][v])), part[c][v])

    def _rows(self, base: Any, stride: Any) -> list[Any]:
        return [self.kind.row(base, stride, integer(c)) for c in range(self.columns)]
