"""What every test may ask for."""

import rules.texts  # noqa: F401 – before `app`: so that tests run the sources, which they replace and subclass

# isort: split
from collections.abc import Iterator

import pytest

from deploy.kafka.jars import missing
from tests.kafka_server import KafkaServer
from tests.needs import loud_lines, need
from tests.redis_cluster import RedisCluster
from tests.servers import RedisServer


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One real redis-server for the whole run."""
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of a Redis that is empty and knows no script. Connect with `profiles.connection.connect`."""
    redis_server.flush()
    return redis_server.url


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[RedisCluster]:
    """One real Redis Cluster of three masters for the whole run."""
    with RedisCluster() as cluster:
        yield cluster


@pytest.fixture(params=["one Redis", "cluster"])
def any_redis_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty Redis, and then of an empty cluster."""
    server: RedisServer | RedisCluster = request.getfixturevalue(
        "redis_server" if request.param == "one Redis" else "redis_cluster"
    )
    server.flush()
    return server.url


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[KafkaServer]:
    """One real Kafka for the whole run. A test that stops it starts it again."""
    need(missing())
    with KafkaServer() as server:
        yield server


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on asyncio, as the service does."""
    return "asyncio"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says loudly what was not tested because this machine lacks something."""
    for line in loud_lines(terminalreporter.stats.get("skipped", [])):
        terminalreporter.write_sep("!", line, yellow=True, bold=True)
