"""The fast way to read the log agrees with the thorough one, about everything."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.interaction import CloudEvent, Interaction, from_cloud_event, to_cloud_event
from schemas.logged import as_we_wrote_it
from tests.builders import NOON_MS

WHOLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "i-1",
    "source": "shop",
    "type": "purchase",
    "subject": "alice",
    "channel": "web",
    "time": "2026-03-10T12:00:00.123Z",
    "data": {"product": "p", "amount": 12.5, "tags": ["a"], "new": True, "n": 3},
    "policy": "r1",
}
ODD: list[Any] = [
    None,
    "",
    " ",
    "a b",
    "é",
    "a\u00a0b",
    "a\u2028",
    "\x7f",
    "x" * 201,
    0,
    1.5,
    True,
    [],
    {},
    "Web",
    "_9",
    "ª",
]
TIMES = [
    "2026-03-10T12:00:00Z",
    "2026-03-10T12:00:00.123456+02:00",
    "2026-03-10T12:00:00.999999999Z",
    "2026-03-10t12:00:00z",
    "2026-03-10",
    "2026-03-10T12:00:00",
    1.5,
    "2026-03-10 12:00Z",
]
FIELDS = [*WHOLE, "visitor", "data_base64", "other"]
VALUES = [*ODD, -(2**63), 2**63, 10**30, 1e300, {"deep": {"er": 1}}, [1], ["a", None], [["a"]]]


KINDS = ("customer", "other", "visitor")
ALICE = "customer:alice"


def thorough(body: bytes, subject: str) -> Interaction | str:
    try:
        return from_cloud_event(CloudEvent.model_validate_json(body), NOON_MS, KINDS, subject)
    except ValueError as wrong:
        return str(wrong)


def read(body: bytes, subject: str) -> Interaction | str:
    return as_we_wrote_it(body, subject) or thorough(body, subject)


def test_what_we_write_is_read_fast() -> None:
    event = as_we_wrote_it(orjson.dumps(WHOLE), ALICE)
    assert event is not None
    assert orjson.loads(orjson.dumps(to_cloud_event(event))) == WHOLE


@given(
    changes=st.dictionaries(
        st.sampled_from([*WHOLE, "visitor", "data_base64", "other"]), st.sampled_from(ODD), max_size=2
    ),
    dropped=st.sets(st.sampled_from(list(WHOLE)), max_size=2),
    time=st.sampled_from([WHOLE["time"], *TIMES]),
    value=st.one_of(
        st.sampled_from(VALUES), st.text(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
    ),
)
def test_both_ways_agree(changes: dict[str, Any], dropped: set[str], time: Any, value: Any) -> None:
    made = {**WHOLE, "time": time, "data": {**WHOLE["data"], "value": value}, **changes}
    body = json.dumps({name: each for name, each in made.items() if name not in dropped}).encode()
    assert read(body, ALICE) == thorough(body, ALICE)


@given(subject=st.text(max_size=5), channel=st.text("aZ_9-é", max_size=3), visitor=st.booleans())
def test_both_ways_agree_about_names(subject: str, channel: str, visitor: bool) -> None:
    made = {**WHOLE, "channel": channel, "subject": subject}
    if visitor:
        made["visitor"] = made.pop("subject")
    body = orjson.dumps(made)
    for kind in ("customer", "visitor"):
        assert read(body, f"{kind}:{subject}") == thorough(body, f"{kind}:{subject}")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"specversion": "1.0", "specversion": "2.0"}',
        orjson.dumps(WHOLE).replace(b"12.5", b"NaN"),
        orjson.dumps(WHOLE).replace(b"12.5", b"1e999"),
        orjson.dumps(WHOLE).replace(b'"p"', b'"\\ud800"'),
        orjson.dumps(WHOLE).replace(b'"p"', b'"\xff"'),
        orjson.dumps(WHOLE).replace(b"12.5", b"[" * 150 + b"]" * 150),
        orjson.dumps(WHOLE).replace(b"12.5", b"[" * 100_000 + b"]" * 100_000),
        orjson.dumps(WHOLE)[:-1] + b', "id": "again"}',
        orjson.dumps(WHOLE) + b" ",
        orjson.dumps(WHOLE) + b"x",
    ],
)
def test_both_ways_agree_about_text_that_is_no_event(text: bytes) -> None:
    assert repr(read(text, ALICE)) == repr(thorough(text, ALICE))  # NaN is not equal to itself
