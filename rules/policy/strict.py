"""Values that the models would take although the author probably meant something else.

Promises a finding for text where a truth value or a number belongs (`always: yes` is text in YAML 1.2), a
truth value where a number belongs, a duration without a unit, and a date that is not written as one.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, get_args

from pydantic import BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from rules.policy.findings import Finding
from rules.policy.nodes import Node, Scalar, child, position
from rules.policy.shape import fields
from schemas.base import duration_ms, duration_or_visit_end
from schemas.windows import short_window

DURATIONS = (duration_ms, duration_or_visit_end, short_window)
"""What reads a duration."""


def loose_values(policy: BaseModel, tree: Node) -> list[Finding]:
    return list(_in_model(policy, tree))


def _in_model(model: BaseModel, node: Node) -> Iterator[Finding]:
    for (authored, info), name in zip(fields(type(model)).items(), type(model).model_fields, strict=True):
        below = child(node, authored)
        if below is None:
            continue
        value = getattr(model, name)
        if _is_duration(info) and isinstance(below, Scalar):
            yield from _in_duration(below, authored)
        elif _is_duration(info) and isinstance(value, dict):
            for key in value:
                each = child(below, key)
                if isinstance(each, Scalar):
                    yield from _in_duration(each, key)
        else:
            yield from _in_value(value, below, authored)


def _in_duration(node: Scalar, name: str) -> Iterator[Finding]:
    if isinstance(node.value, int):
        yield _finding(node, f"`{name}` has no unit", f"write {node.value}s, {node.value}m, {node.value}h …")


def _in_value(value: Any, node: Node, name: str) -> Iterator[Finding]:
    match value:
        case BaseModel():
            yield from _in_model(value, node)
        case dict() | tuple() | list():
            for step, item in value.items() if isinstance(value, dict) else enumerate(value):
                below = child(node, step)
                if below is not None:
                    yield from _in_value(item, below, str(step) if isinstance(value, dict) else name)
        case _ if isinstance(node, Scalar):
            yield from _in_scalar(value, node, name)


def _in_scalar(value: Any, node: Scalar, name: str) -> Iterator[Finding]:
    if isinstance(value, bool) and not isinstance(node.value, bool):
        yield _finding(node, f"`{name}` should be true or false, not `{node.value}`", f"write `{str(value).lower()}`")
    elif isinstance(value, int | float) and isinstance(node.value, str | bool) and value is not node.value:
        yield _finding(node, f"`{name}` should be a number, not `{node.value}`", "write it without quotes")
    elif isinstance(value, date) and not isinstance(node.value, str):
        yield _finding(node, f"`{name}` should be a day, not `{node.value}`", "write it as 2026-01-31")


def _finding(node: Node, message: str, hint: str) -> Finding:
    return Finding("error", position(node), message, hint, "loose-value")


def _is_duration(info: FieldInfo) -> bool:
    # an optional duration carries its validator inside the union
    inside = [meta for part in get_args(info.annotation) for meta in getattr(part, "__metadata__", ())]
    return any(isinstance(each, BeforeValidator) and each.func in DURATIONS for each in (*info.metadata, *inside))
