"""Random expressions that type-check, and random facts for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from rules.language import Vocabulary

TYPES = {
    "a.int": "int",
    "a.other": "int",
    "a.uint": "uint",
    "a.double": "double",
    "a.text": "string",
    "a.flag": "bool",
    "a.bytes": "bytes",
    "a.time": "timestamp",
    "now": "timestamp",
    "a.span": "duration",
    "a.texts": "list<string>",
    "a.ints": "list<int>",
    "a.doubles": "list<double>",
    "a.counts": "map<string, int>",
    "a.any": "dyn",
    "a.json": "map<string, dyn>",
}
VOCABULARY = Vocabulary(TYPES)

_INTS = st.sampled_from([0, 1, -1, 2, 3, 7, 10, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)])
_DOUBLES = st.sampled_from([0.0, 1.0, -1.5, 2.0, 3.0, 1e308, -1e308, 9007199254740992.0, float("inf"), float("nan")])
_TEXTS = st.sampled_from(["", "a", "ab", "vip", "é😀", "10", "b\nc"])
_TIMES = st.timedeltas(timedelta(days=-25_000), timedelta(days=65_000)).map(
    lambda since: datetime(1970, 1, 1, tzinfo=UTC) + since
)
_SPANS = st.timedeltas(timedelta(days=-4000), timedelta(days=4000))
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), _INTS, _DOUBLES, _TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=6,
)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int": _INTS,
    "uint": st.sampled_from([0, 1, 3, 2**63, 2**64 - 1]),
    "double": _DOUBLES,
    "string": _TEXTS,
    "bool": st.booleans(),
    "bytes": st.sampled_from([b"", b"a", b"\xff"]),
    "timestamp": _TIMES,
    "duration": _SPANS,
    "list<string>": st.lists(_TEXTS, max_size=4),
    "list<int>": st.lists(_INTS, max_size=4),
    "list<double>": st.lists(_DOUBLES, max_size=4),
    "map<string, int>": st.dictionaries(_TEXTS, _INTS, max_size=3),
    "dyn": _JSON,
    "map<string, dyn>": st.dictionaries(st.sampled_from("abc"), _JSON, max_size=3),
}


@st.composite
def facts(draw: st.DrawFn) -> dict[str, object]:
    """Values for most of the names; some are not known."""
    known = draw(st.sets(st.sampled_from(sorted(TYPES)), min_size=len(TYPES) // 2))
    return {name: draw(_VALUES[TYPES[name]]) for name in sorted(known)}


_LITERALS = {
    "int": [
        "0",
        "1",
        "-1",
        "2",
        "7",
        "9223372036854775807",
        "size(a.texts)",
        "a.text.size()",
        "a.ints.size()",
    ],
    "uint": ["0u", "1u", "18446744073709551615u", "uint(a.int)"],
    "double": ["0.0", "1.0", "-2.5", "1e300", "double(a.int)", "math.round(a.double)"],
    "string": [
        '""',
        '"a"',
        '"vip"',
        '"é😀"',
        "string(a.int)",
        "string(a.span)",
        "a.text.lowerAscii()",
        "a.text.trim()",
    ],
    "bool": ["true", "false", "has(a.int)", "has(a.json.a)", "has(a.any.b)", 'a.text.matches("^[a-c]+$")'],
    "bytes": ["b''", "b'a'", "bytes(a.text)"],
    "timestamp": ['timestamp("2024-02-29T12:00:00Z")', 'timestamp("1999-12-31T23:59:59.999999999Z")'],
    "duration": ['duration("0s")', 'duration("36h")', 'duration("-1.5s")', 'duration("1ns")'],
    "list<string>": ["[]", '["a", "vip"]', 'a.text.split("")'],
    "list<int>": ["[]", "[1, 2, 7]", "a.ints.filter(i, i > 1)"],
    "list<double>": ["[1.0]", "a.doubles.map(d, d * 2.0)"],
    "map<string, int>": ['{"a": 1}', "a.counts"],
    "dyn": [
        "dyn(1)",
        "dyn(1.0)",
        'dyn("a")',
        "dyn(null)",
        "dyn([1])",
        "a.json.a",
        "a.json.b.c",
        'a.any["a"]',
        "a.any[0]",
    ],
    "map<string, dyn>": ["{'a': dyn(1)}", "a.json"],
}
_LITERALS = {kind: [*written, *(n for n, t in TYPES.items() if t == kind)] for kind, written in _LITERALS.items()}

# (result type, template, operand types)
_FORMS: list[tuple[str, str, tuple[str, ...]]] = [
    *(("bool", f"({{}} {op} {{}})", (kind, kind)) for op in ("<", "<=", ">", ">=", "==", "!=")
      for kind in ("int", "uint", "double", "string", "bytes", "timestamp", "duration", "bool", "dyn")),
    *(("bool", f"({{}} {op} {{}})", (kind, kind)) for op in ("==", "!=")
      for kind in ("list<string>", "list<int>", "list<double>", "map<string, int>", "map<string, dyn>")),
    *(("bool", "({} == {})", pair) for pair in (("dyn", "int"), ("double", "dyn"), ("dyn", "string"))),
    *(("bool", "({} && {})", ("bool", "bool")) for _ in range(8)),
    *(("bool", "({} || {})", ("bool", "bool")) for _ in range(8)),
    *(("bool", "!{}", ("bool",)) for _ in range(4)),
    ("bool", "({} && dyn({}))", ("bool", "dyn")),
    ("bool", "({} in {})", ("string", "list<string>")),
    ("bool", "({} in {})", ("int", "list<int>")),
    ("bool", "({} in {})", ("double", "list<double>")),
    ("bool", "({} in {})", ("string", "map<string, int>")),
    ("bool", "({} in [1, 2, 7, 10])", ("int",)),
    ("bool", "({} in [{}])", ("dyn", "dyn")),
    ("bool", "{}.contains({})", ("string", "string")),
    ("bool", "{}.startsWith({})", ("string", "string")),
    ("bool", "{}.exists(i, i > {})", ("list<int>", "int")),
    ("bool", "{}.all(i, 10 / i > {})", ("list<int>", "int")),
    ("bool", "{}.exists_one(i, i == {})", ("list<string>", "string")),
    ("bool", "{}.exists(k, v, k == {} || v > {})", ("map<string, int>", "string", "int")),
    ("bool", "{}.exists(i, {}.exists(j, i == j))", ("list<int>", "list<int>")),
    ("bool", "cel.bind(t, {}, t > {} || t < {})", ("int", "int", "int")),
    *((kind, "({} ? {} : {})", ("bool", kind, kind)) for kind in ("bool", "int", "string", "duration")),
    *(("int", f"({{}} {op} {{}})", ("int", "int")) for op in "+-*/%"),
    *(("uint", f"({{}} {op} {{}})", ("uint", "uint")) for op in "+-*/%"),
    *(("double", f"({{}} {op} {{}})", ("double", "double")) for op in "+-*/"),
    ("int", "(-{})", ("int",)),
    ("double", "(-{})", ("double",)),
    ("int", "int({})", ("double",)),
    ("int", "int({})", ("string",)),
    ("int", "{}[{}]", ("list<int>", "int")),
    ("int", "{}[{}]", ("map<string, int>", "string")),
    ("int", "{}.getFullYear()", ("timestamp",)),
    ("int", '{}.getHours("Europe/Paris")', ("timestamp",)),
    ("int", "{}.getDayOfWeek()", ("timestamp",)),
    ("int", "{}.getMinutes()", ("duration",)),
    ("int", "math.greatest({}, {})", ("int", "int")),
    ("int", "{}.?a.orValue({})", ("map<string, int>", "int")),
    ("string", "({} + {})", ("string", "string")),
    ("string", "{}.substring({})", ("string", "int")),
    ("string", '{}.join("-")', ("list<string>",)),
    ("bytes", "({} + {})", ("bytes", "bytes")),
    ("timestamp", "({} + {})", ("timestamp", "duration")),
    ("timestamp", "({} - {})", ("timestamp", "duration")),
    ("duration", "({} - {})", ("timestamp", "timestamp")),
    ("duration", "({} + {})", ("duration", "duration")),
    ("duration", "({} - {})", ("duration", "duration")),
    ("list<int>", "({} + {})", ("list<int>", "list<int>")),
    ("list<int>", "{}.map(i, i * {})", ("list<int>", "int")),
    ("list<string>", "{}.filter(t, t != {})", ("list<string>", "string")),
    ("dyn", "dyn({})", ("int",)),
    ("dyn", "dyn({})", ("double",)),
    ("dyn", "({} + {})", ("dyn", "dyn")),
    ("dyn", "({} * dyn({}))", ("dyn", "int")),
]  # fmt: skip
_BY_RESULT: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
for _kind, _template, _operands in _FORMS:
    _BY_RESULT.setdefault(_kind, []).append((_template, _operands))


@st.composite
def expressions(draw: st.DrawFn, kind: str = "bool", depth: int = 4) -> str:
    """The text of an expression of this type."""
    forms = _BY_RESULT.get(kind, [])
    if depth == 0 or not forms or draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(_LITERALS[kind]))
    template, operands = draw(st.sampled_from(forms))
    return template.format(*(draw(expressions(operand, depth - 1)) for operand in operands))


def typed_repr(value: object) -> str:
    """A value with its types, to compare what Python's `==` would take for the same."""
    if isinstance(value, list):
        return f"[{', '.join(map(typed_repr, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(sorted(f'{typed_repr(k)}: {typed_repr(v)}' for k, v in value.items()))}}}"
    normal: Callable[[Any], Any] = {float: float, datetime: str, timedelta: str}.get(type(value), repr)
    return f"{type(value).__name__} {normal(value)}"
