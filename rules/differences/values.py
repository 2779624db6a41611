"""How values are written: `7 days`, `150 EUR`, `yes`, `2026-12-01`. Nothing in it is Python."""

import json
import re
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel

from rules.differences.words import EMPTY, Style, label_of, style_of

UNITS = ((604_800_000, "week"), (86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second"))
LONGEST = 160
AROUND = 40
LINE_BREAK = re.compile(r"\s*[\n\r]\s*")


def text(value: Any, style: Style = "plain", field: str = "") -> str:
    """One value. `field` is whose it is: nothing means something else everywhere."""
    match value:
        case None | () | "":
            return EMPTY.get(field, "none")
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return duration(value) if style == "duration" and isinstance(value, int) else number(value)
        case datetime() | date():
            return value.isoformat()
        case str():
            return _quoted(value, style)
        case tuple():
            return ", ".join(text(each, style) for each in value)
        case BaseModel():
            return described(value)
    return json.dumps(value, ensure_ascii=False, default=str, sort_keys=True)


def both(before: Any, after: Any, style: Style, field: str, currency: str) -> tuple[str, str]:
    """Two values that differ; long ones around the place where they do. The unit stands once."""
    if isinstance(before, str) and isinstance(after, str) and max(len(before), len(after)) > LONGEST:
        before, after = _around(before, after)
    was, now = text(before, style, field), text(after, style, field)
    unit = {"money": f" {currency}", "percent": " %"}.get(style, "")
    return was, now + unit if isinstance(after, int | float) and not isinstance(after, bool) else now


def duration(ms: int) -> str:
    """In the largest unit that gives a whole number; weeks only from two on."""
    if not ms:
        return "0 seconds"
    for size, unit in UNITS:
        if ms % size == 0 and (unit != "week" or ms % (4 * size) == 0):
            count = ms // size
            return f"{count:,} {unit}{'s' if count != 1 else ''}"
    return f"{ms:,} ms"


def number(value: float) -> str:
    return f"{value:,}".removesuffix(".0")


def described(model: BaseModel) -> str:
    """What it says beyond the defaults, field by field."""
    kind = type(model)
    said = [
        f"{label_of(name, kind)} {text(value, style_of(kind, name), name)}"
        for name in kind.model_fields
        if (value := getattr(model, name)) != kind.model_fields[name].get_default(call_default_factory=True)
    ]
    return ", ".join(said) or "nothing"


def _quoted(value: str, style: Style) -> str:
    line = LINE_BREAK.sub(" ", value.strip())
    if style == "condition":
        return f"`{line}`"
    return f"“{line}”" if style == "text" or not line or " " in line else line


def _around(before: str, after: str) -> tuple[str, str]:
    """Both cut to where they begin to differ."""
    same = next(
        (at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    start = max(0, same - AROUND)
    return _cut(before, start), _cut(after, start)


def _cut(value: str, start: int) -> str:
    end = start + LONGEST
    return f"{'…' if start else ''}{value[start:end]}{'…' if end < len(value) else ''}"
