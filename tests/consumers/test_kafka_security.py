"""TLS and SASL as the settings have them, against a broker that insists on both."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from consumers.kafka.admin import check_topics, ensure_topics
from consumers.kafka.connection import Connection
from consumers.kafka.errors import LogMisfit, LogUnavailable
from consumers.kafka.topics import LogPlan
from deploy.kafka.cluster import free_ports
from deploy.kafka.jars import missing
from tests.kafka_server import KafkaServer
from tests.needs import need

PLAN = LogPlan(2, 1, 86_400_000)
SECRET = "not-for-logs"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """How a broker is reached that takes TLS and SCRAM, from one user."""
    need(missing())
    keystore, certificate = certified(tmp_path_factory.mktemp("tls"))
    port, controller, safe = free_ports(3)
    listener, login = "listener.name.safe", "org.apache.kafka.common.security"
    more = {
        "listeners": f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},SAFE://localhost:{safe}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port},SAFE://localhost:{safe}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SAFE:SASL_SSL",
        f"{listener}.sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        f"{listener}.scram-sha-512.sasl.jaas.config": f"{login}.scram.ScramLoginModule required;",
        f"{listener}.plain.sasl.jaas.config": f'{login}.plain.PlainLoginModule required user_opportune="{SECRET}";',
        f"{listener}.ssl.keystore.location": str(keystore),
        f"{listener}.ssl.keystore.password": "changeit",
    }
    scram = ("--add-scram", f"SCRAM-SHA-512=[name=opportune,password={SECRET}]")
    with KafkaServer(1, (port, controller), more, scram):
        yield Connection((f"localhost:{safe}",), "sasl_ssl", "scram-sha-512", "opportune", SECRET, cafile=certificate)


def certified(folder: Path) -> tuple[Path, Path]:
    """A keystore for `localhost`, and its certificate, which nobody else has signed."""
    keystore, certificate = folder / "broker.p12", folder / "broker.pem"
    store = ["-keystore", str(keystore), "-storepass", "changeit", "-alias", "broker"]
    names = ["-dname", "CN=localhost", "-ext", "san=dns:localhost", "-keyalg", "EC", "-storetype", "PKCS12"]
    subprocess.run(["keytool", "-genkeypair", *store, *names], check=True, capture_output=True)
    subprocess.run(
        ["keytool", "-exportcert", "-rfc", "-file", str(certificate), *store], check=True, capture_output=True
    )
    return keystore, certificate


@pytest.mark.parametrize("mechanism", ["scram-sha-512", "plain"])
async def test_the_right_password_lets_us_in(secured: Connection, mechanism: str) -> None:
    await ensure_topics(replace(secured, mechanism=mechanism), PLAN)
    await check_topics(replace(secured, mechanism=mechanism), PLAN)


async def test_a_wrong_password_is_logged_as_such_and_not_shown(
    secured: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = replace(secured, password="wrong-one")
    with pytest.raises(LogUnavailable, match="Unable to bootstrap") as caught:
        await check_topics(wrong, PLAN)

    assert "What aiokafka has logged says why" in caught.value.hint
    assert "invalid credentials" in caplog.text
    assert "wrong-one" not in caplog.text + str(caught.value) + repr(wrong)


async def test_a_broker_that_nobody_vouches_for_is_not_trusted(
    secured: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(LogUnavailable, match="Unable to bootstrap"):
        await check_topics(replace(secured, cafile=None), PLAN)

    assert "certificate verify failed" in caplog.text


async def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    unreadable = Connection(("localhost:1",), "ssl", cafile=tmp_path / "nothing.pem")

    with pytest.raises(LogMisfit, match="cannot be used") as caught:
        await check_topics(unreadable, PLAN)
    assert "nothing.pem" in caught.value.hint
