"""What becomes of a batch of records: decoded, with what response codes stand for looked up in Redis."""

import asyncio
from collections.abc import Sequence

from consumers.answers import known_codes
from consumers.dead_letters import InKafka
from consumers.kafka.decoding import Answer, Decoding, Fate, Taken, codes_of
from consumers.live import LivePolicy
from consumers.meter import Meter
from profiles.store import CustomerStore

SLICE = 100
"""Records that are decoded before others have their turn."""


async def judged(
    records: Sequence[InKafka], store: CustomerStore, decoding: Decoding, policy: LivePolicy, meter: Meter
) -> list[Taken]:
    """In the same order. Raises StoreUnavailable."""
    read: list[Taken | Answer] = []
    for number, one in enumerate(records, start=1):
        read.append(decoding.read(one, policy))
        if number % SLICE == 0:
            await asyncio.sleep(0)
    known = await known_codes(store, asked) if (asked := codes_of(read)) else {}
    taken = [
        decoding.answered(each, known.get(each.code), policy) if isinstance(each, Answer) else each for each in read
    ]
    for each in taken:
        if each.fate is Fate.DEAD:
            meter.count("intake_dead_letters", topic=each.found.topic)
    return taken
