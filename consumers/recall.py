"""What a shard has said and then lost, while another shard has it: a failover of the source's server alone.

An owner may then have a newer part than there is, and nobody would ever tell it: what was lost is not folded again, and
the identifier has nothing new to say. So all who have lately heard from the shard ask to be told again. That they ask
goes into the transit of *their* shard, in the one step that takes back how far the source was delivered. So it is
delivered like everything between identifiers: also if the source loses its writes once more.
"""

from collections.abc import AsyncIterator
from typing import Any

import orjson

from consumers.redis_streams import SEQUENCE_BITS, offset_of
from profiles import keys
from profiles.store import IDENTITIES, CustomerStore, Record
from schemas.identity import Again

CLOCKS_DIFFER_MS = 60_000
"""By how much at most the clocks of two servers differ, and how long a suffix is that a failover loses."""
PAGE = 1_000
START = "0-0"


async def recalled(store: CustomerStore, source: int, target: int, mark: str, kept_ms: int) -> str:
    """Takes back how far `source` was delivered to `target`: from `mark`, which the transit has lost, to what it has
    before it; all who have heard what was lost ask for it. Returns how far it is delivered by then, whoever saw to it.
    `kept_ms`: how long a transit keeps what was delivered."""
    before = await _before(store, source, mark)
    oldest_ms = max(_ms(before), _ms(mark) - kept_ms) - CLOCKS_DIFFER_MS
    asking = {pair: None async for pair in _heard(store, source, target, max(0, oldest_ms))}
    words = [word for pair in asking for word in _again(*pair)]
    trip = store.scripts.batch()
    trip.call("deliver", [keys.transit(target), keys.guard(target)], [f"in:{source:04d}", mark, before, "", *words])
    (answer,) = await trip.run()
    return before if answer[0] == b"OK" else answer[1].decode()


async def _before(store: CustomerStore, source: int, mark: str) -> str:
    trip = store.scripts.batch()
    trip.add("XREVRANGE", keys.transit(source), f"({mark}", "-", "COUNT", 1)
    (found,) = await trip.run()
    return found[0][0].decode() if found else START


async def _heard(store: CustomerStore, source: int, target: int, since_ms: int) -> AsyncIterator[tuple[str, str]]:
    """Who of the source has sent parts to whom of the target, by what the target's log has of it."""
    at, page = f"{since_ms}-0", [()]
    while page:
        trip = store.scripts.batch()
        trip.add("XRANGE", store.log.key(target), at, "+", "COUNT", PAGE)
        (page,) = await trip.run()
        for entry, fields in page:
            at = f"({entry.decode()}"
            said: Any = orjson.loads(fields[b"body"]) if fields[b"topic"] == IDENTITIES.encode() else {}
            if said.get("kind") == "parts" and store.shard(said["source"]) == source:
                yield said["source"], fields[b"subject"].decode()


def _again(source: str, to: str) -> tuple[Any, ...]:
    """The words of the entry, as `deliver` takes them."""
    record = Record(IDENTITIES, f"{to}<{source}-again", source, orjson.dumps(Again(to=to).model_dump()))
    topic, name, subject, body = record.args()
    fields = ("topic", topic, "id", name, "subject", subject, "schema", "1", "body", body)
    return len(fields), *fields


def _ms(at: str) -> int:
    return offset_of(at) >> SEQUENCE_BITS
