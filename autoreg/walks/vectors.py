"""Vector instructions that compiled loops are built from.

Numba turns loops into vectors where it can prove that it may, which leaves most of a processor
idle: sums stay scalar, products are not held in registers, and exponentials are calls. These few
operations are written in LLVM's own vector types instead, for whatever width the machine has. All
take addresses in bytes and strides in numbers; their first argument only says, by its type, what
numbers they work on: float32, float64, or int16 for 16-bit weights under float32 activations.
"""

import math
from collections.abc import Sequence
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_FEATURES = llvmlite.binding.get_host_cpu_features()
WIDTH = 64 if _FEATURES.get("avx512f") else 32 if _FEATURES.get("avx") else 16
"""Bytes of a vector register."""
COLUMNS = (6, 4, 2, 1) if WIDTH != 32 else (3, 2, 2, 1)
"""How many columns a product holds in registers, with four vectors of rows: 32 or 16 registers."""
VECTORS = 4
"""Vectors of rows in a full panel."""

_I32, _I64, _DOUBLE = ir.IntType(32), ir.IntType(64), ir.DoubleType()


def lanes(bytes_each: int) -> int:
    """Return how many numbers a vector holds."""
    return WIDTH // bytes_each


def product(vectors: int) -> Any:
    """Return the function that adds a panel of weights times columns to what is there.

    out[c, :] = start[c, :] + the sum over k < depth of panel[k, :] x[c, k], for c < count and
    ``vectors`` vectors of rows. As many columns at a time as the registers hold. 16-bit weights
    are the upper halves of float32: a word holds a weight of one vector below one of the next.
    """

    def typed(
        context: Any,
        like: Any,
        panel: Any,
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
            kind = _Kind(b, signature.args[0])
            # 16-bit weights never come in single vectors: a word holds two.
            if not (kind.halves and vectors == 1):
                _, panel, depth, count, x, x_stride, start, start_stride, out, out_stride = args
                done = _int(0)
                for columns in COLUMNS:
                    groups = _groups(b, columns, b.sub(count, done))
                    with cgutils.for_range(b, groups) as loop:
                        first = b.add(done, b.mul(loop.index, _int(columns)))
                        sums = _Sums(kind, vectors, columns)
                        sums.begin(kind.row(start, start_stride, first), start_stride)
                        sums.add(panel, kind.row(x, x_stride, first), x_stride, depth)
                        sums.end(kind.row(out, out_stride, first), out_stride)
                    done = b.add(done, b.mul(groups, _int(columns)))
            return ctx.get_dummy_value()

        return types.void(like, *[types.int64] * 9), generate

    return intrinsic(typed)


@intrinsic
def gated(context: Any, like: Any, gates: Any, half: Any, out: Any) -> Any:
    """Write tanh(gates[:half]) sigmoid(gates[half:]); half is whole vectors."""

    def generate(ctx: Any, b: Any, signature: Any, args: Any) -> Any:
        kind = _Kind(b, signature.args[0])
        _, gates, half, out = args
        upper = b.add(gates, b.mul(half, _int(kind.bytes)))
        with cgutils.for_range(b, b.udiv(half, _int(kind.lanes))) as loop:
            # Beyond these tanh is 1 to the last bit, and sigmoid as good as 0 or 1.
            signal = kind.clamp(kind.load(gates, loop.index), 22.0)
            gate = kind.clamp(kind.load(upper, loop.index), 60.0)
            twice = kind.exp(b.fadd(signal, signal))
            below = b.fmul(
                b.fadd(twice, kind.constant(1.0)),
                b.fadd(kind.exp(b.fneg(gate)), kind.constant(1.0)),
            )
            kind.store(b.fdiv(b.fsub(twice, kind.constant(1.0)), below), out, loop.index)
        return ctx.get_dummy_value()

    return types.void(like, *[types.int64] * 3), generate


@intrinsic
def exponentials(context: Any, like: Any, logs: Any, out: Any, count: Any, shift: Any) -> Any:
    """Write exp(logs - shift) in float64; the count is rounded up to whole vectors of float64."""

    def generate(ctx: Any, b: Any, signature: Any, args: Any) -> Any:
        narrow, wide = _Kind(b, signature.args[0]), _Kind(b, types.float64)
        _, logs, out, count, shift = args
        step = wide.lanes
        pieces = b.udiv(b.add(count, _int(step - 1)), _int(step))
        shifts = wide.splat(shift)
        source = ir.VectorType(narrow.number, step)
        with cgutils.for_range(b, pieces) as loop:
            at = b.add(logs, b.mul(loop.index, _int(step * narrow.bytes)))
            values = b.load(b.inttoptr(at, source.as_pointer()), align=narrow.bytes)
            if narrow.number != _DOUBLE:
                values = b.fpext(values, wide.vector)
            wide.store(wide.exp(b.fsub(values, shifts)), out, loop.index)
        return ctx.get_dummy_value()

    return types.void(like, types.int64, types.int64, types.int64, types.float64), generate


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
def announce(context: Any, place: Any, amount: Any) -> Any:
    """Add to a counter that other threads watch, after all that was written before."""

    def generate(ctx: Any, b: Any, signature: Any, args: Any) -> Any:
        pointer = b.inttoptr(args[0], _I64.as_pointer())
        b.atomic_rmw("add", pointer, args[1], "seq_cst")
        return ctx.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def watched(context: Any, place: Any) -> Any:
    """Return a counter that other threads add to, before all that is read after."""

    def generate(ctx: Any, b: Any, signature: Any, args: Any) -> Any:
        return b.load_atomic(b.inttoptr(args[0], _I64.as_pointer()), "seq_cst", 8)

    return types.int64(types.int64), generate


def _groups(b: Any, columns: int, left: Any) -> Any:
    """Return how many groups of so many columns to take of those that are left."""
    groups = b.udiv(left, _int(columns))
    if columns != COLUMNS[0]:
        return groups
    # Two groups of middling size are better than a large one and a small one.
    many, some = COLUMNS[:2]
    awkward = b.icmp_unsigned("==", b.urem(left, _int(many)), _int(2 * some - many))
    awkward = b.and_(awkward, b.icmp_unsigned(">", groups, _int(0)))
    return b.sub(groups, b.zext(awkward, _I64))


class _Sums:
    """The registers of a product, in a function that is being built."""

    def __init__(self, kind: "_Kind", vectors: int, columns: int) -> None:
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

    def add(self, panel: Any, x: Any, stride: Any, depth: Any) -> None:
        """Add the products of all columns of the matrix."""
        b, rows, parts = self.kind.b, self._rows(x, stride), _int(len(self.parts))
        with cgutils.for_range(b, b.udiv(depth, parts)) as loop:
            for number, part in enumerate(self.parts):
                k = b.add(b.mul(loop.index, parts), _int(number))
                self._add(panel, rows, k, part)
        if len(self.parts) == 2:
            odd = b.icmp_unsigned("!=", b.and_(depth, _int(1)), _int(0))
            with b.if_then(odd):
                self._add(panel, rows, b.sub(depth, _int(1)), self.parts[0])

    def end(self, out: Any, stride: Any) -> None:
        """Write the sums."""
        for c, row in enumerate(self._rows(out, stride)):
            for v in range(self.vectors):
                total = self.kind.b.load(self.parts[0][c][v])
                for part in self.parts[1:]:
                    total = self.kind.b.fadd(total, self.kind.b.load(part[c][v]))
                self.kind.store(total, row, v)

    def _add(self, panel: Any, rows: list[Any], k: Any, part: list[list[Any]]) -> None:
        kind, b = self.kind, self.kind.b
        each = 2 if kind.halves else kind.bytes
        at = b.add(panel, b.mul(k, _int(self.vectors * kind.lanes * each)))
        weights = kind.weights(at, self.vectors)
        for c, row in enumerate(rows):
            value = kind.spread(b.add(row, b.mul(k, _int(kind.bytes))))
            for v in range(self.vectors):
                b.store(kind.fma(weights[v], value, b.load(part[c][v])), part[c][v])

    def _rows(self, base: Any, stride: Any) -> list[Any]:
        return [self.kind.row(base, stride, _int(c)) for c in range(self.columns)]


class _Kind:
    """Vectors of one type of number, in one function that is being built."""

    def __init__(self, builder: Any, like: Any) -> None:
        self.b = builder
        self.halves = like == types.int16
        double = like == types.float64
        self.bytes = 8 if double else 4
        self.lanes = lanes(self.bytes)
        self.number = _DOUBLE if double else ir.FloatType()
        self.vector = ir.VectorType(self.number, self.lanes)
        self.whole = ir.IntType(8 * self.bytes)
        self.wholes = ir.VectorType(self.whole, self.lanes)
        # Mantissa bits, exponent bias, the degree of exp's series that leaves its error below a
        # rounding, and the range of exp: within it 2^n is an ordinary number.
        self.mantissa, self.bias, self.degree, self.least = (
            (52, 1023, 13, -707.0) if double else (23, 127, 7, -86.0)
        )
        self.suffix = f"v{self.lanes}f{8 * self.bytes}"

    def constant(self, value: float) -> Any:
        return ir.Constant(self.vector, [value] * self.lanes)

    def row(self, base: Any, stride: Any, number: Any) -> Any:
        b = self.b
        return b.add(base, b.mul(b.mul(stride, number), _int(self.bytes)))

    def load(self, at: Any, number: Any) -> Any:
        return self.b.load(self._place(at, number), align=self.bytes)

    def store(self, value: Any, at: Any, number: Any) -> None:
        self.b.store(value, self._place(at, number), align=self.bytes)

    def splat(self, value: Any) -> Any:
        nothing = ir.Constant(self.vector, ir.Undefined)
        one = self.b.insert_element(nothing, value, ir.Constant(_I32, 0))
        zeros = ir.Constant(ir.VectorType(_I32, self.lanes), [0] * self.lanes)
        return self.b.shuffle_vector(one, nothing, zeros)

    def spread(self, at: Any) -> Any:
        return self.splat(self.b.load(self.b.inttoptr(at, self.number.as_pointer())))

    def weights(self, at: Any, count: int) -> Sequence[Any]:
        if not self.halves:
            return [self.load(at, number) for number in range(count)]
        found = []
        for number in range(count // 2):
            place = self.b.add(at, _int(number * WIDTH))
            word = self.b.load(self.b.inttoptr(place, self.wholes.as_pointer()), align=4)
            upper = ir.Constant(self.wholes, [0xFFFF0000] * self.lanes)
            low = self.b.shl(word, ir.Constant(self.wholes, [16] * self.lanes))
            found += [
                self.b.bitcast(part, self.vector) for part in (low, self.b.and_(word, upper))
            ]
        return found

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        return self._call("fma", a, b, c)

    def clamp(self, value: Any, limit: float) -> Any:
        """Return a value within -limit..limit; what is not a number stays so."""
        for sign, bound in ((">", limit), ("<", -limit)):
            outside = self.b.fcmp_ordered(sign, value, self.constant(bound))
            value = self.b.select(outside, self.constant(bound), value)
        return value

    def exp(self, value: Any) -> Any:
        """Return exp by its Taylor series around a multiple of log 2, to about one rounding."""
        b = self.b
        within = self.clamp(value, -self.least)
        turns = self._call("rint", b.fmul(within, self.constant(1 / math.log(2))))
        upper = float(round(math.log(2) * 2**11)) / 2**11  # few bits: times turns it is exact
        rest = self.fma(turns, self.constant(-upper), within)
        rest = self.fma(turns, self.constant(upper - math.log(2)), rest)
        series = self.constant(1 / math.factorial(self.degree))
        for order in range(self.degree - 1, -1, -1):
            series = self.fma(series, rest, self.constant(1 / math.factorial(order)))
        exponent = b.add(
            b.fptosi(turns, self.wholes), ir.Constant(self.wholes, [self.bias] * self.lanes)
        )
        shift = ir.Constant(self.wholes, [self.mantissa] * self.lanes)
        power = b.bitcast(b.shl(exponent, shift), self.vector)
        vanishes = b.fcmp_ordered("<", value, self.constant(self.least))
        return b.select(vanishes, self.constant(0.0), b.fmul(series, power))

    def _place(self, at: Any, number: Any) -> Any:
        number = _int(number) if isinstance(number, int) else number
        place = self.b.add(at, self.b.mul(number, _int(WIDTH)))
        return self.b.inttoptr(place, self.vector.as_pointer())

    def _call(self, name: str, *values: Any) -> Any:
        kind = ir.FunctionType(self.vector, [self.vector] * len(values))
        function = cgutils.get_or_insert_function(
            self.b.module, kind, f"llvm.{name}.{self.suffix}"
        )
        return self.b.call(function, values)


def _int(value: int) -> Any:
    return ir.Constant(_I64, value)
