"""Settings come from an environment that is passed in; the documented table is the real one."""

from pathlib import Path

import pytest

from app.errors import BadSettings
from app.reference import settings_page
from app.settings import Settings


def test_the_defaults_are_the_documented_ones() -> None:
    assert Settings.from_env({"PATH": "/bin"}) == Settings(
        redis=None,
        var=Path("var"),
        host="127.0.0.1",
        port=8080,
        metrics_port=0,
        shards=16,
        durability="everysec",
        replicas=1,
        log_level="info",
        log_keep=1000,
        outbox_most=2_000_000,
        dead_letters_keep=10_000,
        decision_keep=30 * 86_400_000,
        decision_deadline=500,
        kafka=(),
        kafka_partitions=16,
        kafka_replication=3,
        kafka_retention=7 * 86_400_000,
        kafka_security_protocol="plaintext",
        kafka_sasl_mechanism="scram-sha-512",
        kafka_sasl_username="",
        kafka_sasl_password="",
        kafka_ssl_cafile=None,
        kafka_ssl_certfile=None,
        kafka_ssl_keyfile=None,
        kafka_secret="",
        instance="",
        archive="",
        archive_every=900_000,
        key="",
    )


def test_values_are_typed() -> None:
    settings = Settings.from_env(
        {
            "OPPORTUNE_PORT": "9000",
            "OPPORTUNE_DURABILITY": "Always",
            "OPPORTUNE_REDIS": "redis://store:6379/1",
            "OPPORTUNE_KAFKA": "one:9092, [::1]:9093",
            "OPPORTUNE_KAFKA_SSL_CAFILE": "/etc/ca.pem",
        }
    )
    assert (settings.port, settings.durability, settings.redis) == (9000, "always", "redis://store:6379/1")
    assert (settings.kafka, settings.kafka_ssl_cafile) == (("one:9092", "[::1]:9093"), Path("/etc/ca.pem"))


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(Settings.from_env({"OPPORTUNE_KAFKA_SASL_PASSWORD": "hunter2"}))


def test_a_misspelt_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadSettings, match="no setting OPPORTUNE_DURABILTY") as caught:
        Settings.from_env({"OPPORTUNE_DURABILTY": "always"})
    assert caught.value.hint.startswith("did you mean OPPORTUNE_DURABILITY?")


@pytest.mark.parametrize("url", ["redis+cluster://a:1,b:2", "rediss+cluster://me:secret@a:1,[::1]:2"])
def test_some_nodes_of_a_cluster_are_named(url: str) -> None:
    assert Settings.from_env({"OPPORTUNE_REDIS": url}).redis == url
    with pytest.raises(BadSettings, match="give host:port"):
        Settings.from_env({"OPPORTUNE_REDIS": f"{url},other"})


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("OPPORTUNE_PORT", "http", "whole number from 0 to 65535"),
        ("OPPORTUNE_SHARDS", "0", "whole number from 1"),
        ("OPPORTUNE_DURABILITY", "sometimes", "one of everysec, always, replicated"),
        ("OPPORTUNE_REDIS", "localhost:6379", "redis://host:6379"),
        ("OPPORTUNE_REDIS", "unix://relative.sock", "unix:///path"),
        ("OPPORTUNE_KAFKA", "kafka.example", "give host:port"),
        ("OPPORTUNE_KAFKA", "one:9092,kafka://two:9092", "give host:port"),
        ("OPPORTUNE_KAFKA_SASL_MECHANISM", "gssapi", "one of plain, scram-sha-256, scram-sha-512"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_name(name: str, value: str, reason: str) -> None:
    with pytest.raises(BadSettings, match=f"{name}='{value}'.*{reason}"):
        Settings.from_env({name: value})


def test_replicas_are_needed_only_where_writes_wait_for_them() -> None:
    known = {"OPPORTUNE_REDIS": "redis://store:6379", "OPPORTUNE_REPLICAS": "2"}
    assert Settings.from_env(known).replicas_needed == 0
    assert Settings.from_env({**known, "OPPORTUNE_DURABILITY": "replicated"}).replicas_needed == 2


def test_the_embedded_redis_has_no_replicas_to_wait_for() -> None:
    with pytest.raises(BadSettings, match="needs a Redis with replicas") as caught:
        Settings.from_env({"OPPORTUNE_DURABILITY": "replicated"})
    assert "set OPPORTUNE_REDIS" in caught.value.hint


def test_the_page_in_docs_is_the_table() -> None:
    page = Path(__file__).parents[2] / "docs" / "settings.md"
    assert page.read_text() == settings_page(), "run python -m app.reference"
