"""Which log a store has: the outboxes, or Kafka. What must hold before a worker goes to work with it."""

import logging

from app.errors import StartError
from app.kafka import kafka_connection, log_plan
from app.settings import Settings
from consumers.kafka.errors import LogUnavailable
from consumers.redis_streams import stream_id
from consumers.stopping import Stopping
from profiles import keys
from profiles.log_stream import OUTBOX, TAKEN_IN, LogStream
from profiles.store import CustomerStore

log = logging.getLogger(__name__)

RETRY_AFTER_S = 3.0


def log_of(settings: Settings) -> LogStream:
    return TAKEN_IN if settings.kafka else OUTBOX


def require_partitions(settings: Settings, shards: int) -> None:
    """Raises StartError."""
    if shards % settings.kafka_partitions:
        fitting = [str(n) for n in range(1, shards + 1) if shards % n == 0]
        hint = f"topics with {', '.join(fitting[:-1])} or {fitting[-1]} partitions" if fitting[1:] else "1 partition"
        told = f"{settings.kafka_partitions} partitions do not divide the {shards} shards of this store"
        raise StartError(told, hint=f"it takes {hint}: set OPPORTUNE_KAFKA_PARTITIONS")


async def ready_for_log(settings: Settings, store: CustomerStore, stopping: Stopping) -> bool:
    """Whether a worker may begin; waits while no broker answers, and is False if it is to stop meanwhile.

    Raises StartError and LogMisfit where the store and the topics do not go together, and StoreUnavailable.
    """
    if not settings.kafka:
        await _refuse_what_kafka_has(store)
        return True
    require_partitions(settings, store.shards)
    if not await _topics_fit(settings, stopping):
        return False
    await _drop_what_was_folded(store)
    return True


async def _topics_fit(settings: Settings, stopping: Stopping) -> bool:
    from consumers.kafka.admin import check_topics

    connection, plan = kafka_connection(settings), log_plan(settings)
    while not stopping.asked:
        try:
            await check_topics(connection, plan)
        except LogUnavailable as cause:
            log.warning("the worker waits for Kafka", extra={"cause": str(cause)})
            await stopping.pause(RETRY_AFTER_S)
        else:
            return True
    return False


async def _refuse_what_kafka_has(store: CustomerStore) -> None:
    trip = store.scripts.batch()
    for shard in range(store.shards):
        trip.add("HEXISTS", keys.guard(shard), TAKEN_IN.position)
    if any(await trip.run()):
        told = "the log of this store is in Kafka, and what was not taken in from there would be left out"
        raise StartError(told, hint="set OPPORTUNE_KAFKA as it was; a store does not go back to its outboxes")


async def _drop_what_was_folded(store: CustomerStore) -> None:
    """A store that had its log in the outboxes before: what is folded already must not come back from Kafka."""
    trip = store.scripts.batch()
    for shard in range(store.shards):
        trip.add("HGET", keys.guard(shard), OUTBOX.position)
    folded = {shard: int(at) for shard, at in enumerate(await trip.run()) if at is not None}
    trip = store.scripts.batch()
    for shard, at in folded.items():
        trip.add("XTRIM", keys.outbox(shard), "MINID", stream_id(at + 1))
    await trip.run()
