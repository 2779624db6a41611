"""The keys that a decision is found by: its record, and what each of its response codes stands for."""

from collections.abc import Iterable
from dataclasses import replace

import msgspec
from msgspec import Struct

from profiles import keys
from profiles.definition import Definition
from profiles.store import NewKey
from schemas.ledger import LedgerEntry

ENCODER = msgspec.json.Encoder()


class KnownCode(Struct, frozen=True):
    """What a response code stands for, as it is kept under its key."""

    decision: str
    subject: str
    offer: str
    at_ms: int

    def dumps(self) -> bytes:
        return ENCODER.encode(self)


class Kept(Struct, frozen=True):
    """Where a decision stands and for how long."""

    shard: int
    record_ms: int
    definition: Definition


def keys_of(entries: Iterable[LedgerEntry], decision: str, body: bytes, subject: str, kept: Kept) -> list[NewKey]:
    """The decision's key first, then those of its codes."""
    shard, remember_ms = kept.shard, kept.definition.remember_ms
    codes = [
        NewKey(keys.code(shard, each.code), KnownCode(decision, subject, each.offer, each.at_ms).dumps(), remember_ms)
        for each in entries
        if not each.withheld
    ]
    return [NewKey(keys.decision(shard, decision), body, kept.record_ms, replaces=True), *codes]


def found_again(entries: Iterable[LedgerEntry], decision: str, body: bytes, subject: str, kept: Kept) -> list[NewKey]:
    """Of a decision that Redis has lost and the log still holds. A code of it that something else has drawn since (40
    bits are drawn) becomes its own again, since a fold has no other one to offer."""
    return [replace(each, replaces=True) for each in keys_of(entries, decision, body, subject, kept)]
