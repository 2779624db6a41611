"""Equality, order and membership across types, as CEL defines them.

1 == 1.0 == 1u      numbers compare by value, whatever their type
true != 1           a Boolean is no number, which Python thinks it is
nan != nan          also inside lists and maps, where Python compares identity first
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from rules.language.runtime.effort import VALUE, WORK_MAX, work
from rules.language.runtime.values import NanoSpan, NanoTime, Optional, UInt, fail, no_overload

_NUMBERS = frozenset((int, UInt, float))
_PLAIN = frozenset((bool, int, UInt, float, str, bytes, datetime, timedelta, NanoTime, NanoSpan))
_FAMILIES: dict[type, int] = {
    bool: 1,
    **dict.fromkeys(_NUMBERS, 2),
    str: 3,
    bytes: 4,
    **dict.fromkeys((datetime, NanoTime), 5),
    **dict.fromkeys((timedelta, NanoSpan), 6),
}
_KEYS = frozenset((bool, int, UInt, float, str))
_DEPTH_MAX = 64


def equal(left: Any, right: Any) -> bool:
    """CEL's `==` on values of any type; values of different types are different, never an error."""
    if type(left) is type(right) and type(left) in _PLAIN:
        return bool(left == right)
    return _equal(left, right, [0, WORK_MAX])


def equal_within(budget: list[int], left: Any, right: Any) -> bool:
    """`equal`, which draws on what is left for the evaluation."""
    if type(left) is type(right) and type(left) in _PLAIN:
        return bool(left == right)
    return _equal(left, right, budget)


def _equal(left: Any, right: Any, budget: list[int], depth: int = 0) -> bool:
    # A list may hold itself many times over (bind, map): what is small in memory can be endless to compare.
    work(budget, VALUE + len(left) // 4 if isinstance(left, (str, bytes)) else VALUE)
    if depth > _DEPTH_MAX:
        fail(f"comparing takes more than {_DEPTH_MAX} levels")
    if isinstance(left, list) and isinstance(right, list):
        pairs = zip(left, right, strict=False)
        return len(left) == len(right) and all(_equal(one, other, budget, depth + 1) for one, other in pairs)
    if isinstance(left, dict) and isinstance(right, dict):
        held = all(has_key(right, key) and _equal(left[key], right[key], budget, depth + 1) for key in left)
        return held and len(left) == len(right)
    if isinstance(left, Optional) and isinstance(right, Optional):
        both = left.present and right.present
        return _equal(left.value, right.value, budget, depth + 1) if both else left.present == right.present
    if _FAMILIES.get(type(left)) != _FAMILIES.get(type(right)):
        return False
    left, right = _as_doubles(left, right)
    return bool(left == right)


def different(left: Any, right: Any) -> bool:
    """CEL's `!=`."""
    return not equal(left, right)


def different_within(budget: list[int], left: Any, right: Any) -> bool:
    return not equal_within(budget, left, right)


def _as_doubles(left: Any, right: Any) -> tuple[Any, Any]:
    """A double and a whole number compare as doubles, where Python compares exactly."""
    if isinstance(left, float) and isinstance(right, int):
        return left, float(right)
    if isinstance(left, int) and isinstance(right, float):
        return float(left), right
    return left, right


def _ordered(left: Any, right: Any, operator: str) -> tuple[Any, Any]:
    family = _FAMILIES.get(type(left))
    if family is None or family != _FAMILIES.get(type(right)):
        no_overload(operator, left, right)
    return _as_doubles(left, right)


def less(left: Any, right: Any) -> bool:
    one, other = _ordered(left, right, "`<`")
    return bool(one < other)


def less_equal(left: Any, right: Any) -> bool:
    one, other = _ordered(left, right, "`<=`")
    return bool(one <= other)


def greater(left: Any, right: Any) -> bool:
    one, other = _ordered(left, right, "`>`")
    return bool(one > other)


def greater_equal(left: Any, right: Any) -> bool:
    one, other = _ordered(left, right, "`>=`")
    return bool(one >= other)


def contains(value: Any, container: Any) -> bool:
    """CEL's `in`, on a list or on the keys of a map."""
    return contains_within([0, WORK_MAX], value, container)


def contains_within(budget: list[int], value: Any, container: Any) -> bool:
    if isinstance(container, dict) and type(value) in _KEYS:
        return has_key(container, value)
    if isinstance(container, list):
        return any(equal_within(budget, value, item) for item in container)
    return no_overload("`in`", value, container)


def has_key(mapping: dict[Any, Any], key: Any) -> bool:
    """Whether the map has this key; `true` is not the key 1, and no other type equals a number."""
    if type(key) not in _PLAIN or key not in mapping:
        return False
    return (not isinstance(key, bool) and 1 != key != 0) or _holds_key_as(mapping, key)


def _holds_key_as(mapping: dict[Any, Any], key: Any) -> bool:
    return any(equal(key, held) for held in mapping if held == key)
