"""The Kafka of our own: one node or three, killed and started again on what it had."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.kafka.cluster import free_ports
from deploy.kafka.jars import NoKafka, missing
from deploy.kafka.probe import living_brokers
from tests.kafka_server import KafkaServer
from tests.needs import need

ROOT = Path(__file__).parents[2]


def values(records: list[object]) -> list[bytes]:
    return [each.value for each in records]  # type: ignore[attr-defined]


async def test_what_is_produced_is_consumed(kafka_server: KafkaServer) -> None:
    topic = await kafka_server.new_topic()

    await kafka_server.produce(topic, b"one", b"two")

    assert values(await kafka_server.records(topic)) == [b"one", b"two"]


async def test_a_killed_node_comes_back_with_its_data(kafka_server: KafkaServer) -> None:
    topic = await kafka_server.new_topic()
    await kafka_server.produce(topic, b"before")

    kafka_server.kill_node(1)
    assert living_brokers(kafka_server.nodes[0].port) == frozenset()
    kafka_server.start_node(1)
    await kafka_server.ready()
    await kafka_server.produce(topic, b"after")

    assert values(await kafka_server.records(topic)) == [b"before", b"after"]


@pytest.fixture(scope="module")
def three() -> Iterator[KafkaServer]:
    need(missing())
    with KafkaServer(nodes=3) as server:
        yield server


async def test_one_of_three_may_die(three: KafkaServer) -> None:
    topic = await three.new_topic(replication=3, min_insync_replicas="2")
    await three.produce(topic, b"with three")

    three.kill_node(2)
    await three.produce(topic, b"with two")
    three.start_node(2)
    await three.ready()
    await three.produce(topic, b"with three again")

    assert values(await three.records(topic)) == [b"with three", b"with two", b"with three again"]


def test_a_node_that_cannot_start_says_why() -> None:
    need(missing())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = (taken.getsockname()[1], *free_ports(1))
        with (
            pytest.raises(NoKafka, match=r"node 1 ended: the end of .*server.log is(.|\n)*in use"),
            KafkaServer(1, ports),
        ):
            pytest.fail("it has started")


@pytest.mark.parametrize(
    ("programs", "said"),
    [
        ({}, "Java 17 or later, and there is none. Debian, Ubuntu: apt-get install"),
        ({"java": 'openjdk version "11.0.2"'}, "Java 17 or later, and this is 11"),
        ({"java": 'openjdk version "21"'}, "fetched with Maven, which is not there. Debian, Ubuntu: apt-get install"),
    ],
)
def test_what_a_machine_lacks_is_said(
    programs: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, version in programs.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\necho '{version}' >&2\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("deploy.kafka.jars.CACHE", tmp_path / "nothing-fetched")

    lack = missing()

    assert lack is not None
    assert said in lack


def test_the_command_runs_one_until_interrupted(tmp_path: Path) -> None:
    need(missing())
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "deploy.kafka", "--port", str(port), "--folder", str(tmp_path)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = "".join(iter(process.stdout.readline, "  ./opportune topics\n"))
        assert re.search(rf"export OPPORTUNE_KAFKA=127.0.0.1:{port} OPPORTUNE_KAFKA_REPLICATION=1\n", said)
        assert living_brokers(port) == {1}

        again = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
        assert (again.returncode, again.stderr) == (
            1,
            f"opportune: port {port} is in use; choose others with PORT=19092\n",
        )

        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    assert living_brokers(port) == frozenset()
