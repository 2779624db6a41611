"""The settings of a node: `server.properties` of a broker that is its own controller (KRaft, combined mode)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Node:
    id: int
    port: int
    controller_port: int
    folder: Path

    @property
    def settings_file(self) -> Path:
        return self.folder / "server.properties"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log_file(self) -> Path:
        return self.folder / "server.log"


def properties(node: Node, nodes: Sequence[Node], more: Mapping[str, str]) -> str:
    """`more` wins over what stands here."""
    copies = str(min(3, len(nodes)))
    enough = str(min(2, len(nodes)))
    voters = ",".join(f"{each.id}@{HOST}:{each.controller_port}" for each in nodes)
    settings = {
        "process.roles": "broker,controller",
        "node.id": str(node.id),
        "controller.quorum.voters": voters,
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{HOST}:{node.port},CONTROLLER://{HOST}:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{node.port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(node.data),
        "auto.create.topics.enable": "false",  # a misspelt topic is an error
        "default.replication.factor": copies,
        "min.insync.replicas": enough,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": enough,
        "transaction.state.log.num.partitions": "4",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        # a node that was killed can come back after this time, not after 9 s
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "500",
        # a few hundred partitions in half a gigabyte
        "log.cleaner.dedupe.buffer.size": "8388608",
        "log.index.size.max.bytes": "1048576",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "num.recovery.threads.per.data.dir": "2",
        **more,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
