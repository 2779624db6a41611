"""Lists and maps: building, indexing, selecting, iterating; sizes of everything that has one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rules.language.runtime.compare import has_key
from rules.language.runtime.values import NONE, Optional, UInt, fail, no_overload

LENGTH_MAX = 10_000
"""What a concatenation may grow to: repeated doubling would fill the memory."""

_KEYS = (bool, int, UInt, str)


def index(container: Any, key: Any) -> Any:
    """CEL's `container[key]` on a list, a map, or an optional one of these."""
    if isinstance(container, dict):
        return container[key] if has_key(container, key) else fail(f"there is no key {shown_key(key)}")
    if isinstance(container, list):
        return item_at(container, _position(key))
    if isinstance(container, Optional):
        return optional_index(container, key)
    return no_overload("`[ ]`", container, key)


def item_at(items: Sequence[Any], position: int) -> Any:
    """The item of a list; Python's negative positions are out of bounds."""
    if 0 <= position < len(items):
        return items[position]
    return fail(f"there is no item {position} in a list of {len(items)}")


def _position(key: Any) -> int:
    if isinstance(key, int) and not isinstance(key, bool):
        return key
    if isinstance(key, float) and key.is_integer():
        return int(key)
    return no_overload("`[ ]`", [], key)


def shown_key(key: Any) -> str:
    return f'"{key}"' if isinstance(key, str) else str(key).lower()


def select(operand: Any, field: str) -> Any:
    """CEL's `operand.field` on a map or an optional map."""
    if isinstance(operand, dict):
        return operand[field] if field in operand else fail(f'there is no key "{field}"')
    if isinstance(operand, Optional):
        return optional_index(operand, field, "a field")
    return no_overload("selecting a field", operand)


def has_field(operand: Any, field: str) -> bool:
    """CEL's `has(operand.field)`."""
    if isinstance(operand, dict):
        return field in operand
    if isinstance(operand, Optional):
        return operand.present and has_field(operand.value, field)
    return no_overload("has()", operand)


def optional_index(container: Any, key: Any, what: str = "`[? ]`") -> Optional:
    """CEL's `container[?key]` and `container.?key`: absent instead of an error."""
    if isinstance(container, Optional):
        return optional_index(container.value, key, what) if container.present else NONE
    if isinstance(container, dict):
        return Optional.of(container[key]) if has_key(container, key) else NONE
    if isinstance(container, list) and what != "a field":
        position = key if type(key) is int else no_overload(what, container, key)
        return Optional.of(container[position]) if 0 <= position < len(container) else NONE
    return no_overload(what, container)


def optional_select(operand: Any, field: str) -> Optional:
    return optional_index(operand, field, "a field")


def make_map(entries: Iterable[tuple[Any, Any]]) -> dict[Any, Any]:
    """A map of these entries; a key may come once, and only types that CEL allows."""
    made: dict[Any, Any] = {}
    for key, value in entries:
        insert(made, key, value)
    return made


def insert(mapping: dict[Any, Any], key: Any, value: Any) -> None:
    if type(key) not in _KEYS:
        no_overload("a map key", key)
    if key in mapping:
        fail(f"the key {shown_key(key)} comes twice")
    mapping[key] = value


def present_items(items: Iterable[tuple[bool, Any]]) -> list[Any]:
    """A list of the items; those marked optional only if they are there."""
    kept = []
    for optional, item in items:
        if not optional:
            kept.append(item)
        elif item.present:
            kept.append(item.value)
    return kept


def present_entries(entries: Iterable[tuple[bool, Any, Any]]) -> dict[Any, Any]:
    """A map of the entries; those marked optional only if their value is there."""
    made: dict[Any, Any] = {}
    for optional, key, value in entries:
        if not optional:
            insert(made, key, value)
        elif value.present:
            insert(made, key, value.value)
    return made


def merged(mappings: Iterable[dict[Any, Any]]) -> dict[Any, Any]:
    """What `transformMapEntry` builds: the entries of many maps, no key twice."""
    return make_map(entry for mapping in mappings for entry in mapping.items())


def concatenated(left: Any, right: Any) -> Any:
    """CEL's `+` on strings, bytes and lists."""
    if len(left) + len(right) > LENGTH_MAX:
        fail(f"a text or list of more than {LENGTH_MAX:,} would result")
    return left + right


def size(value: Any) -> int:
    if isinstance(value, (str, bytes, list, dict)):
        return len(value)
    return no_overload("size()", value)


def members(value: Any) -> Any:
    """What a macro with one variable runs over: the items of a list, the keys of a map."""
    if isinstance(value, (list, dict)):
        return value
    return no_overload("a macro over members", value)


def pairs(value: Any) -> Iterable[tuple[Any, Any]]:
    """What a macro with two variables runs over: position and item, or key and value."""
    if isinstance(value, dict):
        return value.items()
    if isinstance(value, list):
        return enumerate(value)
    return no_overload("a macro over pairs", value)


def first(items: Any) -> Optional:
    return Optional(items[:1] if isinstance(items, list) else no_overload("first()", items))


def last(items: Any) -> Optional:
    return Optional(items[-1:] if isinstance(items, list) else no_overload("last()", items))
