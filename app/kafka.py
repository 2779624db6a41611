"""Kafka as the settings have it."""

from app.errors import BadSettings, StartError
from app.rebuild.quiet import Quiet
from app.settings import Settings
from consumers.kafka.connection import Connection
from consumers.kafka.topics import LogPlan, summary
from profiles.store import CustomerStore


def kafka_connection(settings: Settings) -> Connection:
    """Raises StartError where no Kafka is named, and BadSettings where what is set does not go together."""
    if not settings.kafka:
        hint = "set OPPORTUNE_KAFKA=host:port; `make kafka` starts one here"
        raise StartError("there is no Kafka to work with", hint=hint)
    connection = Connection(
        servers=settings.kafka,
        protocol=settings.kafka_security_protocol,
        mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_sasl_username,
        password=settings.kafka_sasl_password,
        cafile=settings.kafka_ssl_cafile,
        certfile=settings.kafka_ssl_certfile,
        keyfile=settings.kafka_ssl_keyfile,
        secret=settings.kafka_secret,
    )
    _check(connection)
    return connection


def log_plan(settings: Settings) -> LogPlan:
    return LogPlan(settings.kafka_partitions, settings.kafka_replication, settings.kafka_retention)


async def topics_as_planned(settings: Settings, *, only_check: bool) -> list[str]:
    """Creates the topics that are missing, or only checks. Returns what to tell, one line for each.

    Raises StartError, BadSettings, LogMisfit and LogUnavailable.
    """
    from consumers.kafka.admin import check_topics, ensure_topics

    connection, plan = kafka_connection(settings), log_plan(settings)
    made: list[str] = []
    if only_check:
        await check_topics(connection, plan)
    else:
        made = await ensure_topics(connection, plan)
    return summary(plan.shapes(), made)


async def go_on_from_start(settings: Settings, store: CustomerStore, topic: str) -> list[str]:
    """Lets the workers go on with a topic of which something is gone, from where it begins now. Returns what to tell.

    Raises StartError, BadSettings, LogMisfit, LogUnavailable and StoreUnavailable.
    """
    from consumers.kafka.ordering import TOPICS
    from consumers.kafka.partitions import PartitionReader
    from consumers.kafka.reading import Part
    from consumers.kafka.taking import Taking

    if topic not in TOPICS:
        raise StartError(f"nothing is taken in from a topic `{topic}`", hint=f"from {', '.join(TOPICS)}")
    taking, reader = Taking(store, Quiet()), PartitionReader(kafka_connection(settings))
    try:
        bounds = await reader.bounds([Part(topic, number) for number in range(settings.kafka_partitions)])
    finally:
        await reader.close()
    told = []
    for part, (begin, end) in bounds.items():
        positions = (await taking.positions([part]))[part]
        moved = await taking.go_on_from(part, positions, begin, end)
        told += [f"{topic}, partition {part.number}: {moved} shards go on from {begin}"] if moved else []
    return told or [f"{topic}: nothing is gone; every shard goes on where it is"]


def _check(connection: Connection) -> None:
    """What is given to no purpose was meant to have one: a password that is not used is a mistake too."""
    given = [connection.username, connection.password]
    if connection.authenticated and not all(given):
        needed = f"OPPORTUNE_KAFKA_SECURITY_PROTOCOL={connection.protocol} needs a user and a password"
        raise BadSettings(needed, hint="set OPPORTUNE_KAFKA_SASL_USERNAME and OPPORTUNE_KAFKA_SASL_PASSWORD")
    if any(given) and not connection.authenticated:
        unused = f"OPPORTUNE_KAFKA_SECURITY_PROTOCOL={connection.protocol} uses no user and no password"
        raise BadSettings(unused, hint="set it to sasl_ssl or sasl_plaintext, or leave the other two out")
    if any((connection.cafile, connection.certfile, connection.keyfile)) and not connection.encrypted:
        unused = f"OPPORTUNE_KAFKA_SECURITY_PROTOCOL={connection.protocol} uses no certificates"
        raise BadSettings(unused, hint="set it to ssl or sasl_ssl, or leave OPPORTUNE_KAFKA_SSL_… out")
    if connection.keyfile and not connection.certfile:
        raise BadSettings("OPPORTUNE_KAFKA_SSL_KEYFILE needs OPPORTUNE_KAFKA_SSL_CERTFILE beside it")
