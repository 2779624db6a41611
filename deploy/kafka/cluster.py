"""A Kafka cluster on this machine: every node a process of its own, which ends with the one that started it.

Data and settings stand in the folder, so that a node that was stopped or killed goes on where it was. Nothing here
is asynchronous: starting and killing take milliseconds, only `start` and `wait_until_ready` wait.
"""

import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from app.launcher import launched
from deploy.kafka.jars import NoKafka, jars
from deploy.kafka.probe import living_brokers
from deploy.kafka.properties import HOST, Node, properties

CLUSTER_ID = "b3Bwb3J0dW5lLWxvY2FsIQ"  # 16 bytes in URL-safe base 64
READY_WITHIN_S = 90.0
STOP_WITHIN_S = 20.0
FORMAT_WITHIN_S = 60.0
PROBE_EVERY_S = 0.1
JAVA = (
    "java",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
)
"""For one that lives for minutes, beside what it is there for: Java's second compiler would take as much CPU time then
as the broker itself, and again after each restart."""
LOGGING = f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.xml')}"
OUTSIDE_EPHEMERAL = range(20_000, 32_000)
"""Nobody is given one of these ports by chance while a node is down."""


class KafkaCluster:
    """`nodes` nodes in `folder`, on `ports` (for each one for clients and one for controllers) or on free ones.

    `more`: settings that win over ours; `storage`: further arguments for formatting, such as `--add-scram`.
    """

    def __init__(
        self,
        folder: Path,
        nodes: int = 1,
        ports: Sequence[int] = (),
        more: Mapping[str, str] | None = None,
        storage: Sequence[str] = (),
    ) -> None:
        self.folder = folder.absolute()
        chosen = list(ports) or list(free_ports(2 * nodes))
        self.nodes = tuple(
            Node(number + 1, chosen[2 * number], chosen[2 * number + 1], self.folder / f"node-{number + 1}")
            for number in range(nodes)
        )
        self._more = more or {}
        self._storage = storage
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def servers(self) -> str:
        """What OPPORTUNE_KAFKA is set to."""
        return ",".join(f"{HOST}:{each.port}" for each in self.nodes)

    @property
    def running(self) -> frozenset[int]:
        """The ids of the nodes whose process lives."""
        return frozenset(number for number, process in self._processes.items() if process.poll() is None)

    def pid(self, number: int) -> int:
        return self._processes[number].pid

    def start(self) -> None:
        """Starts all nodes and returns when each knows all others. Raises NoKafka, having left nothing running."""
        try:
            self._format()
            for each in self.nodes:
                self.start_node(each.id)
            self.wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def start_node(self, number: int) -> None:
        """Starts one node, on the data that it has; does not wait for it."""
        assert number not in self.running, f"node {number} runs already"
        node = self._node(number)
        command = [*_java(), LOGGING, "kafka.Kafka", str(node.settings_file)]
        with node.log_file.open("ab") as output:
            self._processes[number] = subprocess.Popen(
                launched(command), stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
            )

    def wait_until_ready(self, within_s: float = READY_WITHIN_S) -> None:
        """Until every node that was started knows that all of them live. Raises NoKafka."""
        give_up = time.monotonic() + within_s
        started = frozenset(self._processes)
        for number in sorted(started):
            while not living_brokers(self._node(number).port) >= started:
                if self._processes[number].poll() is not None:
                    raise NoKafka(f"node {number} ended: {self._said(number)}")
                if time.monotonic() > give_up:
                    raise NoKafka(f"node {number} does not answer after {within_s} s: {self._said(number)}")
                time.sleep(PROBE_EVERY_S)

    def stop(self) -> None:
        """Ends all nodes as an operator would, and with SIGKILL who does not end in time."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        give_up = time.monotonic() + STOP_WITHIN_S
        for process in self._processes.values():
            try:
                process.wait(max(0.0, give_up - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def kill_node(self, number: int) -> None:
        """Ends one node as a crash would (kill -9)."""
        process = self._processes.pop(number)
        process.kill()
        process.wait()

    def kill(self) -> None:
        for number in list(self._processes):
            self.kill_node(number)

    def _node(self, number: int) -> Node:
        return self.nodes[number - 1]

    def _said(self, number: int) -> str:
        log = self._node(number).log_file
        return f"the end of {log} is\n" + "\n".join(log.read_text(errors="replace").splitlines()[-20:])

    def _format(self) -> None:
        """Writes the settings, and makes the storage of nodes that have none."""
        for each in self.nodes:
            each.folder.mkdir(parents=True, exist_ok=True)
            each.settings_file.write_text(properties(each, self.nodes, self._more))
        fresh = [each for each in self.nodes if not (each.data / "meta.properties").exists()]
        formatting = [_formatting(each, self._storage) for each in fresh]
        for process in formatting:
            output, _ = process.communicate(timeout=FORMAT_WITHIN_S)
            if process.returncode != 0:
                raise NoKafka(f"the storage could not be formatted:\n{output}")


def _formatting(node: Node, more: Sequence[str]) -> subprocess.Popen[str]:
    tool = [*_java(), LOGGING, "kafka.tools.StorageTool", "format", "--ignore-formatted"]
    command = [*tool, "-t", CLUSTER_ID, "-c", str(node.settings_file), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _java() -> list[str]:
    return [*JAVA, "-cp", f"{jars()}/*"]


def free_ports(count: int) -> Iterator[int]:
    """Ports on which nobody listens now."""
    candidates = random.sample(OUTSIDE_EPHEMERAL, len(OUTSIDE_EPHEMERAL))
    free = (port for port in candidates if is_free(port))
    return (next(free) for _ in range(count))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
