"""What a topic must be like, and how one that exists differs from it. Nothing here talks to a broker."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.topics import TOPICS, Topic


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a topic: as it is, or as it must be."""

    partitions: int
    replication: int
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogPlan:
    """What the operator decides about the log."""

    partitions: int
    replication: int
    retention_ms: int

    def shapes(self, topics: Iterable[Topic] = TOPICS) -> dict[str, Shape]:
        """What each topic must be like, by name."""
        return {topic.name: self._shape(topic) for topic in topics}

    def _shape(self, topic: Topic) -> Shape:
        config = {
            "cleanup.policy": "delete",
            "retention.ms": str(topic.retention_ms(self.retention_ms)),
            "max.message.bytes": str(topic.most_bytes),
            # an acknowledged record is on two brokers, and no broker that lacks it may become leader
            "min.insync.replicas": "2" if self.replication >= 3 else "1",
            "unclean.leader.election.enable": "false",
            # retention goes by when the log took a record, not by what a producer's clock said
            "message.timestamp.type": "LogAppendTime",
        }
        return Shape(self.partitions, self.replication, config)


def differences(name: str, wanted: Shape, found: Shape) -> list[str]:
    """One sentence for each; empty if it is as it must be."""
    pairs = [
        ("partitions", str(wanted.partitions), str(found.partitions)),
        ("replication", str(wanted.replication), str(found.replication)),
        *((key, value, found.config.get(key, "not known")) for key, value in wanted.config.items()),
    ]
    return [f"{name}: {key} is {is_}, and must be {must}" for key, must, is_ in pairs if is_ != must]


def partition_of(shard: int, partitions: int) -> int:
    """The partition of all records of a shard.

    Where the number of partitions divides the number of shards, it is the one that Kafka's own partitioner
    chooses for the key, so that a backend which uses our keys needs no partitioner of ours.
    """
    return shard % partitions


def summary(shapes: Mapping[str, Shape], made: Sequence[str]) -> list[str]:
    """One line for each topic, for a person."""
    width = max(len(name) for name in shapes)
    return [
        f"{name:<{width}}  {'created' if name in made else 'as it must be'}: "
        f"{shape.partitions} partitions, {shape.replication} "
        f"{'copy' if shape.replication == 1 else 'copies'}, kept {_kept(int(shape.config['retention.ms']))}"
        for name, shape in shapes.items()
    ]


def _kept(ms: int) -> str:
    if ms < 0:
        return "for ever"
    hours = ms / 3_600_000
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"
