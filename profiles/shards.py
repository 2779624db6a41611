"""Which shard a customer belongs to.

A shard is a fixed virtual part of all customers. Its keys share one hash tag, hence one slot of a Redis
Cluster, so that everything a step changes can be committed by one script. The number of shards is written
into the store when it is first used and never changes.
"""

from functools import lru_cache
from struct import unpack_from
from typing import Final

MASK: Final = 0xFFFFFFFF
HALF: Final = 0xFFFF
M_HIGH: Final = 0x5BD1
M_LOW: Final = 0xE995


def murmur2(data: bytes) -> int:
    """32-bit MurmurHash2 with Kafka's seed: the hash of Kafka's default partitioner (unsigned)."""
    length = len(data)
    h = (0x9747B28C ^ length) & MASK
    words = length >> 2
    for word in unpack_from(f"<{words}I", data):
        k = _times_m(word)
        h = _times_m(h) ^ _times_m(k ^ (k >> 24))
    if length & 3:
        h = _times_m(h ^ int.from_bytes(data[words << 2 :], "little"))
    h = _times_m(h ^ (h >> 13))
    return h ^ (h >> 15)


def _times_m(number: int) -> int:
    """`number * M` in 32 bits, with M = 0x5BD1E995; by halves, as machine code is quick with products of 60 bits."""
    low, high = number & HALF, number >> 16
    return (low * M_LOW + (((low * M_HIGH + high * M_LOW) & HALF) << 16)) & MASK


@lru_cache(maxsize=10_000)
def shard_of(subject: str, shards: int) -> int:
    return (murmur2(subject.encode()) & 0x7FFFFFFF) % shards
