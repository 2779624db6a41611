"""Erasing a customer: what a commit says of it, and the steps that remove what the commit cannot reach.

The commit that folds an erasure (lua/commit.lua) takes everything that has the customer's name in its key, and
leaves a tombstone: a version and a mark. What stands in streams is removed afterwards, step by step; until that is
done the erasure stands in `{s}erasing`, so that no crash leaves a trace behind.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from profiles import keys
from profiles.customer import Customer
from profiles.linking import Linking
from profiles.profile import Profile
from profiles.store import STREAMS, CustomerStore
from schemas.ledger import Ledger

ERASED = "erased"
"""The mark of a customer who was erased: where in the log."""
ERASED_MS = "erased_ms"
"""Beside it: when the log took the request. A dead letter that it took before is of the old life."""
TOMBSTONE_MS = 30 * 86_400_000
"""How long it is remembered how far the log must not be folded again for somebody erased: longer than any log behind
us may be read again. (The logs here are rid of the records themselves.)"""
SWEEP_MOST = 500
RECORDS = "records"
"""What a receipt calls the records of the log."""
KINDS = {"dead-letters": "dead_letters"}
"""What it calls those of other streams, where they are not called as their stream."""


@dataclass(frozen=True, slots=True)
class Erasing:
    """An erasure that is committed, and where its traces may still be."""

    receipt: str
    requested_ms: int
    erased_ms: int
    removed: Mapping[str, int]
    subject: str | None
    """None once nothing of the customer is left."""
    ends: Mapping[str, str]
    """By stream: the last record that the commit found there."""
    told: Sequence[str] = ()
    """Receipts of those who hear of it."""
    names: str | None = None
    """Not the subject is erased, but this one, and goes out of what the subject's log says of who is who."""

    @staticmethod
    def loads(receipt: str, text: bytes) -> "Erasing":
        found = orjson.loads(text)
        return Erasing(
            receipt=receipt,
            requested_ms=int(found["requested_ms"]),
            erased_ms=int(found["erased_ms"]),
            removed=dict(found["removed"]),
            subject=found.get("subject"),
            ends=found.get("ends", {}),
            told=tuple(found.get("told", ())),
            names=found.get("names"),
        )


async def waiting(store: CustomerStore, shards: Sequence[int]) -> dict[int, list[Erasing]]:
    """The erasures that are not done, by shard."""
    trip = store.scripts.batch()
    for shard in shards:
        trip.add("HGETALL", keys.erasing(shard))
    answers = zip(shards, await trip.run(), strict=True)
    return {
        shard: [Erasing.loads(receipt.decode(), text) for receipt, text in found.items()]
        for shard, found in answers
        if found
    }


async def swept(store: CustomerStore, shard: int, erasures: Sequence[Erasing], needed: tuple[str, int]) -> None:
    """Removes what the streams of the shard say of these customers. `needed`: name and value of a position that the
    shard must have reached."""
    others = (stream(shard).removeprefix(keys.tag(shard)) for stream in STREAMS.values())
    kinds = {store.log.name: RECORDS, **{name: KINDS.get(name, name) for name in others}}
    for name, kind in kinds.items():
        last = max((each.ends[name] for each in erasures if name in each.ends), key=_order, default="0-0")
        args = [last, SWEEP_MOST, *needed, *(each.receipt for each in erasures)]
        at = "-"
        while at not in ("end", "again"):
            trip = store.scripts.batch()
            where = [keys.named(shard, name), keys.erasing(shard), keys.guard(shard)]
            trip.call("sweep", where, [name, kind, at, *args])
            (answer,) = await trip.run()
            at = answer.decode()


def _order(stream_id: str) -> tuple[int, int]:
    ms, _, sequence = stream_id.partition("-")
    return int(ms), int(sequence)


async def forgotten(store: CustomerStore, shard: int, erasure: Erasing) -> Erasing | None:
    """Takes the name away, from the tombstone and from the erasure itself. What is left of it is returned; None if
    it is to be swept again, or finished by somebody else."""
    assert erasure.subject is not None
    while True:
        customer = await store.read(erasure.subject)
        gone = is_tombstone(customer) and (erasure.names is None or ERASED in customer.profile.marks)
        marks = orjson.dumps(customer.profile.marks) if customer.profile.marks else b""
        args = [erasure.receipt, erasure.subject, customer.version if gone else "", marks, secrets.token_hex(16)]
        trip = store.scripts.batch()
        where = [keys.customer(shard, erasure.subject), keys.erasing(shard), keys.erased(shard)]
        trip.call("forgotten", where, args)
        (answer,) = await trip.run()
        if answer[0] != b"CHANGED":
            return Erasing.loads(erasure.receipt, answer[1]) if answer[0] == b"OK" else None


def is_tombstone(customer: Customer) -> bool:
    """Whether nothing is known of the customer but how far the log was followed."""
    empty = customer.ledger == Ledger() and not any(customer.identity.all()) and customer.linking == Linking()
    return empty and customer.profile == Profile(marks=customer.profile.marks)


async def settled(store: CustomerStore, shard: int, receipt: str) -> None:
    """The receipt is kept elsewhere now."""
    trip = store.scripts.batch()
    trip.call("settle", [keys.erasing(shard)], [receipt])
    await trip.run()


async def prune(store: CustomerStore, shards: Iterable[int], now_ms: int) -> None:
    """Drops the tombstones that are old enough."""
    shards = list(shards)
    trip = store.scripts.batch()
    for shard in shards:
        trip.add("HGETALL", keys.erased(shard))
    old = [
        (shard, digest)
        for shard, found in zip(shards, await trip.run(), strict=True)
        for digest, marks in found.items()
        if digest != b"salt" and _erased_ms(orjson.loads(marks)) < now_ms - TOMBSTONE_MS
    ]
    trip = store.scripts.batch()
    for shard, digest in old:
        trip.add("HDEL", keys.erased(shard), digest)
    await trip.run()


def _erased_ms(marks: Mapping[str, Any]) -> int:
    return int(marks.get(ERASED, 0)) >> 20
