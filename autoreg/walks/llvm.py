"""Vectors of one type of number, as LLVM's builder takes them."""

import math
from collections.abc import Sequence
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils

_FEATURES = llvmlite.binding.get_host_cpu_features()
WIDTH = 64 if _FEATURES.get("avx512f") else 32 if _FEATURES.get("avx") else 16
"""Bytes of a vector register."""

# The logarithm of 2 in two parts; the first has so few bits that its multiples are exact.
_LOG_2 = 355 / 512, -2.12194440054690582767878542e-4

I32, I64, DOUBLE = ir.IntType(32), ir.IntType(64), ir.DoubleType()


def lanes(bytes_each: int) -> int:
    """Return how many numbers a vector holds."""
    return WIDTH // bytes_each


class Kind:
    """Vectors of one type of number, in one function that is being built."""

    def __init__(self, builder: Any, like: Any) -> None:
        self.b = builder
        self.halves = like == types.int16
        double = like == types.float64
        self.bytes = 8 if double else 4
        self.lanes = lanes(self.bytes)
        self.number = DOUBLE if double else ir.FloatType()
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
        """Return a vector of one constant."""
        return ir.Constant(self.vector, [value] * self.lanes)

    def row(self, base: Any, stride: Any, number: Any) -> Any:
        """Return the address of a row of numbers."""
        b = self.b
        return b.add(base, b.mul(b.mul(stride, number), integer(self.bytes)))

    def load(self, at: Any, number: Any) -> Any:
        """Load the vector of a number, counted from an address."""
        return self.b.load(self._place(at, number), align=self.bytes)

    def store(self, value: Any, at: Any, number: Any) -> None:
        """Store a vector as the number of its kind, counted from an address."""
        self.b.store(value, self._place(at, number), align=self.bytes)

    def splat(self, value: Any) -> Any:
        """Return a vector of one value."""
        nothing = ir.Constant(self.vector, ir.Undefined)
        one = self.b.insert_element(nothing, value, ir.Constant(I32, 0))
        zeros = ir.Constant(ir.VectorType(I32, self.lanes), [0] * self.lanes)
        return self.b.shuffle_vector(one, nothing, zeros)

    def spread(self, at: Any) -> Any:
        """Return a vector of the one value at an address."""
        return self.splat(self.b.load(self.b.inttoptr(at, self.number.as_pointer())))

    def weights(self, at: Any, count: int) -> Sequence[Any]:
        """Load consecutive vectors of weights."""
        if not self.halves:
            return [self.load(at, number) for number in range(count)]
        found = []
        for number in range(count // 2):
            place = self.b.add(at, integer(number * WIDTH))
            word = self.b.load(self.b.inttoptr(place, self.wholes.as_pointer()), align=4)
            upper = ir.Constant(self.wholes, [0xFFFF0000] * self.lanes)
            low = self.b.shl(word, ir.Constant(self.wholes, [16] * self.lanes))
            found += [
                self.b.bitcast(part, self.vector) for part in (low, self.b.and_(word, upper))
            ]
        return found

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """Return a b + c, rounded once where the machine has an instruction for it."""
        return self._call("fmuladd", a, b, c)

    def total(self, value: Any) -> Any:
        """Return the sum of a vector's numbers."""
        numbers = self._numbers(value)
        while len(numbers) > 1:
            numbers = [self.b.fadd(a, b) for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
        return numbers[0]

    def largest(self, value: Any) -> Any:
        """Return the largest of a vector's numbers."""
        first, *others = self._numbers(value)
        for other in others:
            first = self.b.select(self.b.fcmp_ordered(">", other, first), other, first)
        return first

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
        rest = self.fma(turns, self.constant(-_LOG_2[0]), within)
        rest = self.fma(turns, self.constant(-_LOG_2[1]), rest)
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

    def _numbers(self, value: Any) -> list[Any]:
        places = (ir.Constant(I32, number) for number in range(self.lanes))
        return [self.b.extract_element(value, place) for place in places]

    def _place(self, at: Any, number: Any) -> Any:
        number = integer(number) if isinstance(number, int) else number
        place = self.b.add(at, self.b.mul(number, integer(WIDTH)))
        return self.b.inttoptr(place, self.vector.as_pointer())

    def _call(self, name: str, *values: Any) -> Any:
        kind = ir.FunctionType(self.vector, [self.vector] * len(values))
        function = cgutils.get_or_insert_function(
            self.b.module, kind, f"llvm.{name}.{self.suffix}"
        )
        return self.b.call(function, values)


def integer(value: int) -> Any:
    """Return a whole number as a constant of the function being built."""
    return ir.Constant(I64, value)
