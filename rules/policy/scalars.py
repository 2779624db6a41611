"""What a plain scalar means: the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema).

Only `true` and `false` are truth values; `on`, `no`, dates and `12:30` stay text. Numbers that nothing here
could hold are refused. One deviation: digits with a leading zero stay text, so that an id such as `007`
keeps its zeros.
"""

import math
import re

NULLS = {"", "~", "null", "Null", "NULL"}
BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)")
BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
MOST_DIGITS = 20  # of a 64-bit integer, with its sign


def meaning(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar. Raises ValueError for an infinite number and one beyond 64 bits."""
    if text in NULLS:
        return None
    if text in BOOLEANS:
        return BOOLEANS[text]
    if DECIMAL.fullmatch(text) or BASED.fullmatch(text):
        return _whole(text)
    if INFINITE.fullmatch(text) or (FLOAT.fullmatch(text) and not text.lstrip("+-").isdigit()):
        return _fraction(text)
    return text


def _whole(text: str) -> int:
    if len(text) <= MOST_DIGITS + len("0x"):
        number = int(text, 0 if BASED.fullmatch(text) else 10)
        if -(2**63) <= number < 2**63:
            return number
    raise ValueError("a whole number has at most 64 bits")


def _fraction(text: str) -> float:
    number = math.inf if INFINITE.fullmatch(text) else float(text)
    if math.isinf(number):
        raise ValueError("a number must be finite")
    return number
