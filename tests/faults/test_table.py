"""The fault table of docs/reliability.md: real Kafka, real Redis, production processes. Nothing of it runs with
the ordinary tests: `pytest -m faults` runs it short, `make faults` for longer, and writes the table."""

import pytest

from deploy.kafka.jars import missing
from tests.faults import outages, scenarios
from tests.faults.running import Row
from tests.kafka_server import KafkaServer
from tests.needs import need

pytestmark = [pytest.mark.anyio, pytest.mark.faults]


def holds(row: Row) -> None:
    assert row.sent > 0
    assert row.faults > 0
    assert not row.wrong, f"{row.cells()}\n" + "\n".join(row.wrong)


async def test_worker_killed_at_named_steps(kafka_server: KafkaServer) -> None:
    holds(await scenarios.killed_at_each_step(kafka_server, deaths=6))


async def test_two_owners(kafka_server: KafkaServer) -> None:
    holds(await scenarios.two_owners(kafka_server, rounds=1))


async def test_the_only_broker_killed(kafka_server: KafkaServer) -> None:
    holds(await outages.only_broker_killed(kafka_server, rounds=1))


async def test_redis_killed(kafka_server: KafkaServer) -> None:
    holds(await outages.redis_killed(kafka_server, kills=2))


async def test_lost_suffix(kafka_server: KafkaServer) -> None:
    holds(await outages.lost_suffix(kafka_server))


async def test_poison(kafka_server: KafkaServer) -> None:
    holds(await scenarios.poison(kafka_server, seconds=4))


async def test_worker_killed_at_random(kafka_server: KafkaServer) -> None:
    holds(await scenarios.killed_at_random(kafka_server, kills=4))


async def test_rekeying(kafka_server: KafkaServer) -> None:
    holds(await scenarios.rekeying(kafka_server, seconds=6))


async def test_rolling_restart(kafka_server: KafkaServer) -> None:
    holds(await scenarios.rolling_restart(kafka_server, rounds=1, steady_s=6))


async def test_policy_swaps(kafka_server: KafkaServer) -> None:
    holds(await scenarios.policy_swaps(kafka_server, seconds=5))


async def test_kafka_stopped(kafka_server: KafkaServer) -> None:
    holds(await outages.kafka_stopped(kafka_server, seconds=30, rate=0.25))


async def test_one_broker_of_three_killed() -> None:
    need(missing())
    with KafkaServer(nodes=3) as three:
        holds(await outages.one_broker_of_three_killed(three))
