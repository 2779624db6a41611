"""The pure parts of the intake: where to begin, in which order, and whether it moves."""

import pytest

from consumers.dead_letters import InKafka
from consumers.kafka.assigning import StickyByNumber
from consumers.kafka.errors import BeyondEnd, LogMisfit
from consumers.kafka.ordering import Merge
from consumers.kafka.progress import LONGEST_TURN_S, STUCK_AFTER_S, UNJOINED_AFTER_S, Progress
from consumers.kafka.reading import Part
from consumers.kafka.starting import start_of

PART = Part("interactions", 3)


@pytest.mark.parametrize(
    ("positions", "begin", "end", "offset", "is_first"),
    [
        ([None, None], 0, 9, 0, False),
        ([None, None], 5, 9, 5, True),
        ([None, 7], 0, 9, 0, False),
        ([5, None], 5, 9, 5, True),
        ([7, 6, 9], 2, 9, 6, False),
        ([4, 4], 4, 4, 4, False),
        ([0, 0], 0, 0, 0, False),
    ],
)
def test_a_partition_begins_at_the_lowest_position(
    positions: list[int | None], begin: int, end: int, offset: int, is_first: bool
) -> None:
    assert start_of(PART, positions, begin, end) == (offset, is_first)


@pytest.mark.parametrize(
    ("positions", "begin", "end", "told"),
    [
        ([4, 9], 5, 9, "partition 3 of interactions was taken in up to 4, and the log begins at 5 now: its retention"),
        ([0, 0], 1, 1, "its retention has passed"),
        ([None, 9], 5, 9, "1 of 2 shards have no position in partition 3 of interactions, and the log begins at 5"),
    ],
)
def test_what_is_gone_from_the_log_is_never_left_out_silently(
    positions: list[int | None], begin: int, end: int, told: str
) -> None:
    with pytest.raises(LogMisfit, match=told):
        start_of(PART, positions, begin, end)


def test_more_than_the_log_has_was_never_taken_from_it() -> None:
    with pytest.raises(BeyondEnd, match="was taken in up to 8, and the log ends at 7"):
        start_of(PART, [8, 3], 0, 7)


def record(topic: str, partition: int, offset: int, at_ms: int) -> InKafka:
    return InKafka(topic, partition, offset, at_ms, None, (), b"")


def merged(*partitions: list[InKafka]) -> Merge:
    merge, several = Merge(), {Part(each[0].topic, each[0].partition): each for each in partitions if each}
    merge.begin(dict.fromkeys(several, 0))
    for part, records in several.items():
        merge.add(part, records, records[-1].offset + 1)
    return merge


def test_records_are_taken_by_their_time_and_a_decision_before_its_response() -> None:
    responses = [record("responses", 0, 0, 5), record("responses", 0, 1, 9)]
    decisions = [record("decisions", 0, 0, 5), record("decisions", 0, 1, 7)]
    interactions = [record("interactions", 1, 0, 8)]
    found = merged(responses, decisions, interactions).take(99)
    names = [(each.topic, each.offset) for each in found]
    assert names == [("decisions", 0), ("responses", 0), ("decisions", 1), ("interactions", 0), ("responses", 1)]


def test_a_partition_keeps_its_order_where_the_clock_went_back() -> None:
    one = [record("interactions", 0, 0, 9), record("interactions", 0, 1, 4), record("interactions", 0, 2, 10)]
    other = [record("interactions", 1, 0, 5), record("interactions", 1, 1, 10)]
    found = [(each.partition, each.offset) for each in merged(one, other).take(99)]
    assert found == [(1, 0), (0, 0), (0, 1), (0, 2), (1, 1)]


def test_a_record_waits_for_earlier_ones_of_a_partition_that_has_more() -> None:
    erasures = [record("erasures", 0, 0, 7)]
    merge = merged([record("interactions", 0, n, n) for n in range(5)], erasures)
    more = {Part("interactions", 0)}
    assert [each.at_ms for each in merge.take(99, more)] == [0, 1, 2, 3, 4]
    assert merge.take(99, more) == []
    assert merge.taken_to == {("interactions", 0): 5, ("erasures", 0): 0}
    merge.add(Part("interactions", 0), [record("interactions", 0, n, n) for n in range(5, 9)], 10)
    assert [(each.topic, each.at_ms) for each in merge.take(4, more)] == [
        ("interactions", 5),
        ("interactions", 6),
        ("interactions", 7),
        ("erasures", 7),
    ]
    assert merge.taken_to == {("interactions", 0): 8, ("erasures", 0): 1}
    assert [each.at_ms for each in merge.take(99)] == [8]
    assert merge.taken_to == merge.read_to == {("interactions", 0): 10, ("erasures", 0): 1}
    assert merge.empty == [("interactions", 0), ("erasures", 0)]


def test_what_is_held_holds_what_is_later() -> None:
    merge = merged([record("interactions", 0, n, n) for n in range(9)], [record("erasures", 0, 0, 3)])
    assert [each.at_ms for each in merge.take(99, held=[Part("erasures", 0)])] == [0, 1, 2, 3]
    assert [each.topic for each in merge.take(2)] == ["erasures", "interactions"]


class Cluster:
    def topics(self) -> set[str]:
        return {"interactions", "decisions", "erasures", "somebody-elses"}

    def partitions_for_topic(self, topic: str) -> set[int]:
        return {0, 1, 2, 3, 4, 5}


def test_a_worker_has_the_same_partitions_of_all_topics_and_keeps_them() -> None:
    topics = ["interactions", "decisions", "erasures"]
    members = {name: StickyByNumber.of_one_member() for name in "abc"}

    def share(*names: str) -> dict[str, set[int]]:
        asked = {name: members[name].metadata(topics) for name in names}
        given = members[names[0]].assign(Cluster(), asked)
        found = {}
        for name, each in given.items():
            members[name].on_assignment(each)
            numbers = {topic: set(partitions) for topic, partitions in each.assignment}
            assert numbers == dict.fromkeys(topics, next(iter(numbers.values())))
            found[name] = numbers["decisions"]
        assert set().union(*found.values()) == set(range(6))
        assert sum(map(len, found.values())) == 6
        return found

    two = share("a", "b")
    three = share("a", "b", "c")
    assert {name: len(each) for name, each in three.items()} == {"a": 2, "b": 2, "c": 2}
    assert three["a"] < two["a"]
    assert three["b"] < two["b"]
    again = share("a", "b")
    assert three["a"] < again["a"]


def stuck(progress: Progress, end: int, at: int, now_s: float, idle_s: float | None = None) -> bool:
    return progress.is_stuck({PART: end}, {PART: at}, True, now_s if idle_s is None else idle_s, now_s)


def test_stuck_is_who_stands_still_though_there_is_more() -> None:
    progress = Progress()
    assert not stuck(progress, 9, 4, 0.0)
    assert not stuck(progress, 9, 4, STUCK_AFTER_S - 1)
    assert progress.behind_s(PART, STUCK_AFTER_S - 1) == STUCK_AFTER_S - 1
    assert stuck(progress, 12, 4, STUCK_AFTER_S)


def test_a_partition_that_waits_for_its_turn_is_not_stuck() -> None:
    progress = Progress()
    stuck(progress, 9, 4, 0.0)
    assert not stuck(progress, 9, 4, STUCK_AFTER_S + 10, idle_s=STUCK_AFTER_S)
    assert stuck(progress, 9, 4, LONGEST_TURN_S, idle_s=0.0)


def test_who_moves_or_has_all_or_has_an_excuse_is_not_stuck() -> None:
    progress = Progress()
    stuck(progress, 9, 4, 0.0)
    assert not stuck(progress, 99, 5, 2 * STUCK_AFTER_S)
    assert not stuck(progress, 99, 99, 5 * STUCK_AFTER_S)
    stuck(progress, 199, 99, 5 * STUCK_AFTER_S)
    progress.excuse()
    assert not stuck(progress, 199, 99, 9 * STUCK_AFTER_S)


def test_who_never_gets_into_the_group_is_stuck() -> None:
    progress = Progress()
    assert not progress.is_stuck({}, {}, False, 0.0, 0.0)
    assert not progress.is_stuck({}, {}, False, 0.0, UNJOINED_AFTER_S - 1)
    assert progress.is_stuck({}, {}, False, 0.0, UNJOINED_AFTER_S)
    assert not progress.is_stuck({}, {}, True, 0.0, UNJOINED_AFTER_S)
