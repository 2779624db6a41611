"""CloudEvents over HTTP: the three modes, and what is refused one by one."""

from typing import Any

import orjson
import pytest

from app.api.cloudevents import MOST_EVENTS, parsed, raw_events
from app.errors import MalformedBody, RequestError, TooLarge, UnknownMediaType

EVENT = {"specversion": "1.0", "id": "1", "source": "shop", "type": "page_view", "subject": "ada", "data": {"a": 1}}
STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
PLAIN = {"content-type": "application/json"}
BINARY = {
    "content-type": "application/json",
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "shop",
    "ce-type": "page_view",
    "ce-subject": "ad%C3%A9%20a".replace("%20", ""),
}


def one(headers: dict[str, str], body: Any) -> Any:
    ((_, event),) = parsed(raw_events(headers, orjson.dumps(body)))[0].items()
    return event


@pytest.mark.parametrize("headers", [STRUCTURED, PLAIN])
def test_structured_mode(headers: dict[str, str]) -> None:
    event = one(headers, EVENT)
    assert (event.id, event.subject, event.data) == ("1", "ada", {"a": 1})


def test_binary_mode_decodes_percents() -> None:
    event = one(BINARY, {"a": 1})
    assert (event.type, event.subject, event.data) == ("page_view", "adéa", {"a": 1})


def test_binary_mode_without_data() -> None:
    ((_, event),) = parsed(raw_events(BINARY, b""))[0].items()
    assert event.data == {}


@pytest.mark.parametrize("headers", [BATCH, PLAIN])
def test_batches_are_judged_one_by_one(headers: dict[str, str]) -> None:
    bad = [{**EVENT, "specversion": "0.3"}, {**EVENT, "subject": None}, {**EVENT, "id": ""}, "no object", None, 7]
    events, refused = parsed(raw_events(headers, orjson.dumps([EVENT, *bad, EVENT])))
    assert sorted(events) == [0, 7]
    assert [each.index for each in refused] == [1, 2, 3, 4, 5, 6]
    assert "specversion" in refused[0].reason
    assert "say whom this is about" in refused[1].reason


@pytest.mark.parametrize(
    ("headers", "body", "problem"),
    [
        (STRUCTURED, b"{", MalformedBody),
        (STRUCTURED, b'{"a": NaN}', MalformedBody),
        (STRUCTURED, b"\xff", MalformedBody),
        (STRUCTURED, b"[" * 40 + b"]" * 40, MalformedBody),
        (STRUCTURED, b"[]", MalformedBody),
        (BATCH, b"{}", MalformedBody),
        (BATCH, b"[" + b"1," * MOST_EVENTS + b"1]", TooLarge),
        ({"content-type": "text/plain"}, b"{}", UnknownMediaType),
        ({**BINARY, "content-type": "text/xml"}, b"<a/>", UnknownMediaType),
    ],
)
def test_what_is_no_event_is_a_problem(headers: dict[str, str], body: bytes, problem: type[RequestError]) -> None:
    with pytest.raises(problem):
        raw_events(headers, body)


@pytest.mark.parametrize(
    ("headers", "body", "hint"),
    [
        (STRUCTURED, b"[{}]", "application/cloudevents-batch+json"),
        (BATCH, b"{}", "application/cloudevents+json"),
        ({**PLAIN, "ce-id": "1", "ce-type": "page_view"}, b"{}", "ce-specversion: 1.0"),
    ],
)
def test_another_mode_than_was_meant_is_told(headers: dict[str, str], body: bytes, hint: str) -> None:
    with pytest.raises(MalformedBody) as refusal:
        raw_events(headers, body)
    assert hint in str(refusal.value.problem.hint)


def test_the_rules_of_cloudevents_are_quoted_only_where_they_are_broken() -> None:
    wrong = [{**EVENT, "specversion": "0.3"}, {**EVENT, "subject": "a b"}, {**EVENT, "data": []}]
    hints = [each.hint for each in parsed(wrong)[1]]
    assert str(hints[0]).startswith("CloudEvents 1.0")
    assert hints[1:] == [None, None]
