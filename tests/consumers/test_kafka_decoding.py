"""What becomes of a record in Kafka: ours as it is, others' resolved, typed and re-keyed, and dead letters."""

import base64
from typing import Any

import orjson
import pytest

from consumers.dead_letters import InKafka
from consumers.kafka.decoding import Answer, Decoding, Fate, Taken
from consumers.kafka.messages import message
from consumers.kafka.ours import HEADER, Mark
from consumers.timers import record_of as timer_record
from profiles.decided import KnownCode
from profiles.shards import shard_of
from profiles.store import Record
from rules import codes
from tests.builders import HOUR, NOON_MS, live

SHARDS = 8
POLICY = live(identifiers={"phone": {}})
CODE = codes.draw("0003-x", 0, 0, 3)
KNOWN = KnownCode("0003-x", "customer:ada", "mug", NOON_MS - 1000)


def event(**over: Any) -> dict[str, Any]:
    plain = {"specversion": "1.0", "id": "1", "source": "shop", "type": "purchase", "subject": "ada"}
    found = {**plain, "data": {"amount": 5.0}, **over}
    return {name: value for name, value in found.items() if value is not None}


def direct(value: Any, topic: str = "interactions", **headers: str) -> InKafka:
    body = value if isinstance(value, bytes | None) else orjson.dumps(value)
    given = tuple((name.replace("content_type", "content-type"), text.encode()) for name, text in headers.items())
    return InKafka(topic, 5, 77, NOON_MS, b"whatever", given, body)


def ours(record: Record, secret: str = "", **over: Any) -> InKafka:
    """As our producer writes it."""
    said = message(record, 0, NOON_MS)
    mark = Mark(secret).of(said.topic, said.key, dict(said.headers).get("ce_id", b""), said.value)
    fields = {"topic": said.topic, "partition": 1, "offset": 9, "at_ms": NOON_MS, "key": said.key, "value": said.value}
    return InKafka(**{**fields, "headers": (*said.headers, (HEADER, mark)), **over})


STRUCTURED = {"content_type": "application/cloudevents+json; charset=utf-8"}


def taken(found: InKafka, decoding: Decoding | None = None) -> Taken:
    read = (decoding or Decoding(SHARDS)).read(found, POLICY)
    assert isinstance(read, Taken)
    return read


def letter(read: Taken) -> dict[str, Any]:
    assert read.fate is Fate.DEAD
    found: dict[str, Any] = orjson.loads(read.record.body)
    return found


@pytest.mark.parametrize(
    "record",
    [
        timer_record("customer:ada|session:web", NOON_MS),
        Record("interactions", "shop#1", "customer:ada", orjson.dumps(event(time="2026-03-10T12:00:00Z", odd="x"))),
        Record("decisions", "0003-x", "phone:+49 30", b'{"any": 1}'),
        Record("responses", "K7/accepted", "visitor:v", b"{}"),
        Record("erasures", "r-1", "customer:ä", b"{}"),
    ],
)
def test_ours_keep_subject_id_and_bytes(record: Record) -> None:
    for secret in ("", "s3cret"):
        read = taken(ours(record, secret), Decoding(SHARDS, secret))
        assert (read.fate, read.record, read.schema) == (Fate.LOGGED, record, "1")
        assert read.shard == shard_of(record.subject, SHARDS)


def test_a_body_of_ours_that_is_no_event_is_left_to_the_fold() -> None:
    read = taken(ours(Record("interactions", "x", "customer:ada", b"{no json")))
    assert read.fate is Fate.LOGGED
    assert read.record == Record("interactions", "interactions/1/9", "customer:ada", b"{no json")


FORGED = timer_record("customer:ada|session:web", NOON_MS)


@pytest.mark.parametrize(
    "found",
    [
        ours(FORGED),
        ours(FORGED, "guessed"),
        ours(FORGED, "s3cret", key=b"customer:bob"),
        ours(Record("erasures", "r", "customer:ada", b"{}"), "s3cret", topic="decisions"),
        ours(FORGED, "s3cret", value=FORGED.body.replace(b"web", b"app")),
        direct({"receipt": "r", "requested_ms": 1}, topic="erasures"),
        direct({"decision": "0003-x"}, topic="decisions"),
    ],
)
def test_with_a_secret_nobody_else_speaks_for_us(found: InKafka) -> None:
    assert letter(taken(found, Decoding(SHARDS, "s3cret")))["reason"] == "not_ours"


@pytest.mark.parametrize("kind", ["timer_fired", "session_ended", "stage_changed"])
def test_what_only_we_say_is_refused_without_the_mark(kind: str) -> None:
    found = letter(taken(direct(event(type=kind, channel="web"))))
    assert (found["reason"], found["error"]) == ("ill_typed", f"`{kind}` is sent by Opportune only")


def test_structured_and_binary_mode_and_plain_json_say_the_same() -> None:
    attributes = {f"ce_{name}": value for name, value in event(data=None).items()}
    several = [
        taken(direct(event(), **STRUCTURED)),
        taken(direct(event())),
        taken(direct({"amount": 5.0}, content_type="application/json", **attributes)),
        taken(direct({"amount": 5.0}, **attributes)),
    ]
    assert len({each.record for each in several}) == 1
    (read, *_) = several
    assert (read.fate, read.shard) == (Fate.LOGGED, shard_of("customer:ada", SHARDS))
    assert read.record.id == "shop#1"
    body = orjson.loads(read.record.body)
    assert body == {**event(), "channel": "web", "time": "2026-03-10T12:00:00.000Z", "policy": POLICY.revision}


@pytest.mark.parametrize(
    "over",
    [
        {"time": "2026-03-10T12:00:00Z"},
        {"time": "2026-03-10T13:00:00.123456+01:00", "channel": "app"},
        {"time": "2026-03-10T12:00:00Z", "subject": None, "visitor": "v-1"},
        {"time": "2026-03-10T14:00:00Z"},
        {"time": "2026-03-10T12:00:00Z", "type": "session_ended"},
        {"time": "2026-03-10T12:00:00Z", "data": {"amount": "much"}},
        {"time": "2026-03-10T12:00:00Z", "policy": "of somebody else"},
    ],
)
def test_an_event_that_needs_no_closer_look_becomes_the_same(over: dict[str, Any]) -> None:
    """An attribute that nobody knows makes the models read it."""
    read, closely = taken(direct(event(**over))), taken(direct(event(**over, odd="x")))
    assert (read.shard, read.fate, read.first_ms) == (closely.shard, closely.fate, closely.first_ms)
    if read.fate is Fate.DEAD:
        assert {**letter(read), "original": ""} == {**letter(closely), "original": ""}
    else:
        assert read.record == closely.record


def test_a_policy_that_a_producer_names_does_not_spare_the_typing() -> None:
    found = letter(taken(direct(event(policy=POLICY.revision, data={"amount": "much"}))))
    assert found["reason"] == "ill_typed"
    assert found["error"].startswith("`amount` must be a finite number")


def test_the_strongest_identifier_is_the_subject_and_the_others_are_kept_as_links() -> None:
    read = taken(direct(event(visitor="v-1", phone="+4930")))
    assert read.record.subject == "customer:ada"
    assert {"subject", "phone", "visitor"} <= orjson.loads(read.record.body).keys()


def test_one_that_only_the_policy_can_place_is_taken_where_its_bytes_say_and_rekeyed() -> None:
    for over, at in (({"visitor": "v-1"}, shard_of("visitor:v-1", SHARDS)), ({}, 5)):
        read = taken(direct(event(subject=None, phone="+4931", **over)))
        assert read.record.subject == "phone:+4931"
        assert (read.shard, read.fate) == (at, Fate.REKEYED)


def test_where_a_record_is_taken_does_not_depend_on_the_policy() -> None:
    other = live()
    for over in ({}, {"subject": None, "phone": "1"}, {"subject": None, "visitor": "v", "phone": "1"}):
        found = direct(event(**over))
        read = [Decoding(SHARDS).read(found, policy) for policy in (POLICY, other)]
        assert len({each.shard for each in read}) == 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "undecodable"),
        (b"", "undecodable"),
        (b"\xff\x00", "undecodable"),
        (b"[]", "undecodable"),
        (b"[" * 100_000, "undecodable"),
        ({"id": "1"}, "undecodable"),
        (event(data=[1]), "undecodable"),
        (event(specversion="2.0"), "undecodable"),
        (event(subject=None), "undecodable"),
        (event(subject=None, colour="red"), "ill_typed"),
        (event(subject="a b"), "undecodable"),
        (event(type="unknown"), "ill_typed"),
        (event(data={}), "ill_typed"),
        (event(time="1969-01-01T00:00:00Z"), "ill_typed"),
        (event(time="2026-03-10T14:00:00Z"), "ill_typed"),
        (event(channel="Web"), "undecodable"),
    ],
)
def test_what_is_wrong_becomes_a_dead_letter_with_the_original(value: Any, reason: str) -> None:
    found = direct(value, some_header="x")
    said = letter(taken(found))
    assert said["reason"] == reason
    assert (said["log"], said["topic"], said["partition"], said["offset"]) == ("kafka", "interactions", 5, 77)
    assert base64.b64decode(said["original"]) == (found.value or b"")
    assert said["at_ms"] == NOON_MS
    assert base64.b64decode(said["key"]) == b"whatever"
    assert said["headers"] == [["some_header", base64.b64encode(b"x").decode()]]


def test_a_dead_letter_has_its_subject_where_that_is_known() -> None:
    read = taken(direct(event(type="unknown")))
    assert (read.record.subject, read.shard) == ("customer:ada", shard_of("customer:ada", SHARDS))
    lost = taken(direct(b"{"))
    assert (lost.record.subject, lost.shard, lost.record.id) == ("", 5, "interactions/5/77")


def test_binary_mode_needs_json_and_utf_8() -> None:
    attributes = {f"ce_{name}": value for name, value in event(data=None).items()}
    assert letter(taken(direct(b"x", content_type="text/plain", **attributes)))["reason"] == "undecodable"
    broken = InKafka("interactions", 0, 1, NOON_MS, None, (("ce_specversion", b"1.0"), ("ce_id", b"\xff")), b"{}")
    assert letter(taken(broken))["reason"] == "undecodable"


REQUEST = {"code": codes.shown(CODE).lower(), "outcome": "accepted", "amount": "2.5"}


def answered(value: Any, known: KnownCode | None, **headers: str) -> Taken:
    read = Decoding(SHARDS).read(direct(value, "responses", **headers), POLICY)
    assert isinstance(read, Answer)
    assert (read.code, read.shard) == (CODE, 3)
    return Decoding(SHARDS).answered(read, known, POLICY)


def test_a_response_goes_to_the_shard_and_subject_of_its_code() -> None:
    as_event = event(type="response", data=REQUEST)
    headers = {f"ce_{name}": "x" for name in ("id", "source", "type")}
    several = [
        answered(REQUEST, KNOWN),
        answered(as_event, KNOWN, content_type="application/cloudevents+json"),
        answered(REQUEST, KNOWN, ce_specversion="1.0", content_type="application/json", **headers),
    ]
    assert len({each.record for each in several}) == 1
    (read, *_) = several
    assert (read.fate, read.shard, read.record.subject) == (Fate.LOGGED, 3, "customer:ada")
    assert read.record.id == f"{CODE}/accepted"
    assert orjson.loads(read.record.body) == {
        "code": CODE,
        "decision": "0003-x",
        "outcome": "accepted",
        "outcomes": {"presented": "impression", "accepted": "positive"},
        "at_ms": NOON_MS,
        "amount": 25_000,
    }


@pytest.mark.parametrize(
    ("over", "known", "reason"),
    [
        ({}, None, "unknown_code"),
        ({"outcome": "liked"}, KNOWN, "ill_typed"),
        ({"time": "2026-03-10T14:00:00Z"}, KNOWN, "ill_typed"),
        ({"time": "2026-03-09T12:00:00Z"}, KNOWN, "ill_typed"),
    ],
)
def test_a_response_that_fits_nothing_is_dead_in_the_shard_of_its_code(
    over: dict[str, Any], known: KnownCode | None, reason: str
) -> None:
    read = answered({**REQUEST, **over}, known)
    assert letter(read)["reason"] == reason
    assert read.shard == 3


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({**REQUEST, "code": "K7Q4"}, "ill_typed"),
        ({**REQUEST, "code": codes.draw("x", 0, 0, 900)}, "unknown_code"),
        ({"outcome": "accepted"}, "undecodable"),
        ({**REQUEST, "amount": -1}, "undecodable"),
        (b"null", "undecodable"),
    ],
)
def test_a_response_without_a_code_of_ours_is_dead_where_its_partition_is_at_home(value: Any, reason: str) -> None:
    read = taken(direct(value, "responses"))
    assert letter(read)["reason"] == reason
    assert read.shard == 5


def test_an_event_may_be_a_little_ahead() -> None:
    assert taken(direct(event(time="2026-03-10T12:59:59Z"))).fate is Fate.LOGGED
    assert HOUR == 3_600_000


def test_the_printed_code_of_a_cell_goes_to_the_log_of_its_customer() -> None:
    """The fold finds the decision: nobody else knows what was decided until then."""
    cells = [{"id": "all", "share": 100, "offers": ["mug", "pen"], "code": "SPRING-A"}]
    policy = live(campaigns=[{"id": "spring", "programs": [{"id": "gifts", "cells": cells}]}])
    asked = {"code": "spring-a", "customer": "ada", "outcome": "accepted"}
    read = Decoding(SHARDS).read(direct(asked, "responses"), policy)
    assert isinstance(read, Taken)
    assert (read.fate, read.shard) == (Fate.LOGGED, shard_of("customer:ada", SHARDS))
    body = orjson.loads(read.record.body)
    assert (read.record.subject, body["code"], body["cell"]) == ("customer:ada", "", ["spring", "gifts", "all"])
    unknown = Decoding(SHARDS).read(direct({**asked, "code": "SPRING-B"}, "responses"), policy)
    assert isinstance(unknown, Taken)
    assert (unknown.fate, unknown.shard) == (Fate.DEAD, read.shard)
    assert "no cell with the code `SPRING-B`" in letter(unknown)["error"]
