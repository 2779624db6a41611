"""Four rows of the fault table at a small load, with the ordinary tests. All of it, for longer: `make faults`."""

import pytest

from tests.faults import outages, scenarios
from tests.faults.clients import Pace
from tests.faults.test_table import holds
from tests.kafka_server import KafkaServer

pytestmark = pytest.mark.anyio

SMALL = Pace(over_http=60, to_kafka=30, decisions=8, customers=30)


async def test_poison(kafka_server: KafkaServer) -> None:
    holds(await scenarios.poison(kafka_server, seconds=2, pace=SMALL))


async def test_worker_killed(kafka_server: KafkaServer) -> None:
    holds(await scenarios.killed_at_random(kafka_server, kills=1, pace=SMALL))


async def test_rekeying(kafka_server: KafkaServer) -> None:
    pace = Pace(over_http=20, to_kafka=60, decisions=8, customers=30)
    holds(await scenarios.rekeying(kafka_server, seconds=3, pace=pace))


async def test_the_only_broker_killed(kafka_server: KafkaServer) -> None:
    holds(await outages.only_broker_killed(kafka_server, rounds=1, pace=SMALL))
