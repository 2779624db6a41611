"""Arithmetic on 64-bit numbers, conversions between number types, and the math extension.

Where the generator knows the types it writes Python's own operators; these serve the rest.
"""

from __future__ import annotations

import math
import re
from typing import Any, NoReturn

from rules.language.runtime.compare import greater, less
from rules.language.runtime.values import INT_MAX, INT_MIN, UINT_MAX, UInt, fail, no_overload

_SPACE = " \t\n\r\v\f"
"""What may stand around a number in a text; Python would also allow Unicode's white space."""
_HEXADECIMAL = re.compile(r"[+-]?0[xX]")


def overflow() -> NoReturn:
    fail("the result does not fit into 64 bits")


def to_int64(value: int) -> int:
    return value if INT_MIN <= value <= INT_MAX else overflow()


def to_uint64(value: int) -> UInt:
    return UInt(value) if 0 <= value <= UINT_MAX else overflow()


def _wrapped(value: int, like: Any) -> int:
    return to_uint64(value) if type(like) is UInt else to_int64(value)


def divide_int(left: int, right: int) -> int:
    """Towards zero, where Python goes down."""
    if right == 0:
        fail("division by zero")
    quotient = abs(left) // abs(right)
    return _wrapped(quotient if (left < 0) == (right < 0) else -quotient, left)


def modulo_int(left: int, right: int) -> int:
    """With the sign of the dividend, where Python takes the divisor's."""
    if right == 0:
        fail("modulus by zero")
    if left == INT_MIN and right == -1:
        overflow()
    remainder = abs(left) % abs(right)
    return _wrapped(-remainder if left < 0 else remainder, left)


def divide_double(left: float, right: float) -> float:
    """IEEE 754: by zero gives an infinity or NaN, where Python raises."""
    if right:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def negate(value: Any) -> Any:
    if type(value) is float:
        return -value
    if type(value) is int:
        return to_int64(-value)
    return no_overload("`-`", value)


def int_of(text: str) -> int:
    """`int("12")`: decimal, optional sign."""
    return _parsed(text, INT_MIN, INT_MAX, "an int")


def uint_of(text: str) -> UInt:
    if text.strip(_SPACE).startswith("-"):
        fail(f"{text!r} is not a uint")
    return UInt(_parsed(text, 0, UINT_MAX, "a uint"))


def _parsed(text: str, low: int, high: int, what: str) -> int:
    digits = text.strip(_SPACE)
    bare = digits[1:] if digits[:1] in ("+", "-") else digits
    significant = bare.lstrip("0")
    # 20 digits hold any 64-bit number; int() of a very long text is slow, or raises
    if not (bare.isascii() and bare.isdigit()) or len(significant) > 20:
        fail(f"{_cut(text)} is not {what}")
    number = int(significant or "0") * (-1 if digits[0] == "-" else 1)
    return number if low <= number <= high else fail(f"{_cut(text)} is not {what}")


def _cut(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")


def double_of(text: str) -> float:
    if "_" in text or not text.isascii() or len(text) > 400:
        fail(f"{_cut(text)} is not a double")
    bare = text.strip(_SPACE)
    try:
        return float.fromhex(bare) if _HEXADECIMAL.match(bare) else float(bare)
    except OverflowError:  # of a hexadecimal one
        return -math.inf if bare.startswith("-") else math.inf
    except ValueError:
        return fail(f"{_cut(text)} is not a double")


def int_of_double(value: float) -> int:
    if -9223372036854775808.0 < value < 9223372036854775808.0:
        return int(value)
    return fail(f"{value} does not fit into an int")


def uint_of_double(value: float) -> UInt:
    if 0.0 <= value < 18446744073709551616.0:
        return UInt(value)
    return fail(f"{value} does not fit into a uint")


def greatest(values: list[Any]) -> Any:
    """The first of the greatest, as `b > a ? b : a` gives it."""
    best = _number(values[0] if values else fail("math.greatest() of nothing"))
    for value in values[1:]:
        best = value if greater(_number(value), best) else best
    return best


def least(values: list[Any]) -> Any:
    best = _number(values[0] if values else fail("math.least() of nothing"))
    for value in values[1:]:
        best = value if less(_number(value), best) else best
    return best


def _number(value: Any) -> Any:
    if type(value) in (int, UInt, float):
        return value
    return no_overload("math.greatest() or math.least()", value)


def greatest_of(*values: Any) -> Any:
    return greatest(values[0] if len(values) == 1 and isinstance(values[0], list) else list(values))


def least_of(*values: Any) -> Any:
    return least(values[0] if len(values) == 1 and isinstance(values[0], list) else list(values))


def _double(value: Any, function: str) -> float:
    return value if type(value) is float else no_overload(function, value)


def ceil(value: Any) -> float:
    return _whole(_double(value, "math.ceil()"), math.ceil)


def floor(value: Any) -> float:
    return _whole(_double(value, "math.floor()"), math.floor)


def trunc(value: Any) -> float:
    return _whole(_double(value, "math.trunc()"), math.trunc)


def round_half_away(value: Any) -> float:
    """`math.round()`: halves go away from zero, where Python goes to the even one."""
    return _whole(_double(value, "math.round()"), _rounded)


def _rounded(value: float) -> int:
    whole = math.floor(abs(value))
    whole += abs(value) - whole >= 0.5
    return -whole if value < 0 else whole


def _whole(value: float, function: Any) -> float:
    return math.copysign(float(function(value)), value) if math.isfinite(value) else value


def absolute(value: Any) -> Any:
    if type(value) is float or type(value) is UInt:
        return type(value)(abs(value))
    return to_int64(abs(value)) if type(value) is int else no_overload("math.abs()", value)


def sign(value: Any) -> Any:
    if type(value) not in (int, UInt, float):
        no_overload("math.sign()", value)
    return value if value != value else type(value)((value > 0) - (value < 0))


def square_root(value: Any) -> float:
    if type(value) not in (int, UInt, float):
        no_overload("math.sqrt()", value)
    return math.sqrt(value) if not value < 0 else math.nan


def is_nan(value: Any) -> bool:
    return math.isnan(_double(value, "math.isNaN()"))


def is_inf(value: Any) -> bool:
    return math.isinf(_double(value, "math.isInf()"))


def is_finite(value: Any) -> bool:
    return math.isfinite(_double(value, "math.isFinite()"))


def _bits(function: str, left: Any, right: Any) -> None:
    if type(left) is not type(right) or type(left) not in (int, UInt):
        no_overload(function, left, right)


def bit_and(left: Any, right: Any) -> int:
    _bits("math.bitAnd()", left, right)
    return _wrapped(left & right, left)


def bit_or(left: Any, right: Any) -> int:
    _bits("math.bitOr()", left, right)
    return _wrapped(left | right, left)


def bit_xor(left: Any, right: Any) -> int:
    _bits("math.bitXor()", left, right)
    return _wrapped(left ^ right, left)


def bit_not(value: Any) -> int:
    _bits("math.bitNot()", value, value)
    return UInt(value ^ UINT_MAX) if type(value) is UInt else ~value


def shift_left(value: Any, places: Any) -> int:
    """Bits that leave on the left are lost; 64 places or more leave nothing."""
    _shift("math.bitShiftLeft()", value, places)
    return _reread((value << places) & UINT_MAX if places < 64 else 0, value)


def shift_right(value: Any, places: Any) -> int:
    """A logical shift: zeros come in on the left, also for a negative int."""
    _shift("math.bitShiftRight()", value, places)
    return _reread((value & UINT_MAX) >> places if places < 64 else 0, value)


def _shift(function: str, value: Any, places: Any) -> None:
    if type(value) not in (int, UInt) or type(places) is not int:
        no_overload(function, value, places)
    if places < 0:
        fail(f"{function} by {places} places")


def _reread(bits: int, like: Any) -> int:
    if type(like) is UInt:
        return UInt(bits)
    return bits - 2**64 if bits > INT_MAX else bits
