"""What is wrong with a body, in sentences: pydantic's findings without its words.

Promises for each finding the field as the caller wrote it and a sentence that names it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from rules.policy.findings import nearest
from schemas.base import Id, Name, SubjectId

WHOLE = "body"
"""The field of a finding that is about all of it."""
TIME = "a time with a zone, such as 2026-03-01T09:30:00Z"
KINDS = {
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "tuple_type": "a list",
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "finite_number": "a number",
    "datetime_type": TIME,
    "datetime_parsing": TIME,
    "datetime_from_date_parsing": TIME,
    "datetime_object_invalid": TIME,
    "timezone_aware": TIME,
    "date_type": "a day, such as 2026-03-01",
    "date_parsing": "a day, such as 2026-03-01",
    "date_from_datetime_parsing": "a day, such as 2026-03-01",
    "date_from_datetime_inexact": "a day, such as 2026-03-01",
}
BOUNDS = {
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_long": "must have at most {max_length} characters",
    "too_long": "must have at most {max_length} entries",
    "decimal_max_digits": "must have at most {max_digits} digits",
    "decimal_max_places": "must have at most {decimal_places} decimal places",
    "decimal_whole_digits": "must have at most {whole_digits} digits before the point",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
    "literal_error": "must be {expected}",
}
ALLOWED = {
    Id: "takes letters, digits, `-`, `_` and `.`, at most 80",
    Name: "takes lower-case letters, digits and `_`, at most 64, and no digit first",
    SubjectId: "takes no spaces or control characters",
}
PATTERNS = {
    meta.pattern: sentence
    for alias, sentence in ALLOWED.items()
    for info in get_args(alias)
    for meta in getattr(info, "metadata", ())
    if getattr(meta, "pattern", None)
}
LONGEST_SHOWN = 40


def findings(cause: ValidationError, model: type[BaseModel]) -> list[dict[str, Any]]:
    """`field` and `reason` of each; what only follows from another one is left out."""
    details = cause.errors(include_url=False)
    places = [tuple(each["loc"]) for each in details]
    return [
        _finding(each, place, model)
        for each, place in zip(details, places, strict=True)
        if each["type"] != "too_short" or not any(_below(other, place) for other in places)
    ]


def sentence(detail: Mapping[str, Any], field: str) -> str:
    """For one entry of `ValidationError.errors()`; no field: it is about all of the body."""
    kind, context = str(detail["type"]), detail.get("ctx", {})
    name = f"`{field}`" if field else f"the {WHOLE}"
    if kind == "missing":
        return f"{name} is missing"
    if kind == "string_pattern_mismatch" and context["pattern"] in PATTERNS:
        return f"{name} {PATTERNS[context['pattern']]}; {_shown(detail['input'])} does not fit"
    if kind == "value_error" and isinstance(detail["input"], bool):
        return f"{name} must be text, not {_shown(detail['input'])}"
    if kind in KINDS:
        return f"{name} must be {KINDS[kind]}, not {_shown(detail['input'])}"
    if kind in BOUNDS:
        return f"{name} {BOUNDS[kind].format(**context)}"
    said = str(detail["msg"]).removeprefix("Value error, ")
    return said if kind == "value_error" else f"{name}: {said[:1].lower()}{said[1:]}"


def unknown(name: str, known: Sequence[str], what: str = "field") -> str:
    """That there is no such name, and which is most like it."""
    there_are = f"there are {', '.join(f'`{each}`' for each in known)}" if known else "there is none"
    return f"`{_short(name)}` is not a {what}; {nearest(name, known) or there_are}"


def _finding(detail: Mapping[str, Any], place: tuple[str | int, ...], model: type[BaseModel]) -> dict[str, Any]:
    field = ".".join(str(step) for step in place if step != "[key]")
    holder = _model_at(model, place[:-1])
    if detail["type"] == "extra_forbidden" and holder is not None:
        return {"field": field, "reason": unknown(str(place[-1]), list(holder.model_fields))}
    reason = sentence(detail, field)
    return {"field": field or _named(reason, model) or WHOLE, "reason": reason}


def _named(reason: str, model: type[BaseModel]) -> str:
    """The fields that a sentence about the whole body speaks of."""
    words = set(re.findall(r"\w+", reason))
    return ", ".join(name for name in model.model_fields if name in words or name.removesuffix("s") in words)


def _below(place: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    return len(place) > len(other) and place[: len(other)] == other


def _model_at(model: type[BaseModel], place: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model whose fields stand below a place."""
    for step in place:
        if isinstance(step, int):
            continue
        field = model.model_fields.get(step)
        inside = _model_in(field.annotation) if field else None
        if inside is None:
            return None
        model = inside
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)


def _shown(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict():
            return "an object"
        case list() | tuple():
            return "a list"
        case str():
            return f"“{_short(value)}”"
        case _:
            return _short(str(value))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
