"""In which order the records of several partitions are taken in. Pure."""

from collections.abc import Iterable, Sequence

from consumers.dead_letters import InKafka

TOPICS = ("interactions", "decisions", "responses", "identities", "erasures")
"""All that is folded; of those that came within a millisecond, these first."""
RANK = {topic: rank for rank, topic in enumerate(TOPICS)}


def in_order(partitions: Iterable[Sequence[InKafka]]) -> list[InKafka]:
    """By the time at which Kafka took them. Each partition keeps its own order, also where the clocks of brokers differ
    and time seems to have gone back."""
    several = [each for each in partitions if each]
    if len(several) == 1:
        return list(several[0])
    timed: list[tuple[int, int, int, InKafka]] = []
    for records in several:
        latest_ms = 0
        for each in records:
            latest_ms = max(latest_ms, each.at_ms)
            timed.append((latest_ms, RANK.get(each.topic, 0), len(timed), each))
    timed.sort(key=lambda one: one[:3])
    return [each for *_, each in timed]
