"""The models' errors in calm sentences, at the place in the file that they are about.

Promises one finding for each error of pydantic, whatever its kind. Leaves collecting them to `validate`.
"""

import re
from collections.abc import Mapping as Table
from typing import Any, get_args

from rules.policy.findings import Finding, Path, nearest
from rules.policy.nodes import Node
from rules.policy.places import KEY, place_of
from rules.policy.shape import fields, model_at, noun
from schemas.base import FactName, Id, Name
from schemas.catalogue import CellCode
from schemas.windows import ClockTime

KINDS = {
    "dict_type": "names with their definitions",
    "model_type": "fields with their values",
    "tuple_type": "a list",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
}
OPENING = re.compile(r"`([^`]*)`")
PATTERNS: Table[str, str] = {
    meta.pattern: str(info.description)
    for alias in (Id, Name, FactName, ClockTime, CellCode)
    for info in get_args(alias)
    for meta in getattr(info, "metadata", ())
    if getattr(meta, "pattern", None)
}


def finding_of(detail: Table[str, Any], tree: Node) -> Finding:
    """The finding for one entry of `ValidationError.errors()`."""
    path, kind = tuple(detail["loc"]), str(detail["type"])
    if kind == "extra_forbidden":
        return _unknown_field(path, tree)
    if kind == "missing":
        return _missing_field(path, tree)
    message, hint = _sentence(kind, path, detail)
    return Finding("error", place_of(tree, _meant(path, message, kind)), message, hint, kind.replace("_", "-"))


def _meant(path: Path, message: str, kind: str) -> Path:
    """A model that refuses itself may open its sentence with the field that it refuses."""
    model, opening = model_at(path), OPENING.match(message)
    if kind == "value_error" and model and opening and opening[1] in fields(model):
        return (*path, opening[1])
    return path


def _unknown_field(path: Path, tree: Node) -> Finding:
    model, name = model_at(path[:-1]), str(path[-1])
    message = f"`{name}` is not a field of {noun(model) if model else 'this'}"
    hint = nearest(name, fields(model)) if model else None
    if model and not hint:
        hint = f"it has {', '.join(f'`{known}`' for known in fields(model))}"
    return Finding("error", place_of(tree, (*path, KEY)), message, hint, "unknown-field")


def _missing_field(path: Path, tree: Node) -> Finding:
    model = model_at(path[:-1])
    message = f"{noun(model) if model else 'this'} needs `{path[-1]}`"
    return Finding("error", place_of(tree, path[:-1]), message, None, "missing-field")


def _sentence(kind: str, path: Path, detail: Table[str, Any]) -> tuple[str, str | None]:
    name, found = _name(path), _shown(detail.get("input"))
    context: Table[str, Any] = detail.get("ctx", {})
    if kind == "value_error":
        return str(context["error"]), None
    if kind == "literal_error":
        allowed = re.findall(r"'([^']*)'", context["expected"])
        return f"{name} is {context['expected']}, not {found}", nearest(str(detail["input"]), allowed)
    if kind == "string_pattern_mismatch":
        return f"{found} cannot be used as {name}", PATTERNS.get(context["pattern"])
    if kind in KINDS:
        return f"{name} should be {KINDS[kind]}, not {found}", _kind_hint(kind, detail.get("input"))
    said = str(detail["msg"]).replace("Tuple", name).replace("Input", name).replace("String", name)
    return f"{said} (found {found})", None


def _kind_hint(kind: str, found: object) -> str | None:
    if kind == "string_type" and isinstance(found, int | float):
        return "put it in quotes"
    if KINDS[kind] == "a list" and isinstance(found, str):
        return f"write `[{found}]`"
    if kind.startswith("bool") and found in ("yes", "on", "no", "off"):
        return f"write `{'true' if found in ('yes', 'on') else 'false'}`"
    return None


def _name(path: Path) -> str:
    if path[-1:] == (KEY,):
        return "a name"
    names = [step for step in path if isinstance(step, str)]
    return f"`{names[-1]}`" if names else "this"


def _shown(value: object) -> str:
    if isinstance(value, dict | list | tuple):
        return "a list" if not isinstance(value, dict) else "fields"
    text = "nothing" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"
    return text if len(text) <= 60 else f"{text[:58]}…`"
