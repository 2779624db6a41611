"""Which Python function stands for which CEL function.

The table is by CEL's name; each function sorts out the types it meets. The generator writes plain operators
instead where the checker knows the types (`operators`), and the logical operators are its own affair
(`generate`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from rules.language.runtime import compare, containers, conversions, formatting, numbers, texts, times, values


@dataclass(frozen=True, slots=True)
class Function:
    """A Python function and how many arguments it takes."""

    run: Callable[..., Any]
    fewest: int
    most: int


def _unknown(name: str) -> NoReturn:
    values.fail(f"there is no function `{name}` for these arguments")


def _function(run: Callable[..., Any]) -> Function:
    parameters = inspect.signature(run).parameters.values()
    many = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters)
    plain = [parameter for parameter in parameters if parameter.kind is not parameter.VAR_POSITIONAL]
    fewest = sum(parameter.default is parameter.empty for parameter in plain)
    return Function(run, max(fewest, 1) if many else fewest, 2 if many else len(plain))


SPECIAL = frozenset(("_&&_", "_||_", "_?_:_", "or", "orValue"))
"""What does not evaluate all its arguments."""

_TABLE: dict[str, Callable[..., Any]] = {
    "!_": conversions.negation,
    "-_": numbers.negate,
    "_+_": conversions.add,
    "_-_": conversions.subtract,
    "_*_": conversions.multiply,
    "_/_": conversions.divide,
    "_%_": conversions.modulo,
    "_==_": compare.equal,
    "_!=_": compare.different,
    "_<_": compare.less,
    "_<=_": compare.less_equal,
    "_>_": compare.greater,
    "_>=_": compare.greater_equal,
    "@in": compare.contains,
    "_[_]": containers.index,
    "_[?_]": containers.optional_index,
    "_?._": containers.optional_select,
    "size": containers.size,
    "first": containers.first,
    "last": containers.last,
    "bool": conversions.boolean,
    "int": conversions.to_int,
    "uint": conversions.to_uint,
    "double": conversions.to_double,
    "string": formatting.string,
    "bytes": conversions.to_bytes,
    "timestamp": conversions.to_timestamp,
    "duration": conversions.to_duration,
    "dyn": conversions.identity,
    "type": values.type_of,
    "contains": texts.contains,
    "startsWith": texts.starts_with,
    "endsWith": texts.ends_with,
    "matches": texts.matches,
    "charAt": texts.char_at,
    "indexOf": texts.index_of,
    "lastIndexOf": texts.last_index_of,
    "substring": texts.substring,
    "lowerAscii": texts.lower_ascii,
    "upperAscii": texts.upper_ascii,
    "trim": texts.trim,
    "reverse": texts.reverse,
    "replace": texts.replace,
    "split": texts.split,
    "join": texts.join,
    "format": formatting.format_text,
    "strings.quote": texts.quote,
    "base64.encode": texts.base64_encode,
    "base64.decode": texts.base64_decode,
    "getFullYear": times.get_full_year,
    "getMonth": times.get_month,
    "getDate": times.get_date,
    "getDayOfMonth": times.get_day_of_month,
    "getDayOfWeek": times.get_day_of_week,
    "getDayOfYear": times.get_day_of_year,
    "getHours": times.get_hours,
    "getMinutes": times.get_minutes,
    "getSeconds": times.get_seconds,
    "getMilliseconds": times.get_milliseconds,
    "math.@max": numbers.greatest_of,
    "math.@min": numbers.least_of,
    "math.ceil": numbers.ceil,
    "math.floor": numbers.floor,
    "math.round": numbers.round_half_away,
    "math.trunc": numbers.trunc,
    "math.abs": numbers.absolute,
    "math.sign": numbers.sign,
    "math.sqrt": numbers.square_root,
    "math.isNaN": numbers.is_nan,
    "math.isInf": numbers.is_inf,
    "math.isFinite": numbers.is_finite,
    "math.bitAnd": numbers.bit_and,
    "math.bitOr": numbers.bit_or,
    "math.bitXor": numbers.bit_xor,
    "math.bitNot": numbers.bit_not,
    "math.bitShiftLeft": numbers.shift_left,
    "math.bitShiftRight": numbers.shift_right,
    "optional.of": values.Optional.of,
    "optional.ofNonZeroValue": conversions.optional_of_non_zero,
    "optional.none": conversions.optional_none,
    "hasValue": conversions.optional_has_value,
    "value": conversions.optional_value,
    "@unknown": _unknown,
}
RUNTIME: dict[str, Function] = {name: _function(run) for name, run in _TABLE.items()}
RUNTIME |= {name: Function(_unknown, 2, 3) for name in SPECIAL}
WITHIN: dict[str, Callable[..., Any]] = {
    "_==_": compare.equal_within,
    "_!=_": compare.different_within,
    "@in": compare.contains_within,
    "format": formatting.format_within,
    "matches": texts.matches_within,
}
"""What takes the budget of the evaluation, too: its time grows with the content of its arguments."""
