"""How the group shares its partitions: sticky, and the same numbers of all topics go to the same worker.

What our producers write about a customer has the same number in each topic, so that one worker has all of it and can
take it in by its time (ordering.py).
"""

from collections.abc import Mapping
from typing import Any

from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata


class StickyByNumber(StickyPartitionAssignor):  # type: ignore[misc]
    """The first topic is shared out, and the others follow. The assignor keeps what it knows in its class: each member
    has a class of its own (`of_one_member`)."""

    name = "sticky-by-number"

    @classmethod
    def of_one_member(cls) -> type["StickyByNumber"]:
        return type("OfOneMember", (cls,), {})

    @classmethod
    def assign(
        cls, cluster: Any, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        topics = sorted({topic for member in members.values() for topic in member.subscription})
        existing = {topic: cluster.partitions_for_topic(topic) or set() for topic in topics}
        shared = super().assign(cluster, members)
        return {member: cls._expanded(each, existing) for member, each in shared.items()}

    @classmethod
    def parse_member_metadata(cls, metadata: ConsumerProtocolMemberMetadata) -> Any:
        found = super().parse_member_metadata(metadata)
        first = min(found.subscription)
        partitions = [each for each in found.partitions if each.topic == first]
        return found._replace(subscription=[first], partitions=partitions)

    @classmethod
    def _expanded(
        cls, first: ConsumerProtocolMemberAssignment, existing: Mapping[str, set[int]]
    ) -> ConsumerProtocolMemberAssignment:
        numbers = {number for _, partitions in first.assignment for number in partitions}
        expanded = [(topic, sorted(numbers & there)) for topic, there in existing.items()]
        return ConsumerProtocolMemberAssignment(cls.version, expanded, b"")
