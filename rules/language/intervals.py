"""What values an int expression can have, to leave out overflow checks where nothing can overflow."""

from __future__ import annotations

from rules.language.runtime.values import INT_MAX, INT_MIN
from rules.language.tree import Call, Literal, Node

Interval = tuple[int, int]
ANY_INT: Interval = (INT_MIN, INT_MAX)
_SIZE: Interval = (0, 2**40)
_CALENDAR: Interval = (0, 10_000)


def interval(node: Node) -> Interval:
    """The least and the greatest value that the node can have (before any overflow check)."""
    if isinstance(node, Literal) and type(node.value) is int:
        return node.value, node.value
    if not isinstance(node, Call):
        return ANY_INT
    if node.function in ("size", "indexOf", "lastIndexOf"):
        return -1, _SIZE[1]
    if node.function.startswith("get") and node.arguments[0].type == "timestamp":
        return _CALENDAR
    return _arithmetic(node)


def fits(node: Node) -> bool:
    """Whether the node's value fits into 64 bits whatever the facts are."""
    low, high = _arithmetic(node) if isinstance(node, Call) else interval(node)
    return low >= INT_MIN and high <= INT_MAX


def _arithmetic(node: Call) -> Interval:
    if node.function not in ("_+_", "_-_", "_*_", "-_"):
        return ANY_INT
    sides = [_clipped(interval(argument)) for argument in node.arguments]
    if node.function == "-_":
        return -sides[0][1], -sides[0][0]
    (low, high), (other_low, other_high) = sides
    if node.function == "_+_":
        return low + other_low, high + other_high
    if node.function == "_-_":
        return low - other_high, high - other_low
    corners = [one * other for one in (low, high) for other in (other_low, other_high)]
    return min(corners), max(corners)


def _clipped(found: Interval) -> Interval:
    return max(found[0], INT_MIN), min(found[1], INT_MAX)
