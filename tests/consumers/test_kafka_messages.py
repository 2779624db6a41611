"""Records as Kafka messages: CloudEvents headers, the body byte for byte, and the partition."""

import orjson
import pytest

from consumers.kafka.messages import message
from consumers.kafka.topics import partition_of
from profiles.shards import murmur2, shard_of
from profiles.store import STREAM_TOPICS, Record
from schemas.interaction import Interaction, to_cloud_event
from schemas.topics import TOPIC_BY_NAME

AT_MS = 1_772_323_200_000


def test_an_interaction_is_a_whole_event_and_its_headers_say_the_same() -> None:
    event = to_cloud_event(
        Interaction(
            "i-1", "web", "page_viewed", "customer:ada", "web", AT_MS, {"ünï": "cödé"}, "rev-1", ("visitor:v-1",)
        )
    )
    body = orjson.dumps(event)

    made = message(Record("interactions", "web#i-1", "customer:ada", body), shard=7, taken_ms=AT_MS + 5)

    assert (made.topic, made.shard, made.key, made.value) == ("interactions", 7, b"customer:ada", body)
    assert dict(made.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"i-1",
        "ce_source": b"web",
        "ce_type": b"page_viewed",
        "ce_subject": b"ada",
        "ce_visitor": b"v-1",
        "ce_channel": b"web",
        "ce_time": b"2026-03-01T00:00:00.000Z",
        "ce_policy": b"rev-1",
        "content-type": b"application/cloudevents+json",
        "schema": b"1",
    }


def test_everything_else_is_the_data_of_an_event() -> None:
    made = message(Record("decisions", "0003-1M84", "visitor:v-1", b'{"x":1}'), 3, AT_MS, schema="2")

    assert made.value == b'{"x":1}'
    assert dict(made.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"0003-1M84",
        "ce_source": b"opportune",
        "ce_type": b"opportune.decision",
        "ce_subject": b"visitor:v-1",
        "ce_time": b"2026-03-01T00:00:00.000Z",
        "content-type": b"application/json",
        "schema": b"2",
    }


def test_a_record_that_was_put_back_says_when_the_log_took_it_first() -> None:
    made = message(Record("decisions", "d", "visitor:v-1", b"{}"), shard=3, taken_ms=2, first_ms="1")
    assert dict(made.headers)["first_ms"] == b"1"
    assert "first_ms" not in dict(message(Record("decisions", "d", "visitor:v-1", b"{}"), 3, 2).headers)


@pytest.mark.parametrize(("shards", "partitions"), [(16, 16), (1024, 64), (48, 12)])
def test_kafkas_own_partitioner_agrees_where_partitions_divide_shards(shards: int, partitions: int) -> None:
    for number in range(500):
        key = f"customer:{number}"
        of_kafka = (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
        assert partition_of(shard_of(key, shards), partitions) == of_kafka


def test_every_topic_with_a_stream_of_its_own_is_in_the_table() -> None:
    assert set(STREAM_TOPICS) < set(TOPIC_BY_NAME)
