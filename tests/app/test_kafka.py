"""Kafka as the settings have it: what goes together, and `opportune topics`."""

import os
import subprocess

import pytest

from app.errors import BadSettings, StartError
from app.kafka import kafka_connection, log_plan
from app.settings import Settings
from consumers.kafka.topics import LogPlan
from tests.e2e.service import ROOT
from tests.kafka_server import KafkaServer


def settings(**given: str) -> Settings:
    """As if `OPPORTUNE_KAFKA_<NAME>` were set."""
    names = {f"OPPORTUNE_KAFKA_{name.upper()}": value for name, value in given.items()}
    return Settings.from_env({"OPPORTUNE_KAFKA": "one:9092,two:9092", **names})


def test_the_settings_reach_the_client() -> None:
    given = settings(security_protocol="SASL_PLAINTEXT", sasl_mechanism="plain", sasl_username="u", sasl_password="p")
    options = kafka_connection(given).options()

    assert options["bootstrap_servers"] == ["one:9092", "two:9092"]
    assert options["security_protocol"] == "SASL_PLAINTEXT"
    assert options["sasl_mechanism"] == "PLAIN"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("u", "p")
    assert "ssl_context" not in options
    assert log_plan(settings(partitions="64", replication="2", retention="1d")) == LogPlan(64, 2, 86_400_000)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"security_protocol": "sasl_ssl", "sasl_username": "u"}, "needs a user and a password"),
        ({"sasl_password": "hunter2"}, "=plaintext uses no user and no password"),
        (
            {
                "security_protocol": "sasl_plaintext",
                "sasl_username": "u",
                "sasl_password": "hunter2",
                "ssl_cafile": "x",
            },
            "no certificates",
        ),
        ({"security_protocol": "ssl", "ssl_keyfile": "x"}, "needs OPPORTUNE_KAFKA_SSL_CERTFILE"),
    ],
)
def test_what_does_not_go_together_is_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(BadSettings, match=said) as caught:
        kafka_connection(settings(**given))
    assert "hunter2" not in f"{caught.value}{caught.value.hint}"


def test_without_a_kafka_it_is_said_how_to_get_one() -> None:
    with pytest.raises(StartError, match="no Kafka to work with") as caught:
        kafka_connection(Settings.from_env({}))
    assert "make kafka" in caught.value.hint


def topics(server: KafkaServer, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    given = {**os.environ, "OPPORTUNE_KAFKA": server.servers, "OPPORTUNE_KAFKA_REPLICATION": "1", **environ}
    return subprocess.run(
        [str(ROOT / "opportune"), "topics", *arguments], env=given, capture_output=True, text=True, check=False
    )


async def test_the_command_creates_checks_and_refuses(kafka_server: KafkaServer) -> None:
    await kafka_server.delete_topics()

    missing = topics(kafka_server, "--check")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "opportune: there is no topic interactions" in missing.stderr

    made = topics(kafka_server)
    assert made.returncode == 0, made.stderr
    assert "decisions     created: 16 partitions, 1 copy, kept 7 days\n" in made.stdout

    checked = topics(kafka_server, "--check")
    assert checked.returncode == 0, checked.stderr
    assert "decisions     as it must be: 16 partitions" in checked.stdout

    other = topics(kafka_server, OPPORTUNE_KAFKA_PARTITIONS="8")
    assert (other.returncode, other.stdout) == (1, "")
    assert "  decisions: partitions is 16, and must be 8\n" in other.stderr
