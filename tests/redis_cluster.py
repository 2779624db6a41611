"""A real Redis Cluster of three masters for tests, without replicas."""

import socket
import time
from contextlib import ExitStack
from types import TracebackType

import redis

from tests.servers import START_WITHIN_S, RedisServer

MASTERS, SLOTS = 3, 16_384
BUS = 10_000
"""How far the port lies behind at which nodes talk to each other."""


class RedisCluster:
    """`with RedisCluster() as cluster: connect(cluster.url)`."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.nodes: list[RedisServer] = []
        self.ports: list[int] = []

    @property
    def url(self) -> str:
        """Names two of the three: the third is found."""
        return "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in self.ports[:2])

    def __enter__(self) -> "RedisCluster":
        for _ in range(MASTERS):
            port = free_port()
            options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "5000")
            self.nodes.append(self._stack.enter_context(RedisServer(*options, port=port)))
            self.ports.append(port)
        for number in range(MASTERS):
            first, last = number * SLOTS // MASTERS, (number + 1) * SLOTS // MASTERS - 1
            self.say(number, "CLUSTER", "ADDSLOTS", *range(first, last + 1))
            self.say(number, "CLUSTER", "MEET", "127.0.0.1", self.ports[0])
        self._wait_until_one()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def say(self, number: int, *command: object) -> object:
        with redis.Redis(unix_socket_path=str(self.nodes[number].socket)) as client:
            return client.execute_command(*command)

    def flush(self) -> None:
        for number in range(MASTERS):
            self.say(number, "FLUSHALL")
            self.say(number, "SCRIPT", "FLUSH")

    def _wait_until_one(self) -> None:
        give_up = time.monotonic() + START_WITHIN_S
        while not all(self._is_whole(number) for number in range(MASTERS)):
            assert time.monotonic() < give_up, "the nodes do not become one cluster"
            time.sleep(0.05)

    def _is_whole(self, number: int) -> bool:
        said = str(self.say(number, "CLUSTER", "INFO"))
        return "cluster_state:ok" in said and f"cluster_known_nodes:{MASTERS}" in said


def free_port() -> int:
    """With a free one for the nodes among themselves."""
    while True:
        with socket.socket() as one, socket.socket() as bus:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                bus.bind(("127.0.0.1", port + BUS))
            except (OSError, OverflowError):
                continue
            return port
