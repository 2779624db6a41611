"""Where the log is that is folded again, as the settings have it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from app.archive import archive_place
from app.errors import StartError
from app.kafka import kafka_connection
from app.rebuild.history import History
from app.settings import Settings
from consumers.kafka.decoding import Decoding
from consumers.kafka.partitions import PartitionReader
from consumers.live import LivePolicy
from profiles.log_stream import TAKEN_IN
from profiles.store import CustomerStore

KAFKA, ARCHIVE = "kafka", "archive"


@asynccontextmanager
async def history(
    settings: Settings, store: CustomerStore, policy: LivePolicy, tell: Callable[[str], None], source: str = KAFKA
) -> AsyncIterator[History | None]:
    """None where the log is in the outboxes. Raises StartError, BadSettings and LogMisfit."""
    if source not in (KAFKA, ARCHIVE):
        raise StartError(f"the log is not in `{source}`", "give --from kafka or --from archive")
    if store.log is not TAKEN_IN:
        if source == ARCHIVE:
            raise StartError("without Kafka there is no archive: the log is the outboxes", "leave --from out")
        yield None
        return
    place = archive_place(settings) if source == ARCHIVE else None
    reader = PartitionReader(kafka_connection(settings))
    found = History(reader, Decoding(store.shards, settings.kafka_secret), policy, store, tell, place)
    try:
        yield found
        if found.dead:
            tell(f"{found.dead:,} records of the log were passed over: they are dead letters")
    finally:
        await found.close()
