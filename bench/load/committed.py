"""What decisions have left in Redis: proof that each answer was committed."""

from dataclasses import dataclass
from itertools import islice

import orjson
from redis.asyncio import Redis

from profiles import keys
from profiles.store import CustomerStore

DECISION_KEYS = "{s*}d:*"
SAMPLE = 100


@dataclass(frozen=True, slots=True)
class Committed:
    decisions: int
    """Decision records in the store."""
    logged: int
    """Records in the outboxes, which keep all while no worker runs."""


async def committed(redis: Redis, store: CustomerStore) -> Committed:
    decisions = sum([1 async for _ in redis.scan_iter(match=DECISION_KEYS, count=20_000)])
    pipeline = redis.pipeline(transaction=False)
    for shard in range(store.shards):
        pipeline.xlen(keys.outbox(shard))
    return Committed(decisions, sum(await pipeline.execute()))


async def ledgers_agree(redis: Redis, store: CustomerStore) -> None:
    """Raises AssertionError unless what some decisions have chosen stands in the ledgers of their customers."""
    found = [key async for key in redis.scan_iter(match=DECISION_KEYS, count=20_000)]
    for key in islice(found, 0, None, max(1, len(found) // SAMPLE)):
        record = orjson.loads(await redis.get(key) or b"")
        subject = f"customer:{record['customer']}"
        ledger = orjson.loads(await redis.hget(keys.customer(store.shard(subject), subject), "ledger") or b"")
        codes = {each["code"] for each in record["treatments"]}
        assert codes <= {each["code"] for each in ledger["entries"]}, f"{subject} lacks {codes} of {record['decision']}"
